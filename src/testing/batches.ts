import type { Header, Offset } from "../kernel/index.ts";
import {
  type Codecs,
  decodeFetched,
  type Outgoing,
  type RawBatch,
  RecordBatchBuilder,
  readHeaders,
  writeBaseOffset,
} from "../wire/index.ts";

/** A record in bytes, before it has an offset. */
export interface PlainRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly Header[];
  readonly timestampMs: number;
}

/** Where a batch lies. */
export interface BatchPlace {
  readonly topic: string;
  readonly partition: number;
  /** Offset of its first record. */
  readonly offset: Offset;
}

/** Larger than what any topology lets through, so that only `limits.recordBytes` is met. */
const batchBytesMax = 256 * 1024 * 1024;

const refuse = (): never => {
  throw new TypeError("a testing driver writes and reads no compressed batches");
};
const refused = { gzip: refuse, snappy: refuse, lz4: refuse, zstd: refuse };
const noCodecs: Codecs = { ...refused, parts: refused, deflateGzip: refuse };

/** Records as fetches would bring them: encoded as record batches, at offsets without gaps, and decoded again. */
export function batchesOf(place: BatchPlace, records: readonly PlainRecord[]): readonly RawBatch[] {
  const { topic, partition } = place;
  const builder = new RecordBatchBuilder({ topic, partition, role: "output", bytesMax: batchBytesMax });
  const batches: RawBatch[] = [];
  let offset = place.offset;
  const finish = (): void => {
    const batch = fetched(builder.finish(), offset);
    offset = batch.offsetNext;
    batches.push(batch);
  };
  for (const { timestampMs, key, value, headers } of records) {
    const append = (): boolean =>
      builder.appendWithHeaders(timestampMs, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, headers);
    if (append()) continue;
    finish();
    append();
  }
  if (builder.recordCount > 0) finish();
  return batches;
}

/** A batch that a stage has written, as its readers see it when it lies at `offset`. */
export function fetched(outgoing: Outgoing, offset: Offset): RawBatch {
  writeBaseOffset(outgoing.bytes, 0, offset);
  return decodeFetched(outgoing.bytes, {
    topic: outgoing.topic,
    partition: outgoing.partition,
    offsetAsked: offset,
    logStartOffset: 0,
    endOffset: offset + outgoing.recordCount,
    abortedTransactions: [],
    codecs: noCodecs,
    verifyCrc: false,
  });
}

/** The records of a batch, copied out of it. */
export function recordsOf(batch: RawBatch): readonly PlainRecord[] {
  const copy = (from: number | undefined, to: number | undefined): Buffer | null =>
    from === undefined || from < 0 ? null : Buffer.from(batch.bytes.subarray(from, to));
  return Array.from({ length: batch.count }, (_, i) => ({
    key: copy(batch.keyFrom[i], batch.keyTo[i]),
    value: copy(batch.valueFrom[i], batch.valueTo[i]),
    headers: readHeaders(batch, i).map(({ name, value }) => ({ name, value: value && Buffer.from(value) })),
    timestampMs: batch.timestampsMs[i] ?? -1,
  }));
}
