import { createMemoryShelf } from "../../../src/adapters/state-memory/index.ts";
import { snapshotContract } from "../../contract/snapshots.ts";

snapshotContract({ open: async () => createMemoryShelf() });
