/**
 * Brings the stores of a task to what they held at its committed offset: loads their snapshots, where there are any, and
 * reads what their changelogs hold behind those, to the end.
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
import { type RestorePlace, RestorePlaces } from "./restore-places.ts";
import type { SnapshotKeeper } from "./snapshot-keeper.ts";
import type { StageTask } from "./stage-task.ts";
import type { StoreNote, TaskNote } from "./task-note.ts";
import { TimeSlices } from "./time-slices.ts";

/** Tasks of a stage that read at once: each holds what it has fetched. */
const readersMax = 8;
/** How often it is said how far a restore has come. */
const progressEveryMs = 5_000;

export interface RestorerOptions {
  readonly broker: Pick<Broker, "read" | "admin">;
  readonly inputTopic: string;
  readonly clock: Clock;
  readonly facts: Facts;
  readonly yieldToLoop: () => Promise<void>;
  readonly timeSliceMs: number;
  /** Left out, all is read from changelogs. */
  readonly snapshots?: Pick<SnapshotKeeper, "load" | "restored"> | undefined;
}

/** Restores the tasks of a stage, a few at a time; between pieces of a time slice others have their turn. */
export class Restorer {
  readonly #options: RestorerOptions;
  readonly #places: RestorePlaces;

  constructor(options: RestorerOptions) {
    this.#options = options;
    this.#places = new RestorePlaces(readersMax, options.clock, options.facts);
  }

  /**
   * Fills the stores, which are empty, with their entries. The stores are to be kept afterwards.
   *
   * A store that begins empty although it should not is said (MR_STATE_EMPTY).
   * @param note what was left with `offset`
   * @throws OperationError MR_STATE_CORRUPT when an entry cannot be read, MR_TOPIC_MISSING; the signal's reason
   */
  async restore(
    task: TaskId,
    stage: StageTask,
    offset: Offset,
    note: TaskNote | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    if (stage.changelogs.length === 0) return;
    const place = await this.#places.take(task, signal);
    try {
      await this.#restoreAll(task, stage, offset, note, place, signal);
    } finally {
      place.end();
    }
  }

  /** Looks which restores stand still. @param nowMs monotonic */
  tick(nowMs: number): void {
    this.#places.tick(nowMs);
  }

  async #restoreAll(
    task: TaskId,
    stage: StageTask,
    offset: Offset,
    note: TaskNote | undefined,
    place: RestorePlace,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, facts, snapshots, timeSliceMs, yieldToLoop } = this.#options;
    const beganMs = clock.monotonicMs();
    const slices = new TimeSlices(clock, timeSliceMs, yieldToLoop);
    place.waitsFor = stage.changelogs.map(({ topic }) => topicPartitionKey(topic, task)).join(", ");
    const whole = await Promise.all(stage.changelogs.map((changelog) => this.#extentOf(changelog, task, signal)));
    await place.moved();
    let fromSnapshots = 0;
    const parts: Part[] = [];
    for (const part of whole) {
      const loaded = await snapshots?.load(task, part.changelog, part, slices, signal);
      await place.moved();
      fromSnapshots += loaded?.entries ?? 0;
      parts.push({ ...part, from: loaded?.offset ?? part.low });
    }
    const progress = new Progress(
      parts.reduce((sum, { from, end }) => sum + end - from, 0),
      beganMs,
      (percent, secondsLeft) => facts.emit("storesRestoring", { task, percent, secondsLeft }),
    );
    let entries = fromSnapshots;
    for (const part of parts) {
      place.waitsFor = topicPartitionKey(part.at.topic, part.at.partition);
      const read = await this.#read(part, progress, slices, place, signal);
      snapshots?.restored(task, part.changelog, read);
      entries += read;
    }
    await this.#sayEmpty(task, parts, offset, note, signal);
    if (entries === 0) return;
    const seconds = (clock.monotonicMs() - beganMs) / 1_000;
    facts.emit("storesRestored", { task, entries, ...(fromSnapshots > 0 ? { fromSnapshots } : {}), seconds });
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
    const extent = await admin.extent(at, signal);
    return { changelog, at, ...extent, from: extent.low };
  }

  /** Answers how many entries were taken in. */
  async #read(
    { changelog, at, from, end }: Part,
    progress: Progress,
    slices: TimeSlices,
    place: RestorePlace,
    signal: AbortSignal,
  ): Promise<number> {
    if (from >= end) return 0;
    const { broker, clock } = this.#options;
    let entries = 0;
    let offsetNext = from;
    for await (const batch of broker.read({ ...at, from, to: end }, signal)) {
      await place.moved();
      for (let index = 0; index < batch.count; index++) {
        if (slices.isOver()) await slices.next(signal);
        applyEntry(changelog, at, batch, index);
      }
      entries += batch.count;
      progress.passed(Math.min(batch.offsetNext, end) - offsetNext, clock.monotonicMs());
      offsetNext = batch.offsetNext;
    }
    return entries;
  }

  /** A changelog that has never had an entry is right for a store that its task has kept and never filled, and for no other. */
  async #sayEmpty(
    task: TaskId,
    parts: readonly Part[],
    offset: Offset,
    note: TaskNote | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { broker, facts, inputTopic } = this.#options;
    const noted = (changelog: Changelog): StoreNote | undefined => note?.stores?.get(changelog.noteKey);
    const suspects = parts.filter(
      ({ changelog, end }) => changelog.isNoted && end === 0 && noted(changelog) !== "unfilled",
    );
    if (suspects.length === 0) return;
    const { low } = await broker.admin.extent({ topic: inputTopic, partition: task }, signal);
    for (const { changelog } of suspects) {
      if (offset <= low && noted(changelog) !== "filled") continue;
      const { store } = changelog;
      const wholeAfterSeconds = store.lookBackMs / 1_000;
      facts.emit("storeEmpty", { task, store: store.spec.name, offset, wholeAfterSeconds });
    }
  }
}

/** One partition of one changelog, as it was when the reading began. */
interface Part {
  readonly changelog: Changelog;
  readonly at: TopicPartition;
  readonly low: Offset;
  readonly end: Offset;
  /** What lies before it is in the store. */
  readonly from: Offset;
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
      `restoring store ${store.spec.name} from ${where}: ${cause.message}; whoever wrote there was not this stage, or the log is damaged; to begin empty, end the workers and run millrace apply FILE --reset-state STAGE/${store.spec.name}`,
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
