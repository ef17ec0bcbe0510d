import type { Clock } from "../kernel/index.ts";

/** The clock is asked once per so many steps. */
const stepsPerLook = 16;

/** Long work that gives others their turn after each time slice. */
export class TimeSlices {
  readonly #clock: Clock;
  readonly #sliceMs: number;
  readonly #yieldToLoop: () => Promise<void>;
  #untilMs: number;
  #steps = 0;

  constructor(clock: Clock, sliceMs: number, yieldToLoop: () => Promise<void>) {
    this.#clock = clock;
    this.#sliceMs = sliceMs;
    this.#yieldToLoop = yieldToLoop;
    this.#untilMs = clock.monotonicMs() + sliceMs;
  }

  /** To be asked before each step: true when others are to have their turn first. */
  isOver(): boolean {
    return this.#steps++ % stepsPerLook === 0 && this.#clock.monotonicMs() >= this.#untilMs;
  }

  /** Gives others their turn, and begins the next slice. @throws the signal's reason */
  async next(signal: AbortSignal): Promise<void> {
    await this.#yieldToLoop();
    signal.throwIfAborted();
    this.#untilMs = this.#clock.monotonicMs() + this.#sliceMs;
  }
}
