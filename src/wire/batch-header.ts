import type { Offset } from "../kernel/index.ts";
import { crc32c } from "./crc32c.ts";

/** Where the fields of a record batch v2 begin, counted from its first byte (Kafka protocol guide, "Record Batch"). */
export const batchLayout = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
  records: 61,
} as const;

/** Bits of the attributes field. */
export const batchAttributes = { codecMask: 0x7, logAppendTime: 0x8, transactional: 0x10, control: 0x20 } as const;

/** Offset and length: what must be there before the size of a batch is known. They are not part of that size. */
export const lengthPrefixBytes = 12;

/** Most records that the builder puts into one batch: kafkajs, which others may read with, overflows its stack on more. */
export const batchRecordsMax = 125_000;

/** Fewest bytes of a record: length, attributes, time, offset, key length, value length, header count. */
export const recordBytesMin = 7;

/** The fields of a batch's header that somebody reads. Longs are exact to 2^53. */
export interface BatchHeader {
  /** The whole batch, its first 12 bytes included. */
  readonly byteLength: number;
  readonly baseOffset: Offset;
  /** Base offset plus the last delta: may lie past the last record that compaction left. */
  readonly lastOffset: Offset;
  readonly attributes: number;
  readonly baseTimestampMs: number;
  readonly timestampMaxMs: number;
  readonly producerId: number;
  readonly recordCount: number;
}

/**
 * The header of the batch v2 that begins at `at`. Nothing is checked: for batches that our builder finished or
 * that were checked before. `decodeFetched` is for what a broker sent.
 */
export function readBatchHeader(bytes: Buffer, at: number): BatchHeader {
  const baseOffset = readLong(bytes, at + batchLayout.baseOffset);
  return {
    byteLength: lengthPrefixBytes + bytes.readInt32BE(at + batchLayout.length),
    baseOffset,
    lastOffset: baseOffset + bytes.readInt32BE(at + batchLayout.lastOffsetDelta),
    attributes: bytes.readInt16BE(at + batchLayout.attributes),
    baseTimestampMs: readLong(bytes, at + batchLayout.baseTimestamp),
    timestampMaxMs: readLong(bytes, at + batchLayout.maxTimestamp),
    producerId: readLong(bytes, at + batchLayout.producerId),
    recordCount: bytes.readInt32BE(at + batchLayout.recordCount),
  };
}

/** Gives the finished batch at `at` its place in a log. The checksum does not cover the offset and stays right. */
export function writeBaseOffset(bytes: Buffer, at: number, baseOffset: Offset): void {
  writeLong(bytes, at + batchLayout.baseOffset, baseOffset);
}

/** Who writes a batch, for the broker's check of sequences. */
export interface ProducerStamp {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly transactional: boolean;
}

/**
 * Marks the finished batch that is all of `bytes` as written by an idempotent or transactional producer.
 * The checksum is made anew, so it costs as much as the checksum did.
 */
export function stampProducer(bytes: Buffer, stamp: ProducerStamp): void {
  const attributes = bytes.readInt16BE(batchLayout.attributes) & ~batchAttributes.transactional;
  bytes.writeInt16BE(attributes | (stamp.transactional ? batchAttributes.transactional : 0), batchLayout.attributes);
  writeLong(bytes, batchLayout.producerId, stamp.producerId);
  bytes.writeInt16BE(stamp.producerEpoch, batchLayout.producerEpoch);
  bytes.writeInt32BE(stamp.baseSequence, batchLayout.baseSequence);
  writeCrc(bytes);
}

/** Fills in the checksum of the batch that is all of `bytes`. */
export function writeCrc(bytes: Buffer): void {
  bytes.writeUInt32BE(crc32c(bytes, batchLayout.attributes, bytes.length), batchLayout.crc);
}

/**
 * Gives all records of the finished batch that is all of `bytes` one time, that of their arrival. The checksum is made anew.
 */
export function stampAppendTime(bytes: Buffer, timestampMs: number): void {
  const attributes = bytes.readInt16BE(batchLayout.attributes);
  bytes.writeInt16BE(attributes | batchAttributes.logAppendTime, batchLayout.attributes);
  writeLong(bytes, batchLayout.maxTimestamp, timestampMs);
  writeCrc(bytes);
}

/** Whether a whole batch of a believable size lies at `at`, and its checksum is right. Costs 0.6 ns per byte. */
export function batchHasCrc(bytes: Buffer, at: number): boolean {
  if (bytes.length - at < batchLayout.records) return false;
  const end = at + lengthPrefixBytes + bytes.readInt32BE(at + batchLayout.length);
  if (end < at + batchLayout.records || end > bytes.length) return false;
  return bytes.readUInt32BE(at + batchLayout.crc) === crc32c(bytes, at + batchLayout.attributes, end);
}

/** A signed 64-bit integer, rounded when it is beyond 2^53. */
export function readLong(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}

/** A signed 64-bit integer; exact for whole numbers up to 2^53. */
export function writeLong(bytes: Buffer, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  bytes.writeInt32BE(high, at);
  bytes.writeUInt32BE(value - high * 0x1_0000_0000, at + 4);
}
