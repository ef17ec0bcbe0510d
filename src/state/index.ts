export { IdStore, type IdStoreOptions } from "./id-store.ts";
export { RollingStore, type RollingStoreOptions } from "./rolling-store.ts";
export type { ChangeWriter, Store, StoreCopy, StoreSpec } from "./store.ts";
