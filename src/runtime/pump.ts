/**
 * The only loop: one per task. It owns the queue and the chunk in hand, executes what the machine asks for and
 * feeds back what came of it.
 *
 * A turn of the loop is one piece: resolve, compute, infer, finish, write. Between turns it looks for what ends
 * the chunk: enough records or bytes, a tick, a revocation, a drain. The commit is awaited before the next
 * record is computed, so the two never overlap.
 *
 * Writing and committing are two cadences. A batch is written when it is full; the others as soon as nothing is left
 * to compute, and while there is, at the first end of a piece after `lingerMs`. Their offset follows at the chunk's end.
 *
 * In one file because whatever ends a chunk, fails or interrupts it meets here, and has to be read together.
 */
import { AssertionError, codeOf, messageOf, type Offset, OperationError, seededRng } from "../kernel/index.ts";
import type { Adoption } from "../model/index.ts";
import type { Outgoing, RawBatch } from "../wire/index.ts";
import type { TaskModel } from "./adoption/task-model.ts";
import type { VersionDue } from "./adoption/version-due.ts";
import { unbalanced } from "./counts.ts";
import { RecordHeldUpError } from "./failure-policy.ts";
import { ScorerSilentError } from "./inference.ts";
import { Intake } from "./intake.ts";
import {
  advance,
  type ChunkOutcome,
  hasChunk,
  newTask,
  type TaskAction,
  type TaskEvent,
  type TaskState,
} from "./machine.ts";
import { Patience } from "./patience.ts";
import {
  type Epoch,
  type HandleFailure,
  RecordRefusedError,
  type Room,
  type TaskHandle,
  type TaskId,
  TaskLostError,
} from "./port.ts";
import type { Position } from "./position.ts";
import type { PumpOptions } from "./pump-options.ts";
import { ScorerWait } from "./scorer-wait.ts";
import type { ServedModel } from "./served-model.ts";
import type { StageTask } from "./stage-task.ts";
import { RunningNote, writeNote } from "./task-note.ts";
import { Wake } from "./wake.ts";

/** A chunk without output only carries the offset, and is committed this rarely. */
const silentCommitMs = 1_000;

/** One task from its assignment to its end. */
export class Pump {
  readonly task: TaskId;
  readonly epoch: Epoch;
  readonly #options: PumpOptions;
  readonly #stage: StageTask;
  readonly #intake: Intake;
  readonly #patience: Patience;
  readonly #wake = new Wake();
  readonly #cut = new AbortController();
  #interrupt = new AbortController();
  #state: TaskState = newTask;
  #actions: TaskAction[] = [];
  #handle: TaskHandle | undefined;
  readonly #note = new RunningNote();
  /** The stores hold what they held at the committed offset, and the chunk in hand. */
  #isRestored = false;
  #isWellOnceRestored = false;
  #handleClosed: Promise<void> = Promise.resolve();
  #outgoing: Outgoing[] = [];
  #chunkBeganMs = 0;
  /** When the commit before was begun. */
  #committedMs = Number.NEGATIVE_INFINITY;
  /** When the chunk in hand is to end, as the alarm was asked last. */
  #dueMs = Number.POSITIVE_INFINITY;
  /** When the oldest output that no finished batch holds was begun; -1 when there is none. */
  #unsealedSinceMs = -1;
  #isTickDue = false;
  #isDraining = false;
  #isFinishing = false;
  #settled: (() => void) | undefined;
  #yieldedMs: number;
  #retriesAtOnce = false;
  #isPaused = false;
  readonly #scorer: ScorerWait;
  #loop: Promise<void> | undefined;

  constructor(options: PumpOptions) {
    this.task = options.task;
    this.epoch = options.epoch;
    this.#options = options;
    this.#stage = options.stage;
    this.#intake = new Intake(options.share, () => this.#accepts());
    this.#patience = new Patience(options.task, options.clock, options.facts, seededRng(options.task).uniform);
    this.#scorer = new ScorerWait(options.clock);
    this.#yieldedMs = options.clock.monotonicMs();
  }

  /** Opens the task; its life ends with `drain`, `lose` or a fatal error. */
  open(): void {
    this.#loop ??= this.#run();
  }

  /** Resolves when its life has ended. */
  async closed(): Promise<void> {
    await this.#loop;
  }

  get state(): TaskState {
    return this.#state;
  }

  /** True once the task computes what arrives. */
  get isRunning(): boolean {
    return this.#state.name === "running" || this.#state.name === "committing";
  }

  /** True from the moment on in which the stores hold what they held at the committed offset. */
  get isRestored(): boolean {
    return this.#isRestored;
  }

  /** True while its stores hold what they held at the committed offset, and nothing else. */
  get isBetweenChunks(): boolean {
    return this.isRunning && this.#isRestored && this.#stage.tally.in === 0 && !this.#stage.isHeldUp;
  }

  /** Next offset of the input as the group has committed it; -1 before the task was opened. */
  get committedOffset(): Offset {
    return this.#offsetOf(this.#state.committed);
  }

  /** Why the task does not get on, when that lasts longer than it may; undefined when all is well. */
  get trouble(): string | undefined {
    return this.#patience.trouble;
  }

  /** What the monitors of the task's output see; undefined where there is none. */
  get tap(): StageTask["tap"] {
    return this.#stage.tap;
  }

  /** Entries that each store of the task holds, in the order of the plan. */
  get storeEntries(): readonly number[] {
    return this.#stage.storeEntries;
  }

  /** Room for the next batch of the input, before it is there. */
  room(): Room | Promise<Room | undefined> {
    return this.#intake.room();
  }

  /** Resolves when the batch is taken or dropped: that is the back-pressure. */
  async take(batch: RawBatch, room?: Room): Promise<void> {
    const arrival = await this.#intake.take(batch, room);
    if (arrival === "taken") this.#wake.wake();
    if (arrival === "hole") this.#moveFetchBack();
    if (arrival === "deleted") this.#skipDeleted(batch.logStartOffset);
  }

  /** Another version can be taken over: looks whether it is to be. */
  versionMoved(): void {
    this.#wake.wake();
  }

  /** Ends a chunk that is old enough. @param nowMs monotonic */
  tick(nowMs: number): void {
    if (!this.#hasChunk()) {
      if (this.#arePartialsDue) this.#wake.wake();
      else this.#askForPartials();
      return;
    }
    if (nowMs < this.#dueMs) {
      this.#options.alarm.setFor(this.#dueMs);
      return;
    }
    this.#isTickDue = true;
    this.#wake.wake();
  }

  /**
   * Commits or drops what is in hand and forgets what is queued; resolves when nothing is in hand, or when the
   * signal cuts it short. The task stays open and goes on when batches arrive again.
   */
  settle(signal: AbortSignal): Promise<void> {
    if (!this.isRunning || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.#settled;
      this.#settled = () => {
        before?.();
        resolve();
      };
      signal.addEventListener("abort", () => this.#cutSettlingShort(), { once: true });
      this.#turnAwayWaiting();
    });
  }

  /** Computes what is queued, commits it, then closes: nothing more is to come. Resolves when closed. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    this.#wake.wake();
    await this.#loop;
  }

  /** Commits what is in hand, then closes. Resolves when closed. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    if (!this.isRunning) this.#send({ kind: "drain" });
    this.#turnAwayWaiting();
    if (this.#state.name === "closing") this.#cutOff();
    await this.#loop;
  }

  /** The task belongs to others now: closes without committing (R3). Resolves when closed. */
  async lose(): Promise<void> {
    this.#send({ kind: "lost" });
    this.#cutOff();
    await this.#loop;
  }

  async #run(): Promise<void> {
    this.#send({ kind: "open" });
    while (this.#state.name !== "closed") {
      const action = this.#actions.shift();
      try {
        if (action !== undefined) await this.#perform(action);
        else if (this.#state.name !== "running" || !(await this.#turn())) await this.#wake.wait();
      } catch (thrown) {
        this.#fail(thrown);
      }
    }
    this.#intake.close();
    this.#finishSettling();
  }

  #send(event: TaskEvent): void {
    const { state, actions } = advance(this.#state, event);
    this.#state = state;
    this.#actions.push(...actions);
    this.#wake.wake();
  }

  async #perform(action: TaskAction): Promise<void> {
    switch (action.kind) {
      case "open":
        return this.#open();
      case "settle":
        return this.#settleChunk(action.outcome);
      case "restore":
        return this.#restore();
      case "fetch":
        return this.#fetchFrom(this.#offsetOf(action.position));
      case "commit":
        this.#committedMs = this.#options.clock.monotonicMs();
        await this.#liveHandle().commit(action.position, writeNote(this.#note.next(this.#stage)));
        return this.#send({ kind: "committed" });
      case "keep":
        return this.#keep();
      case "backOff":
        return this.#backOff(action.attempt);
      case "close":
        return this.#close();
    }
  }

  async #open(): Promise<void> {
    const { source, input } = this.#options;
    await this.#options.after;
    this.#handle = await source.openTask(this.task, this.epoch, this.#cut.signal);
    const offsetNext = this.#handle.offsetsNext.get(input);
    if (offsetNext === undefined) throw new TypeError(`opening task ${this.task}: no offset for ${input}`);
    this.#note.found(this.#handle.notes.get(input));
    this.#send({ kind: "opened", position: this.#positionAt(offsetNext) });
  }

  #settleChunk(outcome: ChunkOutcome): void {
    if (outcome === "keep") this.#keep();
    // With nothing in hand that might fail again the task is well: no commit may follow for long that would say so.
    this.#isWellOnceRestored = outcome !== "undo" || (this.#stage.tally.in === 0 && !this.#stage.isHeldUp);
    if (outcome === "undo") this.#stage.undo();
    if (outcome !== "none" && outcome !== "anew") return;
    const offset = this.committedOffset;
    this.#options.listener.begun(offset, this.#note.begin(offset));
    this.#isRestored = false;
    if (outcome !== "anew") return;
    this.#stage.clear();
    if (this.#stage.hasVolatile) this.#options.facts.emit("storesEmptied", { task: this.task, offset });
  }

  /** Passes at once where the stores hold what they should: nobody but this task has changed anything then. */
  async #restore(): Promise<void> {
    const { restore, facts } = this.#options;
    await this.#stage.following?.opened(this.committedOffset, this.#isNothingAhead, this.#cut.signal);
    if (!this.#isRestored && restore !== undefined) {
      // What an attempt before has left half done goes.
      this.#stage.clear();
      await restore(this.committedOffset, this.#note.isFound ? this.#note.kept : undefined, this.#cut.signal);
      this.#stage.restored(this.#note.streamTimeOf(this.#stage));
      const hasAny = this.#stage.changelogs.some(({ store }) => store.entryCount > 0);
      if (hasAny && !this.#note.isFound) facts.emit("offsetMoved", { task: this.task, offset: this.committedOffset });
    }
    this.#isRestored = true;
    if (this.#isWellOnceRestored) this.#patience.recovered();
    this.#send({ kind: "restored" });
    this.#askForPartials();
  }

  /** Nobody can have seen anything that was made behind the committed offset, which this task or one before has left there. */
  get #isNothingAhead(): boolean {
    return this.#options.isExactlyOnce === true && this.#note.isFound;
  }

  #keep(): void {
    const { listener, clock } = this.#options;
    const { committed } = this.#state;
    if (committed === undefined) throw new AssertionError(`task ${this.task} keeps a chunk before it was opened`);
    listener.committed({
      tally: this.#stage.tally,
      note: this.#note.keep(this.#stage),
      offsetNext: this.committedOffset,
      durationMs: clock.monotonicMs() - this.#chunkBeganMs,
      eventTimeMs: this.#stage.eventTimeMs,
    });
    this.#stage.keep(committed);
    this.#stage.attempt = 1;
    this.#isTickDue = false;
    this.#patience.recovered();
    listener.kept?.();
    this.#askForPartials();
  }

  #fetchFrom(offsetNext: Offset): void {
    this.#forgetQueue(offsetNext);
    const { source } = this.#options;
    if (this.#isPaused) source.resume(this.task);
    this.#isPaused = false;
    source.start(this.task, this.#positionAt(offsetNext));
  }

  async #backOff(attempt: number): Promise<void> {
    // Until it is open again the task would only throw away what is fetched for it.
    this.#options.source.pause(this.task);
    this.#isPaused = true;
    // What it was to finish with is gone with the queue, and comes again.
    this.#isFinishing = false;
    this.#forgetQueue(this.committedOffset);
    this.#finishSettling();
    await this.#closeHandle();
    if (this.#isDraining && this.#state.name === "reopening") return this.#send({ kind: "drain" });
    this.#stage.attempt = attempt + 1;
    const waitMs = this.#retriesAtOnce ? 0 : this.#patience.waitMs(attempt);
    this.#retriesAtOnce = false;
    if (waitMs > 0) await this.#options.clock.sleep(waitMs, this.#cut.signal).catch(() => undefined);
    if (this.#state.name === "reopening") this.#send({ kind: "retry" });
  }

  async #close(): Promise<void> {
    this.#forgetQueue(this.committedOffset);
    await this.#closeHandle();
    this.#stage.undo();
    this.#send({ kind: "closed" });
  }

  /** One piece, or the end of the chunk. Answers false when there is nothing to do. */
  async #turn(): Promise<boolean> {
    const isLast = this.#isLast;
    const batch = this.#intake.head;
    // Nobody does the last chunk of a range anew but this task: it is committed like the others before the task closes.
    const isRangeDone = this.#isFinishing && batch === undefined;
    if (this.#hasChunk() && (isLast || isRangeDone || this.#isChunkDue())) {
      await this.#writeRest();
      this.#send({ kind: this.#isDraining ? "drain" : "chunkEnded" });
      return true;
    }
    if (this.#isDraining) {
      if (this.#stage.isAccountBehind || this.#stage.tap?.isBehind) await this.#writeAside();
      this.#send({ kind: "drain" });
      return true;
    }
    if (isLast) {
      this.#dropQueue();
      return false;
    }
    if (!this.#hasChunk() && (await this.#isTakingOver())) return true;
    if (batch === undefined) {
      this.#isDraining = isRangeDone;
      if (isRangeDone || this.#hasChunk() || !this.#arePartialsDue) return isRangeDone;
      await this.#writeAside();
      return true;
    }
    await this.#piece(batch);
    await this.#giveWay();
    return true;
  }

  async #piece(batch: RawBatch): Promise<void> {
    const stage = this.#stage;
    const { clock, bounds, timeSliceMs } = this.#options;
    if (stage.unresolvedId !== -1 && !(await this.#resolve())) return;
    const from = this.#intake.index;
    const nowMs = clock.monotonicMs();
    if (!this.#hasChunk()) this.#beginChunk(nowMs);
    const most = Math.min(batch.count, from + Math.max(1, bounds.records - stage.tally.in));
    const to = indexBefore(batch, from, most, stage.following?.servedTo);
    const end = stage.compute(batch, from, to, nowMs + timeSliceMs);
    await this.#scorer.ask(
      (signal) => stage.infer(signal),
      () => this.#isLast,
    );
    stage.finish();
    if (this.#state.name !== "running") return;
    await this.#write();
    if (this.#state.name !== "running") return;
    this.#send({ kind: "advanced", position: this.#positionAt(this.#intake.advance(end)) });
    if (!this.#hasChunk() || this.#isChunkDue()) return;
    this.#askForTick();
    if (!stage.hasUnsealed) this.#unsealedSinceMs = -1;
    else if (this.#unsealedSinceMs === -1) this.#unsealedSinceMs = nowMs;
    const isIdle = this.#intake.head === undefined && bounds.lingerMs < Number.POSITIVE_INFINITY;
    if (stage.hasUnsealed && (isIdle || clock.monotonicMs() - this.#unsealedSinceMs >= bounds.lingerMs))
      await this.#writeUnsealed();
  }

  /** Next offset that would be computed. */
  get #offsetAhead(): Offset {
    return this.#intake.head?.offsets[this.#intake.index] ?? this.#offsetOf(this.#state.position);
  }

  /** Whether a version had to be taken over before the next record is scored; between two chunks. */
  async #isTakingOver(): Promise<boolean> {
    const { following } = this.#stage;
    const offset = this.#offsetAhead;
    const due = following?.dueAt(offset);
    if (following === undefined || due === undefined) return false;
    if (due.kind === "adopt") await this.#adopt(following, due);
    else if (due.kind === "shadow") await this.#shadow(following, due, offset);
    else await this.#serveAgain(following, due.version, offset);
    return true;
  }

  /** R6: what is to be scored with a version is scored after everybody can know that it is. */
  async #adopt(following: TaskModel, { adoption, served }: VersionDue & { kind: "adopt" }): Promise<void> {
    await this.#commitAdoption(following, adoption);
    following.adopted(adoption);
    this.#serve(following, served, adoption.fromOffset);
    const { model, version, fromOffset: offset } = adoption;
    this.#options.facts.emit("versionAdopted", { task: this.task, model, version, offset });
  }

  async #commitAdoption(following: TaskModel, adoption: Adoption): Promise<void> {
    const { committed } = this.#state;
    if (committed === undefined) throw new AssertionError(`task ${this.task} adopts before it was opened`);
    following.write(adoption, this.#options.clock.now());
    this.#stage.sealBatches();
    await this.#write();
    await this.#liveHandle().commit(committed, writeNote(this.#note.next(this.#stage)));
    this.#stage.writtenAside();
  }

  /** What scores beside the version begins and ends between two chunks too. */
  async #shadow(following: TaskModel, due: VersionDue & { kind: "shadow" }, offset: Offset): Promise<void> {
    const { version, adoption } = due;
    if (adoption !== undefined) {
      await this.#commitAdoption(following, adoption);
      following.shadow?.adopted(adoption);
      const at = { task: this.task, model: following.model, version: adoption.version, offset };
      const { facts } = this.#options;
      if (adoption.reason !== undefined) facts.emit("challengerUnopened", { ...at, reason: adoption.reason });
      else facts.emit(version === 0 ? "shadowEnded" : "shadowBegun", at);
    }
    await this.#interruptibly((signal) => following.shadow?.serve(version, offset, signal));
  }

  /** A version that was adopted before; a drain or a revocation does not wait for it. */
  async #serveAgain(following: TaskModel, version: number, offset: Offset): Promise<void> {
    await this.#interruptibly(async (signal) => {
      const served = await following.versionOf(version, signal);
      this.#serve(following, served, offset);
      this.#options.facts.emit("versionServedAgain", { task: this.task, model: following.model, version, offset });
    });
  }

  async #interruptibly(work: (signal: AbortSignal) => Promise<void> | undefined): Promise<void> {
    const { signal } = this.#interrupt;
    try {
      await work(signal);
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
      this.#interrupt = new AbortController();
    }
  }

  #serve(following: TaskModel, served: ServedModel, offset: Offset): void {
    this.#stage.serve(served);
    following.serves(served.version, offset);
  }

  #beginChunk(nowMs: number): void {
    this.#chunkBeganMs = nowMs;
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#unsealedSinceMs = -1;
  }

  #askForTick(): void {
    const dueMs = this.#chunkDueMs;
    if (dueMs === this.#dueMs) return;
    this.#dueMs = dueMs;
    this.#options.alarm.setFor(dueMs);
  }

  /**
   * Exactly once what is made is seen when it is committed, so that a task with nothing left to compute waits for the time
   * between two commits alone. While it has, and where outputs are seen before, the chunk is as old as commits are apart.
   */
  get #chunkDueMs(): number {
    const { bounds, isExactlyOnce } = this.#options;
    if (!this.#stage.hasOutput) return this.#chunkBeganMs + Math.max(bounds.everyMs, silentCommitMs);
    if (isExactlyOnce !== true || this.#intake.head !== undefined) return this.#chunkBeganMs + bounds.everyMs;
    return Math.max(this.#chunkBeganMs, this.#committedMs + bounds.everyMs);
  }

  /** Sends what is made, though the chunk goes on: R1 holds, since its offset is committed later, and R2, since it is not kept. */
  async #writeUnsealed(): Promise<void> {
    this.#unsealedSinceMs = -1;
    this.#stage.sealBatches();
    await this.#write();
  }

  /** False when a drain or a revocation came first; the record that waits was not touched. */
  async #resolve(): Promise<boolean> {
    const { signal } = this.#interrupt;
    try {
      await this.#stage.resolve(signal);
      return this.#state.name === "running";
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
      this.#interrupt = new AbortController();
      return false;
    }
  }

  async #write(): Promise<void> {
    this.#stage.take(this.#outgoing);
    if (this.#outgoing.length === 0) return;
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    await this.#liveHandle().write(outgoing);
  }

  /** R1: everything of the chunk is handed to the handle before its offset is. */
  async #writeRest(): Promise<void> {
    const stage = this.#stage;
    stage.seal();
    const { tally } = stage;
    if (!tally.isBalanced) {
      this.#options.facts.emit("countsUnbalanced", { task: this.task, in: tally.in, fates: tally.fates });
      throw unbalanced(tally);
    }
    const isLast = this.#isLast || this.#isFinishing;
    if (isLast) stage.leavePartials();
    if (isLast || stage.isAccountDue) stage.leaveAccount(this.#note.next(stage), this.#offsetOf(this.#state.position));
    await this.#write();
  }

  /**
   * A commit without records: a task that closes leaves its account, since the chunks behind the last one had none, and one
   * that has nothing to do tells what its tap has counted, for which the judge waits.
   */
  async #writeAside(): Promise<void> {
    const { committed } = this.#state;
    if (committed === undefined) throw new AssertionError(`task ${this.task} commits before it was opened`);
    const note = this.#note.next(this.#stage);
    this.#stage.leavePartials();
    this.#stage.leaveAccount(note, this.committedOffset);
    await this.#write();
    await this.#liveHandle().commit(committed, writeNote(note));
    this.#stage.keep(committed);
  }

  get #arePartialsDue(): boolean {
    return (this.#stage.tap?.reportDueMs ?? Number.POSITIVE_INFINITY) <= this.#options.clock.monotonicMs();
  }

  #askForPartials(): void {
    const dueMs = this.#stage.tap?.reportDueMs ?? Number.POSITIVE_INFINITY;
    // What was restored may have been told or not; there is no haste.
    if (dueMs < Number.POSITIVE_INFINITY)
      this.#options.alarm.setFor(Math.max(dueMs, this.#options.clock.monotonicMs()));
  }

  /** Other tasks, timers and sockets get their turn after each time slice. */
  async #giveWay(): Promise<void> {
    const { clock, timeSliceMs, yieldToLoop } = this.#options;
    if (clock.monotonicMs() - this.#yieldedMs < timeSliceMs) return;
    await yieldToLoop();
    this.#yieldedMs = clock.monotonicMs();
  }

  #fail(thrown: unknown): void {
    const { facts, listener } = this.#options;
    const { name } = this.#state;
    if (name === "closing" || name === "closed") return;
    const failure = this.#cut.signal.aborted ? "lost" : this.#failureOf(thrown);
    if (thrown instanceof ScorerSilentError && !this.#isLast) this.#patience.unscored(thrown.message);
    if (failure === "reopen") {
      const code = codeOf(thrown, "MR_GROUP");
      facts.emit("taskReopened", { task: this.task, code, reason: messageOf(thrown), state: name });
      this.#send({ kind: "failed" });
      return;
    }
    if (failure === "lost") {
      facts.emit("taskLost", { task: this.task, reason: messageOf(thrown) });
      this.#send({ kind: "lost" });
    } else {
      this.#send({ kind: "fatal" });
      const isRefusal = thrown instanceof RecordRefusedError;
      listener.fatal(isRefusal ? new OperationError("MR_RECORD_REFUSED", thrown.message, { cause: thrown }) : thrown);
    }
  }

  #failureOf(thrown: unknown): HandleFailure {
    const { failureOf } = this.#options;
    if (thrown instanceof RecordHeldUpError) this.#retriesAtOnce = thrown.isAtOnce;
    if (!(thrown instanceof RecordRefusedError)) return failureOf(thrown);
    const outcome = this.#stage.markRefused(thrown);
    this.#retriesAtOnce = outcome === "marked";
    if (outcome === "halt") return "fatal";
    if (outcome === "again") return failureOf(thrown);
    const at = { task: this.task, topic: thrown.topic, partition: thrown.partition };
    this.#options.facts.emit(this.#retriesAtOnce ? "recordRefused" : "refusalStops", at);
    return failureOf(thrown);
  }

  /** The fetch ran ahead, which is legitimate after a revocation or a batch that was turned away. */
  #moveFetchBack(): void {
    this.#options.source.start(this.task, this.#positionAt(this.#intake.offsetNext));
  }

  /** Retention was faster than this stage: what is gone is said to be gone, and the task goes on behind it. */
  #skipDeleted(logStartOffset: Offset): void {
    if (this.#hasChunk() || this.#state.name !== "running") {
      this.#moveFetchBack();
      return;
    }
    const { facts, clock } = this.#options;
    facts.emit("recordsDeleted", { task: this.task, from: this.#intake.offsetNext, to: logStartOffset });
    this.#beginChunk(clock.monotonicMs());
    this.#send({ kind: "advanced", position: this.#positionAt(logStartOffset) });
    this.#askForTick();
    this.#fetchFrom(logStartOffset);
  }

  #positionAt(offsetNext: Offset): Position {
    return new Map([[this.#options.input, offsetNext]]);
  }

  #offsetOf(position: Position | undefined): Offset {
    return position?.get(this.#options.input) ?? -1;
  }

  /** True when the chunk in hand is to be ended, and nothing to be begun. */
  get #isLast(): boolean {
    return this.#isDraining || this.#settled !== undefined;
  }

  #accepts(): boolean {
    return this.isRunning && !this.#isLast;
  }

  #hasChunk(): boolean {
    return this.isRunning && hasChunk(this.#state);
  }

  #isChunkDue(): boolean {
    const { bounds } = this.#options;
    const { tally, bytesIn, endsHere } = this.#stage;
    // The registry may take its time, and what is made must not wait for it: exactly once, nobody sees it before the commit.
    return this.#isTickDue || tally.in >= bounds.records || bytesIn >= bounds.bytes || endsHere || this.#isVersionOver;
  }

  /** True when the next record is another version's. */
  get #isVersionOver(): boolean {
    const { following } = this.#stage;
    return following !== undefined && this.#intake.head !== undefined && this.#offsetAhead >= following.servedTo;
  }

  /** Nothing is in hand any more: what is queued is fetched again by whoever owns the partition next. */
  #dropQueue(): void {
    if (this.#intake.isBehindFetch) this.#fetchFrom(this.#offsetOf(this.#state.position));
    this.#finishSettling();
  }

  #cutSettlingShort(): void {
    if (this.#settled !== undefined && this.#state.name !== "closed") this.#moveFetchBack();
    this.#finishSettling();
  }

  #finishSettling(): void {
    const settled = this.#settled;
    this.#settled = undefined;
    settled?.();
  }

  /** Whoever waits, for room or for the registry, is not to hold up a drain or a rebalance. */
  #turnAwayWaiting(): void {
    this.#intake.turnAway();
    this.#interrupt.abort();
    this.#scorer.hurry();
    this.#wake.wake();
  }

  #forgetQueue(offsetNext: Offset): void {
    this.#intake.restart(offsetNext);
    this.#outgoing = [];
  }

  #cutOff(): void {
    this.#cut.abort();
    this.#interrupt.abort();
    this.#scorer.cut(new TaskLostError(`task ${this.task} was cut off`));
    void this.#closeHandle();
    this.#wake.wake();
  }

  #liveHandle(): TaskHandle {
    if (this.#handle === undefined) throw new TaskLostError(`task ${this.task} was cut off`);
    return this.#handle;
  }

  /** Resolves when the handle is closed. A handle that cannot even be closed is dead all the same. */
  #closeHandle(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    if (handle !== undefined) this.#handleClosed = handle.close().catch(() => undefined);
    return this.#handleClosed;
  }
}

/** Index of the first record from `from` on that is at or behind an offset, at most `to`. */
function indexBefore({ offsets }: RawBatch, from: number, to: number, offset = Number.POSITIVE_INFINITY): number {
  if (to === from || (offsets[to - 1] as number) < offset) return to;
  let index = from;
  while (index < to && (offsets[index] as number) < offset) index++;
  return index;
}
