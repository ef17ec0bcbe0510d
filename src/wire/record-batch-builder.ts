import { assert, type Header } from "../kernel/index.ts";
import {
  batchLayout,
  batchRecordsMax,
  lengthPrefixBytes,
  recordBytesMin,
  writeCrc,
  writeLong,
} from "./batch-header.ts";
import { ByteTarget } from "./byte-target.ts";
import { type Deflate, gzipCodec } from "./codecs.ts";
import { encodeHeaders } from "./headers.ts";
import type { Outgoing, OutgoingRole } from "./outgoing.ts";
import { varintSize, writeVarint, writeVarlong } from "./varint.ts";

/** Where a batch goes, how large it may become, and whether it is compressed. */
export type BatchSpec = {
  readonly topic: string;
  readonly partition: number;
  readonly role: OutgoingRole;
  /** Most bytes of a finished batch before compression, header included. One record alone may pass it. */
  readonly bytesMax: number;
} & (
  | { readonly compression?: "none" }
  | { readonly compression: "gzip"; readonly codecs: { readonly deflateGzip: Deflate } }
);

/** Smallest buffer; below 4 KiB Node cuts it from a shared pool. */
const capacityMin = 512;

/** Most bytes of a record beside key, value and headers: five varints, one varlong, the attributes. */
const recordOverheadMax = 5 * 5 + 10 + 1;

const noBytes = new Uint8Array(0);

/**
 * Builds record batches (magic 2) for one topic-partition, one after the other, with no object per record.
 *
 * Base offset 0, no producer id: {@link writeBaseOffset} and {@link stampProducer} fill those in later.
 * A new buffer is as large as the batch before it was, because fixed large buffers cost more than half of the
 * processor time at low rates; it grows when that is not enough.
 */
export class RecordBatchBuilder {
  readonly #spec: BatchSpec;
  readonly #target = new ByteTarget();
  /** Position of the next record; 0 while the builder is empty. */
  #length = 0;
  #capacityNext = capacityMin;
  #recordCount = 0;
  #timestampBaseMs = 0;
  #timestampMinMs = 0;
  #timestampMaxMs = 0;

  constructor(spec: BatchSpec) {
    this.#spec = spec;
  }

  /** Records in the batch under construction. */
  get recordCount(): number {
    return this.#recordCount;
  }

  /** Bytes of the batch under construction before compression, header included; 0 when it is empty. */
  get byteLength(): number {
    return this.#length;
  }

  /**
   * Adds a record with key `key[keyFrom, keyTo)` and value `value[valueFrom, valueTo)`; null is a null key or
   * a tombstone. Both are copied.
   *
   * @param timestampMs whole; exact while two in a batch differ by less than 2^53; -1 is Kafka's "none"
   * @returns false when the batch would pass `bytesMax` (or 125,000 records) and is not empty: finish it first;
   *   nothing was written
   */
  append(
    timestampMs: number,
    key: Uint8Array | null,
    keyFrom: number,
    keyTo: number,
    value: Uint8Array | null,
    valueFrom: number,
    valueTo: number,
  ): boolean {
    return this.appendWithRawHeaders(timestampMs, key, keyFrom, keyTo, value, valueFrom, valueTo, noBytes, 0, 0, 0);
  }

  /** {@link append} with headers, in their order. */
  appendWithHeaders(
    timestampMs: number,
    key: Uint8Array | null,
    keyFrom: number,
    keyTo: number,
    value: Uint8Array | null,
    valueFrom: number,
    valueTo: number,
    headers: readonly Header[],
  ): boolean {
    const encoded = encodeHeaders(headers);
    return this.appendWithRawHeaders(
      timestampMs,
      key,
      keyFrom,
      keyTo,
      value,
      valueFrom,
      valueTo,
      encoded,
      0,
      encoded.length,
      headers.length,
    );
  }

  /** {@link append} with `headerCount` headers as they stand encoded in `headerBytes[headersFrom, headersTo)`. */
  appendWithRawHeaders(
    timestampMs: number,
    key: Uint8Array | null,
    keyFrom: number,
    keyTo: number,
    value: Uint8Array | null,
    valueFrom: number,
    valueTo: number,
    headerBytes: Uint8Array,
    headersFrom: number,
    headersTo: number,
    headerCount: number,
  ): boolean {
    const count = this.#recordCount;
    const keyLength = key === null ? -1 : keyTo - keyFrom;
    const valueLength = value === null ? -1 : valueTo - valueFrom;
    const payload = Math.max(keyLength, 0) + Math.max(valueLength, 0) + headersTo - headersFrom;
    const start = count === 0 ? batchLayout.records : this.#length;
    if (count > 0 && (start + recordBytesMin + payload > this.#spec.bytesMax || count === batchRecordsMax))
      return false;
    if (start + recordOverheadMax + payload > this.#target.bytes.length)
      this.#grow(start + recordOverheadMax + payload);

    // The body is written behind a length of the likely size; sizing every varint first takes as long as writing it.
    const { bytes } = this.#target;
    const bodyFrom = start + varintSize(payload + recordBytesMin + 1);
    bytes[bodyFrom] = 0;
    let at = writeVarlong(bytes, bodyFrom + 1, count === 0 ? 0 : timestampMs - this.#timestampBaseMs);
    at = writeVarint(bytes, at, count);
    at = writeVarint(bytes, at, keyLength);
    if (key !== null) at = this.#target.copy(key, keyFrom, keyTo, at);
    at = writeVarint(bytes, at, valueLength);
    if (value !== null) at = this.#target.copy(value, valueFrom, valueTo, at);
    at = writeVarint(bytes, at, headerCount);
    if (headerCount > 0) at = this.#target.copy(headerBytes, headersFrom, headersTo, at);
    const bodyLength = at - bodyFrom;
    const bodyStart = start + varintSize(bodyLength);
    if (count > 0 && bodyStart + bodyLength > this.#spec.bytesMax) return false;
    if (bodyStart !== bodyFrom) bytes.copyWithin(bodyStart, bodyFrom, at);
    writeVarint(bytes, start, bodyLength);
    this.#length = bodyStart + bodyLength;
    this.#count(timestampMs);
    return true;
  }

  /** Hands the batch over with its buffer; the builder is empty again. There must be a record. */
  finish(): Outgoing {
    assert(this.#recordCount > 0, "finishing a batch without records");
    const bytes = this.#spec.compression === "gzip" ? this.#compressed(this.#spec.codecs.deflateGzip) : this.#plain();
    this.#writeHeader(bytes);
    const { topic, partition, role } = this.#spec;
    const outgoing: Outgoing = {
      topic,
      partition,
      role,
      recordCount: this.#recordCount,
      bytes,
      timestampMinMs: this.#timestampMinMs,
      timestampMaxMs: this.#timestampMaxMs,
    };
    this.reset();
    return outgoing;
  }

  /** Drops the records of the batch under construction. */
  reset(): void {
    this.#length = 0;
    this.#recordCount = 0;
  }

  /** The records' own buffer leaves the builder. */
  #plain(): Buffer {
    const bytes = this.#target.bytes.subarray(0, this.#length);
    // An eighth more, so that batches of about the same size do not grow once each.
    this.#capacityNext = Math.max(capacityMin, this.#length + (this.#length >> 3));
    this.#target.release();
    return bytes;
  }

  /** The records' buffer stays for the next batch; what leaves is the compressed copy. */
  #compressed(deflate: Deflate): Buffer {
    const records = deflate(this.#target.bytes.subarray(batchLayout.records, this.#length));
    const bytes = Buffer.allocUnsafe(batchLayout.records + records.length);
    bytes.set(records, batchLayout.records);
    return bytes;
  }

  #writeHeader(bytes: Buffer): void {
    writeLong(bytes, batchLayout.baseOffset, 0);
    bytes.writeInt32BE(bytes.length - lengthPrefixBytes, batchLayout.length);
    bytes.writeInt32BE(-1, batchLayout.leaderEpoch);
    bytes.writeInt8(2, batchLayout.magic);
    bytes.writeInt16BE(this.#spec.compression === "gzip" ? gzipCodec : 0, batchLayout.attributes);
    bytes.writeInt32BE(this.#recordCount - 1, batchLayout.lastOffsetDelta);
    writeLong(bytes, batchLayout.baseTimestamp, this.#timestampBaseMs);
    writeLong(bytes, batchLayout.maxTimestamp, this.#timestampMaxMs);
    writeLong(bytes, batchLayout.producerId, -1);
    bytes.writeInt16BE(-1, batchLayout.producerEpoch);
    bytes.writeInt32BE(-1, batchLayout.baseSequence);
    bytes.writeInt32BE(this.#recordCount, batchLayout.recordCount);
    writeCrc(bytes);
  }

  #count(timestampMs: number): void {
    if (this.#recordCount === 0) {
      this.#timestampBaseMs = timestampMs;
      this.#timestampMinMs = timestampMs;
      this.#timestampMaxMs = timestampMs;
    } else if (timestampMs > this.#timestampMaxMs) this.#timestampMaxMs = timestampMs;
    else if (timestampMs < this.#timestampMinMs) this.#timestampMinMs = timestampMs;
    this.#recordCount++;
  }

  #grow(needed: number): void {
    this.#target.grow(Math.max(needed, this.#capacityNext, this.#target.bytes.length * 2), this.#length);
  }
}
