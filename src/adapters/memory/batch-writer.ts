import { OperationError } from "../../kernel/index.ts";
import type { BatchWriter } from "../../runtime/index.ts";
import type { Outgoing } from "../../wire/index.ts";
import type { TopicStore } from "./store.ts";
import { nextTurn } from "./turns.ts";

/** Batches that no task stands behind: they are in the log when `write` answers. */
export class MemoryBatchWriter implements BatchWriter {
  readonly #store: TopicStore;
  readonly #broker: AbortSignal;
  readonly #end = new AbortController();

  /** @param broker aborts when the broker is closed */
  constructor(store: TopicStore, broker: AbortSignal) {
    this.#store = store;
    this.#broker = broker;
  }

  async write(outgoing: readonly Outgoing[]): Promise<void> {
    this.#checkAlive();
    try {
      for (const batch of outgoing) {
        this.#store.check(batch);
        this.#store.append(batch);
      }
    } catch (error) {
      this.#end.abort(error);
      throw error;
    }
    // Whoever writes in a loop would otherwise never let a timer or a reader run.
    await nextTurn();
  }

  async flush(): Promise<void> {
    this.#checkAlive();
  }

  async close(): Promise<void> {
    this.#end.abort(new OperationError("MR_BROKER", "writing batches: the writer is closed"));
  }

  #checkAlive(): void {
    this.#broker.throwIfAborted();
    this.#end.signal.throwIfAborted();
  }
}
