/**
 * The life of a task as a pure machine: `(state, event) -> { state, actions }`.
 *
 * It holds positions, which it only compares, and counts, never records. The pump executes the actions in their order and feeds
 * what came of them back as events.
 *
 * ```
 *            open           opened            restored          chunkEnded
 *   new ───────────▶ fencing ──────▶ restoring ──────▶ running ───────────▶ committing
 *                      ▲  │                │            │   ▲   committed        │
 *                      │  │ failed         │ failed     │   └────────────────────┤
 *                retry │  ▼                ▼            │ failed                 │ failed
 *                      reopening ◀──────────────────────┴────────────────────────┘
 *
 *   any of them ── lost, fatal, drain ──▶ closing ── closed ──▶ closed
 *   (drain with a chunk in hand goes through committing; from new there is nothing to close)
 * ```
 *
 * | invariant | enforced by |
 * |---|---|
 * | R1 an offset is committed only after every write of its chunk was asked for | `commit` is an action of `chunkEnded` and `drain` alone, and carries `position`, which only `advanced` moves |
 * | R2 a failed chunk leaves no trace | every way out of `fencing` into `restoring` carries `settle`, decided by `outcomeOf` |
 * | R3 a task that lost its partition commits nothing | no cell of `closing` or `closed` holds an action |
 * | one commit at a time, nothing computed beside it | `committing` has no cell for `advanced` |
 * | a chunk whose commit was not answered is held until the offsets are known | `chunkEnd` is cleared by `opened` alone |
 */
import { AssertionError } from "../kernel/index.ts";
import { isSamePosition, type Position } from "./position.ts";

/** Where a task is in its life. */
export type TaskStateName =
  | "new"
  | "fencing"
  | "restoring"
  | "running"
  | "committing"
  | "reopening"
  | "closing"
  | "closed";

/** All that is known of a task's place: plain positions and counts. */
export interface TaskState {
  readonly name: TaskStateName;
  /** Next offsets as the group has committed them, as far as this task knows; undefined before it was opened. */
  readonly committed: Position | undefined;
  /** Next offsets to compute: everything before them is in the chunk in hand or committed. */
  readonly position: Position | undefined;
  /** Where a chunk whose commit was sent and not answered ends; undefined when there is none. */
  readonly chunkEnd: Position | undefined;
  /** Reopenings since the last commit. */
  readonly attempts: number;
  /** True when the commit under way is the last one. */
  readonly isDraining: boolean;
}

export type TaskEvent =
  /** The task was assigned. */
  | { readonly kind: "open" }
  /** The handle is open; `position` is what the group has committed. */
  | { readonly kind: "opened"; readonly position: Position }
  /** The stores are as they were at the committed offset. */
  | { readonly kind: "restored" }
  /** A piece was computed and its full batches were written. */
  | { readonly kind: "advanced"; readonly position: Position }
  /** The chunk is large or old enough. */
  | { readonly kind: "chunkEnded" }
  /** The commit was answered. */
  | { readonly kind: "committed" }
  /** Opening, writing or committing threw, and opening again may help. */
  | { readonly kind: "failed" }
  /** The back-off is over. */
  | { readonly kind: "retry" }
  /** The partition belongs to another member. */
  | { readonly kind: "lost" }
  /** The stage cannot go on. */
  | { readonly kind: "fatal" }
  /** Commit what is in hand, then stop. */
  | { readonly kind: "drain" }
  /** The handle is closed. */
  | { readonly kind: "closed" };

/** What becomes of the chunk that was in hand when the handle died, now that the offsets are known. */
export type ChunkOutcome =
  /** There was none: the task is opened for the first time, or nothing was in hand. */
  | "none"
  /** Its commit had landed: changes and counts stay. */
  | "keep"
  /** Its commit had not landed: changes and counts are taken back. */
  | "undo"
  /** Another owner has been there: the stores start anew. */
  | "anew";

export type TaskAction =
  /** Open a handle, which fences where the broker can. */
  | { readonly kind: "open" }
  /** Decide over the chunk in hand. */
  | { readonly kind: "settle"; readonly outcome: ChunkOutcome }
  /** Bring the stores to the committed offset; passes at once while stores are volatile. */
  | { readonly kind: "restore" }
  /** Fetch from here. */
  | { readonly kind: "fetch"; readonly position: Position }
  /** Commit everything before `position`. */
  | { readonly kind: "commit"; readonly position: Position }
  /** The chunk in hand is durable: keep its changes, add up its counts. */
  | { readonly kind: "keep" }
  /** The handle is dead: close it, forget what is queued, wait, then say `retry`. `attempt` counts from 1. */
  | { readonly kind: "backOff"; readonly attempt: number }
  /** Close the handle, take back what is in hand, then say `closed`. */
  | { readonly kind: "close" };

export interface Step {
  readonly state: TaskState;
  readonly actions: readonly TaskAction[];
}

type EventKind = TaskEvent["kind"];
type Cell<K extends EventKind> = (state: TaskState, event: Extract<TaskEvent, { kind: K }>) => Step;
type Row = { readonly [K in EventKind]: Cell<K> };

/** A task before anybody has asked for it. */
export const newTask: TaskState = {
  name: "new",
  committed: undefined,
  position: undefined,
  chunkEnd: undefined,
  attempts: 0,
  isDraining: false,
};

/**
 * What follows from the position that a reopened task answers.
 *
 * `chunkEnd` is undefined when no commit was sent: then only the start of the chunk is its own.
 */
export function outcomeOf(state: TaskState, position: Position): ChunkOutcome {
  if (state.committed === undefined) return "none";
  if (isSamePosition(position, state.chunkEnd)) return "keep";
  return isSamePosition(position, state.committed) ? "undo" : "anew";
}

/** True while records were computed that are not committed. */
export function hasChunk({ position, committed }: TaskState): boolean {
  return !isSamePosition(position, committed);
}

function knownPosition({ position, name }: TaskState): Position {
  if (position === undefined) throw new AssertionError(`a task in state ${name} has no position`);
  return position;
}

const goTo = (state: TaskState, name: TaskStateName, ...actions: readonly TaskAction[]): Step => ({
  state: { ...state, name },
  actions,
});

const open = (state: TaskState): Step => goTo(state, "fencing", { kind: "open" });

const opened: Cell<"opened"> = (state, { position }) =>
  goTo(
    { ...state, committed: position, position, chunkEnd: undefined },
    "restoring",
    { kind: "settle", outcome: outcomeOf(state, position) },
    { kind: "restore" },
  );

const restored: Cell<"restored"> = (state) => goTo(state, "running", { kind: "fetch", position: knownPosition(state) });

/** Comparing is all that is done with it: that no input moves back is asserted where its records are counted. */
const advanced: Cell<"advanced"> = (state, { position }) => ({ state: { ...state, position }, actions: [] });

const commit = (state: TaskState): Step =>
  goTo({ ...state, chunkEnd: state.position }, "committing", { kind: "commit", position: knownPosition(state) });

const chunkEnded: Cell<"chunkEnded"> = (state) => (hasChunk(state) ? commit(state) : stay(state));

const committed: Cell<"committed"> = (state) => {
  const done = { ...state, committed: state.chunkEnd, chunkEnd: undefined, attempts: 0 };
  return state.isDraining
    ? goTo(done, "closing", { kind: "keep" }, { kind: "close" })
    : goTo(done, "running", { kind: "keep" });
};

const backOff: Cell<"failed"> = (state) =>
  goTo({ ...state, attempts: state.attempts + 1 }, "reopening", { kind: "backOff", attempt: state.attempts + 1 });

/** A last commit that failed is not tried again: the next owner does that chunk anew. */
const failedCommit: Cell<"failed"> = (state, event) => (state.isDraining ? close(state) : backOff(state, event));

const close = (state: TaskState): Step => goTo(state, "closing", { kind: "close" });

const drainRunning: Cell<"drain"> = (state) =>
  hasChunk(state) ? commit({ ...state, isDraining: true }) : close(state);

const drainCommitting: Cell<"drain"> = (state) => ({ state: { ...state, isDraining: true }, actions: [] });

const end = (state: TaskState): Step => goTo(state, "closed");

/** Came too late to matter. */
const stay = (state: TaskState): Step => ({ state, actions: [] });

/** The pump broke its promise: this event cannot happen here. */
const never = (state: TaskState, event: TaskEvent): Step => {
  throw new AssertionError(`task event ${event.kind} in state ${state.name}`);
};

const refuseAll: Row = {
  open: never,
  opened: never,
  restored: never,
  advanced: never,
  chunkEnded: never,
  committed: never,
  failed: never,
  retry: never,
  lost: close,
  fatal: close,
  drain: close,
  closed: never,
};

/** What was under way when the task began to close may still answer; nothing follows from it. */
const ignoreAll: Row = {
  open: never,
  opened: stay,
  restored: stay,
  advanced: stay,
  chunkEnded: stay,
  committed: stay,
  failed: stay,
  retry: stay,
  lost: stay,
  fatal: stay,
  drain: stay,
  closed: stay,
};

/** Every transition. A state or an event without its cell does not compile. */
export const transitions: Readonly<Record<TaskStateName, Row>> = {
  new: { ...refuseAll, open, lost: end, fatal: end, drain: end },
  fencing: { ...refuseAll, opened, failed: backOff },
  restoring: { ...refuseAll, restored, failed: backOff },
  running: { ...refuseAll, advanced, chunkEnded, failed: backOff, drain: drainRunning },
  committing: { ...refuseAll, committed, failed: failedCommit, drain: drainCommitting },
  reopening: { ...refuseAll, retry: open },
  closing: { ...ignoreAll, closed: end },
  closed: ignoreAll,
};

/** Takes one step. Throws an AssertionError for an event that cannot happen in the state. */
export function advance(state: TaskState, event: TaskEvent): Step {
  const cell = transitions[state.name][event.kind] as Cell<EventKind>;
  return cell(state, event);
}
