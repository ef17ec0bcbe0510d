import { type OffsetsNext, OperationError } from "../../kernel/index.ts";
import {
  RecordRefusedError,
  TaskFatalError,
  type TaskHandle,
  type TaskId,
  TaskLostError,
} from "../../runtime/index.ts";
import type { Outgoing } from "../../wire/index.ts";
import type { TopicStore } from "./store.ts";

/** What a handle works on: the topics it writes to, and where committed offsets go. */
export interface HandleOptions {
  readonly task: TaskId;
  readonly offsetsNext: OffsetsNext;
  readonly store: TopicStore;
  commit(offsets: OffsetsNext): void;
}

/**
 * A task's write side. Writes are durable at once (as durable as memory is), so a commit has only the fence to
 * pass: the membership kills the handles of tasks that it no longer owns. Each call answers one microtask later, so that a `close` in the same turn makes it reject, as a real
 * client's would; what it wrote stays written, which at-least-once allows.
 */
export class MemoryTaskHandle implements TaskHandle {
  readonly offsetsNext: OffsetsNext;
  readonly #options: HandleOptions;
  #isDead = false;

  constructor(options: HandleOptions) {
    this.offsetsNext = options.offsetsNext;
    this.#options = options;
  }

  async write(outgoing: readonly Outgoing[]): Promise<void> {
    await this.#fenced("writing", () => {
      for (const batch of outgoing) {
        this.#options.store.check(batch);
        this.#options.store.append(batch);
      }
    });
  }

  async commit(offsetsNext: OffsetsNext): Promise<void> {
    await this.#fenced("committing", () => this.#options.commit(offsetsNext));
  }

  async close(): Promise<void> {
    this.kill();
  }

  /** From here on every call rejects as lost; also when the task moves to another member. */
  kill(): void {
    this.#isDead = true;
  }

  async #fenced(doing: string, effect: () => void): Promise<void> {
    this.#checkAlive(doing);
    try {
      effect();
    } catch (error) {
      this.#isDead = true;
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
