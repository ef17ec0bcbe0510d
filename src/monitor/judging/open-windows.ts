/**
 * The windows of one monitor that are not judged yet, and how far its tasks are.
 *
 * W1 Windows close in the order of time, each once, and none is left out but empty ones that nobody was told of in time.
 *    Where nothing was ever counted they begin with the first whole one since the judge has begun.
 * W2 A window closes when every task has come past it; one that has nothing to read is not waited for where another has.
 * W3 A task that neither comes on nor says that it has nothing to read is waited for until Kafka's time has passed the
 *    window by `idleAfterMs`, and the task has stood still for as long. One that comes on, however slowly, is waited for.
 * W4 No window closes before it has begun by Kafka's time: one row dated 2099 does not close all windows until then.
 * W5 Where rows do not come as they happen, the clock closes no window that none has come to: a backfill that pauses for a
 *    minute has its rows still to come, and there may be years of windows until today.
 */
import type { EpochMs } from "../../kernel/index.ts";
import type { MonitorSpec } from "../monitor-spec.ts";
import type { HeartbeatRecord, PartialRecord } from "../records/partial-record.ts";

export interface ClosedWindow {
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** The last total of every task and baseline, in the order in which they first came. */
  readonly partials: readonly PartialRecord[];
  /** Of each partial: how far the task's rows were behind Kafka's time when it first told of them, or was least. */
  readonly staleMs: readonly number[];
  /** Rows that came for windows that were closed without them. */
  readonly late: number;
  /** Kafka's time when it closed. */
  readonly closedAtMs: EpochMs;
  /**
   * Whether rows came as they happened when they last came on, by the time in which a window is waited for; true before
   * there were any. Where they did not, as in a backfill, an empty window says nothing of those that are still to come.
   */
  readonly isCurrent: boolean;
}

/** A task that is waited for. */
export interface TaskName {
  readonly stage: string;
  readonly partition: number;
}

interface Held {
  readonly record: PartialRecord;
  readonly staleMs: number;
}

interface TaskProgress {
  streamTimeMs: EpochMs;
  isIdle: boolean;
  /** Kafka's time when it last came on, or was first missed. */
  movedAtMs: EpochMs;
}

/** Closed windows whose rows are remembered, so that what comes too late for them is told. */
const rememberedMax = 100;

export class OpenWindows {
  readonly #spec: MonitorSpec;
  readonly #ageMaxMs: number;
  /** Of the tasks that are waited for. */
  readonly stages: readonly string[];
  readonly #tasks = new Map<string, TaskProgress>();
  /** By window, then by task and baseline. */
  readonly #held = new Map<EpochMs, Map<string, Held>>();
  readonly #remembered = new Map<EpochMs, Map<string, number>>();
  /** Begin of the last window that was closed. */
  #closedMs: EpochMs | undefined;
  #late = 0;
  #hasBegun = false;
  /** Kafka's time when the judge began to look. */
  #sinceMs: EpochMs | undefined;
  /** The furthest that any task has come. */
  #streamTimeMs: EpochMs = Number.NEGATIVE_INFINITY;
  #isCurrent = true;

  /** @param ageMaxMs windows that ended longer ago and are empty are passed over */
  constructor(spec: MonitorSpec, tasks: readonly TaskName[], ageMaxMs: number) {
    this.#spec = spec;
    this.#ageMaxMs = ageMaxMs;
    this.stages = [...new Set(tasks.map(({ stage }) => stage))];
    for (const task of tasks) this.#tasks.set(nameOf(task), newTask());
  }

  /** What was there before has been taken: from here on windows are missed where nothing was ever counted. */
  begin(): void {
    this.#hasBegun = true;
  }

  /** Everything up to the window that begins then was judged before. */
  judgedBefore(fromMs: EpochMs): void {
    if (this.#closedMs !== undefined && fromMs <= this.#closedMs) return;
    this.#closedMs = fromMs;
    for (const held of this.#held.keys()) if (held <= fromMs) this.#held.delete(held);
  }

  takePartial(record: PartialRecord, nowMs: EpochMs): void {
    this.#move(record, false, nowMs);
    const { fromMs } = record;
    const key = `${nameOf(record)}/${record.baseline}`;
    if (this.#closedMs !== undefined && fromMs <= this.#closedMs) {
      this.#countLate(key, record);
      return;
    }
    const held = this.#held.get(fromMs) ?? new Map<string, Held>();
    this.#held.set(fromMs, held);
    // A total that is told again, when the window is over, tells of the same rows later.
    const staleMs = Math.min(held.get(key)?.staleMs ?? Number.POSITIVE_INFINITY, nowMs - record.streamTimeMs);
    held.set(key, { record, staleMs });
  }

  takeHeartbeat(record: HeartbeatRecord, nowMs: EpochMs): void {
    this.#move(record, record.isIdle, nowMs);
  }

  /** The windows that can be closed at that time of Kafka's, oldest first. */
  close(nowMs: EpochMs): ClosedWindow[] {
    const closed: ClosedWindow[] = [];
    if (this.#hasBegun && Number.isFinite(nowMs)) this.#sinceMs ??= nowMs;
    for (;;) {
      const fromMs = this.#next(nowMs);
      if (fromMs === undefined || !this.#isDue(fromMs, nowMs)) return closed;
      const held = this.#held.get(fromMs) ?? new Map<string, Held>();
      this.#held.delete(fromMs);
      this.#closedMs = fromMs;
      this.#remember(fromMs, held);
      const toMs = fromMs + this.#spec.windowMs;
      const [partials, staleMs] = [
        [...held.values()].map(({ record }) => record),
        [...held.values()].map((one) => one.staleMs),
      ];
      closed.push({ fromMs, toMs, partials, staleMs, late: this.#late, closedAtMs: nowMs, isCurrent: this.#isCurrent });
      this.#late = 0;
    }
  }

  #move({ streamTimeMs, ...name }: TaskName & { readonly streamTimeMs: EpochMs }, isIdle: boolean, nowMs: EpochMs) {
    const key = nameOf(name);
    const task = this.#tasks.get(key) ?? newTask();
    this.#tasks.set(key, task);
    if (streamTimeMs > task.streamTimeMs) {
      task.streamTimeMs = streamTimeMs;
      task.movedAtMs = nowMs;
    }
    task.isIdle = isIdle;
    if (streamTimeMs <= this.#streamTimeMs) return;
    this.#streamTimeMs = streamTimeMs;
    const { windowMs, lateMs, idleAfterMs } = this.#spec;
    this.#isCurrent = nowMs - streamTimeMs <= windowMs + lateMs + idleAfterMs;
  }

  /** Rows of a window that was closed without them. */
  #countLate(key: string, record: PartialRecord): void {
    const remembered = this.#remembered.get(record.fromMs);
    if (remembered === undefined) return;
    this.#late += Math.max(0, record.rows - (remembered.get(key) ?? 0));
    remembered.set(key, record.rows);
  }

  #remember(fromMs: EpochMs, held: ReadonlyMap<string, Held>): void {
    this.#remembered.set(fromMs, new Map([...held].map(([key, { record }]) => [key, record.rows])));
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= rememberedMax) return;
      this.#remembered.delete(oldest);
    }
  }

  /** Begin of the window that is to be closed next; undefined before the judge has a time. */
  #next(nowMs: EpochMs): EpochMs | undefined {
    const first = this.#held.size === 0 ? undefined : Math.min(...this.#held.keys());
    const { windowMs } = this.#spec;
    // The first whole window since somebody looks: where nothing was ever counted, nobody would say so.
    const sinceMs = this.#sinceMs === undefined ? undefined : Math.ceil(this.#sinceMs / windowMs) * windowMs;
    if (this.#closedMs === undefined)
      return Math.min(first ?? Number.POSITIVE_INFINITY, sinceMs ?? Number.POSITIVE_INFINITY);
    const next = this.#closedMs + windowMs;
    const oldest = Math.floor((nowMs - this.#ageMaxMs) / windowMs) * windowMs;
    return Math.max(next, Math.min(first ?? Number.POSITIVE_INFINITY, oldest));
  }

  #isDue(fromMs: EpochMs, nowMs: EpochMs): boolean {
    if (nowMs < fromMs || (!this.#isCurrent && fromMs > this.#streamTimeMs)) return false;
    const { windowMs, lateMs, idleAfterMs } = this.#spec;
    const endMs = fromMs + windowMs + lateMs;
    const isTimeUp = nowMs >= endMs + idleAfterMs;
    let hasPassed = false;
    let areIdle = true;
    for (const task of this.#tasks.values()) {
      if (task.movedAtMs === undefinedMs) task.movedAtMs = nowMs;
      if (task.streamTimeMs >= endMs) hasPassed = true;
      else if (!task.isIdle) {
        areIdle = false;
        if (!isTimeUp || nowMs - task.movedAtMs < idleAfterMs) return false;
      }
    }
    return isTimeUp || (hasPassed && areIdle);
  }
}

/** Before anything was counted nobody is missed. */
const undefinedMs = Number.NEGATIVE_INFINITY;

function newTask(): TaskProgress {
  return { streamTimeMs: Number.NEGATIVE_INFINITY, isIdle: false, movedAtMs: undefinedMs };
}

function nameOf({ stage, partition }: TaskName): string {
  return `${stage}/${partition}`;
}
