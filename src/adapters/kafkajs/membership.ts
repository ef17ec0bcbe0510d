import { setMaxListeners } from "node:events";
import {
  type Clock,
  messageOf,
  type Offset,
  type OffsetsNext,
  OperationError,
  say,
  type TopicPartition,
  topicPartitionKey,
} from "../../kernel/index.ts";
import {
  type Epoch,
  type GroupSink,
  type GroupSpec,
  type Membership,
  TaskFatalError,
  type TaskHandle,
  type TaskId,
  TaskLostError,
  TaskReopenError,
  type TroubledPartition,
} from "../../runtime/index.ts";
import type { Codecs, Outgoing } from "../../wire/index.ts";
import { isFenced, verdictOf } from "./errors.ts";
import { Fetcher } from "./fetcher.ts";
import { type ClaimOffsets, GroupCommits } from "./group-commits.ts";
import type { GroupMember, GroupTimings, MemberIdentity } from "./group-member.ts";
import { GroupTransactions } from "./group-transactions.ts";
import type { InstanceHold } from "./instance-hold.ts";
import type { ClusterLink } from "./link.ts";
import { type LogChange, logChanged, noteIn, offsetMetadata, tasksAtFirstIn, topicIdIn } from "./log-change.ts";
import type { OffsetToCommit } from "./offset-commit-request.ts";
import type { CommittedPartition } from "./offset-fetch-request.ts";
import { committedPartitions, listOffset, noOffset, type OffsetPosition, resolveOffset } from "./offsets.ts";
import { isBehind, type Owned, Ownership } from "./ownership.ts";
import { PartitionTroubles } from "./partition-troubles.ts";
import type { SendOptions } from "./producer.ts";
import { groupPolicy, type RetryContext, retrying } from "./retry.ts";
import { isRebalance, Session } from "./session.ts";
import { type Commitment, handleError, KafkaTaskHandle } from "./task-handle.ts";
import type { TransactionCoordinator } from "./transaction-coordinator.ts";
import type { TaskCommit } from "./transaction-lane.ts";

/** How long committed offsets that lie behind what was committed are not believed, and how often they are asked for. */
const behindMsMax = 20_000;
const behindPollMs = 500;
/** It says for all with how few tasks the group began. */
const firstTask = 0;

export interface MembershipOptions {
  readonly spec: GroupSpec;
  readonly sink: GroupSink;
  readonly link: ClusterLink;
  readonly member: GroupMember;
  /** Of the process on the instance id; undefined for a dynamic member. */
  readonly hold?: InstanceHold | undefined;
  send(outgoing: Outgoing, options: SendOptions): Promise<void>;
  /** For a group whose tasks commit in transactions. */
  readonly transactions?: TransactionSupport | undefined;
  readonly codecs: Codecs;
  readonly clock: Clock;
  readonly timings: GroupTimings;
  readonly unknownTopicMs: number;
  /** Told after each join, before the first heartbeat. */
  readonly isMember: (as: MemberIdentity) => void;
  /** Whether `leave` gives the tasks up at once; false lets a static member's restart find them again. */
  readonly isLeaveForGood: boolean;
  /** The membership has ended, by either side. */
  ended(): Promise<void>;
}

export interface TransactionSupport {
  readonly coordinator: TransactionCoordinator;
  /** Whether the whole cluster has transactions of the second version in force (KIP-890). */
  readonly isSecondVersion: boolean;
  /** What has a transaction of its own: all tasks of the member together, or each. */
  readonly unit?: "member" | "task" | undefined;
}

/** One stage's member of its group: what it owns, reads and commits. The group's own life is a {@link Session}. */
export class KafkaMembership implements Membership {
  readonly #options: MembershipOptions;
  readonly #owned = new Ownership();
  readonly #troubles: PartitionTroubles;
  readonly #fetcher: Fetcher;
  readonly #session: Session;
  readonly #commits: GroupCommits;
  readonly #transactions: GroupTransactions | undefined;
  readonly #end = new AbortController();
  /** The fewest tasks of which a committed offset that was read has said that the group began with. */
  #tasksCommitted = Number.POSITIVE_INFINITY;

  constructor(options: MembershipOptions) {
    const { spec, sink, link, member, hold, codecs, clock, timings, unknownTopicMs, transactions } = options;
    this.#options = options;
    // Every task listens while it waits for the group.
    setMaxListeners(0, this.#end.signal);
    this.#troubles = new PartitionTroubles(clock, spec.logger);
    this.#fetcher = new Fetcher({
      group: spec.group,
      link,
      codecs,
      clock,
      logger: spec.logger,
      unknownTopicMs,
      troubles: this.#troubles,
      roomFor: (task) => {
        const owned = this.#owned.of(task);
        return owned === undefined ? undefined : sink.room?.(owned.task, owned.epoch);
      },
      deliver: async (batch, room) => {
        const owned = this.#owned.of(batch.partition);
        if (owned !== undefined) await sink.batch({ task: owned.task, epoch: owned.epoch, batch, room });
        else room.release();
      },
      changed: (at, position, change) => this.#logChanged(at, position, change),
      failed: (error) => this.#fail(error),
    });
    this.#session = new Session({
      group: spec.group,
      member,
      link,
      clock,
      timings,
      logger: spec.logger,
      signal: this.#end.signal,
      ownedTasks: () => this.#owned.tasks,
      hold: () => this.#fetcher.hold(),
      revoke: (tasks, signal) => sink.revoking(tasks, signal),
      joined: (tasks, signal) => this.#joined(tasks, signal),
      isMember: () => options.isMember(member.identity),
      isDisputed: (error) => hold?.isDisputed(spec.group, spec.decidingGroup ?? spec.group, error) ?? false,
      failed: (error) => this.#fail(error),
    });
    const settled = (): Promise<void> => this.#session.settled(this.#end.signal);
    this.#commits = new GroupCommits(member, settled);
    this.#transactions =
      transactions &&
      new GroupTransactions({
        ...transactions,
        group: spec.group,
        name: spec.name ?? spec.group,
        member,
        clock,
        logger: spec.logger,
        answerMsMax: timings.answerMsMax,
        unknownTopicMs,
        forgetCoordinator: () => link.forgetCoordinator(spec.group),
        settled,
        confirmMember: (signal) => this.#confirmMember(signal),
        signal: this.#end.signal,
      });
    hold?.enter(spec.group, (error) => this.#fail(error));
  }

  /** Begins to join, in a later turn: whoever asked for the membership has it in hand before tasks are assigned. */
  begin(): void {
    setImmediate(() => void this.#session.run());
  }

  get troubled(): readonly TroubledPartition[] {
    return this.#troubles.lasting;
  }

  async openTask(task: TaskId, epoch: Epoch, signal: AbortSignal): Promise<TaskHandle> {
    const doing = `opening task ${task} of group ${this.#options.spec.group}`;
    try {
      await this.#session.settled(signal);
      const owned = this.#owned.find(task, epoch);
      if (owned === undefined) throw new TaskLostError(`${doing}: epoch ${epoch} does not own it`);
      await owned.handle?.close();
      const ended = AbortSignal.any([signal, this.#end.signal]);
      // What an owner before has begun and not ended is ended.
      await this.#transactions?.open(owned.task, () => this.#owned.has(owned), ended);
      const offsets = await this.#offsetsOf(owned, doing, ended);
      if (!this.#owned.has(owned)) throw new TaskLostError(`${doing}: the task moved meanwhile`);
      owned.confirmed = offsets;
      owned.startOver = new Map();
      owned.attempted = undefined;
      owned.handle = this.#handleOf(owned, offsets);
      return owned.handle;
    } catch (error) {
      // A membership that ended, or an opening that was called off, has nothing more to say than that.
      if (this.#end.signal.aborted || signal.aborted) throw new TaskLostError(`${doing}: ${messageOf(error)}`);
      throw handleError(doing, error);
    }
  }

  /** Asks the group whether this member is in it; one that is not joins again. */
  async #confirmMember(signal: AbortSignal): Promise<void> {
    await this.#session.settled(signal);
    await this.#options.member.heartbeat().catch((error: unknown) => {
      if (isRebalance(error)) return;
      if (verdictOf(error) === "rejoin" || isFenced(error)) this.#session.rejoin(error);
      throw error;
    });
  }

  #handleOf(owned: Owned, offsetsNext: OffsetsNext): KafkaTaskHandle {
    const { spec, send } = this.#options;
    const transactions = this.#transactions;
    const isExactlyOnce = spec.delivery === "exactly-once";
    return new KafkaTaskHandle(
      {
        group: spec.group,
        task: owned.task,
        owned: () => this.#stillOwned(owned),
        commit: (commit, ended) => this.#commit(owned, commit, ended),
        settled: async () => transactions?.settled(owned.task),
        isHeld: ({ role }) => transactions !== undefined && (isExactlyOnce || role === "changelog"),
      },
      { offsetsNext, notes: notesOf(owned, offsetsNext) },
      (outgoing, signal) => send(outgoing, { signal, troubles: this.#troubles }),
    );
  }

  start(task: TaskId, offsets: OffsetsNext): void {
    const owned = this.#owned.of(task);
    if (owned === undefined) return;
    for (const at of this.#partitionsOf(task)) {
      const key = topicPartitionKey(at.topic, at.partition);
      const offset = offsets.get(key);
      if (offset === undefined) continue;
      const committed = owned.committed.get(key);
      const leaderEpoch = committed?.offset === offset ? committed.leaderEpoch : -1;
      this.#fetcher.start(at, offset, { topicId: owned.topicIds.get(key), leaderEpoch });
    }
  }

  pause(task: TaskId): void {
    for (const at of this.#partitionsOf(task)) this.#fetcher.setPaused(at, true);
  }

  resume(task: TaskId): void {
    for (const at of this.#partitionsOf(task)) this.#fetcher.setPaused(at, false);
  }

  async leave(): Promise<void> {
    if (this.#end.signal.aborted) return;
    this.#stop(`this member of group ${this.#options.spec.group} has left`);
    await this.#session.leave(this.#options.isLeaveForGood);
    await this.#closed();
  }

  /** Ends without a word to the group, as a crash does; its session runs out by itself. */
  async abandon(): Promise<void> {
    this.#stop(`the client of group ${this.#options.spec.group} was closed`);
    this.#transactions?.close();
    await this.#closed();
  }

  async #closed(): Promise<void> {
    // What was under way would hide what others write, if nobody gets the tasks.
    await this.#transactions?.leave();
    await this.#options.link.close();
    await this.#options.ended();
  }

  #stop(reason: string): void {
    this.#end.abort(new TaskLostError(reason));
    this.#fetcher.close();
    this.#troubles.close();
    for (const { handle } of this.#owned.all) handle?.end(new TaskLostError(reason));
    this.#owned.clear();
  }

  #fail(error: Error): void {
    if (this.#end.signal.aborted) return;
    const lost = this.#owned.tasks;
    this.#stop(`the membership in group ${this.#options.spec.group} ended: ${error.message}`);
    if (lost.length > 0) this.#options.sink.lost(lost);
    this.#options.sink.failed(error);
    void this.#closed();
  }

  /** A new generation: what stays, what goes, what comes. `signal` ends the asking for it, when another one begins. */
  async #joined(tasks: readonly TaskId[], signal: AbortSignal): Promise<void> {
    const { sink, spec, link } = this.#options;
    const opened = this.#owned.all.filter(({ task, confirmed }) => confirmed !== undefined && tasks.includes(task));
    const partitions = opened.flatMap(({ task }) => this.#partitionsOf(task));
    const ended = AbortSignal.any([signal, this.#end.signal]);
    // What is remembered of the topics may be from before they were made anew.
    for (const topic of spec.topics) link.doubtTopic(topic);
    const committed = offsetsOf(await this.#believed(opened, partitions, ended));
    if (ended.aborted) return;
    const { lost, gained } = this.#owned.advance(tasks, committed);
    for (const { task, handle } of lost) {
      for (const at of this.#partitionsOf(task)) this.#fetcher.remove(at);
      this.#transactions?.drop(task);
      handle?.end(new TaskLostError(`task ${task} of group ${spec.group} belongs to another owner now`));
    }
    if (lost.length > 0) sink.lost(lost.map(({ task }) => task));
    if (gained.length > 0 || lost.length > 0 || this.#owned.tasks.length === 0) sink.assigned(gained);
    this.#fetcher.release();
  }

  async #stillOwned(owned: Owned): Promise<void> {
    await this.#session.settled(this.#end.signal);
    this.#checkOwned(owned);
  }

  #checkOwned(owned: Owned): void {
    if (this.#owned.has(owned)) return;
    throw new TaskLostError(`task ${owned.task} of group ${this.#options.spec.group} belongs to another owner now`);
  }

  /** Commits; a member that was left behind joins again first, and then commits if the task stayed with it. */
  async #commit(owned: Owned, commit: Commitment, ended: AbortSignal): Promise<void> {
    const { member } = this.#options;
    const merged = new Map([...(owned.confirmed ?? []), ...commit.offsetsNext]);
    owned.attempted = merged;
    for (;;) {
      let as = member.identity;
      try {
        await this.#commitOnce({ task: owned.task, held: commit.held }, ended, (identity) => {
          // R3: in the turn in which the request is made. While it waits, a rebalance may make the task another's.
          this.#checkOwned(owned);
          as = identity;
          return this.#toCommit(owned, commit);
        });
        if (this.#owned.has(owned)) {
          owned.confirmed = merged;
          owned.attempted = undefined;
        }
        return;
      } catch (error) {
        // What was called off is over, whatever its reason reads like.
        if (ended.aborted || (verdictOf(error) !== "rejoin" && !isFenced(error))) throw error;
        // The member has joined again meanwhile: if the task stayed with it, that is what to commit as.
        const { memberId, generation } = member.identity;
        if (as.generation !== generation || as.memberId !== memberId) continue;
        // While revoking, the rejoin waits for this very commit.
        if (this.#session.isRevoking) throw new TaskReopenError(messageOf(error), { cause: error });
        this.#session.rejoin(error);
      }
    }
  }

  /** As the member that is in the group now. A transaction asks again by itself where that is of use. */
  #commitOnce(
    { task, held = [] }: { readonly task: TaskId } & Pick<Commitment, "held">,
    ended: AbortSignal,
    claim: ClaimOffsets,
  ): Promise<void> {
    const { link, spec, send } = this.#options;
    // What nothing has to be seen with needs no transaction: a stage that seldom holds anything seldom pays for one.
    if (this.#transactions === undefined || (spec.delivery !== "exactly-once" && held.length === 0)) {
      const onError = (): void => link.forgetCoordinator(spec.group);
      return retrying({ ...this.#retry(ended), onError }, () => this.#commits.commit(claim, ended));
    }
    const sendIn: TaskCommit["send"] = (outgoing, transaction, signal) =>
      send(outgoing, { signal, troubles: this.#troubles, transaction });
    return this.#transactions.commit({ task, batches: held, claim, send: sendIn }, ended);
  }

  #toCommit(owned: Owned, { offsetsNext, note }: Commitment): OffsetToCommit[] {
    return this.#partitionsOf(owned.task).flatMap((at) => {
      const key = topicPartitionKey(at.topic, at.partition);
      const offset = offsetsNext.get(key);
      if (offset === undefined) return [];
      const leaderEpoch = this.#fetcher.epochBefore(at, offset);
      // One task says it for all.
      const tasks = owned.task === firstTask ? this.#fewestTasks() : undefined;
      const metadata = offsetMetadata(owned.topicIds.get(key), note, tasks);
      return [{ ...at, offset, leaderEpoch, metadata }];
    });
  }

  /** Committed offsets; inputs without one begin at the group's start position, which is committed at once. */
  async #offsetsOf(owned: Owned, doing: string, signal: AbortSignal): Promise<OffsetsNext> {
    const { spec, link } = this.#options;
    const partitions = this.#partitionsOf(owned.task);
    const committed = await this.#believed([owned], partitions, signal);
    const topicIds = await this.#topicIds(partitions, signal);
    await this.#learnTasks(owned.task, committed, signal);
    const fresh = new Map<string, number>();
    for (const at of partitions) {
      const key = topicPartitionKey(at.topic, at.partition);
      const { offset, metadata } = committed.get(key) ?? { offset: noOffset, metadata: "" };
      const before = topicIdIn(metadata);
      const isRemade = before !== undefined && offset !== noOffset && before !== topicIds.get(key);
      if (isRemade && spec.onLogChange !== "restart") throw logChanged(at, offset, { kind: "remade" }, spec.group);
      const startOver = owned.startOver.get(key);
      if (startOver !== undefined) fresh.set(key, startOver);
      else if (offset === noOffset || isRemade) {
        // What came after the group had begun to read is all new to it, wherever it began with the others.
        const isGained = owned.task >= (this.#fewestTasks() ?? Number.POSITIVE_INFINITY);
        const start = isRemade || isGained ? "earliest" : startOf(spec);
        fresh.set(key, await resolveOffset(link, at, start, this.#retry(signal)));
      } else await this.#checkEnd(at, offset, doing, signal);
    }
    owned.topicIds = topicIds;
    owned.committed = committed;
    const offsets = new Map([...offsetsOf(committed), ...fresh]);
    if (fresh.size > 0) {
      owned.confirmed = undefined;
      await this.#commit(owned, { offsetsNext: fresh }, signal);
    }
    return offsets;
  }

  /** With how few tasks the group has begun: members know it of each other, and its offsets while it has none. */
  #fewestTasks(): number | undefined {
    const fewest = Math.min(
      this.#tasksCommitted,
      this.#options.member.shared?.tasksAtFirst ?? Number.POSITIVE_INFINITY,
    );
    return Number.isFinite(fewest) ? fewest : undefined;
  }

  /**
   * From the offsets of the first task: its own at opening, or asked for where another has none and it makes a difference.
   * What a transaction holds is of no interest, since the number never changes but downwards.
   */
  async #learnTasks(task: TaskId, committed: ReadonlyMap<string, CommittedPartition>, signal: AbortSignal) {
    const { spec, link } = this.#options;
    const found = [...committed.values()];
    const isAsked =
      task !== firstTask && startOf(spec) !== "earliest" && found.some(({ offset }) => offset === noOffset);
    if (isAsked) {
      const said = await committedPartitions(
        link,
        spec.group,
        this.#partitionsOf(firstTask),
        this.#retry(signal),
        false,
      );
      found.push(...said.values());
    }
    for (const { metadata } of found)
      this.#tasksCommitted = Math.min(this.#tasksCommitted, tasksAtFirstIn(metadata) ?? Number.POSITIVE_INFINITY);
  }

  /** Ids of the topics as the cluster has them now, by topic-partition. */
  async #topicIds(partitions: readonly TopicPartition[], signal: AbortSignal): Promise<Map<string, string>> {
    const { link } = this.#options;
    const ids = new Map<string, string>();
    for (const { topic, partition } of partitions) {
      const { id } = await retrying(this.#retry(signal), () => link.topic(topic));
      ids.set(topicPartitionKey(topic, partition), id);
    }
    return ids;
  }

  /** The log of a partition is no longer the one that was read: the membership ends, or the task begins anew there. */
  #logChanged(at: TopicPartition, position: Offset, change: LogChange): void {
    const { spec, sink } = this.#options;
    const error = logChanged(at, position, change, spec.group);
    if (spec.onLogChange !== "restart") {
      this.#fail(error);
      return;
    }
    const key = topicPartitionKey(at.topic, at.partition);
    const to = change.kind === "truncated" ? change.at : 0;
    say(spec.logger, "logChanged", { partition: key, position, to, change: change.kind });
    const task = at.partition;
    const before = this.#owned.of(task);
    const renewed = this.#owned.renew(task, new Map([[key, to]]));
    if (renewed === undefined) return;
    for (const each of this.#partitionsOf(task)) this.#fetcher.remove(each);
    before?.handle?.end(new TaskLostError(error.message));
    sink.lost([task]);
    sink.assigned([renewed]);
  }

  async #checkEnd(at: TopicPartition, offset: number, doing: string, signal: AbortSignal): Promise<void> {
    const end = await listOffset(this.#options.link, at, "logEnd", this.#retry(signal));
    // Between the last stable offset and the end lie records of open transactions, which others may have committed.
    if (offset <= end) return;
    const key = topicPartitionKey(at.topic, at.partition);
    const message = `${doing}: offset ${offset} of ${key} is beyond the end of the log, ${end}`;
    throw new TaskFatalError(message, { cause: new OperationError("MR_OFFSET_RANGE", message) });
  }

  /**
   * The group's committed offsets. Where they lie behind what a living task has committed itself they are asked for
   * again for a while: a coordinator that has just come back may not know better yet.
   */
  async #believed(
    owners: readonly Owned[],
    partitions: readonly TopicPartition[],
    signal: AbortSignal,
  ): Promise<Map<string, CommittedPartition>> {
    const { link, spec, clock } = this.#options;
    if (partitions.length === 0) return new Map();
    const endMs = clock.monotonicMs() + behindMsMax;
    for (let isFirst = true; ; isFirst = false) {
      const committed = await committedPartitions(link, spec.group, partitions, this.#retry(signal));
      const offsets = offsetsOf(committed);
      const behind = owners.filter((owned) => isBehind(owned, offsets)).map(({ task }) => task);
      if (behind.length === 0) return committed;
      if (clock.monotonicMs() >= endMs) {
        say(spec.logger, "offsetsLost", { group: spec.group, tasks: behind.map(String) });
        return committed;
      }
      if (isFirst) say(spec.logger, "offsetsDoubted", { group: spec.group, tasks: behind.map(String) });
      link.forgetCoordinator(spec.group);
      await clock.sleep(behindPollMs, signal);
    }
  }

  #retry(signal: AbortSignal): Pick<RetryContext, "clock" | "policy" | "signal"> {
    return { clock: this.#options.clock, policy: groupPolicy, signal };
  }

  #partitionsOf(task: TaskId): TopicPartition[] {
    return this.#options.spec.topics.map((topic) => ({ topic, partition: task }));
  }
}

function offsetsOf(committed: ReadonlyMap<string, CommittedPartition>): Map<string, Offset> {
  return new Map([...committed].map(([key, { offset }]) => [key, offset]));
}

/** Those that were left with the very offsets at which the task is opened. */
function notesOf({ committed }: Owned, offsets: OffsetsNext): ReadonlyMap<string, string> {
  const notes = new Map<string, string>();
  for (const [key, { offset, metadata }] of committed) {
    const note = noteIn(metadata);
    if (note !== undefined && offsets.get(key) === offset) notes.set(key, note);
  }
  return notes;
}

function startOf({ start }: GroupSpec): OffsetPosition {
  return start.kind === "time" ? { timeMs: start.timeMs } : start.kind;
}
