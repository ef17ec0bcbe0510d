import type { Offset } from "../kernel/index.ts";

/** A stored batch that cannot be read. */
export interface BatchDamage {
  /**
   * The offsets that are lost with it, both included: from the one that was asked for, since where the batch says that it
   * begins may be what is damaged, to the one behind which reading goes on.
   */
  readonly first: Offset;
  readonly last: Offset;
  readonly reason: string;
}

/**
 * What one fetch brought for one topic-partition: the bytes and flat indices into them, no object per record.
 *
 * Holds data records only: control records and records of aborted transactions are already gone, compressed
 * batches are inflated, CRC32C has been checked. Entry `i` of every array is record `i`, in offset order.
 * Gaps in offsets are legitimate (markers, compaction, aborted records).
 */
export interface RawBatch {
  readonly topic: string;
  readonly partition: number;
  /** Data records, 0 when the fetch brought only markers or aborted records. */
  readonly count: number;
  /** The bytes that every index points into. Owned by the batch: a copy is needed to keep a slice longer. */
  readonly bytes: Buffer;
  readonly offsets: Float64Array;
  /** Record timestamps, those of the log when the topic says so; -1 for none and for what is beyond 2^53. */
  readonly timestampsMs: Float64Array;
  /** Key bytes are `bytes[keyFrom[i], keyTo[i])`; both are -1 for a null key. */
  readonly keyFrom: Int32Array;
  readonly keyTo: Int32Array;
  /** Value bytes likewise; both are -1 for a null value (a tombstone). */
  readonly valueFrom: Int32Array;
  readonly valueTo: Int32Array;
  /** The encoded headers of record `i` are `bytes[headersFrom[i], headersTo[i])`, without their count. */
  readonly headersFrom: Int32Array;
  readonly headersTo: Int32Array;
  readonly headerCounts: Int32Array;
  /**
   * Set when this stands for one damaged batch: its one record has the offset `first`, no key, and the first 64 KiB of the
   * batch as stored for a value. Whoever reads records looks at this before.
   */
  readonly damage: BatchDamage | undefined;
  /** The offset that was asked for: the first that this batch could have held. */
  readonly offsetAsked: Offset;
  /** Where the next fetch begins: past the last offset seen, markers and aborted records included. */
  readonly offsetNext: Offset;
  /** First offset still in the log; -1 when the fetch did not tell. */
  readonly logStartOffset: Offset;
  /**
   * End of what a reader may see, at least `offsetNext`: the last stable offset for read-committed, else the high
   * watermark; -1 unknown.
   */
  readonly endOffset: Offset;
}
