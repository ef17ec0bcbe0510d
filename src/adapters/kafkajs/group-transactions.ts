import type { Clock, Logger } from "../../kernel/index.ts";
import type { TaskId } from "../../runtime/index.ts";
import type { GroupMember } from "./group-member.ts";
import type { TransactionCoordinator } from "./transaction-coordinator.ts";
import { type TaskCommit, TransactionLane } from "./transaction-lane.ts";
import { TransactionalIds } from "./transactional-ids.ts";

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
  /** Resolves while no join is under way, and rejects when the member has ended. */
  settled(): Promise<void>;
  /** The member has ended: what is under way is aborted. */
  readonly signal: AbortSignal;
}

/** The transactions of one member: of all its tasks together, one at a time. */
export class GroupTransactions {
  readonly #options: GroupTransactionsOptions;
  readonly #ids: TransactionalIds;
  readonly #lane: TransactionLane;
  /** Nobody waits for a coordinator any more. */
  readonly #closed = new AbortController();

  constructor(options: GroupTransactionsOptions) {
    const { group, name, member, coordinator, isSecondVersion, clock, logger, forgetCoordinator, signal } = options;
    this.#options = options;
    this.#ids = new TransactionalIds({ name, coordinator, isSecondVersion, logger, signal: this.#closed.signal });
    this.#lane = new TransactionLane({
      group,
      member,
      clock,
      forgetCoordinator,
      signal,
      ready: async () => {
        for (;;) {
          await options.settled();
          const producer = this.#ids.free(() => true);
          if (producer !== undefined) return producer;
          await this.#ids.freed(() => true);
        }
      },
      commit: (producer) => coordinator.end(producer, true, this.#closed.signal),
      abort: (producer, error) => this.#ids.giveUp(producer, error),
    });
  }

  /** Takes the id of a task that is being opened: what was begun under it is over when this resolves. */
  async open(task: TaskId, isOwned: () => boolean, signal: AbortSignal): Promise<void> {
    const before = this.#ids.drop(task);
    await this.#lane.settled(task, before);
    await this.#ids.take(task, isOwned, signal);
  }

  /** The task belongs to others, who take its id. */
  drop(task: TaskId): void {
    this.#ids.drop(task);
  }

  /** Resolves when what the task has handed over is committed. @throws TaskReopenError when that is not known */
  commit(part: TaskCommit, signal: AbortSignal): Promise<void> {
    return this.#lane.commit(part, signal);
  }

  /** Resolves when no transaction is under way that has a part of the task. */
  settled(task: TaskId): Promise<void> {
    return this.#lane.settled(task);
  }

  /** Waits for what is being aborted, but not for long. */
  async leave(): Promise<void> {
    const over = new AbortController();
    const patience = this.#options.clock.sleep(leaveMsMax, over.signal).catch(() => undefined);
    await Promise.race([this.#lane.idle().then(() => this.#ids.settled()), patience]);
    over.abort();
    this.close();
  }

  /** Nothing is waited for any more. */
  close(): void {
    this.#closed.abort(new Error(`the member of group ${this.#options.group} has ended`));
  }
}
