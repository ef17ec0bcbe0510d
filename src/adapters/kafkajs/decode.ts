import type { Offset } from "../../kernel/index.ts";
import { type Codecs, decodeFetched, type RawBatch } from "../../wire/index.ts";
import type { FetchedPartition } from "./fetch-request.ts";

/**
 * The records of a fetched partition from `offsetAsked` on.
 *
 * @throws OperationError MR_BATCH_CORRUPT that names topic, partition and offset
 */
export function decodePartition(fetched: FetchedPartition, offsetAsked: Offset, codecs: Codecs): RawBatch {
  return decodeFetched(fetched.records, {
    topic: fetched.topic,
    partition: fetched.partition,
    offsetAsked,
    logStartOffset: fetched.logStartOffset,
    endOffset: fetched.lastStableOffset,
    abortedTransactions: fetched.abortedTransactions,
    codecs,
    verifyCrc: true,
  });
}

/** A batch without records, for a position that moved over a part of the log that is gone. */
export function emptyBatch(
  at: Pick<FetchedPartition, "topic" | "partition">,
  asked: Offset,
  low: Offset,
  end: Offset,
): RawBatch {
  const none = new Int32Array(0);
  return {
    topic: at.topic,
    partition: at.partition,
    count: 0,
    bytes: Buffer.alloc(0),
    offsets: new Float64Array(0),
    timestampsMs: new Float64Array(0),
    keyFrom: none,
    keyTo: none,
    valueFrom: none,
    valueTo: none,
    headersFrom: none,
    headersTo: none,
    headerCounts: none,
    offsetAsked: asked,
    offsetNext: low,
    logStartOffset: low,
    endOffset: end,
  };
}
