import type { Logger, Offset, OffsetsNext, RecordOut, TopicPartition } from "../kernel/index.ts";
import type { ClusterDescription, DeliveryMode, StartPosition, TopicToCreate } from "../topology/index.ts";
import type { Outgoing, RawBatch } from "../wire/index.ts";

/**
 * The only door to Kafka. Every adapter passes the same contract suite (test/contract/broker.ts).
 *
 * Nothing above knows whether `commit` is offsets after a flush or a transaction around both: which of the two is
 * asked for in {@link GroupSpec.delivery}, and decides what readers see before it. Whatever it is, batches of the role
 * `changelog` become visible with the offsets or never, since a compacted log that is ahead of them cannot be turned back.
 */
export interface Broker {
  /**
   * Joins a consumer group; assignments and batches arrive at `sink` until `leave`. The signal ends what comes before
   * there is a membership, such as the wait for a cluster that does not answer.
   */
  join(group: GroupSpec, sink: GroupSink, signal?: AbortSignal): Promise<Membership>;
  /** Writes batches that no task stands behind: bounded runs, trainers, feeders. To be closed by who asked for it. */
  writer(): BatchWriter;
  /** Writes records that no task stands behind: produce, aliases. Order per partition is kept. */
  append(records: readonly RecordOut[], signal: AbortSignal): Promise<void>;
  /**
   * Takes a transactional id, for writing that no task stands behind and that one at a time may do. When it resolves, what
   * others had begun under the id is over, and they write nothing more under it: what is read from here on is what stands
   * until the first commit, or that commit is refused. A task's write side of the name `<name>.<task>` is such another.
   */
  transaction(id: string, signal: AbortSignal): Promise<TransactionalWriter>;
  /** Reads without a group: tail, train, control. Without `to` it follows for ever. */
  read(range: OffsetRange, signal: AbortSignal): AsyncIterable<RawBatch>;
  readonly admin: ClusterAdmin;
  /**
   * Since when (monotonic) no broker has answered anything that was asked; undefined while one does, or nobody asks.
   * Left out by an adapter whose cluster cannot be away.
   */
  readonly silentSinceMs?: number | undefined;
  close(): Promise<void>;
}

export interface GroupSpec {
  readonly group: string;
  /** Input topics, co-partitioned: partition n of all of them is task n. */
  readonly topics: readonly string[];
  readonly start: StartPosition;
  /** Of everything that the handles of this member's tasks write; at-least-once when left out. */
  readonly delivery?: DeliveryMode;
  /**
   * Tasks write changelogs: batches of that role are seen with the commit of the offsets or never, in both deliveries. When
   * a task is open, what its owners before have written there is decided, and they write nothing more. At least once, a
   * commit without such batches costs no more than where there are none.
   */
  readonly hasChangelogs?: boolean;
  /**
   * Stem of the names under which the cluster knows the tasks' write sides, `<name>.<task>`: whoever opens one ends what
   * an earlier owner left behind. The group's name when left out.
   */
  readonly name?: string | undefined;
  /** Names this member across restarts; undefined for a dynamic member. */
  readonly instanceId?: string | undefined;
  /**
   * Of the groups that a process joins under its instance id, the one that decides between two processes which start at
   * once under it; the group itself when not given. All groups of all processes should name the same.
   */
  readonly decidingGroup?: string | undefined;
  /**
   * What this member has of each task's stores on disk, whoever owns the task now: a task goes where least is left to be
   * restored. Asked each time the member says what it has, so that it costs no more than a look; left out, nothing.
   */
  readonly claims?: () => ReadonlyMap<TaskId, SnapshotClaim>;
  readonly logger: Logger;
  /**
   * What follows when an input's log is no longer the one that was read: cut back by the cluster, or its topic made anew.
   * `halt`, the default, ends the membership with the command to go on; `restart` gives the task up and assigns it anew,
   * to begin where the log differs.
   */
  readonly onLogChange?: "halt" | "restart";
}

/** Input partition number: together with the group it names a task. */
export type TaskId = number;

/** How much of what is written down of a task's stores lies in snapshots. */
export interface SnapshotClaim {
  /**
   * Offsets of the changelogs up to which the snapshots reach, summed over the task's stores. Comparable between members
   * of a group: who has the larger one has less to read.
   */
  readonly offset: Offset;
}

/** Counts ownerships: a task that is kept over a rebalance keeps its epoch, one that comes back has a new one. */
export type Epoch = number;

export interface OwnedTask {
  readonly task: TaskId;
  readonly epoch: Epoch;
}

export interface GroupSink {
  /**
   * New tasks, paused until `start`, after those that were lost. Tasks kept from the generation before are not named
   * again. A generation that only took tasks away, or leaves the member without any, says so by a call with none.
   */
  assigned(tasks: readonly OwnedTask[]): void;
  /** Before the group rejoins: commit or drop the chunk in hand. Awaited, until the signal cuts it short. */
  revoking(tasks: readonly TaskId[], signal: AbortSignal): Promise<void>;
  /** Tasks that belong to others now; commits on their handles reject as lost. */
  lost(tasks: readonly TaskId[]): void;
  /** Resolves when taken, not when committed: that is the back-pressure. */
  batch(batch: OwnedBatch): Promise<void>;
  /**
   * Room for the next piece of a task's input: at once, or when there is some; undefined when the task takes nothing after
   * all. A sink that does not have it takes pieces of any size.
   */
  room?(task: TaskId, epoch: Epoch): Room | Promise<Room | undefined>;
  /** The membership ended by itself and cannot go on: authentication, fencing, a topic deleted. */
  failed(error: Error): void;
}

export interface OwnedBatch {
  readonly task: TaskId;
  readonly epoch: Epoch;
  readonly batch: RawBatch;
  /** What was set aside for it; it becomes the batch's. Without it the batch waits for room after it was inflated. */
  readonly room?: Room;
}

/** Memory that is set aside for a piece of a task's input before it is there. */
export interface Room {
  /** About how much the piece may have, with its index. */
  readonly bytes: number;
  /** Sets aside what the piece and those after it are cut from, for as long as that is held; the piece has the less. */
  store(bytes: number): Room;
  /** Gives it back. Does nothing where it was given back, became a batch's, or was forgotten with what the task held. */
  release(): void;
}

/** A topic-partition that this member could not read, or not write to, for ten seconds on end; whoever needs it waits. */
export interface TroubledPartition extends TopicPartition {
  readonly access: "read" | "write";
  /** Node that was asked; undefined while there is no leader to ask. */
  readonly node: number | undefined;
  /** Name of Kafka's error code, or what became of the connection. */
  readonly reason: string;
  readonly forMs: number;
}

/** Where a task's batches come from, and where what it makes of them goes: a membership, or a bounded run. */
export interface TaskSource {
  /** Fences where it can, then answers the next offsets; resolves `start` positions and commits them at once. */
  openTask(task: TaskId, epoch: Epoch, signal: AbortSignal): Promise<TaskHandle>;
  /** Begins or moves the fetching of a task; batches below these offsets are dropped. */
  start(task: TaskId, offsets: OffsetsNext): void;
  pause(task: TaskId): void;
  resume(task: TaskId): void;
}

export interface Membership extends TaskSource {
  /** What cannot be read or written now; empty when all is well. */
  readonly troubled: readonly TroubledPartition[];
  /** Leaves the group; afterwards nothing reaches the sink. */
  leave(): Promise<void>;
}

/** Writes finished batches. A throw means that it is dead. */
export interface BatchWriter {
  /** Resolves when there is room for more, not when durable. Order per topic-partition is kept. */
  write(outgoing: readonly Outgoing[]): Promise<void>;
  /** Everything written is durable. */
  flush(): Promise<void>;
  /** Ends it; resolves when nothing is in flight any more. What was not flushed may be in the log or not. */
  close(): Promise<void>;
}

/** Writes under a transactional id. A throw means that it is dead. */
export interface TransactionalWriter {
  /**
   * Writes all of the records, which readers see together, or none.
   *
   * @throws OperationError MR_FENCED when somebody else has taken the id, and nothing was written; after any other throw
   *   it is not known
   */
  commit(records: readonly RecordOut[], signal: AbortSignal): Promise<void>;
}

/** A task's write side. A throw means the handle is dead; the class of the error says what follows. */
export interface TaskHandle {
  /** Next offset per input topic-partition, as the group has committed it when the task was opened. */
  readonly offsetsNext: OffsetsNext;
  /** The note that was committed with each of them; none where nobody has left one, or others have moved the offset. */
  readonly notes: ReadonlyMap<string, string>;
  /**
   * Resolves when there is room for more, not when durable. Exactly-once, and in any delivery what goes to a changelog: seen
   * by nobody before the commit.
   */
  write(outgoing: readonly Outgoing[]): Promise<void>;
  /**
   * Everything written is durable, then (or together with it) the offsets. Checks membership and epoch first.
   *
   * @param note kept with each of the offsets, for whoever opens the task next; at most 200 letters, digits, `-` and `_`
   */
  commit(offsetsNext: OffsetsNext, note?: string): Promise<void>;
  /**
   * Every pending call rejects as lost; what is in flight is settled or cut before the task can be opened again, and
   * what was written and not committed is, exactly-once, never seen.
   */
  close(): Promise<void>;
}

/** What follows a throw of a handle: open again, close quietly, or halt the stage. */
export type HandleFailure = "reopen" | "lost" | "fatal";

/** Thrown by `openTask`, `write` and `commit`. After a commit that threw, its outcome is unknown. */
export abstract class TaskHandleError extends Error {
  abstract readonly failure: HandleFailure;
}

export class TaskReopenError extends TaskHandleError {
  override readonly name = "TaskReopenError";
  override readonly failure = "reopen";
}

export class TaskLostError extends TaskHandleError {
  override readonly name = "TaskLostError";
  override readonly failure = "lost";
}

export class TaskFatalError extends TaskHandleError {
  override readonly name = "TaskFatalError";
  override readonly failure = "fatal";
}

/** What the broker said of records that it refused. */
export interface Refusal {
  /** What the input of the record becomes: MR_TOO_LARGE when its size was the reason, else MR_REFUSED. */
  readonly code: "MR_TOO_LARGE" | "MR_REFUSED";
  /** In the broker's words, for the dead letter. */
  readonly reason: string;
  /** The batch, as it was handed to `write`; undefined when it is not known. */
  readonly batch: Outgoing | undefined;
  /** Every record that was named, by its index inside the batch. */
  readonly indices: readonly number[];
}

/** A broker refused records for good, such as one that is too large for the topic; their inputs become dead letters. */
export class RecordRefusedError extends TaskHandleError {
  override readonly name = "RecordRefusedError";
  override readonly failure = "reopen";
  readonly topic: string;
  readonly partition: number;
  /** Index of the first refused record inside its batch; -1 when the broker named only the batch. */
  readonly index: number;
  readonly refusal: Refusal;

  constructor(
    at: TopicPartition,
    index: number,
    message: string,
    options: ErrorOptions & { readonly refusal?: Refusal } = {},
  ) {
    super(message, options);
    this.topic = at.topic;
    this.partition = at.partition;
    this.index = index;
    const named = index < 0 ? [] : [index];
    this.refusal = options.refusal ?? {
      code: "MR_TOO_LARGE",
      reason: "it is too large",
      batch: undefined,
      indices: named,
    };
  }
}

export interface OffsetRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: Offset | "earliest" | "latest" | { readonly timeMs: number };
  /** Exclusive; undefined follows. */
  readonly to?: Offset;
}

/** What a group has committed of one partition. */
export interface CommittedPosition {
  readonly partition: number;
  /** The next offset to read; -1 when nothing is committed. */
  readonly offset: Offset;
  /** Undefined where nobody has left one, or others have moved the offset. */
  readonly note?: string | undefined;
}

export interface ClusterAdmin {
  /** Topics of these names that exist, with partition counts and the configs that Millrace sets or reads. */
  describe(topics: readonly string[], signal: AbortSignal): Promise<ClusterDescription>;
  createTopics(topics: readonly TopicToCreate[], signal: AbortSignal): Promise<void>;
  /**
   * Gives a topic more partitions, `partitions` in all; one that has as many already stays as it is. Groups that read
   * it take the new ones up within five minutes.
   */
  growTopic(topic: string, partitions: number, signal: AbortSignal): Promise<void>;
  /** First and end offset of each partition; the end is what a reader may see (last stable offset). */
  watermarks(topic: string, signal: AbortSignal): Promise<readonly { partition: number; low: Offset; end: Offset }[]>;
  /** First offset of one partition, and the end of its log: records of open transactions lie before it. */
  extent(at: TopicPartition, signal: AbortSignal): Promise<{ readonly low: Offset; readonly end: Offset }>;
  /** Committed next offset of a group per partition, and the note that was left with it. */
  committed(group: string, topic: string, signal: AbortSignal): Promise<readonly CommittedPosition[]>;
  /**
   * Names of the members that a group has now: the instance id, or where there is none what the group calls it. One that
   * has ended without leaving is a member until its session is over.
   */
  members(group: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Deletes topics that exist; for tests and the demo's clean-up. */
  deleteTopics(topics: readonly string[], signal: AbortSignal): Promise<void>;
  /** Deletes groups that exist and have no member (any more), with what they committed; likewise for clean-up. */
  deleteGroups(groups: readonly string[], signal: AbortSignal): Promise<void>;
}
