import type { Clock, Logger } from "../kernel/index.ts";
import type { TaskId } from "./port.ts";

const backOffFirstMs = 100;
const backOffLastMs = 10_000;
/** A task that could not be reopened for this long is degraded: it is said once, and it keeps trying. */
const degradedAfterMs = 30_000;

/** How long a task waits before it is opened again, and when it is called degraded. */
export class Patience {
  readonly #task: TaskId;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #failingSinceMs = -1;
  #isDegraded = false;

  constructor(task: TaskId, clock: Clock, logger: Logger) {
    this.#task = task;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** True while the task could not be reopened for longer than 30 s. */
  get isDegraded(): boolean {
    return this.#isDegraded;
  }

  /** Milliseconds to wait before attempt `attempt`, which counts from 1. */
  waitMs(attempt: number): number {
    const nowMs = this.#clock.monotonicMs();
    if (this.#failingSinceMs === -1) this.#failingSinceMs = nowMs;
    if (!this.#isDegraded && nowMs - this.#failingSinceMs >= degradedAfterMs) {
      this.#isDegraded = true;
      this.#logger.error(
        { task: this.#task, code: "MR_GROUP", attempts: attempt },
        "The task is degraded: it could not be reopened for 30 s.",
      );
    }
    return Math.min(backOffFirstMs * 2 ** (attempt - 1), backOffLastMs);
  }

  /** A commit went well. */
  recovered(): void {
    if (this.#isDegraded) this.#logger.info({ task: this.#task }, "The task works again.");
    this.#isDegraded = false;
    this.#failingSinceMs = -1;
  }
}
