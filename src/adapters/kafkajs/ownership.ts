import type { OffsetsNext } from "../../kernel/index.ts";
import type { Epoch, OwnedTask, TaskId } from "../../runtime/index.ts";
import type { CommittedPartition } from "./offset-fetch-request.ts";
import type { KafkaTaskHandle } from "./task-handle.ts";

/** A task that this member owns, and what it knows of the group's committed offsets. */
export interface Owned extends OwnedTask {
  handle: KafkaTaskHandle | undefined;
  /** Committed offsets as last confirmed; undefined until the task is opened. */
  confirmed: OffsetsNext | undefined;
  /** Offsets of a commit whose answer was never seen. */
  attempted: OffsetsNext | undefined;
  /** Ids of the topics that the offsets belong to, by topic-partition; empty until the task is opened. */
  topicIds: ReadonlyMap<string, string>;
  /** What the group had committed when the task was opened. */
  committed: ReadonlyMap<string, CommittedPartition>;
  /** Where the task begins whatever is committed, after its log has changed. */
  startOver: OffsetsNext;
}

export interface NextGeneration {
  readonly lost: readonly Owned[];
  readonly gained: readonly OwnedTask[];
}

/** The tasks of one member over its generations. Epochs are counted here and never used twice. */
export class Ownership {
  readonly #owned = new Map<TaskId, Owned>();
  #epochLast: Epoch = 0;

  get tasks(): TaskId[] {
    return [...this.#owned.keys()];
  }

  get all(): Owned[] {
    return [...this.#owned.values()];
  }

  of(task: TaskId): Owned | undefined {
    return this.#owned.get(task);
  }

  find(task: TaskId, epoch: Epoch): Owned | undefined {
    const owned = this.#owned.get(task);
    return owned?.epoch === epoch ? owned : undefined;
  }

  has(owned: Owned): boolean {
    return this.#owned.get(owned.task) === owned;
  }

  /**
   * Takes over what the next generation assigns. A task held before is kept, with its epoch, when the group's
   * committed offsets are still its own: then nobody else has moved it on. Otherwise it is lost and gained anew.
   *
   * @param committed the group's offsets now, of the tasks held before
   */
  advance(assigned: readonly TaskId[], committed: OffsetsNext): NextGeneration {
    const wanted = new Set(assigned);
    const lost = this.all.filter((owned) => !wanted.has(owned.task) || !isOwn(owned, committed));
    for (const { task } of lost) this.#owned.delete(task);
    const gained = assigned
      .filter((task) => !this.#owned.has(task))
      .map((task) => ({ task, epoch: ++this.#epochLast }));
    for (const { task, epoch } of gained) {
      this.#owned.set(task, unopened(task, epoch, new Map()));
    }
    return { lost, gained };
  }

  /** The same task under another epoch, to begin at the given offsets; undefined when it is not owned. */
  renew(task: TaskId, startOver: OffsetsNext): OwnedTask | undefined {
    const before = this.#owned.get(task);
    if (before === undefined) return undefined;
    const next = unopened(task, ++this.#epochLast, new Map([...before.startOver, ...startOver]));
    this.#owned.set(task, next);
    return { task, epoch: next.epoch };
  }

  clear(): void {
    this.#owned.clear();
  }
}

function unopened(task: TaskId, epoch: Epoch, startOver: OffsetsNext): Owned {
  return {
    task,
    epoch,
    handle: undefined,
    confirmed: undefined,
    attempted: undefined,
    topicIds: new Map(),
    committed: new Map(),
    startOver,
  };
}

/**
 * Whether a group's offsets lie behind what the owner of a task knows to be committed: a coordinator that has lost or not
 * yet loaded them, since nobody but the owner commits.
 */
export function isBehind({ confirmed }: Pick<Owned, "confirmed">, committed: OffsetsNext): boolean {
  return [...(confirmed ?? [])].some(([key, offset]) => (committed.get(key) ?? -1) < offset);
}

function isOwn({ confirmed, attempted }: Owned, committed: OffsetsNext): boolean {
  if (confirmed === undefined) return true;
  return [...confirmed].every(([key, offset]) => {
    const found = committed.get(key);
    return found === offset || found === attempted?.get(key);
  });
}
