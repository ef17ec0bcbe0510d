import type { Header, Offset } from "../kernel/index.ts";
import { type Deflate, type Outgoing, type OutgoingRole, RecordBatchBuilder } from "../wire/index.ts";
import type { RecordRefusedError } from "./port.ts";

/** A topic that a stage writes, as it is on the cluster. */
export interface OutputTopic {
  readonly topic: string;
  /** At least 1. */
  readonly partitions: number;
  /** The topic's `max.message.bytes`. */
  readonly messageBytesMax: number;
}

/** Kafka's default `max.message.bytes`, for topics that do not say. */
export const messageBytesDefault = 1_048_588;

/** Batches are closed at this share of the topic's limit, so that a broker's own reckoning never refuses them. */
const batchFill = 0.8;

/** A record that a task read: which of its inputs, counted from 0, and the offset there. */
export interface InputRecord {
  readonly input: number;
  readonly offset: Offset;
}

/** A finished batch and which inputs its records came from. */
interface Sealed {
  readonly outgoing: Outgoing;
  readonly inputs: readonly number[];
  readonly inputOffsets: readonly Offset[];
  readonly sizes: readonly number[];
}

class PartitionBatch {
  readonly builder: RecordBatchBuilder;
  /** Entry i belongs to record i of the batch under construction. */
  inputs: number[] = [];
  inputOffsets: Offset[] = [];
  sizes: number[] = [];

  constructor(builder: RecordBatchBuilder) {
    this.builder = builder;
  }
}

/**
 * The batches of one chunk for one topic: a builder per partition, records in the order they are appended.
 *
 * Remembers which input each record came from until the chunk is settled, so that a record which the broker
 * refuses can be traced back.
 */
export class OutputBatches {
  readonly topic: OutputTopic;
  /** Records of the chunk in hand. */
  recordCount = 0;
  /** The input of the records that are appended from here on: set once per piece, whose records are all of one. */
  input = 0;
  readonly #role: OutgoingRole;
  readonly #deflateGzip: Deflate | undefined;
  readonly #partitions: (PartitionBatch | undefined)[];
  #ready: Outgoing[] = [];
  #sealed: Sealed[] = [];
  #sealedCount = 0;

  constructor(topic: OutputTopic, role: OutgoingRole, deflateGzip: Deflate | undefined) {
    this.topic = topic;
    this.#role = role;
    this.#deflateGzip = deflateGzip;
    this.#partitions = new Array<PartitionBatch | undefined>(topic.partitions).fill(undefined);
  }

  /** Records of the chunk in hand that are in batches under construction. */
  get openCount(): number {
    return this.recordCount - this.#sealedCount;
  }

  /** Appends with the input's own encoded headers. The caller has checked that the record fits the topic. */
  append(
    inputOffset: Offset,
    partition: number,
    timestampMs: number,
    key: Uint8Array | null,
    keyFrom: number,
    keyTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
    headers: Uint8Array,
    headersFrom: number,
    headersTo: number,
    headerCount: number,
  ): void {
    const batch = this.#partitions[partition] ?? this.#open(partition);
    for (let isFull = false; ; isFull = true) {
      const isTaken =
        headerCount === 0
          ? batch.builder.append(timestampMs, key, keyFrom, keyTo, value, valueFrom, valueTo)
          : batch.builder.appendWithRawHeaders(
              timestampMs,
              key,
              keyFrom,
              keyTo,
              value,
              valueFrom,
              valueTo,
              headers,
              headersFrom,
              headersTo,
              headerCount,
            );
      if (isTaken || isFull) break;
      this.#seal(batch);
    }
    this.recordCount++;
    batch.inputs.push(this.input);
    batch.inputOffsets.push(inputOffset);
    batch.sizes.push(keyTo - keyFrom + valueTo - valueFrom + headersTo - headersFrom);
  }

  /** Appends a record with headers of its own. */
  appendWithHeaders(
    inputOffset: Offset,
    partition: number,
    timestampMs: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers: readonly Header[],
  ): void {
    const batch = this.#partitions[partition] ?? this.#open(partition);
    const keyTo = key?.length ?? 0;
    const valueTo = value?.length ?? 0;
    if (!batch.builder.appendWithHeaders(timestampMs, key, 0, keyTo, value, 0, valueTo, headers)) {
      this.#seal(batch);
      batch.builder.appendWithHeaders(timestampMs, key, 0, keyTo, value, 0, valueTo, headers);
    }
    this.recordCount++;
    batch.inputs.push(this.input);
    batch.inputOffsets.push(inputOffset);
    batch.sizes.push(keyTo + valueTo);
  }

  /** Appends an entry of a store: no single input stands behind it, and so a refusal of it names none. */
  appendEntry(partition: number, timestampMs: number, key: Uint8Array, value: Uint8Array | null): void {
    const batch = this.#partitions[partition] ?? this.#open(partition);
    const { builder } = batch;
    const valueBytes = value?.length ?? 0;
    if (!builder.append(timestampMs, key, 0, key.length, value, 0, valueBytes)) {
      this.#seal(batch);
      builder.append(timestampMs, key, 0, key.length, value, 0, valueBytes);
    }
    this.recordCount++;
  }

  /** Appends a large record as a batch of its own; false, and nothing is appended, when even that passes the topic's limit. */
  tryAlone(
    inputOffset: Offset,
    partition: number,
    timestampMs: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers: readonly Header[],
  ): boolean {
    const batch = this.#partitions[partition] ?? this.#open(partition);
    if (batch.builder.recordCount > 0) this.#seal(batch);
    batch.builder.appendWithHeaders(timestampMs, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, headers);
    const outgoing = batch.builder.finish();
    if (outgoing.bytes.length > this.topic.messageBytesMax) return false;
    this.recordCount++;
    this.#sealedCount++;
    this.#ready.push(outgoing);
    this.#sealed.push({
      outgoing,
      inputs: [this.input],
      inputOffsets: [inputOffset],
      sizes: [outgoing.bytes.length],
    });
    return true;
  }

  /** Closes every batch under construction. */
  sealAll(): void {
    for (const batch of this.#partitions) if (batch !== undefined && batch.builder.recordCount > 0) this.#seal(batch);
  }

  /** Moves the finished batches that were not taken yet to the end of `into`. */
  take(into: Outgoing[]): void {
    if (this.#ready.length === 0) return;
    for (const outgoing of this.#ready) into.push(outgoing);
    this.#ready = [];
  }

  /** The chunk is settled, one way or the other: nothing of it is left here. */
  reset(): void {
    for (const batch of this.#partitions) {
      if (batch === undefined || batch.builder.recordCount === 0) continue;
      batch.builder.reset();
      batch.inputs = [];
      batch.inputOffsets = [];
      batch.sizes = [];
    }
    this.#ready = [];
    this.#sealed = [];
    this.recordCount = 0;
    this.#sealedCount = 0;
  }

  /**
   * The inputs of the records that the broker named: in the batch that it named, or in the only one of the chunk for that
   * topic-partition. Empty when they are none of this chunk's, or cannot be told.
   */
  inputsOfRefused({ topic, partition, refusal }: RecordRefusedError): InputRecord[] {
    if (topic !== this.topic.topic) return [];
    const { batch, indices } = refusal;
    const candidates = this.#sealed.filter(({ outgoing }) =>
      batch === undefined ? outgoing.partition === partition : outgoing === batch,
    );
    const [only] = candidates;
    if (candidates.length !== 1 || only === undefined) return [];
    return indices.filter((index) => index < only.inputOffsets.length).map((index) => inputOf(only, index));
  }

  /** The input of the largest record of a topic-partition: most are refused for their size. */
  largestOf(
    { topic, partition }: RecordRefusedError,
    isExcepted: (read: InputRecord) => boolean,
  ): InputRecord | undefined {
    if (topic !== this.topic.topic) return undefined;
    let largest = -1;
    let found: InputRecord | undefined;
    for (const sealed of this.#sealed) {
      if (sealed.outgoing.partition !== partition) continue;
      for (const [index, size] of sealed.sizes.entries()) {
        const read = inputOf(sealed, index);
        if (size <= largest || isExcepted(read)) continue;
        largest = size;
        found = read;
      }
    }
    return found;
  }

  #open(partition: number): PartitionBatch {
    const spec = {
      topic: this.topic.topic,
      partition,
      role: this.#role,
      bytesMax: Math.floor(this.topic.messageBytesMax * batchFill),
    };
    const deflateGzip = this.#deflateGzip;
    const batch = new PartitionBatch(
      new RecordBatchBuilder(
        deflateGzip === undefined ? spec : { ...spec, compression: "gzip", codecs: { deflateGzip } },
      ),
    );
    this.#partitions[partition] = batch;
    return batch;
  }

  #seal(batch: PartitionBatch): void {
    this.#sealedCount += batch.builder.recordCount;
    const outgoing = batch.builder.finish();
    this.#ready.push(outgoing);
    this.#sealed.push({ outgoing, inputs: batch.inputs, inputOffsets: batch.inputOffsets, sizes: batch.sizes });
    batch.inputs = [];
    batch.inputOffsets = [];
    batch.sizes = [];
  }
}

function inputOf({ inputs, inputOffsets }: Sealed, index: number): InputRecord {
  return { input: inputs[index] as number, offset: inputOffsets[index] as number };
}
