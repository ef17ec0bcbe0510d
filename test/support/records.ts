import type { Header, Offset, RecordOut } from "../../src/kernel/index.ts";
import {
  DamagedBatchError,
  decodeFetched,
  type Outgoing,
  type OutgoingRole,
  type RawBatch,
  RecordBatchBuilder,
  readHeaders,
  writeBaseOffset,
} from "../../src/wire/index.ts";
import { noCodecs } from "../fakes/no-codecs.ts";

/** A record copied out of a batch, for comparing. */
export interface PlainRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: Offset;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly { readonly name: string; readonly value: Buffer | null }[];
}

/** When test records were written: past, so that no broker takes them for sent from the future. */
export const writtenAtMs = 1_700_000_000_000;

export function plainRecords(batch: RawBatch): PlainRecord[] {
  const copy = (from: number, to: number): Buffer | null =>
    from < 0 ? null : Buffer.from(batch.bytes.subarray(from, to));
  return Array.from({ length: batch.count }, (_, i) => ({
    topic: batch.topic,
    partition: batch.partition,
    offset: batch.offsets[i]!,
    timestampMs: batch.timestampsMs[i]!,
    key: copy(batch.keyFrom[i]!, batch.keyTo[i]!),
    value: copy(batch.valueFrom[i]!, batch.valueTo[i]!),
    headers: readHeaders(batch, i).map(({ name, value }) => ({
      name,
      value: value === null ? null : Buffer.from(value),
    })),
  }));
}

/** A record whose key and value are the text. */
export function textRecord(topic: string, partition: number, text: string, timestampMs = writtenAtMs): RecordOut {
  return { topic, partition, timestampMs, key: Buffer.from(text), value: Buffer.from(text) };
}

/** `count` records with the values `<stem>0`, `<stem>1` ... and timestamps one second apart. */
export function textRecords(topic: string, partition: number, count: number, stem = "r"): RecordOut[] {
  return Array.from({ length: count }, (_, i) => textRecord(topic, partition, `${stem}${i}`, writtenAtMs + i * 1_000));
}

export function textOf(record: PlainRecord): string | undefined {
  return record.value?.toString("utf8");
}

/** One finished batch of these records, which are all of one topic-partition. */
export function outgoingOf(records: readonly RecordOut[], role: OutgoingRole = "output"): Outgoing {
  const { topic, partition } = records[0]!;
  const builder = new RecordBatchBuilder({ topic, partition, role, bytesMax: 8_388_608 });
  for (const { timestampMs, key, value, headers } of records) {
    const none: readonly Header[] = [];
    builder.appendWithHeaders(timestampMs, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, headers ?? none);
  }
  return builder.finish();
}

/** Bytes of a batch of `count` records at `first`, of which one bit is not as it was written. */
export function damagedBytes(topic: string, partition: number, first: Offset, count: number): Buffer {
  const { bytes } = outgoingOf(textRecords(topic, partition, count, "lost"));
  writeBaseOffset(bytes, 0, first);
  bytes[bytes.length - 2]! ^= 1;
  return bytes;
}

/** What stands for such a batch when it is read. */
export function standInOf(topic: string, partition: number, first: Offset, count: number): RawBatch {
  const place = { topic, partition, offsetAsked: first, logStartOffset: 0, endOffset: first + count };
  const context = { ...place, abortedTransactions: [], codecs: noCodecs, verifyCrc: true };
  try {
    decodeFetched(damagedBytes(topic, partition, first, count), context);
  } catch (thrown) {
    const standIn = thrown instanceof DamagedBatchError ? thrown.passedOver() : undefined;
    if (standIn !== undefined) return standIn;
  }
  throw new Error("the batch was not found to be damaged");
}
