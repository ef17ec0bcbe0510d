import { BackOff, type Clock, type Logger, messageOf, say } from "../../kernel/index.ts";
import { type TaskId, TaskLostError } from "../../runtime/index.ts";
import { isProducerReplaced, verdictOf } from "./errors.ts";
import type { TransactionCoordinator } from "./transaction-coordinator.ts";
import type { TransactionalProducer } from "./transactional-producer.ts";

/** Between attempts to take an id anew; the coordinator is asked for half a minute in each. */
const retakePauses = { firstMs: 20, factor: 2, lastMs: 1_000 };

export interface TransactionalIdsOptions {
  /** Stem of the ids, `<name>.<task>`. */
  readonly name: string;
  readonly coordinator: TransactionCoordinator;
  readonly isSecondVersion: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Resolves when the group says that this member is in it, and rejects when it is not: asked before any id is taken. */
  confirmMember(signal: AbortSignal): Promise<void>;
  /** Ends what still waits for a coordinator. */
  readonly signal: AbortSignal;
}

interface Held {
  readonly transactionalId: string;
  /** Undefined when somebody else may have it: it is taken before it is used. */
  producer: TransactionalProducer | undefined;
  /** A transaction under it was given up and is being ended, or the id is being taken anew. */
  isBusy: boolean;
  /** Why it could not be taken anew. */
  failure: unknown;
  /** Aborted when the task is dropped. */
  readonly dropped: AbortController;
}

/**
 * The transactional ids of a member: one per task that it has opened, named after the task.
 *
 * Whoever opens a task takes its id, and with that ends whatever an owner before has left open under it. Transactions of
 * several tasks are written under the id of any one of them: as every partition of a group is somebody's, every id is
 * taken again when its holder dies, and nobody needs to know which ids were in use.
 *
 * An id that somebody else may have is taken anew at once, and not when it is next needed: what is open under it hides
 * what others write, and its own task may have had no part in it, so that nobody else would come to end it.
 */
export class TransactionalIds {
  readonly #options: TransactionalIdsOptions;
  readonly #held = new Map<TaskId, Held>();
  /** What goes on beside the transactions. */
  readonly #beside = new Set<Promise<void>>();
  #onChange: (() => void)[] = [];
  /** Whose id was given last. */
  #last: Held | undefined;

  constructor(options: TransactionalIdsOptions) {
    this.#options = options;
  }

  /** Takes the id of a task that is being opened. @param isOwned asked when it is there */
  async take(task: TaskId, isOwned: () => boolean, signal: AbortSignal): Promise<void> {
    const transactionalId = `${this.#options.name}.${task}`;
    const producer = await this.#take(transactionalId, signal);
    if (!isOwned()) throw new TaskLostError(`task ${task} moved while its transactional id was taken`);
    const dropped = new AbortController();
    this.#held.set(task, { transactionalId, producer, isBusy: false, failure: undefined, dropped });
    this.#changed();
  }

  /** The task's id is not used for what begins from now on. @returns who was its producer */
  drop(task: TaskId): TransactionalProducer | undefined {
    const held = this.#held.get(task);
    this.#held.delete(task);
    held?.dropped.abort(new TaskLostError(`task ${task} of ${this.#options.name} was dropped`));
    this.#changed();
    return held?.producer;
  }

  /**
   * For a transaction of some of these tasks: the producer of the first of them under whose id none is being ended, or of
   * the second if the transaction before was the first one's. Markers of what was committed may be on their way, and until
   * they are there brokers hold back whoever writes under the same id, for 20 ms at a time. Not of all in turn: a partition
   * keeps account of every producer that has written to it.
   */
  free(isAmong: (task: TaskId) => boolean): TransactionalProducer | undefined {
    const free = this.#among(isAmong).filter(isFree);
    const next = free.find((held) => held !== this.#last) ?? free[0];
    this.#last = next;
    return next?.producer;
  }

  /** To be asked when none is free: resolves when there may be one. @throws why there will be none */
  async freed(isAmong: (task: TaskId) => boolean): Promise<void> {
    const among = this.#among(isAmong);
    if (among.length === 0) throw new TaskLostError(`no task of ${this.#options.name} is left to this member`);
    const { signal } = this.#options;
    signal.throwIfAborted();
    if (among.every(({ isBusy }) => !isBusy)) throw among[0]?.failure;
    await new Promise<void>((resolve) => {
      this.#onChange.push(resolve);
    });
  }

  /** The producer's transaction is given up: it is aborted, for as long as it takes, beside what comes next. */
  giveUp(producer: TransactionalProducer, error: unknown): void {
    const held = [...this.#held.values()].find((one) => one.producer === producer);
    if (held !== undefined) held.isBusy = true;
    const isReplaced = isProducerReplaced(error);
    const beside = (isReplaced ? Promise.resolve(false) : this.#isAborted(producer)).then(async (isStillOurs) => {
      if (held === undefined) return;
      if (!isStillOurs) await this.#takeAnew(held);
      held.isBusy = false;
      this.#changed();
    });
    this.#beside.add(beside);
    void beside.finally(() => this.#beside.delete(beside));
  }

  /** Resolves when nothing is being ended any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#beside);
  }

  /** @returns whether the producer may go on; somebody else may have the id otherwise */
  async #isAborted(producer: TransactionalProducer): Promise<boolean> {
    const { coordinator, isSecondVersion, signal, logger } = this.#options;
    const { transactionalId } = producer;
    while (!signal.aborted) {
      try {
        await coordinator.end(producer, false, signal);
        // In the first version what is still on its way could come into the next transaction of the same epoch: the id is
        // taken anew before that.
        return isSecondVersion;
      } catch (error) {
        say(logger, "transactionNotAborted", { transactionalId, reason: messageOf(error) });
        const verdict = verdictOf(error);
        if (verdict !== "again" && verdict !== "elsewhere") return false;
      }
    }
    return false;
  }

  /** For as long as the task is this member's and nobody says that it may not have the id. Never rejects. */
  async #takeAnew(held: Held): Promise<void> {
    const { signal, clock, logger } = this.#options;
    const { transactionalId, dropped } = held;
    held.producer = undefined;
    const over = AbortSignal.any([signal, dropped.signal]);
    const pauses = new BackOff(retakePauses);
    while (!over.aborted) {
      try {
        held.producer = await this.#take(transactionalId, over);
        return;
      } catch (error) {
        held.failure = error;
        const verdict = verdictOf(error);
        if (over.aborted || (verdict !== "again" && verdict !== "elsewhere" && verdict !== "rejoin")) return;
        say(logger, "transactionalIdNotTaken", { transactionalId, reason: messageOf(error) });
        await clock.sleep(pauses.next(), over).catch(() => undefined);
      }
    }
  }

  /** Whoever was given up by the group without knowing would end what the owner of now is doing, so the group is asked. */
  async #take(transactionalId: string, signal: AbortSignal): Promise<TransactionalProducer> {
    const { coordinator, isSecondVersion, confirmMember } = this.#options;
    await confirmMember(signal);
    return coordinator.take(transactionalId, isSecondVersion, signal);
  }

  #among(isAmong: (task: TaskId) => boolean): Held[] {
    return [...this.#held].filter(([task]) => isAmong(task)).map(([, held]) => held);
  }

  #changed(): void {
    for (const resolve of this.#onChange.splice(0)) resolve();
  }
}

function isFree({ producer, isBusy }: Held): boolean {
  return producer !== undefined && !isBusy;
}
