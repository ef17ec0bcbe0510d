import type { Offset } from "../../kernel/index.ts";
import { type Codecs, decodeFetched, type RawBatch } from "../../wire/index.ts";
import type { FetchedPartition } from "./fetch-request.ts";

/** Damage on the way heals by asking again; damage on the disk does not. */
export const damagedAttemptsMax = 3;

/** How much more is asked for when a batch came damaged: what lies behind it tells where it ends. */
export const bytesBehindDamage = 1_048_576;

/** Where a partition is read. */
export interface ReadPosition {
  readonly offset: Offset;
  /** True when a batch that was read before ended there. */
  readonly isBehindBatch: boolean;
}

/**
 * The records of a fetched partition from a position on.
 *
 * @throws DamagedBatchError when the first batch there is damaged
 */
export function decodePartition(fetched: FetchedPartition, at: ReadPosition, codecs: Codecs): RawBatch {
  return decodeFetched(fetched.records, {
    topic: fetched.topic,
    partition: fetched.partition,
    offsetAsked: at.offset,
    isBehindBatch: at.isBehindBatch,
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
    damage: undefined,
    offsetAsked: asked,
    offsetNext: low,
    logStartOffset: low,
    endOffset: end,
  };
}
