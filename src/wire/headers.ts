import { assert, type Header } from "../kernel/index.ts";
import type { RawBatch } from "./raw-batch.ts";
import { RecordCursor } from "./record-cursor.ts";
import { varintSize, writeVarint } from "./varint.ts";

/**
 * The headers of record `index`, in their order, repeated names included.
 *
 * Values are views into the batch: a copy is needed to keep one longer. Decoding has checked the bytes already.
 * Costs an object per header: not for the hot path.
 */
export function readHeaders(batch: RawBatch, index: number): Header[] {
  assert(index >= 0 && index < batch.count, `record ${index} of a batch of ${batch.count}`);
  const headers: Header[] = [];
  const end = batch.headersTo[index] ?? 0;
  const cursor = new RecordCursor(batch.bytes, batch.headersFrom[index] ?? 0);
  for (let n = batch.headerCounts[index] ?? 0; n > 0; n--) {
    const nameFrom = cursor.run(end);
    const nameTo = cursor.at;
    const valueFrom = cursor.run(end);
    headers.push({
      name: batch.bytes.toString("utf8", nameFrom, nameTo),
      value: valueFrom < 0 ? null : batch.bytes.subarray(valueFrom, cursor.at),
    });
  }
  return headers;
}

/** Headers as they stand in a record, without their count. */
export function encodeHeaders(headers: readonly Header[]): Buffer {
  const names = headers.map((header) => Buffer.from(header.name, "utf8"));
  let size = 0;
  for (const [i, { value }] of headers.entries()) {
    const nameLength = names[i]?.length ?? 0;
    size += varintSize(nameLength) + nameLength + varintSize(value?.length ?? -1) + (value?.length ?? 0);
  }
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const [i, { value }] of headers.entries()) {
    const name = names[i] ?? Buffer.alloc(0);
    at = writeVarint(bytes, at, name.length);
    bytes.set(name, at);
    at = writeVarint(bytes, at + name.length, value?.length ?? -1);
    if (value !== null) bytes.set(value, at);
    at += value?.length ?? 0;
  }
  return bytes;
}
