import type { Clock, Facts } from "../kernel/index.ts";
import type { TaskId } from "./port.ts";

const backOffFirstMs = 100;
const backOffLastMs = 10_000;
/** A task that could not be reopened for this long is degraded: it is said once, and it keeps trying. */
const degradedAfterMs = 30_000;

/** How long a task waits before it is opened again, and when it is called degraded. */
export class Patience {
  readonly #task: TaskId;
  readonly #clock: Clock;
  readonly #facts: Facts;
  #failingSinceMs = -1;
  #isDegraded = false;

  constructor(task: TaskId, clock: Clock, facts: Facts) {
    this.#task = task;
    this.#clock = clock;
    this.#facts = facts;
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
      this.#facts.emit("taskDegraded", { task: this.#task, attempts: attempt });
    }
    return Math.min(backOffFirstMs * 2 ** (attempt - 1), backOffLastMs);
  }

  /** A commit went well. */
  recovered(): void {
    if (this.#isDegraded) this.#facts.emit("taskWell", { task: this.#task });
    this.#isDegraded = false;
    this.#failingSinceMs = -1;
  }
}
