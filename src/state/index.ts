export type { Store, StoreSpec } from "./store.ts";
