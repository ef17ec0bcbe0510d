/**
 * Brings the stores of a task to what they held at its committed offset: reads their changelogs to the end.
 *
 * The end is that of the log and not the last stable offset: nobody but this task writes there, an earlier owner was
 * fenced when the task was opened, and what that one has committed may get its marker there after the offsets have become
 * stable. So the reading waits for the marker. Nothing is ever ahead of the offset, since entries go out with it or never.
 */
import {
  AssertionError,
  type Clock,
  type Facts,
  type Offset,
  OperationError,
  type TopicPartition,
  topicPartitionKey,
} from "../kernel/index.ts";
import type { RawBatch } from "../wire/index.ts";
import type { Changelog } from "./changelog.ts";
import { type Broker, type TaskId, TaskReopenError } from "./port.ts";
import type { StageTask } from "./stage-task.ts";

/** Tasks of a stage that read at once: each holds what it has fetched. */
const readersMax = 8;
/** How often it is said how far a restore has come. */
const progressEveryMs = 5_000;
/** The clock is asked once per so many entries. */
const entriesPerClockLook = 16;

export interface RestorerOptions {
  readonly broker: Pick<Broker, "read" | "admin">;
  readonly inputTopic: string;
  readonly clock: Clock;
  readonly facts: Facts;
  readonly yieldToLoop: () => Promise<void>;
  readonly timeSliceMs: number;
}

/** Restores the tasks of a stage, a few at a time; between pieces of a time slice others have their turn. */
export class Restorer {
  readonly #options: RestorerOptions;
  readonly #waiting: (() => void)[] = [];
  #readers = 0;

  constructor(options: RestorerOptions) {
    this.#options = options;
  }

  /**
   * Fills the stores, which are empty, with their entries. The stores are to be kept afterwards.
   *
   * A store that has no entry although records were read before `offset` is said (MR_STATE_EMPTY).
   * @throws OperationError MR_STATE_CORRUPT when an entry cannot be read, MR_TOPIC_MISSING; the signal's reason
   */
  async restore(task: TaskId, stage: StageTask, offset: Offset, signal: AbortSignal): Promise<void> {
    if (stage.changelogs.length === 0) return;
    await this.#turn(signal);
    try {
      await this.#restoreAll(task, stage, offset, signal);
    } finally {
      this.#readers--;
      this.#waiting.shift()?.();
    }
  }

  async #restoreAll(task: TaskId, stage: StageTask, offset: Offset, signal: AbortSignal): Promise<void> {
    const { clock, facts } = this.#options;
    const beganMs = clock.monotonicMs();
    const parts = await Promise.all(stage.changelogs.map((changelog) => this.#extentOf(changelog, task, signal)));
    const progress = new Progress(
      parts.reduce((sum, { low, end }) => sum + end - low, 0),
      beganMs,
      (percent, secondsLeft) => facts.emit("storesRestoring", { task, percent, secondsLeft }),
    );
    let entries = 0;
    const emptied: Changelog[] = [];
    for (const part of parts) {
      const found = await this.#read(part, progress, signal);
      if (found === 0) emptied.push(part.changelog);
      entries += found;
    }
    if (emptied.length > 0) await this.#sayEmpty(task, emptied, offset, signal);
    if (entries === 0) return;
    facts.emit("storesRestored", { task, entries, seconds: (clock.monotonicMs() - beganMs) / 1_000 });
  }

  async #extentOf(changelog: Changelog, task: TaskId, signal: AbortSignal): Promise<Part> {
    const { admin } = this.#options.broker;
    const at = { topic: changelog.topic, partition: task };
    if (task >= changelog.partitions) {
      const { topics } = await admin.describe([at.topic], signal);
      const partitions = topics[0]?.partitions ?? 0;
      // The others go on meanwhile: the input has grown, and the changelog grows with the next apply.
      if (task >= partitions)
        throw new TaskReopenError(
          `restoring task ${task}: changelog ${at.topic} has ${partitions} partitions, and the input more; run millrace apply`,
        );
    }
    return { changelog, at, ...(await admin.extent(at, signal)) };
  }

  /** Answers how many entries were taken in. */
  async #read({ changelog, at, low, end }: Part, progress: Progress, signal: AbortSignal): Promise<number> {
    if (low >= end) return 0;
    const { broker, clock, timeSliceMs, yieldToLoop } = this.#options;
    let entries = 0;
    let untilMs = clock.monotonicMs() + timeSliceMs;
    let offsetNext = low;
    for await (const batch of broker.read({ ...at, from: low, to: end }, signal)) {
      for (let index = 0; index < batch.count; index++) {
        if (index % entriesPerClockLook === 0 && clock.monotonicMs() >= untilMs) {
          await yieldToLoop();
          signal.throwIfAborted();
          untilMs = clock.monotonicMs() + timeSliceMs;
        }
        applyEntry(changelog, at, batch, index);
      }
      entries += batch.count;
      progress.passed(Math.min(batch.offsetNext, end) - offsetNext, clock.monotonicMs());
      offsetNext = batch.offsetNext;
    }
    return entries;
  }

  async #sayEmpty(task: TaskId, emptied: readonly Changelog[], offset: Offset, signal: AbortSignal): Promise<void> {
    const { broker, facts, inputTopic } = this.#options;
    const { low } = await broker.admin.extent({ topic: inputTopic, partition: task }, signal);
    if (offset <= low) return;
    for (const { store } of emptied) {
      const wholeAfterSeconds = store.lookBackMs / 1_000;
      facts.emit("storeEmpty", { task, store: store.spec.name, offset, wholeAfterSeconds });
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#readers < readersMax) {
      this.#readers++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const cut = (): void => {
        const place = this.#waiting.indexOf(taken);
        if (place !== -1) this.#waiting.splice(place, 1);
        reject(signal.reason);
      };
      const taken = (): void => {
        signal.removeEventListener("abort", cut);
        this.#readers++;
        resolve();
      };
      this.#waiting.push(taken);
      signal.addEventListener("abort", cut, { once: true });
    });
  }
}

/** One partition of one changelog, as it was when the reading began. */
interface Part {
  readonly changelog: Changelog;
  readonly at: TopicPartition;
  readonly low: Offset;
  readonly end: Offset;
}

function applyEntry({ store }: Changelog, at: TopicPartition, batch: RawBatch, index: number): void {
  const { bytes, damage } = batch;
  const keyFrom = batch.keyFrom[index] as number;
  const valueFrom = batch.valueFrom[index] as number;
  try {
    if (damage !== undefined) throw new AssertionError(damage.reason);
    if (keyFrom === -1) throw new AssertionError("it has no key");
    const key = bytes.subarray(keyFrom, batch.keyTo[index]);
    store.apply(key, valueFrom === -1 ? null : bytes.subarray(valueFrom, batch.valueTo[index]));
  } catch (cause) {
    if (!(cause instanceof AssertionError)) throw cause;
    const where = `${topicPartitionKey(at.topic, at.partition)} at offset ${batch.offsets[index]}`;
    throw new OperationError(
      "MR_STATE_CORRUPT",
      `restoring store ${store.spec.name} from ${where}: ${cause.message}; whoever wrote there was not this stage, or the log is damaged; to begin empty, end the workers and run millrace apply --reset-state`,
      { cause },
    );
  }
}

class Progress {
  readonly #total: number;
  readonly #beganMs: number;
  readonly #say: (percent: number, secondsLeft: number) => void;
  #passed = 0;
  #saidMs: number;

  constructor(total: number, beganMs: number, say: (percent: number, secondsLeft: number) => void) {
    this.#total = total;
    this.#beganMs = beganMs;
    this.#saidMs = beganMs;
    this.#say = say;
  }

  passed(offsets: number, nowMs: number): void {
    this.#passed += offsets;
    if (nowMs - this.#saidMs < progressEveryMs || this.#passed >= this.#total) return;
    this.#saidMs = nowMs;
    const share = this.#passed / this.#total;
    const secondsLeft = Math.ceil(((nowMs - this.#beganMs) / share - (nowMs - this.#beganMs)) / 1_000);
    this.#say(Math.floor(share * 100), secondsLeft);
  }
}
