/**
 * Follows a topic of one partition as a member of a group: whoever owns the partition works, the others stand by.
 *
 * It is a loop like a task's, without its pieces and its budget, for what has few records: verdicts and notifications. A
 * turn is one batch, or a tick: take, ask what is to be written, write, commit. The commit is awaited before the next
 * batch is taken; one that failed may have landed, and so everything is begun anew at the offset that the group knows.
 */
import {
  type Clock,
  codeOf,
  Facts,
  type Logger,
  messageOf,
  type Offset,
  OperationError,
  seededRng,
  type Tallies,
  topicPartitionKey,
} from "../kernel/index.ts";
import type { DeliveryMode } from "../topology/index.ts";
import { BatchQueue } from "./batch-queue.ts";
import type { FollowerWork } from "./follower-work.ts";
import { Patience } from "./patience.ts";
import {
  type Broker,
  type Epoch,
  type GroupSink,
  type Membership,
  type OwnedBatch,
  type OwnedTask,
  RecordRefusedError,
  type TaskHandle,
  type TaskId,
} from "./port.ts";
import { failureOf } from "./pump-options.ts";
import type { ReadyStage, StageTrouble } from "./readiness.ts";
import type { GaugeReading, MeasuredStage } from "./stage-metrics.ts";
import type { StageStatus } from "./stage-status.ts";
import { Wake } from "./wake.ts";

/** The one partition. */
const task: TaskId = 0;
/** How often a follower that has nothing to write commits how far it has read, unless it is told otherwise. */
const silentCommitMsDefault = 5_000;

export interface FollowerOptions {
  /** In logs and in `/readyz`. */
  readonly name: string;
  readonly group: string;
  /** Topic of one partition. */
  readonly topic: string;
  /** Topics that have to exist beside it. */
  readonly needs: readonly string[];
  readonly delivery: DeliveryMode;
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often `turn` is asked while nothing arrives. */
  readonly everyMs: number;
  /** How often an offset that only moved is committed; 5 s when left out. */
  readonly silentCommitMs?: number | undefined;
  readonly work: FollowerWork;
  /** Shared with the work, so that what both count is told together; of its own when left out. */
  readonly facts?: Facts;
  /** Stem of the transactional id, shared by all that may not write at once; the group's name when left out. */
  readonly writesAs?: string | undefined;
  readonly instanceId?: string | undefined;
  /** See {@link GroupSpec.decidingGroup}. */
  readonly decidingGroup?: string | undefined;
}

/** One ownership of the partition, from its assignment to its end. */
interface Ownership {
  readonly epoch: Epoch;
  readonly cut: AbortController;
  readonly ended: Promise<void>;
}

export class Follower implements GroupSink, ReadyStage, MeasuredStage {
  readonly stage: MeasuredStage["stage"];
  readonly storeEntries: MeasuredStage["storeEntries"] = new Map();
  readonly accounts: MeasuredStage["accounts"] = new Map();
  readonly #options: FollowerOptions;
  readonly #facts: Facts;
  readonly #input: string;
  readonly #queue = new BatchQueue();
  readonly #patience: Patience;
  readonly #stopping = new AbortController();
  readonly #wake = new Wake();
  #status: StageStatus = "new";
  #haltReason: Error | undefined;
  #membership: Membership | undefined;
  #pending: OwnedTask | undefined;
  #owned: Ownership | undefined;
  #hasAssignment = false;
  #isRestored = false;
  #isDraining = false;
  #settled: (() => void) | undefined;
  /** Whoever has delivered what is queued. */
  #taken: (() => void)[] = [];
  #committed: Offset = -1;
  /** Everything before it is done with, committed or not. */
  #done: Offset = -1;
  /** Next offset to take. */
  #position: Offset = -1;
  #committedMs = 0;
  #turnDueMs = 0;

  constructor(options: FollowerOptions) {
    const { name, group, topic, facts } = options;
    this.stage = { name, group, from: { clusterName: topic }, start: { kind: "earliest" } };
    this.#options = options;
    this.#facts = facts ?? new Facts(options.logger, { stage: name });
    this.#input = topicPartitionKey(options.topic, task);
    this.#patience = new Patience(task, options.clock, this.#facts, seededRng(0).uniform);
  }

  get name(): string {
    return this.#options.name;
  }

  get group(): string {
    return this.#options.group;
  }

  get topic(): string {
    return this.#options.topic;
  }

  get tasks(): readonly TaskId[] {
    return this.isOwner ? [task] : [];
  }

  get tallies(): Tallies {
    return this.#facts.tallies;
  }

  /** What its work can say now; nothing while another member works. */
  get readings(): readonly GaugeReading[] {
    return (this.#isRestored ? this.#options.work.readings?.() : undefined) ?? [];
  }

  get status(): StageStatus {
    return this.#status;
  }

  get haltReason(): Error | undefined {
    return this.#haltReason;
  }

  /** True when it stands by, or works and holds what it has to. */
  get isReady(): boolean {
    if (this.#status !== "running" || !this.#hasAssignment) return false;
    return this.#owned === undefined || this.#isRestored;
  }

  /** True while the partition is this member's. */
  get isOwner(): boolean {
    return this.#owned !== undefined;
  }

  /** Next offset as this member has committed it; -1 while it does not own the partition. */
  get committedOffset(): Offset {
    return this.#isRestored ? this.#committed : -1;
  }

  /** True when everything before an offset is done with, or another member sees to it. */
  caughtUp(end: Offset): boolean {
    return (
      this.#status === "running" && this.#hasAssignment && (!this.isOwner || (this.#isRestored && this.#done >= end))
    );
  }

  get troubles(): readonly StageTrouble[] {
    const { trouble } = this.#patience;
    const troubled = this.#membership?.troubled ?? [];
    return [
      ...(trouble === undefined ? [] : [{ what: `task ${task}`, reason: trouble }]),
      ...troubled.map(({ topic, partition, access, reason, forMs }) => ({
        what: `partition ${topicPartitionKey(topic, partition)}`,
        reason: `it cannot be ${access === "read" ? "read" : "written"} for ${Math.floor(forMs / 1_000)} s: ${reason}`,
      })),
    ];
  }

  /**
   * Looks whether the topics are there and joins the group.
   * @throws OperationError MR_TOPIC_MISSING or MR_TOPIC_MISMATCH, naming the command that mends it; nothing was joined then
   */
  async start(): Promise<void> {
    const { name, broker, group, topic, needs, delivery, logger, writesAs, instanceId, decidingGroup } = this.#options;
    const { signal } = this.#stopping;
    this.#status = "starting";
    const { topics } = await broker.admin.describe([topic, ...needs], signal);
    for (const needed of [topic, ...needs])
      if (!topics.some((found) => found.topic === needed))
        throw new OperationError(
          "MR_TOPIC_MISSING",
          `starting ${name}: topic ${needed} does not exist; run millrace apply`,
        );
    const partitions = topics.find((found) => found.topic === topic)?.partitions ?? 1;
    if (partitions !== 1)
      throw new OperationError(
        "MR_TOPIC_MISMATCH",
        `starting ${name}: topic ${topic} has ${partitions} partitions, and one reader has to see all of it; delete it and run millrace apply`,
      );
    const membership = await broker.join(
      {
        group,
        topics: [topic],
        start: { kind: "earliest" },
        delivery,
        onLogChange: "restart",
        logger,
        name: writesAs,
        instanceId,
        decidingGroup,
      },
      this,
      signal,
    );
    this.#membership = membership;
    if (signal.aborted) return membership.leave();
    if (this.#status === "starting") this.#status = "running";
    this.#openPending();
  }

  /** @param nowMs monotonic */
  tick(nowMs: number): void {
    if (this.#isRestored && nowMs >= this.#turnDueMs) this.#wake.wake();
  }

  /** Writes what there is to write, commits and leaves the group. Does nothing more when it was called before. */
  async drain(): Promise<void> {
    if (this.#status === "stopped" || this.#status === "draining") return;
    const isHalted = this.#status === "halted";
    if (!isHalted) this.#status = "draining";
    await this.#stop();
    if (!isHalted) this.#status = "stopped";
  }

  assigned(tasks: readonly OwnedTask[]): void {
    this.#hasAssignment = true;
    if (this.#stopping.signal.aborted) return;
    const own = tasks.find((owned) => owned.task === task);
    if (own === undefined) return;
    this.#lose();
    this.#pending = own;
    this.#openPending();
  }

  async revoking(tasks: readonly TaskId[], signal: AbortSignal): Promise<void> {
    if (!tasks.includes(task) || !this.#isRestored) return;
    await new Promise<void>((resolve) => {
      this.#settled = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
      this.#wake.wake();
    });
  }

  lost(tasks: readonly TaskId[]): void {
    if (tasks.includes(task)) this.#lose();
  }

  async batch({ batch, epoch }: OwnedBatch): Promise<void> {
    if (this.#membership === undefined || !this.#isRestored || this.#owned?.epoch !== epoch) return;
    const isDeleted = this.#queue.isEmpty && batch.logStartOffset > this.#queue.offsetNext;
    const offer = this.#queue.offer(batch);
    if (offer === "stale") return;
    if (offer === "hole") {
      if (isDeleted) this.#skipDeleted(batch.logStartOffset);
      this.#membership.start(task, this.#positionAt(this.#queue.offsetNext));
      return;
    }
    await new Promise<void>((resolve) => {
      this.#taken.push(resolve);
      this.#wake.wake();
    });
  }

  failed(error: Error): void {
    this.#halt(error);
  }

  #openPending(): void {
    const { signal } = this.#stopping;
    const [membership, pending] = [this.#membership, this.#pending];
    if (membership === undefined || pending === undefined || signal.aborted) return;
    this.#pending = undefined;
    const cut = new AbortController();
    const before = this.#owned?.ended ?? Promise.resolve();
    const owned: Ownership = {
      epoch: pending.epoch,
      cut,
      ended: before.then(() => this.#own(pending, membership, cut.signal)),
    };
    this.#owned = owned;
    void owned.ended.then(() => {
      if (this.#owned === owned) this.#owned = undefined;
    });
  }

  /** One ownership: opens until it is lost, drained or halted. Does not throw. */
  async #own(owned: OwnedTask, membership: Membership, cut: AbortSignal): Promise<void> {
    for (let attempt = 1; !cut.aborted && !this.#isDraining; attempt++) {
      try {
        await this.#work(owned, membership, cut);
        return;
      } catch (thrown) {
        if (this.#isDraining) this.#tellMissed(thrown, cut);
        if (cut.aborted || this.#isDraining) return;
        if (!this.#mayGoOn(thrown)) return;
        const waitMs = this.#patience.waitMs(attempt);
        await this.#options.clock.sleep(waitMs, AbortSignal.any([cut, this.#stopping.signal])).catch(() => undefined);
      }
    }
  }

  /** What it was to write before it stops is not there; whoever comes next writes it. */
  #tellMissed(thrown: unknown, cut: AbortSignal): void {
    if (cut.aborted || this.#status === "halted") return;
    const error = thrown instanceof Error ? thrown.name : "Error";
    this.#facts.emit("commitMissedAtStop", { code: codeOf(thrown), reason: messageOf(thrown), error });
  }

  /** Says what was thrown. @returns true when opening again may help */
  #mayGoOn(thrown: unknown): boolean {
    const failure = thrown instanceof RecordRefusedError ? "fatal" : failureOf(thrown);
    const reason = messageOf(thrown);
    if (failure === "reopen") {
      this.#facts.emit("taskReopened", { task, code: codeOf(thrown, "MR_GROUP"), reason, state: "running" });
      return true;
    }
    if (failure === "lost") {
      this.#facts.emit("taskLost", { task, reason });
      return false;
    }
    const isRefusal = thrown instanceof RecordRefusedError;
    const error = isRefusal ? new OperationError("MR_RECORD_REFUSED", reason, { cause: thrown }) : thrown;
    this.#halt(error instanceof Error ? error : new Error(reason));
    return false;
  }

  /** Opens the partition and works on it. Returns when it is given up in order. */
  async #work({ epoch }: OwnedTask, membership: Membership, cut: AbortSignal): Promise<void> {
    const { work } = this.#options;
    let handle: TaskHandle | undefined;
    try {
      handle = await membership.openTask(task, epoch, cut);
      const offset = handle.offsetsNext.get(this.#input);
      if (offset === undefined) throw new TypeError(`opening ${this.#options.name}: no offset for ${this.#input}`);
      this.#queue.restart(offset);
      this.#committed = offset;
      this.#position = offset;
      this.#done = offset;
      this.#committedMs = this.#options.clock.monotonicMs();
      await work.restore(offset, cut);
      cut.throwIfAborted();
      this.#isRestored = true;
      this.#turnDueMs = 0;
      this.#patience.recovered();
      membership.resume(task);
      membership.start(task, this.#positionAt(offset));
      await this.#turns(handle, cut);
    } finally {
      this.#isRestored = false;
      membership.pause(task);
      this.#finishTaking();
      this.#finishSettling();
      await work.release?.().catch(() => undefined);
      await handle?.close().catch(() => undefined);
    }
  }

  async #turns(handle: TaskHandle, cut: AbortSignal): Promise<void> {
    const { work, clock, everyMs } = this.#options;
    while (!cut.aborted) {
      const { head, index } = this.#queue;
      const isLast = this.#isDraining || this.#settled !== undefined;
      if (isLast) {
        await this.#finish(handle, cut, true);
        this.#finishSettling();
        if (this.#isDraining) return;
      } else if (head !== undefined) {
        await work.take(head, index, cut);
        this.#position = this.#queue.advance(head.count).offsetNext;
        this.#taken.shift()?.();
        await this.#finish(handle, cut, false);
      } else if (clock.monotonicMs() >= this.#turnDueMs) {
        this.#turnDueMs = clock.monotonicMs() + everyMs;
        await this.#finish(handle, cut, false);
      } else await this.#wake.wait();
    }
  }

  /** Writes and commits what there is. @param isLast commit also an offset that only moved */
  async #finish(handle: TaskHandle, cut: AbortSignal, isLast: boolean): Promise<void> {
    const { work, clock } = this.#options;
    const turn = await work.turn(cut);
    const { outgoing } = turn;
    // A work may hold a record that it knows of and has yet to be given: what lies before it is not done with.
    const offsetNext = Math.min(turn.offsetNext ?? this.#position, this.#position);
    this.#done = offsetNext;
    const { silentCommitMs = silentCommitMsDefault } = this.#options;
    const isDue = isLast || clock.monotonicMs() - this.#committedMs >= silentCommitMs;
    if (outgoing.length === 0 && !(isDue && offsetNext > this.#committed)) {
      const committedByMs = this.#committedMs + silentCommitMs;
      if (offsetNext > this.#committed) this.#turnDueMs = Math.min(this.#turnDueMs, committedByMs);
      return;
    }
    if (outgoing.length > 0) await handle.write(outgoing);
    await handle.commit(this.#positionAt(offsetNext));
    this.#committed = offsetNext;
    this.#committedMs = clock.monotonicMs();
    this.#patience.recovered();
  }

  #skipDeleted(to: Offset): void {
    this.#facts.emit("recordsDeleted", { task, from: this.#queue.offsetNext, to });
    this.#queue.restart(to);
    this.#position = to;
  }

  #positionAt(offsetNext: Offset): ReadonlyMap<string, Offset> {
    return new Map([[this.#input, offsetNext]]);
  }

  /** The ownership ends without another commit; the next one begins behind it. */
  #lose(): void {
    this.#pending = undefined;
    this.#owned?.cut.abort(new Error(`${this.#options.name} lost its partition`));
    this.#isRestored = false;
    this.#finishTaking();
    this.#finishSettling();
    this.#wake.wake();
  }

  #finishTaking(): void {
    for (const taken of this.#taken.splice(0)) taken();
  }

  #finishSettling(): void {
    const settled = this.#settled;
    this.#settled = undefined;
    settled?.();
  }

  #halt(error: Error): void {
    const fields = { code: codeOf(error), reason: messageOf(error), error: error.name };
    if (this.#stopping.signal.aborted) {
      this.#facts.emit("commitMissedAtStop", fields);
      return;
    }
    this.#status = "halted";
    this.#haltReason = error;
    this.#facts.emit("stageHalted", fields);
    this.#owned?.cut.abort(error);
    void this.#stop();
  }

  async #stop(): Promise<void> {
    this.#isDraining = true;
    this.#pending = undefined;
    this.#stopping.abort(new Error(`${this.#options.name} stops`));
    // What it has not come to hold yet it need not come to hold.
    if (!this.#isRestored) this.#owned?.cut.abort(this.#stopping.signal.reason);
    this.#wake.wake();
    await this.#owned?.ended;
    try {
      await this.#membership?.leave();
    } catch (thrown) {
      this.#facts.emit("groupNotLeft", { code: codeOf(thrown, "MR_GROUP"), reason: messageOf(thrown) });
    }
  }
}
