import { type Clock, type Logger, say } from "../../kernel/index.ts";
import type { TaskId } from "../../runtime/index.ts";
import type { GroupMember } from "./group-member.ts";
import type { Announce } from "./transaction.ts";
import type { TransactionCoordinator } from "./transaction-coordinator.ts";
import { type TaskCommit, TransactionLane, type Waiting } from "./transaction-lane.ts";
import { TransactionalIds } from "./transactional-ids.ts";
import type { TransactionalProducer } from "./transactional-producer.ts";

/** How long a member that leaves waits for its transactions to be aborted; whoever gets its tasks ends them otherwise. */
const leaveMsMax = 2_000;

export interface GroupTransactionsOptions {
  readonly group: string;
  /** Stem of the transactional ids, `<name>.<task>`. */
  readonly name: string;
  readonly member: Pick<GroupMember, "identity" | "commitIn">;
  readonly coordinator: TransactionCoordinator;
  readonly isSecondVersion: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  forgetCoordinator(): void;
  /** How long a transaction waits for one answer before it is given up, for those that are in it and have theirs. */
  readonly answerMsMax: number;
  /** How long a topic must be unknown on end before it is taken for deleted. */
  readonly unknownTopicMs: number;
  /** What has a transaction of its own: all tasks of the member together, or each. */
  readonly unit?: "member" | "task" | undefined;
  /** Resolves while no join is under way, and rejects when the member has ended. */
  settled(): Promise<void>;
  /** Resolves when the group says that this member is in it, and rejects when it is not. */
  confirmMember(signal: AbortSignal): Promise<void>;
  /** The member has ended: what is under way is aborted. */
  readonly signal: AbortSignal;
}

/**
 * The transactions of one member: of all its tasks together, one at a time. A task whose partitions cannot be written to
 * in time has transactions of its own, side by side with those of the others, until it has committed.
 */
export class GroupTransactions {
  readonly #options: GroupTransactionsOptions;
  readonly #ids: TransactionalIds;
  readonly #common: TransactionLane;
  /** Of tasks that go on by themselves. */
  readonly #apart = new Map<TaskId, TransactionLane>();
  /** What has been handed over and is not decided, by task. */
  readonly #undecided = new Map<TaskId, Promise<void>>();
  /** Nobody waits for a coordinator any more. */
  readonly #closed = new AbortController();

  constructor(options: GroupTransactionsOptions) {
    const { logger } = options;
    this.#options = options;
    this.#ids = new TransactionalIds({ ...options, signal: this.#closed.signal });
    this.#common = this.#lane(
      (task) => !this.#apart.has(task),
      (waiting) => {
        say(logger, "taskCommitsApart", { group: options.group, task: String(waiting.task) });
        this.#laneApart(waiting.task).take(waiting);
      },
    );
  }

  /** Takes the id of a task that is being opened: what was begun under it is over when this resolves. */
  async open(task: TaskId, isOwned: () => boolean, signal: AbortSignal): Promise<void> {
    const before = this.#ids.drop(task);
    await this.settled(task);
    if (before !== undefined) for (const lane of this.#lanes()) await lane.released(before);
    await this.#ids.take(task, isOwned, signal);
  }

  /** The task belongs to others, who take its id. */
  drop(task: TaskId): void {
    this.#ids.drop(task);
  }

  /** Resolves when what the task has handed over is committed. @throws TaskReopenError when that is not known */
  async commit(part: TaskCommit, signal: AbortSignal): Promise<void> {
    const isEachByItself = this.#options.unit === "task";
    const lane = isEachByItself ? this.#laneApart(part.task) : this.#common;
    const commit = lane.commit(part, signal);
    const before = this.#undecided.get(part.task);
    this.#undecided.set(
      part.task,
      Promise.allSettled([before, commit]).then(() => undefined),
    );
    try {
      await commit;
    } finally {
      if (!isEachByItself) this.#apart.delete(part.task);
    }
  }

  /** Resolves when nothing is undecided that the task has handed over, be it under way or waiting. */
  async settled(task: TaskId): Promise<void> {
    await this.#undecided.get(task);
  }

  /** Waits for what is being aborted, but not for long. */
  async leave(): Promise<void> {
    const over = new AbortController();
    const patience = this.#options.clock.sleep(leaveMsMax, over.signal).catch(() => undefined);
    const idle = Promise.all(this.#lanes().map((lane) => lane.idle())).then(() => this.#ids.settled());
    await Promise.race([idle, patience]);
    over.abort();
    this.close();
  }

  /** Nothing is waited for any more. */
  close(): void {
    this.#closed.abort(new Error(`the member of group ${this.#options.group} has ended`));
  }

  #lanes(): TransactionLane[] {
    return [this.#common, ...this.#apart.values()];
  }

  #laneApart(task: TaskId): TransactionLane {
    const known = this.#apart.get(task);
    if (known !== undefined) return known;
    const lane = this.#lane((other) => other === task);
    this.#apart.set(task, lane);
    return lane;
  }

  #lane(isAmong: (task: TaskId) => boolean, moveOut?: (waiting: Waiting) => void): TransactionLane {
    const { group, coordinator, isSecondVersion } = this.#options;
    const announce: Announce = (producer, { partitions, hasOffsets }, over) =>
      coordinator.announce(producer, { partitions, group: hasOffsets ? group : undefined }, over);
    return new TransactionLane({
      ...this.#options,
      announce: isSecondVersion ? undefined : announce,
      ready: () => this.#ready(isAmong),
      commit: (producer) => coordinator.end(producer, true, this.#closed.signal),
      abort: (producer, error) => this.#ids.giveUp(producer, error),
      ...(moveOut === undefined ? {} : { moveOut }),
    });
  }

  async #ready(isAmong: (task: TaskId) => boolean): Promise<TransactionalProducer> {
    for (;;) {
      await this.#options.settled();
      const producer = this.#ids.free(isAmong);
      if (producer !== undefined) return producer;
      await this.#ids.freed(isAmong);
    }
  }
}
