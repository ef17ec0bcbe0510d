import type { Offset } from "../kernel/index.ts";
import { BatchFault } from "./batch-fault.ts";
import { type BatchHeader, batchAttributes, recordBytesMin } from "./batch-header.ts";
import type { RawBatch } from "./raw-batch.ts";
import { RecordCursor } from "./record-cursor.ts";

/** Kafka's "no timestamp", also for a time that a number cannot hold exactly: nothing can be late by it. */
const timestampUnreadable = -1;

type IndexArray =
  | "offsets"
  | "timestampsMs"
  | "keyFrom"
  | "keyTo"
  | "valueFrom"
  | "valueTo"
  | "headersFrom"
  | "headersTo"
  | "headerCounts";

/** Index arrays of a batch, in bytes per record: two of 8 and seven of 4. */
export const indexBytesPerRecord = 44;

/** The flat indices of a {@link RawBatch} while they are filled. */
export class RecordIndex {
  readonly offsets: Float64Array;
  readonly timestampsMs: Float64Array;
  readonly keyFrom: Int32Array;
  readonly keyTo: Int32Array;
  readonly valueFrom: Int32Array;
  readonly valueTo: Int32Array;
  readonly headersFrom: Int32Array;
  readonly headersTo: Int32Array;
  readonly headerCounts: Int32Array;
  /** Records stored so far; at most the capacity. */
  count = 0;

  constructor(capacity: number) {
    // One allocation for all nine: at a few records per fetch the arrays cost more than the records.
    const memory = new ArrayBuffer(capacity * indexBytesPerRecord);
    const doubles = (n: number): Float64Array => new Float64Array(memory, n * capacity * 8, capacity);
    const ints = (n: number): Int32Array => new Int32Array(memory, capacity * (16 + n * 4), capacity);
    this.offsets = doubles(0);
    this.timestampsMs = doubles(1);
    this.keyFrom = ints(0);
    this.keyTo = ints(1);
    this.valueFrom = ints(2);
    this.valueTo = ints(3);
    this.headersFrom = ints(4);
    this.headersTo = ints(5);
    this.headerCounts = ints(6);
  }

  /**
   * Stores where the records in `bytes[from, to)` lie, without those below `offsetMin`.
   *
   * @throws BatchFault when lengths, counts or offsets contradict each other or the bytes that are there
   */
  add(bytes: Buffer, from: number, to: number, header: BatchHeader, offsetMin: Offset): void {
    this.addPart(bytes, from, to, header, offsetMin, { count: header.recordCount, deltaMin: 0 });
  }

  /** Likewise for some records of a batch; answers the smallest offset delta that the next may have. */
  addPart(
    bytes: Buffer,
    from: number,
    to: number,
    header: BatchHeader,
    offsetMin: Offset,
    part: { readonly count: number; readonly deltaMin: number },
  ): number {
    const cursor = new RecordCursor(bytes, from);
    let { deltaMin } = part;
    for (let n = 0; n < part.count; n++) {
      const length = cursor.varint();
      const end = cursor.at + length;
      if (length < recordBytesMin - 1 || end > to) throw new BatchFault(`record ${n} is ${length} bytes long`);
      deltaMin = this.#addRecord(cursor, end, header, deltaMin, offsetMin) + 1;
      if (cursor.at !== end) throw new BatchFault(`record ${n} does not end where its length says`);
    }
    if (cursor.at !== to) throw new BatchFault(`${to - cursor.at} bytes are left after its last record`);
    return deltaMin;
  }

  /** The arrays as far as they are filled. */
  get filled(): Pick<RawBatch, IndexArray | "count"> {
    const { count } = this;
    return {
      count,
      offsets: this.offsets.subarray(0, count),
      timestampsMs: this.timestampsMs.subarray(0, count),
      keyFrom: this.keyFrom.subarray(0, count),
      keyTo: this.keyTo.subarray(0, count),
      valueFrom: this.valueFrom.subarray(0, count),
      valueTo: this.valueTo.subarray(0, count),
      headersFrom: this.headersFrom.subarray(0, count),
      headersTo: this.headersTo.subarray(0, count),
      headerCounts: this.headerCounts.subarray(0, count),
    };
  }

  /** Reads one record behind its length, stores it and answers its offset delta. */
  #addRecord(cursor: RecordCursor, end: number, header: BatchHeader, deltaMin: number, offsetMin: Offset): number {
    cursor.at++;
    const timestampDelta = cursor.varlong();
    const delta = cursor.varint();
    const offset = header.baseOffset + delta;
    if (delta < deltaMin || offset > header.lastOffset) throw new BatchFault(`offset ${offset} is out of order`);
    const keyFrom = cursor.run(end);
    const keyTo = cursor.at;
    const valueFrom = cursor.run(end);
    const valueTo = cursor.at;
    const headerCount = cursor.varint();
    const headersFrom = cursor.at;
    if (headerCount !== 0) skipHeaders(cursor, headerCount, end);
    if (offset < offsetMin) return delta;

    const index = this.count++;
    const appendTime = (header.attributes & batchAttributes.logAppendTime) !== 0;
    this.offsets[index] = offset;
    const timestampMs = appendTime ? header.timestampMaxMs : header.baseTimestampMs + timestampDelta;
    this.timestampsMs[index] = Number.isSafeInteger(timestampMs) ? timestampMs : timestampUnreadable;
    this.keyFrom[index] = keyFrom;
    this.keyTo[index] = keyFrom < 0 ? -1 : keyTo;
    this.valueFrom[index] = valueFrom;
    this.valueTo[index] = valueFrom < 0 ? -1 : valueTo;
    this.headersFrom[index] = headersFrom;
    this.headersTo[index] = end;
    this.headerCounts[index] = headerCount;
    return delta;
  }
}

/** Steps over the headers, so that reading them later cannot go wrong. */
function skipHeaders(cursor: RecordCursor, count: number, end: number): void {
  if (count < 0 || count > (end - cursor.at) >> 1) throw new BatchFault(`a record declares ${count} headers`);
  for (let n = 0; n < count; n++) {
    if (cursor.run(end) < 0) throw new BatchFault("a header has no name");
    cursor.run(end);
  }
}
