import type { HeldShelf, SnapshotName, SnapshotShelf, SnapshotWriting, StageShelf } from "../../runtime/index.ts";

/** Snapshots in memory: they outlive the workers of a process, and not the process. */
export function createMemoryShelf(): SnapshotShelf {
  const stages = new Map<string, MemoryStage>();
  return {
    ofStage: (cluster, group) => {
      const key = JSON.stringify([cluster, group]);
      const known = stages.get(key) ?? new MemoryStage();
      stages.set(key, known);
      return known;
    },
  };
}

class MemoryStage implements StageShelf {
  readonly #snapshots = new Map<string, Uint8Array>();
  readonly #held = new Set<number>();

  async list(): Promise<readonly SnapshotName[]> {
    return [...this.#snapshots.keys()].map((key) => JSON.parse(key) as SnapshotName);
  }

  async *read(name: SnapshotName): AsyncGenerator<Uint8Array> {
    const bytes = this.#snapshots.get(keyOf(name));
    if (bytes !== undefined) yield bytes;
  }

  async hold(task: number): Promise<HeldShelf | undefined> {
    if (this.#held.has(task)) return undefined;
    this.#held.add(task);
    return {
      write: async (store) => this.#write({ task, store }),
      release: async () => void this.#held.delete(task),
    };
  }

  #write(name: SnapshotName): SnapshotWriting {
    const parts: Uint8Array[] = [];
    let isOver = false;
    const checkOpen = (): void => {
      if (isOver) throw new Error(`writing the snapshot of store ${name.store} of task ${name.task}: it was ended`);
    };
    return {
      append: async (bytes) => {
        checkOpen();
        parts.push(new Uint8Array(bytes));
      },
      publish: async () => {
        checkOpen();
        isOver = true;
        this.#snapshots.set(keyOf(name), Buffer.concat(parts));
      },
      discard: async () => {
        isOver = true;
      },
    };
  }
}

function keyOf({ task, store }: SnapshotName): string {
  return JSON.stringify({ task, store });
}
