import type { Clock } from "../../kernel/index.ts";

/** How long no broker may answer before that is said. */
const quietMs = 2_000;

/**
 * Notices that no broker of a cluster answers, and says so once until one does. Shared by the connections of one
 * client, so that a person who waits is told once, and before anything is given up.
 */
export class Outage {
  readonly #clock: Clock;
  readonly #say: () => void;
  /** Ends the wait before it is said; undefined while nobody has asked since the last answer. */
  #quiet: AbortController | undefined;
  #silentSinceMs: number | undefined;
  #isClosed = false;

  constructor(clock: Clock, say: () => void) {
    this.#clock = clock;
    this.#say = say;
  }

  /** A question is on its way to whichever broker answers. */
  asking(): void {
    if (this.#isClosed || this.#quiet !== undefined) return;
    const quiet = new AbortController();
    this.#quiet = quiet;
    this.#silentSinceMs = this.#clock.monotonicMs();
    this.#clock.sleep(quietMs, quiet.signal).then(
      () => this.#say(),
      () => undefined,
    );
  }

  /** A broker answered, be it with a refusal. */
  answered(): void {
    this.#quiet?.abort();
    this.#quiet = undefined;
    this.#silentSinceMs = undefined;
  }

  /** Since when somebody has been asking in vain (monotonic); undefined while nobody has. */
  get silentSinceMs(): number | undefined {
    return this.#silentSinceMs;
  }

  /** Nobody waits any more. */
  close(): void {
    this.#isClosed = true;
    this.answered();
  }
}
