import { type OffsetsNext, OperationError } from "../../kernel/index.ts";
import {
  RecordRefusedError,
  TaskFatalError,
  type TaskHandle,
  type TaskId,
  TaskLostError,
  TaskReopenError,
} from "../../runtime/index.ts";
import type { DeliveryMode } from "../../topology/index.ts";
import type { Outgoing } from "../../wire/index.ts";
import type { TopicStore } from "./store.ts";
import type { TakenId } from "./transactional-ids.ts";

/** What a handle works on: the topics it writes to, and where committed offsets go. */
export interface HandleOptions {
  readonly task: TaskId;
  readonly offsetsNext: OffsetsNext;
  readonly notes: ReadonlyMap<string, string>;
  /** The transactional id of what is committed; undefined where nothing is held until then. */
  readonly id: TakenId | undefined;
  readonly store: TopicStore;
  readonly delivery: DeliveryMode;
  commit(offsets: OffsetsNext, note: string | undefined): void;
}

/**
 * A task's write side. At least once, writes are durable at once (as durable as memory is), so a commit has only the
 * fence to pass: the membership kills the handles of tasks that it no longer owns. Exactly once all writes, and always
 * those to changelogs, are held until the commit, which appends them with the offsets in one turn; so no reader needs to
 * be kept from anything, and what a dead handle holds was never there.
 *
 * Each call answers one microtask later, so that a `close` in the same turn makes it reject, as a real client's would;
 * what it did stays done, and for the caller the outcome is unknown.
 */
export class MemoryTaskHandle implements TaskHandle {
  readonly offsetsNext: OffsetsNext;
  readonly notes: ReadonlyMap<string, string>;
  readonly #options: HandleOptions;
  #held: Outgoing[] = [];
  #isDead = false;

  constructor(options: HandleOptions) {
    this.offsetsNext = options.offsetsNext;
    this.notes = options.notes;
    this.#options = options;
  }

  async write(outgoing: readonly Outgoing[]): Promise<void> {
    const { store, delivery } = this.#options;
    await this.#fenced("writing", () => {
      for (const batch of outgoing) {
        store.check(batch);
        if (delivery === "exactly-once" || batch.role === "changelog") this.#held.push(batch);
        else store.append(batch);
      }
    });
  }

  async commit(offsetsNext: OffsetsNext, note?: string): Promise<void> {
    const { store, commit, id, delivery } = this.#options;
    await this.#fenced("committing", () => {
      // At least once, a commit with which nothing is to be seen is no transaction.
      if (delivery === "exactly-once" || this.#held.length > 0) id?.check();
      const held = this.#held;
      this.#held = [];
      // A topic may have gone since it was written to: all of it or nothing.
      for (const batch of held) store.check(batch);
      store.appendTransaction(held);
      commit(offsetsNext, note);
    });
  }

  async close(): Promise<void> {
    this.kill();
  }

  /** From here on every call rejects as lost; also when the task moves to another member. */
  kill(): void {
    this.#isDead = true;
    this.#held = [];
  }

  async #fenced(doing: string, effect: () => void): Promise<void> {
    this.#checkAlive(doing);
    try {
      effect();
    } catch (error) {
      this.kill();
      if (error instanceof OperationError && error.code === "MR_FENCED")
        throw new TaskReopenError(error.message, { cause: error });
      if (error instanceof RecordRefusedError || !(error instanceof OperationError)) throw error;
      throw new TaskFatalError(`${doing} for task ${this.#options.task}: ${error.message}`, { cause: error });
    }
    await Promise.resolve();
    this.#checkAlive(doing);
  }

  #checkAlive(doing: string): void {
    if (!this.#isDead) return;
    throw new TaskLostError(`${doing} for task ${this.#options.task}: the task belongs to another owner now`);
  }
}
