import {
  type Clock,
  type EpochMs,
  type Logger,
  type Offset,
  OperationError,
  topicPartitionKey,
} from "../../kernel/index.ts";
import { RecordRefusedError } from "../../runtime/index.ts";
import type { TopicToCreate } from "../../topology/index.ts";
import { type Codecs, commitMarker, type Outgoing, type RawBatch, stampAppendTime } from "../../wire/index.ts";
import { fetchBatch, refusedRecordIndex } from "./fetch.ts";
import type { PartitionLog } from "./partition-log.ts";
import { Retention } from "./retention.ts";
import { Topic } from "./topic.ts";

/** All topics of the broker. Nothing is created by asking for it: an unknown name is MR_TOPIC_MISSING. */
export class TopicStore {
  readonly codecs: Codecs;
  readonly #topics = new Map<string, Topic>();
  readonly #retention: Retention;
  readonly #clock: Pick<Clock, "now">;

  /** Topics made so far: the number of each is its id. */
  #madeCount = 0;

  constructor(bytesMax: number, codecs: Codecs, logger: Logger, clock: Pick<Clock, "now">) {
    this.codecs = codecs;
    this.#clock = clock;
    this.#retention = new Retention(bytesMax, logger);
  }

  find(name: string): Topic | undefined {
    return this.#topics.get(name);
  }

  /** @throws OperationError MR_TOPIC_MISSING */
  get(name: string): Topic {
    const topic = this.#topics.get(name);
    if (topic === undefined) throw new OperationError("MR_TOPIC_MISSING", `topic ${name} does not exist`);
    return topic;
  }

  /** @throws OperationError MR_TOPIC_MISSING, also when the topic has no such partition */
  log(name: string, partition: number): PartitionLog {
    const topic = this.get(name);
    const log = topic.logs[partition];
    if (log === undefined) {
      const message = `topic ${name} has ${topic.logs.length} partitions, there is no partition ${partition}`;
      throw new OperationError("MR_TOPIC_MISSING", message);
    }
    return log;
  }

  /** A topic that exists already stays as it is, as with Kafka's clients. */
  create(spec: TopicToCreate): void {
    if (!this.#topics.has(spec.topic)) this.#topics.set(spec.topic, new Topic(spec, String(++this.#madeCount)));
  }

  /** Drops the topic and wakes its readers; undefined when there is none. */
  delete(name: string): Topic | undefined {
    const topic = this.#topics.get(name);
    if (topic === undefined) return undefined;
    this.#topics.delete(name);
    this.#retention.deleted(topic);
    topic.isDeleted = true;
    for (const log of topic.logs) log.wake();
    return topic;
  }

  /** @throws RecordRefusedError when the batch is larger than the topic's `max.message.bytes`; MR_TOPIC_MISSING */
  check(outgoing: Outgoing): void {
    const { topic, partition, bytes } = outgoing;
    this.log(topic, partition);
    const { batchBytesMax } = this.get(topic);
    if (bytes.length <= batchBytesMax) return;
    const index = refusedRecordIndex(outgoing, batchBytesMax, this.codecs);
    const what = index < 0 ? "a batch" : `record ${index} of a batch`;
    const message = `writing ${what} of ${bytes.length} bytes to ${topic}-${partition}: max.message.bytes is ${batchBytesMax}`;
    const indices = index < 0 ? [] : [index];
    const refusal = { code: "MR_TOO_LARGE", reason: "it is too large", batch: outgoing, indices } as const;
    throw new RecordRefusedError({ topic, partition }, index, message, { refusal });
  }

  /** Appends a batch that {@link check} has let through. */
  append(outgoing: Outgoing): void {
    const log = this.log(outgoing.topic, outgoing.partition);
    const topic = this.get(outgoing.topic);
    const begun = log.append(topic.isAppendTimed ? timedAt(outgoing, this.#clock.now()) : outgoing);
    if (begun === undefined) return;
    this.#retention.begun(topic, log, begun);
    if (topic.isCompacted && log.isCompactionDue) this.#retention.compacted(topic, log, log.compact(this.codecs));
  }

  /** Appends all batches, all of which {@link check} has let through, as one committed transaction. */
  appendTransaction(batches: readonly Outgoing[]): void {
    const touched = new Map<string, Outgoing>();
    for (const outgoing of batches) {
      this.append(outgoing);
      touched.set(topicPartitionKey(outgoing.topic, outgoing.partition), outgoing);
    }
    for (const last of touched.values()) this.append(commitMarker(last, last.timestampMaxMs));
  }

  /** First offset whose record is at or after `timeMs`; the end when there is none. */
  offsetAtTime(log: PartitionLog, timeMs: number): Offset {
    let batch = this.#batchAt(log, log.batchAtTime(timeMs));
    while (batch !== undefined) {
      const offset = batch.offsets[batch.timestampsMs.findIndex((timestampMs) => timestampMs >= timeMs)];
      if (offset !== undefined) return offset;
      // A marker has a time too, and readers do not see it.
      batch = this.#batchAt(log, batch.offsetNext);
    }
    return log.endOffset;
  }

  #batchAt(log: PartitionLog, offset: Offset | undefined): RawBatch | undefined {
    return offset === undefined ? undefined : fetchBatch(log, offset, 1, this.codecs);
  }
}

/** The batch as it stands in a topic of arrival times. A copy: its writer may append it again. */
function timedAt(outgoing: Outgoing, timestampMs: EpochMs): Outgoing {
  const bytes = Buffer.from(outgoing.bytes);
  stampAppendTime(bytes, timestampMs);
  return { ...outgoing, bytes, timestampMinMs: timestampMs, timestampMaxMs: timestampMs };
}
