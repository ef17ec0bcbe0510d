import {
  type Clock,
  codeOf,
  Facts,
  type Logger,
  messageOf,
  type Offset,
  OperationError,
  type Tallies,
  topicPartitionKey,
} from "../kernel/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";
import { type Plan, type PlannedInfer, type PlannedStage, storeKey } from "../topology/index.ts";
import type { Deflate } from "../wire/index.ts";
import { beginAdopting } from "./adoption/begin-adopting.ts";
import type { StageAdoption } from "./adoption/task-model.ts";
import { Alarm } from "./alarm.ts";
import { type BufferBudget, unaccountedRoom } from "./buffer-budget.ts";
import { type CompiledStage, compileStage, timeSliceMsDefault } from "./compile-stage.ts";
import type { StageCounts } from "./counts.ts";
import { GrownTopics } from "./grown-topics.ts";
import type { Broker, Epoch, GroupSink, Membership, OwnedBatch, OwnedTask, Room, TaskId } from "./port.ts";
import { Pump } from "./pump.ts";
import { failureOf, type PumpListener } from "./pump-options.ts";
import type { StageTrouble } from "./readiness.ts";
import { resetCommand } from "./reset-command.ts";
import { Restorer } from "./restore.ts";
import { checkSignature, type ModelSource, modelInputsOf, type ServedModel } from "./served-model.ts";
import { type SnapshotIdentity, SnapshotKeeper, type SnapshotPace } from "./snapshot-keeper.ts";
import type { SnapshotTurns } from "./snapshot-turns.ts";
import type { SnapshotShelf } from "./snapshots.ts";
import { surveyStage, topicsOfStage } from "./stage-setup.ts";
import type { StageStatus } from "./stage-status.ts";
import { beginTapping } from "./tap/begin-tapping.ts";
import type { BeatingTask, Heartbeats } from "./tap/heartbeats.ts";
import { stageCountsOf, type TaskAccount, TaskAccounts } from "./task-accounts.ts";
import type { WaitListener } from "./wait-out.ts";

/** How often a stage that is halted because a topic is gone looks whether it is there again. */
const topicPollMs = 5_000;
/** Bytes of input after which a chunk ends, however few records they are. */
const chunkBytesMax = 4 * 1024 * 1024;

/** Chunks that are due within this share of the time between commits end together, so that one request commits them. */
const commitStepShare = 0.2;

export interface StageRunnerOptions {
  readonly plan: Plan;
  readonly stage: PlannedStage;
  readonly broker: Broker;
  readonly registry: SchemaRegistry;
  readonly models: ModelSource;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Shared by all stages of the process. */
  readonly budget: BufferBudget;
  readonly yieldToLoop: () => Promise<void>;
  readonly deflateGzip: Deflate | undefined;
  /** Where snapshots of stores are kept; left out, none are. */
  readonly snapshots?: SnapshotOptions;
  readonly instanceId?: string | undefined;
  /** See {@link GroupSpec.decidingGroup}. */
  readonly decidingGroup?: string | undefined;
  readonly timeSliceMs?: number;
  /** How long a scorer may take for a micro-batch before it is cut off; 30 s. */
  readonly scorerTimeoutMs?: number;
}

/** Snapshots of the stores of one process. */
export interface SnapshotOptions {
  readonly shelf: SnapshotShelf;
  /** Shared by all stages of the process. */
  readonly turns: SnapshotTurns;
  readonly pace?: SnapshotPace;
}

/**
 * Runs one stage of a plan: one group member, and a pump per assigned partition.
 *
 * Its tasks share one timer, which is armed only while one of them has something to commit.
 */
export class StageRunner implements GroupSink {
  readonly stage: PlannedStage;
  readonly #options: StageRunnerOptions;
  readonly #facts: Facts;
  readonly #accounts: TaskAccounts;
  readonly #pumps = new Map<TaskId, Pump>();
  /** Pumps that are still closing: the same partition is opened after them. */
  readonly #closing = new Map<TaskId, Promise<void>>();
  /** Ends the stage; another one when it goes on after a halt. */
  #stopping = new AbortController();
  /** Aborted when the process wants the stage no more. */
  readonly #drained = new AbortController();
  #awaitsTopic = false;
  /** The input was made anew: Kafka has deleted the group's offsets with the topic before, and none of the new one was read. */
  #isRemade = false;
  #alarm: Alarm;
  #pending: OwnedTask[] = [];
  #compiled: CompiledStage | undefined;
  #restorer: Restorer | undefined;
  #snapshots: SnapshotKeeper | undefined;
  /** Undefined for a stage that nobody monitors. */
  #heartbeats: Heartbeats | undefined;
  #membership: Membership | undefined;
  #model: ServedModel | undefined;
  /** Undefined where no alias is followed. */
  #adoption: StageAdoption | undefined;
  #status: StageStatus = "new";
  #haltReason: Error | undefined;
  /** True once the group has said which tasks this member has, be it none. */
  #hasAssignment = false;
  #grown: GrownTopics | undefined;
  /** What the whole stage waits for, longer than it may: the registry, the model store. */
  readonly #troubles = new Map<string, string>();

  constructor(options: StageRunnerOptions) {
    this.stage = options.stage;
    this.#options = options;
    this.#facts = new Facts(options.logger, { stage: options.stage.name });
    this.#accounts = new TaskAccounts(this.#facts);
    this.#alarm = this.#newAlarm();
  }

  #newAlarm(): Alarm {
    const { plan, clock } = this.#options;
    const stepMs = Math.max(1, Math.floor(plan.commit.everyMs * commitStepShare));
    return new Alarm(clock, stepMs, (nowMs) => {
      for (const pump of this.#pumps.values()) pump.tick(nowMs);
    });
  }

  get status(): StageStatus {
    return this.#status;
  }

  /** Why the stage halted. */
  get haltReason(): Error | undefined {
    return this.#haltReason;
  }

  /** True for a stage that is halted because a topic is gone: when somebody makes it anew the stage goes on. */
  get awaitsTopic(): boolean {
    return this.#awaitsTopic;
  }

  /** True when the stage has its assignment and every task of it is open, with its stores restored, or when it waits for its model. */
  get isReady(): boolean {
    if (this.#status === "waiting") return true;
    // While it runs, whatever it is given is opened at once: nothing is pending.
    if (this.#status !== "running" || !this.#hasAssignment) return false;
    return [...this.#pumps.values()].every((pump) => pump.isRestored);
  }

  /** What does not get on for longer than it may: tasks that cannot be reopened, partitions that cannot be reached. */
  get troubles(): readonly StageTrouble[] {
    const degraded = [...this.#pumps.values()].filter((pump) => pump.trouble !== undefined);
    const troubled = this.#membership?.troubled ?? [];
    return [
      ...[...this.#troubles].map(([what, reason]) => ({ what, reason })),
      ...degraded.map(({ task, trouble = "" }) => ({ what: `task ${task}`, reason: trouble })),
      ...troubled.map(({ topic, partition, access, reason, forMs }) => ({
        what: `partition ${topicPartitionKey(topic, partition)}`,
        reason: `it cannot be ${access === "read" ? "read" : "written"} for ${Math.floor(forMs / 1_000)} s: ${reason}`,
      })),
    ];
  }

  /** Entries that each store holds, over the tasks of this member. */
  get storeEntries(): ReadonlyMap<string, number> {
    const byTask = [...this.#pumps.values()].map((pump) => pump.storeEntries);
    const names = this.#compiled?.storeNames ?? [];
    return new Map(names.map((name, i) => [name, byTask.reduce((sum, entries) => sum + (entries[i] ?? 0), 0)]));
  }

  /** Tasks that this member owns now. */
  get tasks(): readonly TaskId[] {
    return [...this.#pumps.keys(), ...this.#pending.map((owned) => owned.task)];
  }

  /** What became of the records since the start; only what was committed. */
  counts(): StageCounts {
    return stageCountsOf(this.#facts.tallies);
  }

  /** What each task has committed, of every partition that this process has worked on. */
  get accounts(): ReadonlyMap<TaskId, TaskAccount> {
    return this.#accounts.all;
  }

  /** What the facts of this stage have added up to, for `/metrics`. */
  get tallies(): Tallies {
    return this.#facts.tallies;
  }

  /** Fields that an ingest dropped because the schema does not have them, since the start. */
  get unknownFields(): number {
    return this.#compiled?.unknownFields ?? 0;
  }

  /**
   * True when everything before these offsets is committed by the tasks that this member owns.
   * @param endOffsets by input partition
   */
  caughtUp(endOffsets: ReadonlyMap<number, Offset>): boolean {
    if (this.#status !== "running" || !this.isReady) return false;
    return [...this.#pumps.values()].every((pump) => pump.committedOffset >= (endOffsets.get(pump.task) ?? 0));
  }

  /**
   * Looks up what the stage needs and joins its group; tasks open as they are assigned.
   * @throws OperationError when a topic, subject or limit is not as the plan needs it; nothing was joined then. A stage
   *   that is halted meanwhile, which was said, just ends its start
   */
  async start(): Promise<void> {
    try {
      await this.#start();
    } catch (thrown) {
      if (this.#status !== "halted") throw thrown;
    }
  }

  async #start(): Promise<void> {
    const { plan, stage, broker, registry, logger, clock, instanceId, decidingGroup } = this.#options;
    const facts = this.#facts;
    const onLongWait: WaitListener = (reason) => this.#setTrouble("registry", reason);
    this.#status = "starting";
    this.#troubles.clear();
    const { signal } = this.#stopping;
    const surroundings = await surveyStage(
      plan,
      stage,
      { admin: broker.admin, registry, clock, facts, onLong: onLongWait },
      signal,
    );
    const tapping = await beginTapping({ ...this.#options, facts, partials: surroundings.partials, signal });
    const tap = tapping?.deps;
    this.#heartbeats = tapping?.heartbeats;
    this.#adoption = beginAdopting({
      ...this.#options,
      facts,
      adoptions: surroundings.adoptions,
      moved: () => {
        for (const pump of this.#pumps.values()) pump.versionMoved();
      },
      signal,
    });
    const adoption = this.#adoption;
    this.#compiled = compileStage(plan, stage, { ...this.#options, ...surroundings, tap, adoption, facts, onLongWait });
    const { storeNames } = this.#compiled;
    const volatile = storeNames.filter((store) => !surroundings.changelogs.has(store));
    this.#snapshots = await this.#keeperOf(surroundings.identity, signal);
    this.#restorer = new Restorer({
      snapshots: this.#snapshots,
      broker,
      inputTopic: stage.from.clusterName,
      clock,
      facts,
      yieldToLoop: this.#options.yieldToLoop,
      timeSliceMs: this.#options.timeSliceMs ?? timeSliceMsDefault,
    });
    this.#grown = new GrownTopics(
      {
        admin: broker.admin,
        facts,
        input: { topic: stage.from.clusterName, partitions: surroundings.inputPartitions },
        output: surroundings.output,
        storeNames,
        signal,
      },
      clock.monotonicMs(),
    );
    if (volatile.length > 0) facts.emit("storesVolatile", { stores: volatile });
    if (stage.infer !== undefined) void this.#serve(stage.infer);
    const membership = await broker.join(
      {
        group: stage.group,
        topics: [stage.from.clusterName],
        start: this.#isRemade ? { kind: "earliest" } : stage.start,
        onLogChange: stage.onLogChange,
        delivery: plan.delivery,
        hasChangelogs: surroundings.changelogs.size > 0 || this.#adoption !== undefined,
        claims: () => this.#snapshots?.claims ?? new Map(),
        name: stage.group,
        logger,
        instanceId,
        decidingGroup,
      },
      this,
      signal,
    );
    this.#membership = membership;
    if (signal.aborted) return membership.leave();
    if (this.#status === "starting")
      this.#status = stage.infer === undefined || this.#model !== undefined ? "running" : "waiting";
    this.#openPending();
  }

  /** The tasks that count, with their stores as they should be. */
  #beating(): BeatingTask[] {
    const unread = new Set(
      this.#membership?.troubled.flatMap(({ access, partition }) => (access === "read" ? [partition] : [])),
    );
    return [...this.#pumps.values()].flatMap(({ task, tap, isRunning, isRestored, isBetweenChunks }) =>
      tap === undefined || !isRunning || !isRestored
        ? []
        : [{ task, tap, isAtRest: isBetweenChunks && !unread.has(task) }],
    );
  }

  async #keeperOf(identity: SnapshotIdentity | undefined, signal: AbortSignal): Promise<SnapshotKeeper | undefined> {
    const { snapshots, broker, clock, stage } = this.#options;
    if (snapshots === undefined || [...stage.stores, ...stage.taps].every(({ changelog }) => changelog === undefined))
      return undefined;
    if (identity === undefined) {
      this.#facts.emit("snapshotsPaused", {
        reason: "the cluster gives topics no ids, so that one made anew looks the same",
      });
      return undefined;
    }
    const { turns, pace } = snapshots;
    const shelf = snapshots.shelf.ofStage(identity.cluster, stage.group);
    const facts = this.#facts;
    const keeper = new SnapshotKeeper({ shelf, turns, pace, identity, admin: broker.admin, clock, facts, signal });
    await keeper.begin();
    return keeper;
  }

  /** Looks for topics that have grown, and goes on with what waits for a moment. @param nowMs monotonic */
  tick(nowMs: number): void {
    if (this.#status !== "running") return;
    this.#grown?.tick(nowMs);
    this.#restorer?.tick(nowMs);
    this.#snapshots?.tick();
    this.#heartbeats?.tick(nowMs, () => this.#beating());
  }

  #setTrouble(what: string, reason: string | undefined): void {
    if (reason === undefined) this.#troubles.delete(what);
    else this.#troubles.set(what, reason);
  }

  /** Commits what is in hand, closes the tasks and leaves the group. Does nothing more when it was called before. */
  async drain(): Promise<void> {
    if (this.#status === "stopped" || this.#status === "draining") return;
    this.#drained.abort(new Error(`stage ${this.stage.name} stops`));
    const isHalted = this.#status === "halted";
    if (!isHalted) this.#status = "draining";
    await this.#stop();
    if (!isHalted) this.#status = "stopped";
  }

  assigned(tasks: readonly OwnedTask[]): void {
    this.#hasAssignment = true;
    this.#facts.emit("tasksChanged", {});
    if (this.#stopping.signal.aborted) return;
    for (const { task } of tasks) this.#lose(task);
    this.#grown?.inputHas(Math.max(0, ...tasks.map(({ task }) => task + 1)));
    this.#pending.push(...tasks);
    this.#openPending();
  }

  async revoking(tasks: readonly TaskId[], signal: AbortSignal): Promise<void> {
    await Promise.all(tasks.map((task) => this.#pumps.get(task)?.settle(signal)));
  }

  lost(tasks: readonly TaskId[]): void {
    for (const task of tasks) this.#lose(task);
  }

  async batch({ task, epoch, batch, room }: OwnedBatch): Promise<void> {
    const pump = this.#pumps.get(task);
    if (pump?.epoch === epoch) await pump.take(batch, room);
    else room?.release();
  }

  room(task: TaskId, epoch: Epoch): Room | Promise<Room | undefined> {
    const pump = this.#pumps.get(task);
    return pump?.epoch === epoch ? pump.room() : unaccountedRoom;
  }

  failed(error: Error): void {
    // A membership says so of inputs alone, and what comes under the name of one that was gone is another log.
    if (codeOf(error) === "MR_TOPIC_MISSING") this.#isRemade = true;
    this.#halt(codeOf(error) === "MR_LOG_CHANGED" ? withStores(this.stage, error) : error);
  }

  #openPending(): void {
    const compiled = this.#compiled;
    const membership = this.#membership;
    if (compiled === undefined || membership === undefined || this.#status !== "running") return;
    const pending = this.#pending;
    this.#pending = [];
    for (const owned of pending) this.#open(owned, compiled, membership);
  }

  #open({ task, epoch }: OwnedTask, compiled: CompiledStage, membership: Membership): void {
    const { plan, stage, clock, budget, yieldToLoop, timeSliceMs } = this.#options;
    const after = this.#closing.get(task);
    const stageTask = compiled.openTask(task, this.#adoption === undefined ? this.#model : undefined);
    const restorer = this.#restorer;
    const snapshots = this.#snapshots;
    const pump = new Pump({
      task,
      epoch,
      input: topicPartitionKey(stage.from.clusterName, task),
      stage: stageTask,
      restore: async (offset, note, signal) => {
        await snapshots?.open(task, stageTask, () => pump.isBetweenChunks);
        await restorer?.restore(task, stageTask, offset, note, signal);
      },
      isExactlyOnce: plan.delivery === "exactly-once",
      source: membership,
      share: budget.join(),
      bounds: {
        ...plan.commit,
        bytes: chunkBytesMax,
        // Exactly once nobody sees an output before the commit: to send it sooner only makes batches small.
        ...(plan.delivery === "exactly-once" ? { lingerMs: Number.POSITIVE_INFINITY } : {}),
      },
      alarm: this.#alarm,
      timeSliceMs: timeSliceMs ?? timeSliceMsDefault,
      clock,
      facts: this.#facts,
      yieldToLoop,
      ...(after === undefined ? {} : { after }),
      failureOf,
      listener: this.#listener(task),
    });
    this.#pumps.set(task, pump);
    pump.open();
  }

  #listener(task: TaskId): PumpListener {
    const { clock } = this.#options;
    return {
      begun: (offset, note) => {
        this.#snapshots?.emptied(task);
        this.#accounts.begun(task, offset, note);
      },
      kept: () => this.#snapshots?.kept(task),
      committed: (chunk) => this.#accounts.committed(task, chunk, clock.now()),
      fatal: (error) => this.#halt(error instanceof Error ? error : new Error(messageOf(error))),
    };
  }

  #lose(task: TaskId): void {
    this.#pending = this.#pending.filter((owned) => owned.task !== task);
    const pump = this.#pumps.get(task);
    if (pump === undefined) return;
    this.#pumps.delete(task);
    const closing = this.#closed(task, pump.lose()).finally(() => {
      if (this.#closing.get(task) === closing) this.#closing.delete(task);
    });
    this.#closing.set(task, closing);
  }

  async #closed(task: TaskId, ended: Promise<void>): Promise<void> {
    await ended;
    await this.#snapshots?.close(task);
  }

  /** Other stages go on; this one commits what it can and leaves its group. */
  #halt(error: Error): void {
    if (this.#stopping.signal.aborted) {
      const fields = { code: codeOf(error, "MR_BROKER"), reason: error.message, error: error.name };
      this.#facts.emit("commitMissedAtStop", fields);
      return;
    }
    this.#status = "halted";
    this.#haltReason = error;
    this.#emitHalted(error);
    this.#awaitsTopic = codeOf(error) === "MR_TOPIC_MISSING" && !this.#drained.signal.aborted;
    const stopped = this.#stop();
    if (this.#awaitsTopic) void stopped.then(() => this.#revive());
  }

  #emitHalted(error: Error): void {
    this.#facts.emit("stageHalted", { code: codeOf(error), reason: error.message, error: error.name });
  }

  /** Waits until all topics are there again, and then begins anew. An input that was gone is another log now. */
  async #revive(): Promise<void> {
    const { broker, clock, plan, stage } = this.#options;
    const { signal } = this.#drained;
    const needed = topicsOfStage(plan, stage);
    try {
      for (let areThere = false; !areThere; ) {
        // A cluster that does not answer has not said anything.
        const found = await broker.admin.describe(needed, signal).catch(() => undefined);
        const names = found?.topics.map(({ topic }) => topic);
        areThere = needed.every((name) => names?.includes(name));
        if (names?.includes(stage.from.clusterName) === false) this.#isRemade = true;
        if (!areThere) await clock.sleep(topicPollMs, signal);
      }
    } catch {
      return;
    }
    if (signal.aborted) return;
    this.#awaitsTopic = false;
    if (this.#isRemade && stage.onLogChange === "halt") {
      this.#haltReason = remade(stage);
      this.#emitHalted(this.#haltReason);
      return;
    }
    this.#haltReason = undefined;
    this.#membership = undefined;
    this.#hasAssignment = false;
    this.#stopping = new AbortController();
    this.#alarm = this.#newAlarm();
    this.#facts.emit("stageRevived", {});
    await this.start().catch((thrown: unknown) => {
      if (!this.#stopping.signal.aborted) this.#halt(thrown instanceof Error ? thrown : new Error(messageOf(thrown)));
    });
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(new Error(`stage ${this.stage.name} stops`));
    this.#pending = [];
    await Promise.all([...this.#pumps.values()].map((pump) => this.#closed(pump.task, pump.drain())));
    await Promise.all(this.#closing.values());
    this.#pumps.clear();
    this.#alarm.stop();
    try {
      await this.#membership?.leave();
    } catch (thrown) {
      this.#facts.emit("groupNotLeft", { code: codeOf(thrown, "MR_GROUP"), reason: messageOf(thrown) });
    }
  }

  /** Waits for the alias, then opens the tasks that wait for it. */
  async #serve({ model, alias, features }: PlannedInfer): Promise<void> {
    const { models } = this.#options;
    const onWaiting = (): void => this.#facts.emit("modelAwaited", { model });
    const onSilent = (reason: string | undefined): void => this.#setTrouble("model", reason);
    try {
      const adoption = this.#adoption;
      const listener = { onWaiting, onSilent };
      const { signal } = this.#stopping;
      const served = await (adoption?.model.begin(listener) ?? models.load(model, alias, signal, listener));
      if (this.#stopping.signal.aborted) return;
      if (adoption === undefined) checkSignature(model, served, modelInputsOf(this.stage, features));
      this.#model = served;
      this.#facts.emit("modelServed", { model, version: served.version });
      if (this.#status === "waiting") this.#status = "running";
      this.#openPending();
    } catch (thrown) {
      if (this.#stopping.signal.aborted) return;
      this.#halt(thrown instanceof Error ? thrown : new Error(messageOf(thrown)));
    }
  }
}

function remade(stage: PlannedStage): Error {
  const { name, group, from } = stage;
  const topic = from.clusterName;
  const command = resetCommand(group, { topic }, "--to-earliest");
  const halted = new OperationError(
    "MR_LOG_CHANGED",
    `stage ${name}: topic ${topic} was deleted and made anew, and what was read belongs to the one before; to go on with what is there now, ${storesOf(stage).length > 0 ? "" : "write onLogChange: restart, or "}run: ${command}`,
  );
  return withStores(stage, halted);
}

/** Stores that are written down are of the log as it was, and have to begin anew with it. */
function withStores(stage: PlannedStage, changed: Error): Error {
  const stores = storesOf(stage);
  if (stores.length === 0) return changed;
  const flags = stores.map((store) => `--reset-state ${store}`).join(" ");
  return new OperationError(
    "MR_LOG_CHANGED",
    `${changed.message}; and, since its stores hold what the old log held, before it runs again: millrace apply FILE ${flags}`,
    { cause: changed },
  );
}

function storesOf({ name, stores }: PlannedStage): readonly string[] {
  return stores.flatMap(({ store, changelog }) =>
    changelog === undefined ? [] : [storeKey({ stage: name, store: store.name })],
  );
}

/** A stage that is ready to be started. */
export function createStageRunner(options: StageRunnerOptions): StageRunner {
  return new StageRunner(options);
}
