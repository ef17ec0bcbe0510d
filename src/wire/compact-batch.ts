import { batchAttributes, batchLayout, lengthPrefixBytes, readBatchHeader, writeCrc } from "./batch-header.ts";
import type { RawBatch } from "./raw-batch.ts";

/**
 * The batch that is all of `bytes` without the records that are not kept, as Kafka's log cleaner leaves it: what stays keeps
 * its bytes, its offset and its time, and the batch its stretch of offsets. Undefined when nothing stays.
 *
 * @param batch `bytes`, decoded; of a compressed batch, whose records cannot be taken out, everything stays
 * @param isKept told by index
 */
export function compactBatch(bytes: Buffer, batch: RawBatch, isKept: (index: number) => boolean): Buffer | undefined {
  const { attributes } = readBatchHeader(bytes, 0);
  if ((attributes & batchAttributes.codecMask) !== 0) return bytes;
  const kept: [from: number, to: number][] = [];
  let from: number = batchLayout.records;
  for (let index = 0; index < batch.count; index++) {
    // Headers stand last in a record, and records side by side.
    const to = batch.headersTo[index] ?? from;
    if (isKept(index)) kept.push([from, to]);
    from = to;
  }
  if (kept.length === 0) return undefined;
  if (kept.length === batch.count) return bytes;
  const length = kept.reduce<number>((sum, [start, end]) => sum + end - start, batchLayout.records);
  const compacted = Buffer.alloc(length);
  bytes.copy(compacted, 0, 0, batchLayout.records);
  let at: number = batchLayout.records;
  for (const [start, end] of kept) at += bytes.copy(compacted, at, start, end);
  compacted.writeInt32BE(length - lengthPrefixBytes, batchLayout.length);
  compacted.writeInt32BE(kept.length, batchLayout.recordCount);
  writeCrc(compacted);
  return compacted;
}
