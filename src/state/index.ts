export { IdStore, type IdStoreOptions } from "./id-store.ts";
export { RollingStore, type RollingStoreOptions } from "./rolling-store.ts";
export type { ChangeWriter, Store, StoreCopy, StoreSpec } from "./store.ts";
export { WindowCounts, type WindowCountsOptions } from "./window-counts.ts";
export type { WindowTotal } from "./window-total.ts";
