import { setMaxListeners } from "node:events";
import { BackOff, type Clock, type Logger, messageOf, OperationError, say } from "../../kernel/index.ts";
import type { TaskId } from "../../runtime/index.ts";
import { isFenced, KafkaAnswerError, kafkaCode, type Verdict, verdictOf } from "./errors.ts";
import type { GroupMember, GroupTimings } from "./group-member.ts";
import type { ClusterLink } from "./link.ts";

export interface SessionOptions {
  readonly group: string;
  readonly member: GroupMember;
  readonly link: ClusterLink;
  readonly clock: Clock;
  readonly timings: GroupTimings;
  readonly logger: Logger;
  /** Ends the session. */
  readonly signal: AbortSignal;
  ownedTasks(): readonly TaskId[];
  /** Nothing may be delivered until the next generation. */
  hold(): void;
  revoke(tasks: readonly TaskId[], signal: AbortSignal): Promise<void>;
  /** Settles what the new generation means; `signal` ends it when the group rebalances again meanwhile. */
  joined(tasks: readonly TaskId[], signal: AbortSignal): Promise<void>;
  /** The coordinator has made it a member; before its first heartbeat. */
  isMember(): void;
  /** Another process has joined under the instance id: whether its slot is taken back. Otherwise the session has ended. */
  isDisputed(error: unknown): boolean;
  /** The membership cannot go on. */
  failed(error: Error): void;
}

const joinPauses = { firstMs: 100, lastMs: 5_000 } as const;
const leaveMsMax = 3_000;

/**
 * The life of a group member: joining → stable → (revoking →) joining → ...
 *
 *   joining   JoinGroup and SyncGroup are under way; commits and writes wait.
 *   stable    a timer sends heartbeats, whatever the tasks are doing.
 *   revoking  the group rebalances and the tasks commit or drop their chunks, with heartbeats going on;
 *             only then does the member rejoin, so that nobody gets a task that is still at work.
 *
 * A member that the coordinator no longer knows skips revoking: nothing it commits would be accepted. Errors of the
 * network end nothing: the session asks again until the coordinator answers. Only being denied or fenced ends it.
 */
export class Session {
  readonly #options: SessionOptions;
  #phase: "joining" | "stable" | "revoking" = "joining";
  #settledWaiters: { resolve(): void; reject(error: unknown): void }[] = [];
  #wake: () => void = () => undefined;
  #rejoinError: unknown;
  /** When the partitions of the inputs were last counted: at the latest join, or since. */
  #countedMs = 0;
  #isGrown = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => {
      this.#wake();
      for (const waiter of this.#takeWaiters()) waiter.reject(options.signal.reason);
    });
  }

  get isRevoking(): boolean {
    return this.#phase === "revoking";
  }

  /** Resolves when no join is under way; rejects with the reason when the session or `signal` ends first. */
  settled(signal: AbortSignal): Promise<void> {
    const { signal: own } = this.#options;
    if (own.aborted) return Promise.reject(own.reason);
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#phase !== "joining") return Promise.resolve();
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(signal.reason);
      const done = (): void => signal.removeEventListener("abort", ended);
      signal.addEventListener("abort", ended, { once: true });
      this.#settledWaiters.push({
        resolve: () => {
          done();
          resolve();
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
    });
  }

  /** A request was refused as coming from another generation: join again. */
  rejoin(error: unknown): void {
    if (this.#phase !== "stable") return;
    this.#phase = "joining";
    this.#rejoinError = error;
    this.#wake();
  }

  /** Joins and stays in the group until the session ends. */
  async run(): Promise<void> {
    const { signal, clock, logger, group } = this.#options;
    const backOff = new BackOff(joinPauses);
    while (!signal.aborted) {
      try {
        await this.#join();
        backOff.reset();
        await this.#stayUntilRebalance();
      } catch (error) {
        if (signal.aborted) return;
        this.#phase = "joining";
        if (this.#judge(error) === "denied") return;
        // At the longest step the trouble is no longer a passing one, and somebody may want to know.
        const log = backOff.isLongest ? logger.warn : logger.debug;
        log.call(logger, { group, reason: messageOf(error) }, "Joining the group is tried again.");
        await clock.sleep(backOff.next(), signal).catch(() => undefined);
      }
    }
  }

  /** Tells the coordinator, if it is to know; never throws, the session then runs out by itself. */
  async leave(isForGood: boolean): Promise<void> {
    if (!isForGood) return;
    const { member, clock, logger, group } = this.#options;
    const answered = new AbortController();
    const left = member.leave(this.#phase === "joining").catch((error: unknown) => {
      say(logger, "groupLeftUnanswered", { group, reason: messageOf(error) });
    });
    // Whoever coordinates the group may be away.
    await Promise.race([left, clock.sleep(leaveMsMax, answered.signal).catch(() => undefined)]);
    answered.abort();
  }

  async #join(): Promise<void> {
    const { member, ownedTasks, joined, hold, logger, group, signal } = this.#options;
    this.#phase = "joining";
    this.#rejoinError = undefined;
    this.#isGrown = false;
    hold();
    const tasks = await member.join(ownedTasks());
    if (signal.aborted) return;
    this.#options.isMember();
    await this.#beatingWhile((over) => joined(tasks, over));
    if (signal.aborted) return;
    say(logger, "groupJoined", { group, generation: member.generation, tasks: tasks.map(String) });
    this.#phase = "stable";
    this.#countedMs = this.#options.clock.monotonicMs();
    for (const waiter of this.#takeWaiters()) waiter.resolve();
  }

  /**
   * Sends heartbeats beside `work`, which may take longer than a session: offsets are read from a coordinator that may
   * be loading them. Throws what asks for another join, and ends the work then.
   */
  async #beatingWhile(work: (over: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, timings } = this.#options;
    const over = new AbortController();
    const beat = async (): Promise<unknown> => {
      for (;;) {
        await clock.sleep(timings.heartbeatMs, over.signal);
        const error = await this.#heartbeat();
        if (error !== undefined && !over.signal.aborted) return error;
      }
    };
    const working = work(over.signal);
    try {
      const refused = await Promise.race([working, beat()]);
      if (refused !== undefined) throw refused;
    } finally {
      over.abort(new Error("the group goes on without this work"));
      await working.catch(() => undefined);
    }
  }

  async #stayUntilRebalance(): Promise<void> {
    const { signal, timings } = this.#options;
    while (!signal.aborted) {
      await this.#sleepUntilWoken(timings.heartbeatMs);
      if (signal.aborted) return;
      const error = this.#rejoinError ?? (await this.#heartbeat());
      if (error === undefined) {
        void this.#count();
        if (!this.#isGrown) continue;
        await this.#revoke();
        return;
      }
      this.#judge(error);
      if (isRebalance(error)) await this.#revoke();
      return;
    }
  }

  /** An error that asks for a new join; undefined when the member stays, also while nobody answers. */
  async #heartbeat(): Promise<unknown> {
    const { member, link, group, logger } = this.#options;
    try {
      await member.heartbeat();
      return undefined;
    } catch (error) {
      const verdict = verdictOf(error);
      if (verdict === "rejoin" || verdict === "denied") return error;
      link.forgetCoordinator(group);
      say(logger, "heartbeatUnanswered", { group, reason: messageOf(error) });
      return undefined;
    }
  }

  /**
   * Partitions that an input gained are shared out by a rebalance, which any member may start. Heartbeats do not wait
   * for the answer.
   */
  async #count(): Promise<void> {
    const { member, clock, timings, logger, group } = this.#options;
    if (clock.monotonicMs() - this.#countedMs < timings.metadataMs) return;
    this.#countedMs = clock.monotonicMs();
    const { generation } = member;
    try {
      if (!(await member.hasGrown()) || member.generation !== generation || this.#phase !== "stable") return;
    } catch (error) {
      say(logger, "inputsUncounted", { group, reason: messageOf(error) });
      return;
    }
    say(logger, "inputsGrown", { group });
    this.#isGrown = true;
    this.#wake();
  }

  async #revoke(): Promise<void> {
    const { ownedTasks, revoke, hold, timings, signal, clock, logger, group } = this.#options;
    const tasks = ownedTasks();
    hold();
    if (tasks.length === 0) return;
    this.#phase = "revoking";
    // Commits that were refused and wait for the rejoin have their last word now; the rejoin waits for them.
    for (const waiter of this.#takeWaiters()) waiter.resolve();
    const late = new AbortController();
    const answered = new AbortController();
    const over = AbortSignal.any([answered.signal, signal]);
    const timer = clock.sleep(timings.revokeMsMax, over).then(
      () => {
        say(logger, "tasksGivenBackLate", { group });
        late.abort(new Error(`the rebalance of group ${group} goes on`));
      },
      () => undefined,
    );
    const beating = this.#beatUntil(over);
    const cut = AbortSignal.any([late.signal, signal]);
    // Every task listens while it is given back.
    setMaxListeners(0, cut);
    const revoked = revoke(tasks, cut).catch((error: unknown) => {
      say(logger, "tasksThrewAtRevoke", { group, reason: messageOf(error) });
    });
    await Promise.race([revoked, timer]);
    this.#phase = "joining";
    answered.abort();
    await beating;
  }

  /**
   * A coordinator that waits for a rejoin still counts heartbeats, and answers them with "rebalance in progress". Once it
   * says that another has the slot there is nothing to keep: only the rejoin asks again, as it may take the slot back.
   */
  async #beatUntil(over: AbortSignal): Promise<void> {
    const { member, clock, timings } = this.#options;
    while (!over.aborted) {
      const error = await member.heartbeat().catch((refused: unknown) => refused);
      if (isFenced(error)) {
        if (!over.aborted) this.#judge(error);
        return;
      }
      await clock.sleep(timings.heartbeatMs, over).catch(() => undefined);
    }
  }

  /** Sets right what an error shows to be stale; an error that no repeating cures ends the membership. */
  #judge(error: unknown): Verdict {
    const { member, link, group, failed, isDisputed, logger } = this.#options;
    const verdict = verdictOf(error);
    if (isFenced(error)) {
      if (!isDisputed(error)) return "denied";
      member.takeBack();
      say(logger, "instanceDisputed", { group });
      return "rejoin";
    }
    if (error instanceof KafkaAnswerError && error.code === kafkaCode.unknownMemberId) {
      member.forgetIdentity();
      say(logger, "memberGivenUp", { group });
    }
    if (verdict === "denied") {
      const message = `being a member of group ${group}: ${messageOf(error)}`;
      failed(new OperationError("MR_BROKER", message, { cause: error }));
    } else if (verdict !== "rejoin") link.forgetCoordinator(group);
    return verdict;
  }

  async #sleepUntilWoken(ms: number): Promise<void> {
    if (this.#rejoinError !== undefined) return;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await this.#options.clock.sleep(ms, woken.signal).catch(() => undefined);
  }

  #takeWaiters() {
    const waiters = this.#settledWaiters;
    this.#settledWaiters = [];
    return waiters;
  }
}

/** The group rebalances, and whoever is told so is still a member. */
export function isRebalance(error: unknown): boolean {
  return error instanceof KafkaAnswerError && error.code === kafkaCode.rebalanceInProgress;
}
