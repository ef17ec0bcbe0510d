/** A Kafka offset. A JavaScript number: exact to 2^53, which a partition does not reach. */
export type Offset = number;

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Next offset to read, per topic and partition, keyed by {@link topicPartitionKey}. */
export type OffsetsNext = ReadonlyMap<string, Offset>;

/** A record header. Kafka allows repeated names and null values, and keeps their order. */
export interface Header {
  readonly name: string;
  readonly value: Uint8Array | null;
}

/** `topic-partition`, the map key of a topic-partition and the stem of an event id. */
export function topicPartitionKey(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}

/** The id of an event: its coordinate in the chain's first topic. */
export function eventIdOf(topic: string, partition: number, offset: Offset): string {
  return `${topic}-${partition}-${offset}`;
}

/** One record on its way out where no task is behind it: produce, aliases, feeders. */
export interface RecordOut {
  readonly topic: string;
  /** Computed by the caller: murmur2(key) mod partitions. */
  readonly partition: number;
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers?: readonly Header[];
}
