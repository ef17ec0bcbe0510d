import { BackOff, type Clock, type Facts, messageOf, type Offset } from "../kernel/index.ts";
import type { Changelog } from "./changelog.ts";
import type { ClusterAdmin, SnapshotClaim, TaskId } from "./port.ts";
import { SnapshotCopying, type StoreToCopy, type WrittenSnapshot } from "./snapshot-copying.ts";
import { SnapshotDecoder, type SnapshotHeader, SnapshotUselessError } from "./snapshot-format.ts";
import { type LoadedSnapshot, loadSnapshot, type SnapshotOrigin } from "./snapshot-loading.ts";
import type { SnapshotTurns } from "./snapshot-turns.ts";
import type { HeldShelf, StageShelf } from "./snapshots.ts";
import type { StageTask } from "./stage-task.ts";
import type { TimeSlices } from "./time-slices.ts";

/** Of so many entries written since the last snapshots new ones are taken, as soon as they may. */
const entriesMax = 65_536;
/** A failure is tried again after a second, and later more rarely. */
const pauses = { firstMs: 1_000, lastMs: 60_000 };
/** Share of `delete.retention.ms` after which a snapshot is taken anew though little has changed; it is of use for half. */
const ageShare = 0.25;
/** A copy of which no piece was taken for so long is given up, so that others have their turn. */
const stuckMs = 30_000;

/** When snapshots are taken. */
export interface SnapshotPace {
  /** Where anything has changed, that often; where there is none yet, at once. */
  readonly everyMs: number;
  /** However much has changed, no more often than that. */
  readonly atMostEveryMs: number;
}

export const snapshotPaceDefault: SnapshotPace = { everyMs: 60_000, atMostEveryMs: 10_000 };

/** What the snapshots of a stage are told by, beside the task. */
export interface SnapshotIdentity {
  readonly cluster: string;
  readonly inputId: string;
  /** By store, of those that are written down. */
  readonly changelogs: ReadonlyMap<string, ChangelogIdentity>;
}

export interface ChangelogIdentity {
  readonly id: string;
  readonly form: string;
  readonly deleteRetentionMs: number;
}

export interface SnapshotKeeperOptions {
  readonly shelf: StageShelf;
  readonly turns: SnapshotTurns;
  readonly pace?: SnapshotPace | undefined;
  readonly identity: SnapshotIdentity;
  readonly admin: Pick<ClusterAdmin, "extent">;
  readonly clock: Clock;
  readonly facts: Facts;
  /** The stage stops. */
  readonly signal: AbortSignal;
}

/** A task whose snapshots are kept, from its restore to its end. */
interface KeptTask {
  readonly task: TaskId;
  readonly stage: StageTask;
  readonly isBetweenChunks: () => boolean;
  held: HeldShelf | undefined;
  /** By store: how many entries its changelog had written when its snapshot was begun; what a restore has read counts. */
  readonly marks: Map<string, number>;
  /** When snapshots were begun last, or loaded; without any, as soon as there is something to copy. Monotonic. */
  lastMs: number;
  /** Chunks that were kept. */
  keeps: number;
  isAsking: boolean;
  copying: SnapshotCopying | undefined;
  /** When a piece was copied last. Monotonic. */
  steppedMs: number;
  written: readonly WrittenSnapshot[] | undefined;
  /** Of `keeps`, when copying began; a later one shows that the task was owned until then. */
  keepsBefore: number;
  publishing: Promise<void>;
  isSaidElsewhere: boolean;
  isClosed: boolean;
}

/**
 * Takes snapshots of the stores of a stage's tasks, and loads them.
 *
 * A header says that everything before an offset of the changelog is in the snapshot. The offset is the log's end, asked
 * for before the first piece, which is copied when no chunk is in hand: what lay before the end is then in the store, or
 * was never committed. Had somebody else taken the task over by then, their entries would lie before it too; so a snapshot
 * is published only behind the commit of a chunk that was begun after the end was asked for.
 */
export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions;
  readonly #pace: SnapshotPace;
  readonly #tasks = new Map<TaskId, KeptTask>();
  readonly #reached = new Map<TaskId, Map<string, Offset>>();
  #claims: ReadonlyMap<TaskId, SnapshotClaim> = new Map();
  readonly #backOff = new BackOff(pauses);
  #retryFromMs = Number.NEGATIVE_INFINITY;
  #isFailing = false;

  constructor(options: SnapshotKeeperOptions) {
    this.#options = options;
    this.#pace = options.pace ?? snapshotPaceDefault;
  }

  /** Looks what lies there. */
  async begin(): Promise<void> {
    const { shelf } = this.#options;
    try {
      for (const { task, store } of await shelf.list()) {
        const header = await headerOf(shelf.read({ task, store }));
        if (header !== undefined && this.#isOurs(header, task, store)) this.#reach(task, store, header.offset);
      }
    } catch (thrown) {
      this.#fail(thrown);
    }
    this.#summarise();
  }

  /** What lies there of each task, as of now. */
  get claims(): ReadonlyMap<TaskId, SnapshotClaim> {
    return this.#claims;
  }

  /** The task is about to be restored. */
  async open(task: TaskId, stage: StageTask, isBetweenChunks: () => boolean): Promise<void> {
    await this.close(task);
    const kept: KeptTask = {
      task,
      stage,
      isBetweenChunks,
      held: undefined,
      marks: new Map(),
      lastMs: Number.NEGATIVE_INFINITY,
      keeps: 0,
      isAsking: false,
      copying: undefined,
      steppedMs: 0,
      written: undefined,
      keepsBefore: 0,
      publishing: Promise.resolve(),
      isSaidElsewhere: false,
      isClosed: false,
    };
    this.#tasks.set(task, kept);
    await this.#hold(kept).catch((thrown: unknown) => this.#fail(thrown, task));
  }

  /**
   * Fills a store, which is empty, with its snapshot; undefined when there is none that is of use, and then it is empty.
   * @param extent of its changelog
   */
  async load(
    task: TaskId,
    { store }: Changelog,
    extent: { readonly low: Offset; readonly end: Offset },
    slices: TimeSlices,
    signal: AbortSignal,
  ): Promise<LoadedSnapshot | undefined> {
    const { shelf, identity, clock, facts } = this.#options;
    const { name } = store.spec;
    const changelog = identity.changelogs.get(name);
    const kept = this.#tasks.get(task);
    // Whoever has the lock writes; a file is whole whoever reads it.
    if (changelog === undefined || kept === undefined) return undefined;
    const origin = this.#originOf(task, changelog);
    const { deleteRetentionMs } = changelog;
    try {
      const needs = { origin, ...extent, deleteRetentionMs, nowMs: clock.now() };
      const loaded = await loadSnapshot(shelf.read({ task, store: name }), store, needs, slices, signal);
      if (loaded !== undefined) kept.lastMs = clock.monotonicMs();
      return loaded;
    } catch (thrown) {
      if (!(thrown instanceof SnapshotUselessError)) throw thrown;
      facts.emit("snapshotIgnored", { task, store: name, reason: thrown.message });
      return undefined;
    }
  }

  /** @param entries what was read of the store's changelog behind its snapshot */
  restored(task: TaskId, { store, entryCount }: Changelog, entries: number): void {
    this.#tasks.get(task)?.marks.set(store.spec.name, entryCount - entries);
  }

  /** The stores of the task are emptied, to be restored: what was copied of them is of no use. */
  emptied(task: TaskId): void {
    const kept = this.#tasks.get(task);
    if (kept !== undefined) void this.#drop(kept);
  }

  /** A chunk of the task is final, and no other is in hand. */
  kept(task: TaskId): void {
    const kept = this.#tasks.get(task);
    if (kept === undefined) return;
    kept.keeps++;
    this.#publishWritten(kept);
    if (kept.copying !== undefined) this.#step(kept);
    else this.#beginIfDue(kept);
  }

  /** Goes on with tasks that have nothing to do. */
  tick(): void {
    for (const kept of this.#tasks.values()) {
      if (kept.copying === undefined) continue;
      this.#step(kept);
      if (kept.copying !== undefined && this.#isStuck(kept)) this.#giveUp(kept);
    }
  }

  /** A chunk that waits for long, as for a partition without a leader, keeps its own task from being copied, and no other. */
  #isStuck({ steppedMs }: KeptTask): boolean {
    return this.#options.clock.monotonicMs() - steppedMs > stuckMs;
  }

  #giveUp(kept: KeptTask): void {
    this.#forgetMarks(kept);
    void this.#drop(kept);
  }

  /** The task has ended. Resolves when others may take its snapshots. */
  async close(task: TaskId): Promise<void> {
    const kept = this.#tasks.get(task);
    if (kept === undefined) return;
    kept.isClosed = true;
    this.#tasks.delete(task);
    await this.#drop(kept);
    await kept.publishing;
    await kept.held?.release().catch((thrown: unknown) => this.#fail(thrown, task));
  }

  /** False while another process has the task's snapshots. */
  async #hold(kept: KeptTask): Promise<boolean> {
    if (kept.held !== undefined) return true;
    const held = await this.#options.shelf.hold(kept.task);
    if (held === undefined) {
      if (!kept.isSaidElsewhere) this.#options.facts.emit("snapshotsElsewhere", { task: kept.task });
      kept.isSaidElsewhere = true;
      return false;
    }
    kept.isSaidElsewhere = false;
    if (kept.isClosed) await held.release();
    else kept.held = held;
    return !kept.isClosed;
  }

  #beginIfDue(kept: KeptTask): void {
    const { clock, turns } = this.#options;
    const nowMs = clock.monotonicMs();
    if (kept.isAsking || kept.written !== undefined || nowMs < this.#retryFromMs) return;
    if (!this.#isDue(kept, nowMs - kept.lastMs) || !turns.take(nowMs)) return;
    kept.isAsking = true;
    kept.lastMs = nowMs;
    void this.#begin(kept);
  }

  #isDue(kept: KeptTask, agoMs: number): boolean {
    if (agoMs < this.#pace.atMostEveryMs) return false;
    const changed = this.#changedIn(kept);
    if (changed >= entriesMax || (changed > 0 && agoMs >= this.#pace.everyMs)) return true;
    return kept.stage.changelogs.some((changelog) => agoMs >= this.#ageMsMax(changelog));
  }

  #changedIn({ stage, marks }: KeptTask): number {
    return stage.changelogs.reduce((sum, changelog) => sum + changedSince(changelog, marks), 0);
  }

  #ageMsMax({ store }: Changelog): number {
    return (this.#options.identity.changelogs.get(store.spec.name)?.deleteRetentionMs ?? 0) * ageShare;
  }

  async #begin(kept: KeptTask): Promise<void> {
    const { clock } = this.#options;
    try {
      const stores = (await this.#hold(kept)) ? await this.#storesToCopy(kept) : [];
      if (stores.length === 0 || kept.isClosed || kept.held === undefined) return this.#giveTurnBack(0);
      const copying = new SnapshotCopying(
        stores,
        kept.held,
        clock,
        (written) => this.#copied(kept, copying, written),
        (error) => {
          if (kept.copying === copying) kept.copying = undefined;
          this.#giveTurnBack(copying.spentMs);
          this.#failOf(kept, error);
        },
      );
      kept.copying = copying;
      kept.steppedMs = clock.monotonicMs();
      kept.keepsBefore = -1;
    } catch (thrown) {
      this.#giveTurnBack(0);
      if (!this.#options.signal.aborted) this.#failOf(kept, thrown);
    } finally {
      kept.isAsking = false;
    }
  }

  async #storesToCopy({ task, stage, marks }: KeptTask): Promise<StoreToCopy[]> {
    const { admin, clock, identity, signal } = this.#options;
    const takenMs = clock.now();
    const isWhole = stage.changelogs.every((changelog) => changedSince(changelog, marks) === 0);
    const changed = stage.changelogs.filter((changelog) => isWhole || changedSince(changelog, marks) > 0);
    // What is written from here on is behind the end that is asked for, or counts once too often.
    for (const { store, entryCount } of changed) marks.set(store.spec.name, entryCount);
    return Promise.all(
      changed.map(async (changelog) => {
        const { end } = await admin.extent({ topic: changelog.topic, partition: task }, signal);
        const known = identity.changelogs.get(changelog.store.spec.name) as ChangelogIdentity;
        return { changelog, header: { ...this.#originOf(task, known), offset: end, takenMs } };
      }),
    );
  }

  #step(kept: KeptTask): void {
    if (!kept.isBetweenChunks()) return;
    kept.steppedMs = this.#options.clock.monotonicMs();
    if (kept.keepsBefore === -1) kept.keepsBefore = kept.keeps;
    kept.copying?.step();
  }

  #copied(kept: KeptTask, copying: SnapshotCopying, written: readonly WrittenSnapshot[]): void {
    this.#giveTurnBack(copying.spentMs);
    kept.copying = undefined;
    kept.written = written;
    if (kept.keeps > kept.keepsBefore) this.#publishWritten(kept);
  }

  #publishWritten(kept: KeptTask): void {
    const { written, publishing } = kept;
    if (written === undefined) return;
    kept.written = undefined;
    kept.publishing = publishing.then(() => this.#publish(kept, written));
  }

  async #publish(kept: KeptTask, written: readonly WrittenSnapshot[]): Promise<void> {
    const { facts, clock } = this.#options;
    try {
      for (const { changelog, header, writing, entryCount, byteCount } of written) {
        await writing.publish();
        const store = changelog.store.spec.name;
        this.#reach(kept.task, store, header.offset);
        const seconds = Math.max(0, clock.now() - header.takenMs) / 1_000;
        facts.emit("snapshotTaken", { task: kept.task, store, entries: entryCount, bytes: byteCount, seconds });
      }
      this.#summarise();
      if (this.#isFailing) facts.emit("snapshotsResumed", {});
      this.#isFailing = false;
      this.#backOff.reset();
    } catch (thrown) {
      await discard(written);
      this.#failOf(kept, thrown);
    }
  }

  /** What changed since the snapshots before is not in any. */
  #failOf(kept: KeptTask, thrown: unknown): void {
    this.#forgetMarks(kept);
    this.#fail(thrown, kept.task);
  }

  #forgetMarks({ stage, marks }: KeptTask): void {
    for (const { store } of stage.changelogs) marks.set(store.spec.name, Number.NEGATIVE_INFINITY);
  }

  async #drop(kept: KeptTask): Promise<void> {
    const { copying, written = [] } = kept;
    kept.copying = undefined;
    kept.written = undefined;
    if (copying !== undefined) this.#giveTurnBack(copying.spentMs);
    await copying?.cancel().catch(() => undefined);
    await discard(written);
  }

  #giveTurnBack(spentMs: number): void {
    this.#options.turns.giveBack(this.#options.clock.monotonicMs(), spentMs);
  }

  #fail(thrown: unknown, task?: TaskId): void {
    const { facts, clock } = this.#options;
    if (task !== undefined) facts.emit("snapshotFailed", { task });
    if (!this.#isFailing) facts.emit("snapshotsPaused", { reason: messageOf(thrown) });
    this.#isFailing = true;
    this.#retryFromMs = clock.monotonicMs() + this.#backOff.next();
  }

  #isOurs(header: SnapshotHeader, task: TaskId, store: string): boolean {
    const changelog = this.#options.identity.changelogs.get(store);
    if (changelog === undefined) return false;
    const origin = this.#originOf(task, changelog);
    return (Object.keys(origin) as (keyof SnapshotOrigin)[]).every((key) => header[key] === origin[key]);
  }

  #originOf(task: TaskId, { id, form }: ChangelogIdentity): SnapshotOrigin {
    const { cluster, inputId } = this.#options.identity;
    return { cluster, inputId, changelogId: id, task, form };
  }

  #reach(task: TaskId, store: string, offset: Offset): void {
    const reached = this.#reached.get(task) ?? new Map<string, Offset>();
    this.#reached.set(task, reached.set(store, offset));
  }

  #summarise(): void {
    this.#claims = new Map(
      [...this.#reached].map(([task, offsets]) => [task, { offset: [...offsets.values()].reduce((a, b) => a + b, 0) }]),
    );
  }
}

function changedSince({ store, entryCount }: Changelog, marks: ReadonlyMap<string, number>): number {
  return entryCount - (marks.get(store.spec.name) ?? 0);
}

async function headerOf(pieces: AsyncIterable<Uint8Array>): Promise<SnapshotHeader | undefined> {
  const decoder = new SnapshotDecoder(pieces);
  try {
    return await decoder.header();
  } catch (thrown) {
    // It is said why when it is to be loaded.
    if (thrown instanceof SnapshotUselessError) return undefined;
    throw thrown;
  } finally {
    await decoder.close();
  }
}

async function discard(written: readonly WrittenSnapshot[]): Promise<void> {
  await Promise.all(written.map(({ writing }) => writing.discard().catch(() => undefined)));
}
