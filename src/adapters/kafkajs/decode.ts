import type { Offset } from "../../kernel/index.ts";
import type { Room } from "../../runtime/index.ts";
import {
  type Codecs,
  decodePiece,
  indexBytesPerRecord,
  LargeBatch,
  type RawBatch,
  storedBytesBefore,
} from "../../wire/index.ts";
import type { FetchedPartition } from "./fetch-request.ts";

/** Damage on the way heals by asking again; damage on the disk does not. */
export const damagedAttemptsMax = 3;

/** How much more is asked for when a batch came damaged: what lies behind it tells where it ends. */
export const bytesBehindDamage = 1_048_576;

/** Where nobody keeps account: pieces of 2 MiB. */
export const unbounded: Room = { bytes: 2_097_152, store: () => unbounded, release: () => undefined };

/** Most and fewest bytes that are asked for of one partition; a broker sends one whole batch in any case. */
export const partitionBytesMax = 1_048_576;
const partitionBytesMin = 16_384;

/** How many bytes to ask for, so that what comes is about the half of a piece once it is inflated and has its index. */
export function bytesForPiece({ records }: FetchedPartition, read: RawBatch, pieceBytes: number): number {
  const storedBytes = storedBytesBefore(records, read.offsetNext);
  const ratio = (read.bytes.length + read.count * indexBytesPerRecord) / Math.max(1, storedBytes);
  return Math.max(partitionBytesMin, Math.min(partitionBytesMax, Math.ceil(pieceBytes / 2 / Math.max(1, ratio))));
}

/** Where a partition is read. */
export interface ReadPosition {
  readonly offset: Offset;
  /** True when a batch that was read before ended there. */
  readonly isBehindBatch: boolean;
}

/**
 * The records of a fetched partition from a position on, as many as a piece takes. A batch that alone is more than a piece
 * comes undecoded, and then the first only. What is answered shares no memory with what was fetched.
 *
 * @throws DamagedBatchError when the first batch there is damaged
 */
export function decodePartition(
  fetched: FetchedPartition,
  at: ReadPosition,
  codecs: Codecs,
  pieceBytes: number,
): RawBatch | LargeBatch {
  const context = {
    topic: fetched.topic,
    partition: fetched.partition,
    offsetAsked: at.offset,
    isBehindBatch: at.isBehindBatch,
    logStartOffset: fetched.logStartOffset,
    endOffset: fetched.lastStableOffset,
    abortedTransactions: fetched.abortedTransactions,
    codecs,
    verifyCrc: true,
  };
  const half = pieceBytes / 2;
  const decoded = decodePiece(fetched.records, context, { bytesMax: half, batchBytesMax: half });
  if (decoded instanceof LargeBatch || decoded.bytes !== fetched.records) return decoded;
  // A part of the answer would hold all of it, with what it brought for other partitions, for as long as it waits.
  return { ...decoded, bytes: Buffer.from(decoded.bytes) };
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
