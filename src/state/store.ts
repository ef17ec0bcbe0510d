import type { EpochMs } from "../kernel/index.ts";

/** A store's identity in the plan. Renaming or changing the version without a migration loses state. */
export interface StoreSpec {
  readonly name: string;
  readonly kind: "rolling" | "ids" | "counts";
  readonly version: number;
}

/** Where the changes of a store go. */
export interface ChangeWriter {
  /** One entry as it is now; null when it is gone. The bytes are the writer's only until it returns. */
  write(key: Uint8Array, value: Uint8Array | null): void;
}

/**
 * Entries of a store on their way into a copy. Between two calls the store goes on: what it changes meanwhile may be in
 * the copy or not.
 */
export interface StoreCopy {
  /**
   * Gives the next few entries, a few dozen at most. What was evicted and not yet given as gone comes last, as null. Between
   * chunks only, and of no use any more once the store was cleared.
   * @returns false when nothing more is to come
   */
  next(into: ChangeWriter): boolean;
}

/**
 * Keyed state of one task behind an undo log (R2).
 *
 * Changes are visible at once and provisional until `keep`. `undo` restores exactly what was visible at the
 * last `keep`; nothing is evicted in between, so undoing never needs what is gone.
 *
 * What a store holds is a set of **entries**, key to value. A store that has taken in, by `apply`, the changes that
 * another one of its spec has given and kept, in their order, and after them a `keep` at its stream time, answers as
 * that one does and gives the same changes from then on. Whole values: to apply one twice does no harm.
 */
export interface Store {
  readonly spec: StoreSpec;
  /** Makes all changes since the last `keep` final, then evicts what no record from `streamTimeMs` on can need. */
  keep(streamTimeMs: EpochMs): void;
  /** Takes back all changes since the last `keep`. */
  undo(): void;
  /** Empties the store, as on a restart. */
  clear(): void;
  /**
   * Gives every entry that changed since the last `keep` once: first those that the `keep` before had evicted, then those
   * that the chunk has touched, in first-touched order. Called at most once per chunk, behind its last record; what was
   * given is forgotten by `undo`, and settled by `keep`. A store that is never asked does no work for it.
   */
  changes(into: ChangeWriter): void;
  /** Takes an entry in, final at once; between chunks only. @param value null when the entry is gone */
  apply(key: Uint8Array, value: Uint8Array | null): void;
  /**
   * Begins a copy. A store that has taken in, by `apply`, what such a copy gave, by `owe` what it gave as gone, and then by
   * `apply` all entries since some moment before the copy was begun, is as one that took in all entries there ever were.
   */
  copy(): StoreCopy;
  /** An entry is gone, and nobody has written that down: it is given as gone, unless one of its key is taken in before. */
  owe(key: Uint8Array): void;
  /** Elements held, for logs and metrics. */
  readonly entryCount: number;
  /** How far back, in ms of event time, an answer looks: a store that began empty answers exactly after so long. */
  readonly lookBackMs: number;
  /** The latest event time of anything held; -Infinity when nothing is. Costs a look at every key. */
  readonly latestTimeMs: EpochMs;
  /** Bytes of what is held, as entries count it: 8 per number. */
  readonly byteCount: number;
}
