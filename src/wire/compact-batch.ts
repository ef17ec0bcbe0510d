import { batchAttributes, batchLayout, lengthPrefixBytes, readBatchHeader, writeCrc } from "./batch-header.ts";
import { type Codecs, gzipCodec } from "./codecs.ts";
import type { RawBatch } from "./raw-batch.ts";

/**
 * The batch that is all of `bytes` without the records that are not kept, as Kafka's log cleaner leaves it: what stays keeps
 * its bytes, its offset and its time, and the batch its stretch of offsets. Undefined when nothing stays. Records that came
 * compressed are compressed again with gzip, and stand plain when they came in a codec that is not written here.
 *
 * @param batch `bytes`, decoded, from its first record on
 * @param isKept told by index
 */
export function compactBatch(
  bytes: Buffer,
  batch: RawBatch,
  codecs: Pick<Codecs, "deflateGzip">,
  isKept: (index: number) => boolean,
): Buffer | undefined {
  const { attributes } = readBatchHeader(bytes, 0);
  const codec = attributes & batchAttributes.codecMask;
  const kept: Buffer[] = [];
  // Inflated records stand in a buffer of their own.
  let from: number = codec === 0 ? batchLayout.records : 0;
  for (let index = 0; index < batch.count; index++) {
    // Headers stand last in a record, and records side by side.
    const to = batch.headersTo[index] ?? from;
    if (isKept(index)) kept.push(batch.bytes.subarray(from, to));
    from = to;
  }
  if (kept.length === 0) return undefined;
  if (kept.length === batch.count) return bytes;
  const records = codec === gzipCodec ? [codecs.deflateGzip(Buffer.concat(kept))] : kept;
  const compacted = Buffer.concat([bytes.subarray(0, batchLayout.records), ...records]);
  compacted.writeInt32BE(compacted.length - lengthPrefixBytes, batchLayout.length);
  compacted.writeInt32BE(kept.length, batchLayout.recordCount);
  const codecNow = codec === gzipCodec ? gzipCodec : 0;
  compacted.writeInt16BE((attributes & ~batchAttributes.codecMask) | codecNow, batchLayout.attributes);
  writeCrc(compacted);
  return compacted;
}
