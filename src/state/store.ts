import type { EpochMs } from "../kernel/index.ts";

/** A store's identity in the plan. Renaming or changing the version without a migration loses state. */
export interface StoreSpec {
  readonly name: string;
  readonly kind: "rolling" | "ids";
  readonly version: number;
}

/**
 * Keyed state of one task behind an undo log (R2).
 *
 * Changes are visible at once and provisional until `keep`. `undo` restores exactly what was visible at the
 * last `keep`; nothing is evicted in between, so undoing never needs what is gone.
 */
export interface Store {
  readonly spec: StoreSpec;
  /** Makes all changes since the last `keep` final, then evicts what no record from `streamTimeMs` on can need. */
  keep(streamTimeMs: EpochMs): void;
  /** Takes back all changes since the last `keep`. */
  undo(): void;
  /** Empties the store, as on a restart. */
  clear(): void;
  /** Entries held, for the log. */
  readonly entryCount: number;
}
