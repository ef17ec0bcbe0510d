import type { Clock } from "../kernel/index.ts";
import { ScorerSilentError } from "./inference.ts";

/** How long a scorer may still take when its task is to be given back. */
const graceMs = 1_000;

/** A task's wait for its scorer, which ends early when the task is given back or lost. */
export class ScorerWait {
  readonly #clock: Clock;
  /** Cuts off the scorer that is waited for; undefined while none is. */
  #scoring: AbortController | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Asks, and waits for the answer where there is one to wait for.
   *
   * @param isHurried true when the task is to be given back already
   * @throws what the answer rejects with; ScorerSilentError when it was hurried and the grace is over
   */
  async ask(question: (signal: AbortSignal) => Promise<void> | undefined, isHurried: () => boolean): Promise<void> {
    const scoring = new AbortController();
    const answer = question(scoring.signal);
    if (answer === undefined) return;
    this.#scoring = scoring;
    try {
      if (isHurried()) this.hurry();
      await answer;
    } finally {
      this.#scoring = undefined;
      // Ends the wait of whoever hurried it.
      scoring.abort();
    }
  }

  /** A drain or a revocation gives the scorer a moment. */
  hurry(): void {
    const scoring = this.#scoring;
    if (scoring === undefined) return;
    const cut = (): void =>
      scoring.abort(new ScorerSilentError("the scorer was not waited for: the task is given back"));
    this.#clock.sleep(graceMs, scoring.signal).then(cut, () => undefined);
  }

  /** A task that is lost gives it none. */
  cut(reason: Error): void {
    this.#scoring?.abort(reason);
  }
}
