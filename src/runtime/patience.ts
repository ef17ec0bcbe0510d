import { BackOff, type Clock, type Facts } from "../kernel/index.ts";
import type { TaskId } from "./port.ts";

const pauses = { firstMs: 100, lastMs: 10_000 };
/** A task that could not be reopened for this long is degraded: it is said once, and it keeps trying. */
const degradedAfterMs = 30_000;

/** How long a task waits before it is opened again, and when it is called degraded. */
export class Patience {
  readonly #task: TaskId;
  readonly #backOff: BackOff;
  readonly #clock: Clock;
  readonly #facts: Facts;
  #failingSinceMs = -1;
  #trouble: string | undefined;

  /** @param jitter numbers from 0 to 1 that shorten the pauses; see {@link BackOffPolicy.jitter} */
  constructor(task: TaskId, clock: Clock, facts: Facts, jitter?: () => number) {
    this.#backOff = new BackOff({ ...pauses, jitter });
    this.#task = task;
    this.#clock = clock;
    this.#facts = facts;
  }

  /** Why the task does not get on, when that lasts longer than it may; undefined when all is well. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Milliseconds to wait before attempt `attempt`, which counts from 1. */
  waitMs(attempt: number): number {
    const nowMs = this.#clock.monotonicMs();
    if (this.#failingSinceMs === -1) this.#failingSinceMs = nowMs;
    if (this.#trouble === undefined && nowMs - this.#failingSinceMs >= degradedAfterMs) {
      this.#trouble = "it could not be reopened for 30 s";
      this.#facts.emit("taskDegraded", { task: this.#task, attempts: attempt });
    }
    return this.#backOff.next();
  }

  /** Something was waited for in vain, for as long as it may take: the task is degraded at once. */
  unscored(reason: string): void {
    if (this.#trouble === undefined) this.#facts.emit("taskUnscored", { task: this.#task, reason });
    this.#trouble = reason;
  }

  /** A commit went well, or an opening with nothing in hand. */
  recovered(): void {
    if (this.#trouble !== undefined) this.#facts.emit("taskWell", { task: this.#task });
    this.#trouble = undefined;
    this.#backOff.reset();
    this.#failingSinceMs = -1;
  }
}
