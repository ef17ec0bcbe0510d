import { type Offset, type OffsetsNext, OperationError, topicPartitionKey } from "../../kernel/index.ts";
import {
  type Epoch,
  type GroupSink,
  type GroupSpec,
  type Membership,
  type OwnedTask,
  TaskFatalError,
  type TaskHandle,
  type TaskId,
  TaskLostError,
} from "../../runtime/index.ts";
import type { PartitionLog } from "./partition-log.ts";
import type { TopicStore } from "./store.ts";
import { TaskFeed } from "./task-feed.ts";
import { MemoryTaskHandle } from "./task-handle.ts";
import type { TransactionalIds } from "./transactional-ids.ts";
import type { TurnQueue } from "./turns.ts";

/** A next offset, and the note that was left with it. */
export interface CommittedOffset {
  readonly offset: Offset;
  readonly note: string | undefined;
}

/** The group as one of its members sees it. */
export interface MemberGroup {
  committed(topic: string, partition: number): CommittedOffset | undefined;
  commit(offsets: OffsetsNext, note?: string): void;
  /** True for a task whose partitions came while the group was reading: nothing in them is older than the group. */
  isGained(task: TaskId): boolean;
  /** The member is gone: its tasks are free for others. */
  removed(member: MemoryMembership): void;
}

/** What all members of the broker share. */
export interface MemberAround {
  readonly store: TopicStore;
  readonly ids: TransactionalIds;
  readonly turns: TurnQueue;
}

interface Owned {
  readonly epoch: Epoch;
  readonly logs: readonly PartitionLog[];
  readonly feed: TaskFeed;
  handle: MemoryTaskHandle | undefined;
}

/** One member of a group: the tasks it owns, their feeds and their handles. */
export class MemoryMembership implements Membership {
  readonly spec: GroupSpec;
  readonly sink: GroupSink;
  readonly #group: MemberGroup;
  readonly #store: TopicStore;
  readonly #ids: TransactionalIds;
  readonly #turns: TurnQueue;
  readonly #owned = new Map<TaskId, Owned>();
  readonly #gone = new AbortController();

  constructor(spec: GroupSpec, sink: GroupSink, group: MemberGroup, around: MemberAround) {
    this.spec = spec;
    this.sink = sink;
    this.#group = group;
    this.#store = around.store;
    this.#ids = around.ids;
    this.#turns = around.turns;
  }

  /** Aborts when the membership has ended, so that nobody waits for its sink. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Memory has no broker that could fail. */
  get troubled(): readonly [] {
    return [];
  }

  get tasks(): TaskId[] {
    return [...this.#owned.keys()];
  }

  async openTask(task: TaskId, epoch: Epoch, signal: AbortSignal): Promise<TaskHandle> {
    signal.throwIfAborted();
    const owned = this.#owned.get(task);
    if (owned === undefined || owned.epoch !== epoch) {
      throw new TaskLostError(`opening task ${task} of ${this.spec.group}: epoch ${epoch} does not own it`);
    }
    owned.handle?.kill();
    const { delivery = "at-least-once", hasChangelogs = false, name = this.spec.group } = this.spec;
    const isTransactional = delivery === "exactly-once" || hasChangelogs;
    const handle = new MemoryTaskHandle({
      task,
      id: isTransactional ? this.#ids.take(`${name}.${task}`) : undefined,
      offsetsNext: this.#resolve(task, owned.logs),
      notes: this.#notesOf(owned.logs),
      store: this.#store,
      delivery,
      commit: (offsets, note) => this.#group.commit(offsets, note),
    });
    owned.handle = handle;
    return handle;
  }

  start(task: TaskId, offsets: OffsetsNext): void {
    this.#owned.get(task)?.feed.start(offsets);
  }

  pause(task: TaskId): void {
    this.#owned.get(task)?.feed.pause();
  }

  resume(task: TaskId): void {
    this.#owned.get(task)?.feed.resume();
  }

  async leave(): Promise<void> {
    if (this.#gone.signal.aborted) return;
    this.end();
    this.#group.removed(this);
  }

  /** Takes over what a generation gives; the tasks stay silent until `start`. @param hasLost  whether it took any away */
  take(tasks: readonly OwnedTask[], hasLost: boolean): void {
    if (this.#gone.signal.aborted) return;
    for (const { task, epoch } of tasks) {
      const logs = this.spec.topics.flatMap((topic) => this.#store.find(topic)?.logs[task] ?? []);
      const feed = new TaskFeed({
        task,
        epoch,
        logs,
        store: this.#store,
        turns: this.#turns,
        logger: this.spec.logger,
        deliver: (batch) => this.sink.batch(batch),
        failed: (error) => this.fail(error),
      });
      this.#owned.set(task, { epoch, logs, feed, handle: undefined });
    }
    if (tasks.length > 0 || hasLost || this.#owned.size === 0) this.sink.assigned(tasks);
  }

  /** Gives tasks up; their handles are dead from here on. */
  drop(tasks: readonly TaskId[]): void {
    for (const task of tasks) this.#close(task);
    if (tasks.length > 0) this.sink.lost(tasks);
  }

  /** Holds every delivery while the group rebalances. */
  hold(): void {
    for (const { feed } of this.#owned.values()) feed.hold();
  }

  release(): void {
    for (const { feed } of this.#owned.values()) feed.release();
  }

  /** Ends the membership from this side: nothing reaches the sink any more. */
  end(): void {
    this.#gone.abort();
    for (const task of this.tasks) this.#close(task);
  }

  /** Ends the membership and tells the sink why. */
  fail(error: Error): void {
    if (this.#gone.signal.aborted) return;
    const { tasks } = this;
    this.end();
    this.#group.removed(this);
    if (tasks.length > 0) this.sink.lost(tasks);
    this.sink.failed(error);
  }

  #close(task: TaskId): void {
    const owned = this.#owned.get(task);
    owned?.feed.close();
    owned?.handle?.kill();
    this.#owned.delete(task);
  }

  /** Committed offsets, and for inputs without one the start position, which is committed at once. */
  #resolve(task: TaskId, logs: readonly PartitionLog[]): OffsetsNext {
    const offsets = new Map<string, Offset>();
    const fresh = new Map<string, Offset>();
    for (const log of logs) {
      const key = topicPartitionKey(log.topic, log.partition);
      const committed = this.#group.committed(log.topic, log.partition)?.offset;
      if (committed !== undefined && committed > log.endOffset) {
        const message = `opening task ${task} of ${this.spec.group}: offset ${committed} of ${key} is beyond the end ${log.endOffset}`;
        throw new TaskFatalError(message, { cause: new OperationError("MR_OFFSET_RANGE", message) });
      }
      if (committed === undefined) fresh.set(key, this.#startOf(log));
      offsets.set(key, committed ?? this.#startOf(log));
    }
    if (fresh.size > 0) this.#group.commit(fresh);
    return offsets;
  }

  #notesOf(logs: readonly PartitionLog[]): ReadonlyMap<string, string> {
    const notes = new Map<string, string>();
    for (const { topic, partition } of logs) {
      const note = this.#group.committed(topic, partition)?.note;
      if (note !== undefined) notes.set(topicPartitionKey(topic, partition), note);
    }
    return notes;
  }

  #startOf(log: PartitionLog): Offset {
    const { start } = this.spec;
    if (this.#group.isGained(log.partition)) return log.logStartOffset;
    switch (start.kind) {
      case "earliest":
        return log.logStartOffset;
      case "latest":
        return log.endOffset;
      case "time":
        return this.#store.offsetAtTime(log, start.timeMs);
    }
  }
}
