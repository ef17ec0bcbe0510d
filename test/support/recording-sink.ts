import type { Epoch, GroupSink, OwnedBatch, OwnedTask, TaskId } from "../../src/runtime/index.ts";
import { type Deferred, deferred, within } from "./deadline.ts";
import { type PlainRecord, plainRecords } from "./records.ts";

export interface SinkOptions {
  readonly deadlineMs: number;
  /** Answers `revoking`; at once when not given. */
  readonly onRevoking?: (tasks: readonly TaskId[], signal: AbortSignal) => Promise<void>;
  /** Takes a batch after it was written down; at once when not given. */
  readonly onBatch?: (batch: OwnedBatch) => Promise<void>;
}

/** A group sink that writes down what reaches it, and on which a test can wait. */
export class RecordingSink implements GroupSink {
  /** Names of the calls in their order, with the tasks: `assigned 0,1`. Batches are not listed. */
  readonly calls: string[] = [];
  readonly owned = new Map<TaskId, Epoch>();
  readonly batches: OwnedBatch[] = [];
  readonly records: PlainRecord[] = [];
  readonly failures: Error[] = [];
  /** Most deliveries of one task that were in flight at once. */
  inFlightMax = 0;
  readonly #options: SinkOptions;
  readonly #inFlight = new Map<TaskId, number>();
  readonly #holds = new Map<TaskId, Deferred<void>>();
  #waiters: { isMet: () => boolean; met: Deferred<void> }[] = [];

  constructor(options: SinkOptions) {
    this.#options = options;
  }

  assigned(tasks: readonly OwnedTask[]): void {
    this.#note(
      "assigned",
      tasks.map(({ task }) => task),
    );
    for (const { task, epoch } of tasks) this.owned.set(task, epoch);
    this.#changed();
  }

  async revoking(tasks: readonly TaskId[], signal: AbortSignal): Promise<void> {
    this.#note("revoking", tasks);
    const answer = this.#options.onRevoking?.(tasks, signal);
    this.#changed();
    await answer;
    this.#note("revoked", tasks);
    this.#changed();
  }

  lost(tasks: readonly TaskId[]): void {
    this.#note("lost", tasks);
    for (const task of tasks) this.owned.delete(task);
    this.#changed();
  }

  async batch(owned: OwnedBatch): Promise<void> {
    const { task } = owned;
    this.batches.push(owned);
    this.records.push(...plainRecords(owned.batch));
    const inFlight = (this.#inFlight.get(task) ?? 0) + 1;
    this.#inFlight.set(task, inFlight);
    this.inFlightMax = Math.max(this.inFlightMax, inFlight);
    this.#changed();
    await this.#holds.get(task)?.promise;
    await this.#options.onBatch?.(owned);
    this.#inFlight.set(task, (this.#inFlight.get(task) ?? 1) - 1);
  }

  failed(error: Error): void {
    this.failures.push(error);
    this.#changed();
  }

  /** Batches of the task are not taken until the function returned is called. */
  hold(task: TaskId): () => void {
    const held = deferred();
    this.#holds.set(task, held);
    return () => {
      this.#holds.delete(task);
      held.resolve();
    };
  }

  /** Epoch of an owned task. */
  epochOf(task: TaskId): Epoch {
    const epoch = this.owned.get(task);
    if (epoch === undefined) throw new Error(`task ${task} is not owned; calls: ${this.calls.join("; ")}`);
    return epoch;
  }

  /** Records of the task's partition, over all topics. */
  recordsOf(task: TaskId): PlainRecord[] {
    return this.records.filter(({ partition }) => partition === task);
  }

  /** Resolves when `isMet`, which is asked after every call. */
  async until(what: string, isMet: () => boolean): Promise<void> {
    if (isMet()) return;
    const met = deferred();
    this.#waiters.push({ isMet, met });
    try {
      await within(this.#options.deadlineMs, what, met.promise);
    } catch (error) {
      const seen = `owned ${[...this.owned.keys()].join(",")}; ${this.records.length} records; ${this.calls.join("; ")}`;
      throw new Error(`${String(error)} (${seen})`, { cause: error });
    }
  }

  #note(call: string, tasks: readonly TaskId[]): void {
    this.calls.push(`${call} ${[...tasks].sort((a, b) => a - b).join(",")}`);
  }

  #changed(): void {
    const met = this.#waiters.filter(({ isMet }) => isMet());
    this.#waiters = this.#waiters.filter((waiter) => !met.includes(waiter));
    for (const waiter of met) waiter.met.resolve();
    // Whoever waits for something else would wait in vain.
    const [failure] = this.failures;
    if (failure !== undefined) for (const waiter of this.#waiters.splice(0)) waiter.met.reject(failure);
  }
}
