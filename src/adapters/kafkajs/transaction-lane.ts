import { messageOf } from "../../kernel/index.ts";
import { type TaskId, TaskReopenError } from "../../runtime/index.ts";
import type { ClaimOffsets } from "./group-commits.ts";
import type { GroupMember, MemberIdentity } from "./group-member.ts";
import type { RetryContext } from "./retry.ts";
import { type TaskPart, Transaction } from "./transaction.ts";
import type { TransactionalProducer } from "./transactional-producer.ts";

/** What a task wants to be committed together. */
export interface TaskCommit extends Omit<TaskPart, "offsets"> {
  readonly task: TaskId;
  /** Asked when the transaction begins, with the member that commits; throws when the task is no longer to commit. */
  readonly claim: ClaimOffsets;
}

interface Waiting extends TaskCommit {
  resolve(): void;
  reject(error: unknown): void;
}

interface Claimed extends TaskPart {
  readonly waiting: Waiting;
}

export interface LaneOptions {
  readonly group: string;
  readonly member: Pick<GroupMember, "identity" | "commitIn">;
  readonly clock: RetryContext["clock"];
  forgetCoordinator(): void;
  /** Ends the lane: what is under way is aborted. */
  readonly signal: AbortSignal;
  /** Resolves when a transaction can begin: no join is under way, and there is a producer. */
  ready(): Promise<TransactionalProducer>;
  commit(producer: TransactionalProducer): Promise<void>;
  /** The transaction is given up; it ends beside what comes next. */
  abort(producer: TransactionalProducer, error: unknown): void;
}

/**
 * The commits of several tasks of one member, one transaction at a time: it carries whatever tasks have to commit when it
 * begins, and they are committed together.
 *
 * A task whose part is refused is told so, and the transaction is aborted; the parts of the others are still at hand, and
 * go into the next one.
 */
export class TransactionLane {
  readonly #options: LaneOptions;
  #waiting: Waiting[] = [];
  #isRunning = false;
  #underWay: readonly TaskId[] = [];
  #producer: TransactionalProducer | undefined;
  #round: Promise<void> = Promise.resolve();

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the task's part is committed. A commit that still waits when `signal` is aborted is not made; what is
   * under way then is awaited.
   */
  commit(part: TaskCommit, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const cut = (): void => {
        const place = this.#waiting.indexOf(waiting);
        if (place === -1) return;
        this.#waiting.splice(place, 1);
        reject(signal.reason);
      };
      const done = (): void => signal.removeEventListener("abort", cut);
      const waiting: Waiting = {
        ...part,
        resolve: () => {
          done();
          resolve();
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      this.#waiting.push(waiting);
      signal.addEventListener("abort", cut, { once: true });
      if (this.#isRunning) return;
      this.#isRunning = true;
      // What other tasks commit in this turn goes with it.
      setImmediate(() => void this.#run());
    });
  }

  /** Resolves when no transaction is under way that has a part of the task, or that the producer writes. */
  async settled(task: TaskId, producer?: TransactionalProducer): Promise<void> {
    const isUnderWay = (): boolean =>
      this.#underWay.includes(task) || (producer !== undefined && this.#producer === producer);
    while (isUnderWay()) await this.#round;
  }

  /** Resolves when no transaction is under way. */
  async idle(): Promise<void> {
    await this.#round;
  }

  async #run(): Promise<void> {
    const { ready } = this.#options;
    while (this.#waiting.length > 0) {
      let producer: TransactionalProducer;
      try {
        producer = await ready();
      } catch (error) {
        for (const { reject } of this.#waiting.splice(0)) reject(error);
        continue;
      }
      this.#round = this.#transact(producer);
      await this.#round;
    }
    this.#isRunning = false;
  }

  async #transact(producer: TransactionalProducer): Promise<void> {
    const { member, clock, forgetCoordinator, signal, abort } = this.#options;
    // R3: one identity for all, in the turn in which each task says that it is still owned.
    const as = member.identity;
    const parts = this.#waiting.splice(0).flatMap((one) => claimedBy(one, as));
    if (parts.length === 0) return;
    this.#underWay = parts.map(({ waiting }) => waiting.task);
    this.#producer = producer;
    const transaction = new Transaction({ producer, member, as, parts, clock, forgetCoordinator, signal });
    const failures = await transaction.written();
    const [failure] = failures.values();
    if (failures.size === 0) await this.#commit(producer, parts);
    else {
      abort(producer, failure);
      for (const [{ waiting }, error] of failures) waiting.reject(error);
      this.#waiting.unshift(...parts.filter((part) => !failures.has(part)).map(({ waiting }) => waiting));
    }
    this.#underWay = [];
    this.#producer = undefined;
  }

  async #commit(producer: TransactionalProducer, parts: readonly Claimed[]): Promise<void> {
    const { commit, abort, group } = this.#options;
    try {
      await commit(producer);
      for (const { waiting } of parts) waiting.resolve();
    } catch (error) {
      // The offsets say what became of it: each task is opened again, and waits for them to be stable.
      abort(producer, error);
      const message = `committing for group ${group}: it is not known what became of it: ${messageOf(error)}`;
      for (const { waiting } of parts) waiting.reject(new TaskReopenError(message, { cause: error }));
    }
  }
}

function claimedBy(waiting: Waiting, as: MemberIdentity): Claimed[] {
  try {
    return [{ waiting, batches: waiting.batches, offsets: waiting.claim(as), send: waiting.send }];
  } catch (error) {
    waiting.reject(error);
    return [];
  }
}
