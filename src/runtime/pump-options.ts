import { type Clock, type EpochMs, type Facts, MillraceError, type Offset } from "../kernel/index.ts";
import type { BufferShare } from "./buffer-budget.ts";
import type { CountTally } from "./counts.ts";
import { type Epoch, type HandleFailure, TaskHandleError, type TaskId, type TaskSource } from "./port.ts";
import type { StageTask } from "./stage-task.ts";
import type { TaskNote } from "./task-note.ts";

/** When a chunk ends, and when what it has made is sent. */
export interface ChunkBounds {
  readonly records: number;
  readonly bytes: number;
  readonly everyMs: number;
  /**
   * Longest time that outputs wait for more while the task is busy; one that has nothing to compute sends at once.
   * Infinite: nothing is sent before its batch is full or its chunk ends.
   */
  readonly lingerMs: number;
}

/** A chunk whose outputs, dead letters and offset are durable. */
export interface CommittedChunk {
  /** What became of its records; reused afterwards. */
  readonly tally: CountTally;
  /** What was left with its offset. */
  readonly note: TaskNote;
  /** Everything before it is committed. */
  readonly offsetNext: Offset;
  /** From its first record to the answer of its commit. */
  readonly durationMs: number;
  /** Event time of its last record that has one; undefined when none has. */
  readonly eventTimeMs: EpochMs | undefined;
}

/** What the stage hears of its task. */
export interface PumpListener {
  /**
   * The task begins here: nothing that this process knows of its partition leads up to this offset by itself.
   * @param note what was left with the offset; undefined when nobody has left anything
   */
  begun(offset: Offset, note: TaskNote | undefined): void;
  /** A chunk is durable. */
  committed(chunk: CommittedChunk): void;
  /** Its changes are final too, and no chunk is in hand. */
  kept?(): void;
  /** The stage cannot go on. */
  fatal(error: unknown): void;
}

export interface PumpOptions {
  readonly task: TaskId;
  readonly epoch: Epoch;
  /** Key of the input topic-partition in offset maps. */
  readonly input: string;
  readonly stage: StageTask;
  /**
   * Fills the stores, which are empty then, with what they held at this offset; left out, they hold what they should.
   * The note is what was left with it, if any was.
   */
  readonly restore?: (offset: Offset, note: TaskNote | undefined, signal: AbortSignal) => Promise<void>;
  /** What is written is seen with the offsets or never; left out, it may be seen before. */
  readonly isExactlyOnce?: boolean;
  readonly source: TaskSource;
  readonly share: BufferShare;
  readonly bounds: ChunkBounds;
  /** Whom to ask for a `tick` when the chunk in hand is due, at this monotonic time or little later. */
  readonly alarm: { setFor(dueMs: number): void };
  readonly timeSliceMs: number;
  readonly clock: Clock;
  readonly facts: Facts;
  readonly yieldToLoop: () => Promise<void>;
  /** Settles when an earlier owner of the same partition in this process is gone; the task is opened after it. */
  readonly after?: Promise<void>;
  readonly listener: PumpListener;
  /** What follows from a throw. */
  readonly failureOf: (thrown: unknown) => HandleFailure;
}

/** What follows from a throw; anything that is not the broker's or a passing outage halts the stage. */
export function failureOf(thrown: unknown): HandleFailure {
  if (thrown instanceof TaskHandleError) return thrown.failure;
  if (thrown instanceof MillraceError && thrown.disposition === "retry") return "reopen";
  return "fatal";
}
