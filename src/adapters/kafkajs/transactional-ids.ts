import { type Logger, messageOf } from "../../kernel/index.ts";
import { type TaskId, TaskLostError } from "../../runtime/index.ts";
import { isProducerReplaced, verdictOf } from "./errors.ts";
import type { TransactionCoordinator } from "./transaction-coordinator.ts";
import type { TransactionalProducer } from "./transactional-producer.ts";

export interface TransactionalIdsOptions {
  /** Stem of the ids, `<name>.<task>`. */
  readonly name: string;
  readonly coordinator: TransactionCoordinator;
  readonly isSecondVersion: boolean;
  readonly logger: Logger;
  /** Ends what still waits for a coordinator. */
  readonly signal: AbortSignal;
}

interface Held {
  readonly transactionalId: string;
  /** Undefined when somebody else may have it: it is taken before it is used. */
  producer: TransactionalProducer | undefined;
  /** A transaction under it was given up and is being ended. */
  ending: Promise<void> | undefined;
}

/**
 * The transactional ids of a member: one per task that it has opened, named after the task.
 *
 * Whoever opens a task takes its id, and with that ends whatever an owner before has left open under it. Transactions of
 * several tasks are written under the id of any one of them: as every partition of a group is somebody's, every id is
 * taken again when its holder dies, and nobody needs to know which ids were in use.
 */
export class TransactionalIds {
  readonly #options: TransactionalIdsOptions;
  readonly #held = new Map<TaskId, Held>();
  readonly #ending = new Set<Promise<void>>();

  constructor(options: TransactionalIdsOptions) {
    this.#options = options;
  }

  /** Takes the id of a task that is being opened. @param isOwned asked when it is there */
  async take(task: TaskId, isOwned: () => boolean, signal: AbortSignal): Promise<void> {
    const transactionalId = `${this.#options.name}.${task}`;
    const producer = await this.#take(transactionalId, signal);
    if (!isOwned()) throw new TaskLostError(`task ${task} moved while its transactional id was taken`);
    this.#held.set(task, { transactionalId, producer, ending: undefined });
  }

  /** The task's id is not used for what begins from now on. @returns who was its producer */
  drop(task: TaskId): TransactionalProducer | undefined {
    const held = this.#held.get(task);
    this.#held.delete(task);
    return held?.producer;
  }

  /** For a transaction of some of these tasks: the producer of the first of them under whose id none is being ended. */
  free(isAmong: (task: TaskId) => boolean): TransactionalProducer | undefined {
    for (const [task, { producer, ending }] of this.#held) {
      if (producer !== undefined && ending === undefined && isAmong(task)) return producer;
    }
    return undefined;
  }

  /** Resolves when there may be a free one. */
  async freed(isAmong: (task: TaskId) => boolean): Promise<void> {
    const among = [...this.#held].filter(([task]) => isAmong(task)).map(([, held]) => held);
    const ending = among.flatMap((held) => held.ending ?? []);
    const [first] = among;
    if (ending.length > 0) await Promise.race(ending);
    else if (first === undefined) throw new TaskLostError(`no task of ${this.#options.name} is left to this member`);
    else first.producer = await this.#take(first.transactionalId, this.#options.signal);
  }

  /** The producer's transaction is given up: it is aborted, for as long as it takes, beside what comes next. */
  giveUp(producer: TransactionalProducer, error: unknown): void {
    const held = [...this.#held.values()].find((one) => one.producer === producer);
    if (isProducerReplaced(error)) {
      if (held !== undefined) held.producer = undefined;
      return;
    }
    const ending = this.#end(producer).then((next) => {
      if (held === undefined) return;
      held.producer = next;
      held.ending = undefined;
    });
    if (held !== undefined) held.ending = ending;
    this.#ending.add(ending);
    void ending.finally(() => this.#ending.delete(ending));
  }

  /** Resolves when nothing is being ended any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#ending);
  }

  /** @returns as whom to go on; undefined when somebody else may have the id */
  async #end(producer: TransactionalProducer): Promise<TransactionalProducer | undefined> {
    const { coordinator, isSecondVersion, signal, logger } = this.#options;
    const { transactionalId } = producer;
    while (!signal.aborted) {
      try {
        await coordinator.end(producer, false, signal);
        // In the first version what is still on its way could come into the next transaction of the same epoch: the id is
        // taken anew before that.
        return isSecondVersion ? producer : undefined;
      } catch (error) {
        const fields = { transactionalId, reason: messageOf(error) };
        logger.debug(fields, "A transaction could not be aborted.");
        const verdict = verdictOf(error);
        if (verdict !== "again" && verdict !== "elsewhere") return undefined;
      }
    }
    return undefined;
  }

  #take(transactionalId: string, signal: AbortSignal): Promise<TransactionalProducer> {
    const { coordinator, isSecondVersion } = this.#options;
    return coordinator.take(transactionalId, isSecondVersion, signal);
  }
}
