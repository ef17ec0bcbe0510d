import type { Offset } from "../kernel/index.ts";
import type { Outgoing, RawBatch } from "../wire/index.ts";
import type { GaugeReading } from "./stage-metrics.ts";

/** What a follower is to write, and how far it is. */
export interface FollowerTurn {
  /** Written together with the offset, or before it; see `GroupSpec.delivery`. */
  readonly outgoing: readonly Outgoing[];
  /** Everything before it is done with; left out, everything that was taken. Never goes back. */
  readonly offsetNext?: Offset;
}

/**
 * What is made of a topic of one partition. Its methods are called one at a time, and never while the partition belongs to
 * another process.
 *
 * A throw ends the work on the partition: after one that may pass, and after every commit whose answer is unknown, it is
 * begun anew with `restore`.
 */
export interface FollowerWork {
  /**
   * Forgets everything, and comes to hold what it held when it had taken the records before this offset and no others. What
   * owners before have written is decided by then, and they write nothing more.
   */
  restore(offsetNext: Offset, signal: AbortSignal): Promise<void>;
  /** Takes the records of a batch from this index on. */
  take(batch: RawBatch, from: number, signal: AbortSignal): Promise<void>;
  /** Says what there is to write now. Called after every batch, at ticks, and before the partition is given up. */
  turn(signal: AbortSignal): Promise<FollowerTurn>;
  /** What it can say of itself now, for `/metrics`; asked while the partition is its own. */
  readings?(): readonly GaugeReading[];
  /** Lets go of what it does beside: the partition is given up, or begun anew. */
  release?(): Promise<void>;
}
