import { messageOf, type OffsetsNext, OperationError } from "../../kernel/index.ts";
import {
  TaskFatalError,
  type TaskHandle,
  TaskHandleError,
  type TaskId,
  TaskLostError,
  TaskReopenError,
} from "../../runtime/index.ts";
import type { Outgoing } from "../../wire/index.ts";
import { operationError, verdictOf } from "./errors.ts";
import { ProduceLanes, type SendBatch } from "./produce-lanes.ts";

/** Bytes that one task may have queued or in flight before `write` waits. */
const writeBytesMax = 4 * 1024 * 1024;

/** What a task commits. */
export interface Commitment {
  readonly offsetsNext: OffsetsNext;
  /** Batches that are seen with it or never. */
  readonly held?: readonly Outgoing[] | undefined;
  /** Kept with each of the offsets. */
  readonly note?: string | undefined;
}

/** What a handle needs of its membership. */
export interface HandleOwner {
  readonly group: string;
  readonly task: TaskId;
  /** Resolves when the group is not in the middle of a join; rejects as lost when the task is no longer owned. */
  owned(): Promise<void>;
  /** Commits as the current member, with what was held back; rejects as lost when the task is no longer owned. */
  commit(commit: Commitment, signal: AbortSignal): Promise<void>;
  /** Resolves when no commit of the task is on its way any more. */
  settled(): Promise<void>;
  /** Whether a batch is to be seen with the commit or never: then it is held back until that. */
  isHeld(outgoing: Outgoing): boolean;
}

/**
 * A task's write side. What is not held back is confirmed first, and then what is held back and the offsets are committed
 * together. Nobody waits for room for what is held back: as much comes as a chunk has, and the commit ends the chunk.
 */
export class KafkaTaskHandle implements TaskHandle {
  readonly offsetsNext: OffsetsNext;
  readonly notes: ReadonlyMap<string, string>;
  readonly #owner: HandleOwner;
  readonly #lanes: ProduceLanes;
  readonly #end = new AbortController();
  #held: Outgoing[] = [];
  /** How to reject each call that is under way. */
  readonly #pending = new Set<(error: unknown) => void>();

  constructor(
    owner: HandleOwner,
    at: { readonly offsetsNext: OffsetsNext; readonly notes: ReadonlyMap<string, string> },
    send: SendBatch,
  ) {
    this.#owner = owner;
    this.offsetsNext = at.offsetsNext;
    this.notes = at.notes;
    this.#lanes = new ProduceLanes(send, writeBytesMax);
  }

  write(outgoing: readonly Outgoing[]): Promise<void> {
    return this.#guarded("writing", async () => {
      await this.#owner.owned();
      const direct: Outgoing[] = [];
      for (const batch of outgoing) (this.#owner.isHeld(batch) ? this.#held : direct).push(batch);
      await this.#lanes.write(direct);
    });
  }

  commit(offsetsNext: OffsetsNext, note?: string): Promise<void> {
    return this.#guarded("committing", async () => {
      await this.#lanes.flush();
      const held = this.#held;
      this.#held = [];
      // R1: offsets only after everything written is confirmed. R3: the owner looks, when it asks, whether it still is.
      await this.#owner.commit({ offsetsNext, held, note }, this.#end.signal);
    });
  }

  async close(): Promise<void> {
    this.end(new TaskLostError(`task ${this.#owner.task} of group ${this.#owner.group}: its handle was closed`));
    await Promise.all([this.#lanes.settled(), this.#owner.settled()]);
  }

  /** From here on every pending and later call rejects with `error`. */
  end(error: TaskHandleError): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort(error);
    this.#lanes.fail(error);
    this.#held = [];
    for (const reject of this.#pending) reject(error);
  }

  async #guarded(doing: string, work: () => Promise<void>): Promise<void> {
    try {
      this.#end.signal.throwIfAborted();
      await this.#unlessEnded(work());
      this.#end.signal.throwIfAborted();
    } catch (error) {
      const failure = handleError(`${doing} for task ${this.#owner.task} of group ${this.#owner.group}`, error);
      // A throw means that the handle is dead.
      this.end(failure);
      throw failure;
    }
  }

  /** Settles as `work` does, or when the handle ends. A race with one promise for all calls would keep every one of them. */
  #unlessEnded(work: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      work.then(resolve, reject).finally(() => this.#pending.delete(reject));
    });
  }
}

/** Says what follows an error of the client: open again, close quietly, or halt the stage. */
export function handleError(doing: string, error: unknown): TaskHandleError {
  if (error instanceof TaskHandleError) return error;
  const message = `${doing}: ${messageOf(error)}`;
  if (error instanceof OperationError && error.disposition === "halt")
    return new TaskFatalError(message, { cause: error });
  // With the code under which a refusal is known: what halts a stage is read by it.
  if (verdictOf(error) === "denied") return new TaskFatalError(message, { cause: operationError(doing, error) });
  return new TaskReopenError(message, { cause: error });
}
