import type { Offset, TopicPartition } from "../../kernel/index.ts";
import { type Codecs, compactBatch, decodeFetched, type RawBatch, readBatchHeader } from "../../wire/index.ts";
import { Segment } from "./segment.ts";

/** A compacted segment is about this large. */
const segmentBytesTarget = 1_048_576;

/** A log, as far as compaction goes. */
interface Log extends TopicPartition {
  readonly segments: readonly Segment[];
}

interface StoredBatch {
  readonly bytes: Buffer;
  readonly decoded: RawBatch;
  readonly baseOffset: Offset;
  readonly timestampMaxMs: number;
}

/**
 * The segments that take the place of all but the last of a log: of each key its last record, in the order and with the
 * offsets that they had. What has neither a key nor a successor stays; markers go.
 *
 * @param tombstonesTo records without a value below this offset go: whoever reads has had a whole compaction's time to
 *   see that their keys are gone
 */
export function compactedSegments(log: Log, tombstonesTo: Offset, codecs: Codecs): Segment[] {
  const batches = log.segments.map((segment) => [...batchesOf(segment, log, codecs)]);
  const lastOffsets = new Map<string, Offset>();
  for (const { decoded } of batches.flat())
    for (let index = 0; index < decoded.count; index++)
      if (hasKey(decoded, index)) lastOffsets.set(keyOf(decoded, index), decoded.offsets[index] ?? 0);
  const isKept = (decoded: RawBatch, index: number): boolean => {
    if (!hasKey(decoded, index)) return true;
    const offset = decoded.offsets[index] ?? 0;
    if (lastOffsets.get(keyOf(decoded, index)) !== offset) return false;
    return decoded.valueFrom[index] !== -1 || offset >= tombstonesTo;
  };
  const kept = batches.slice(0, -1).flatMap((ofSegment) =>
    ofSegment.flatMap((batch) => {
      const bytes = compactBatch(batch.bytes, batch.decoded, codecs, (index) => isKept(batch.decoded, index));
      return bytes === undefined ? [] : [{ ...batch, bytes }];
    }),
  );
  return segmentsOf(kept);
}

function* batchesOf(segment: Segment, { topic, partition }: Log, codecs: Codecs): Generator<StoredBatch> {
  for (let at = 0; at < segment.byteLength; ) {
    const { byteLength, baseOffset, timestampMaxMs } = readBatchHeader(segment.bytes, at);
    const bytes = segment.bytes.subarray(at, at + byteLength);
    at += byteLength;
    const decoded = decodeFetched(bytes, {
      topic,
      partition,
      offsetAsked: baseOffset,
      logStartOffset: -1,
      endOffset: -1,
      abortedTransactions: [],
      codecs,
      verifyCrc: false,
    });
    yield { bytes, decoded, baseOffset, timestampMaxMs };
  }
}

function segmentsOf(batches: readonly StoredBatch[]): Segment[] {
  const segments: Segment[] = [];
  for (let next = 0; next < batches.length; ) {
    const from = next;
    let bytes = 0;
    do bytes += batches[next++]?.bytes.length ?? 0;
    while (next < batches.length && bytes + (batches[next]?.bytes.length ?? 0) <= segmentBytesTarget);
    const segment = Segment.ofCapacity(batches[from]?.baseOffset ?? 0, bytes);
    for (const batch of batches.slice(from, next)) segment.append(batch.bytes, batch.timestampMaxMs, batch.baseOffset);
    segments.push(segment);
  }
  return segments;
}

function hasKey({ keyFrom }: RawBatch, index: number): boolean {
  return keyFrom[index] !== -1;
}

function keyOf({ bytes, keyFrom, keyTo }: RawBatch, index: number): string {
  return bytes.toString("latin1", keyFrom[index], keyTo[index]);
}
