import type { Clock } from "../kernel/index.ts";

/**
 * One timer for all tasks of a stage. It rings at the first step at or after the earliest time that was asked for, so
 * that what is due at about the same time is done together; nothing is armed while nobody has asked.
 */
export class Alarm {
  readonly #clock: Clock;
  readonly #stepMs: number;
  readonly #ring: (nowMs: number) => void;
  #dueMs = Number.POSITIVE_INFINITY;
  #sleeping = new AbortController();
  #isStopped = false;

  /**
   * @param stepMs at least 1
   * @param ring called with the monotonic time; whoever is not due yet asks again
   */
  constructor(clock: Clock, stepMs: number, ring: (nowMs: number) => void) {
    this.#clock = clock;
    this.#stepMs = stepMs;
    this.#ring = ring;
  }

  /** Asks for a ring at `dueMs` (monotonic), or up to a step later. */
  setFor(dueMs: number): void {
    const steppedMs = Math.ceil(dueMs / this.#stepMs) * this.#stepMs;
    if (this.#isStopped || steppedMs >= this.#dueMs) return;
    this.#dueMs = steppedMs;
    this.#sleeping.abort();
    this.#sleeping = new AbortController();
    void this.#sleep(steppedMs, this.#sleeping.signal);
  }

  /** Nothing rings any more. */
  stop(): void {
    this.#isStopped = true;
    this.#sleeping.abort();
  }

  async #sleep(untilMs: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#clock.sleep(Math.max(0, Math.ceil(untilMs - this.#clock.monotonicMs())), signal);
    } catch (thrown) {
      if (signal.aborted) return;
      throw thrown;
    }
    if (signal.aborted) return;
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#ring(this.#clock.monotonicMs());
  }
}
