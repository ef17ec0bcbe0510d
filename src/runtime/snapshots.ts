import type { TaskId } from "./port.ts";

/**
 * Where snapshots of stores are kept across restarts, on this machine. Every adapter passes test/contract/snapshots.ts.
 *
 * What lies there is bytes: nothing is said of what they mean, or whether they are still of use. An error of any call
 * means that snapshots cannot be had now; nobody's state depends on them.
 */
export interface SnapshotShelf {
  /** The snapshots of one stage on one cluster. Nothing is made before one is written. */
  ofStage(cluster: string, group: string): StageShelf;
}

/** One snapshot of a stage: that of a store of a task. */
export interface SnapshotName {
  readonly task: TaskId;
  readonly store: string;
}

export interface StageShelf {
  /** What lies there, in no order. */
  list(): Promise<readonly SnapshotName[]>;
  /** The bytes of a snapshot, in pieces of any length that are good until the next is asked for; none when there is none. */
  read(name: SnapshotName): AsyncIterable<Uint8Array>;
  /**
   * Takes a task for this process, so that no two write its snapshots.
   * @returns undefined while another process has it; one that has died has nothing any more
   */
  hold(task: TaskId): Promise<HeldShelf | undefined>;
}

/** The snapshots of a task that this process may write. */
export interface HeldShelf {
  /** Begins a snapshot beside the one that is there. */
  write(store: string): Promise<SnapshotWriting>;
  /** Lets the task go; what is being written must have ended. */
  release(): Promise<void>;
}

/** A snapshot on its way: it takes the place of the one before as a whole, or never. */
export interface SnapshotWriting {
  /** The bytes are the caller's again when it resolves. */
  append(bytes: Uint8Array): Promise<void>;
  /** It is durable, and the one that is read from now on. */
  publish(): Promise<void>;
  /** Leaves nothing of it. Does nothing after `publish`. */
  discard(): Promise<void>;
}
