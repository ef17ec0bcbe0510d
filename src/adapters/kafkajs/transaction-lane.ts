import { messageOf } from "../../kernel/index.ts";
import { type TaskId, TaskReopenError } from "../../runtime/index.ts";
import type { ClaimOffsets } from "./group-commits.ts";
import type { GroupMember, MemberIdentity } from "./group-member.ts";
import type { RetryContext } from "./retry.ts";
import { type Announce, type Outcome, offsetsKey, type TaskPart, Transaction } from "./transaction.ts";
import type { TransactionalProducer } from "./transactional-producer.ts";

/** What a task wants to be committed together. */
export interface TaskCommit extends Omit<TaskPart, "offsets" | "first"> {
  readonly task: TaskId;
  /** Asked when the transaction begins, with the member that commits; throws when the task is no longer to commit. */
  readonly claim: ClaimOffsets;
}

/** A commit in a lane. */
export interface Waiting extends TaskCommit {
  first: ReadonlySet<string>;
  /** Where it waits. */
  lane: TransactionLane;
  /** Calls it off, unless it is under way. */
  readonly signal: AbortSignal;
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
  readonly announce: Announce | undefined;
  /** How long a transaction waits for one answer. */
  readonly answerMsMax: number;
  /** How long a topic must be unknown on end before it is taken for deleted. */
  readonly unknownTopicMs: number;
  /** Ends the lane: what is under way is aborted. */
  readonly signal: AbortSignal;
  /** Resolves when a transaction can begin: no join is under way, and there is a producer. */
  ready(): Promise<TransactionalProducer>;
  commit(producer: TransactionalProducer): Promise<void>;
  /** The transaction is given up; it ends beside what comes next. */
  abort(producer: TransactionalProducer, error: unknown): void;
  /** A task whose partitions cannot be written to in time: it goes on by itself. Undefined where it is by itself. */
  moveOut?(waiting: Waiting): void;
}

/**
 * The commits of several tasks of one member, one transaction at a time: it carries whatever tasks have to commit when it
 * begins, and they are committed together.
 *
 * A task whose part is refused is told so, and the transaction is aborted; the parts of the others are still at hand, and
 * go into the next one. A task whose part takes too long is moved out, so that it makes nobody else late.
 */
export class TransactionLane {
  readonly #options: LaneOptions;
  #waiting: Waiting[] = [];
  #isRunning = false;
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
        if (waiting.lane.#remove(waiting)) reject(signal.reason);
      };
      const done = (): void => signal.removeEventListener("abort", cut);
      const waiting: Waiting = {
        ...part,
        first: new Set(),
        lane: this,
        signal,
        resolve: () => {
          done();
          resolve();
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      signal.addEventListener("abort", cut, { once: true });
      this.take(waiting);
    });
  }

  /** Takes over a commit from another lane. */
  take(waiting: Waiting): void {
    waiting.lane = this;
    this.#waiting.push(waiting);
    if (this.#isRunning) return;
    this.#isRunning = true;
    // What other tasks commit in this turn goes with it.
    setImmediate(() => void this.#run());
  }

  #remove(waiting: Waiting): boolean {
    const place = this.#waiting.indexOf(waiting);
    if (place !== -1) this.#waiting.splice(place, 1);
    return place !== -1;
  }

  /** Resolves when the producer writes no transaction here. */
  async released(producer: TransactionalProducer): Promise<void> {
    while (this.#producer === producer) await this.#round;
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
    const { member, abort } = this.#options;
    // R3: one identity for all, in the turn in which each task says that it is still owned.
    const as = member.identity;
    const parts = this.#waiting.splice(0).flatMap((one) => claimedBy(one, as));
    if (parts.length === 0) return;
    this.#producer = producer;
    const transaction = new Transaction({ ...this.#options, producer, as, parts });
    const outcome = await transaction.written();
    if (outcome.isThere) await this.#commit(producer, parts);
    else {
      abort(producer, outcome.error);
      this.#goOn(parts, outcome);
    }
    this.#producer = undefined;
  }

  /** After an abort: who was refused is told so, and the others are next. */
  #goOn(parts: readonly Claimed[], { failures, late }: Outcome<Claimed>): void {
    const { moveOut } = this.#options;
    for (const part of parts) {
      const { waiting, first } = part;
      const lateKeys = late.get(part) ?? [];
      waiting.first = new Set([...first, ...lateKeys]);
      const isPartitionLate = [...lateKeys].some((key) => key !== offsetsKey);
      if (failures.has(part)) waiting.reject(failures.get(part));
      // Called off while it was under way: whoever did so expects nothing of it any more.
      else if (waiting.signal.aborted) waiting.reject(waiting.signal.reason);
      else if (isPartitionLate && moveOut !== undefined) moveOut(waiting);
      else this.#waiting.push(waiting);
    }
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
    const { batches, first, send } = waiting;
    return [{ waiting, batches, first, send, offsets: waiting.claim(as) }];
  } catch (error) {
    waiting.reject(error);
    return [];
  }
}
