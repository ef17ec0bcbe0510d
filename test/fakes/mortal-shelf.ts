import type { HeldShelf, SnapshotShelf, SnapshotWriting, StageShelf } from "../../src/runtime/index.ts";

interface Holder {
  readonly held: HeldShelf;
  isDead(): boolean;
}

/** By place: who holds which task. */
const holders = new WeakMap<SnapshotShelf, Map<string, Holder>>();

/**
 * A place for snapshots as one process sees it: nothing that the process does once it is dead reaches anything, and what
 * it held is free for the next.
 */
export function mortalShelf(shelf: SnapshotShelf, isDead: () => boolean): SnapshotShelf {
  const known = holders.get(shelf) ?? new Map<string, Holder>();
  holders.set(shelf, known);
  const never = new Promise<never>(() => undefined);
  const unlessDead = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isDead()) return never;
    const answer = await work();
    return isDead() ? never : answer;
  };
  const writingOf = (writing: SnapshotWriting): SnapshotWriting => ({
    append: (bytes) => unlessDead(() => writing.append(bytes)),
    publish: () => unlessDead(() => writing.publish()),
    discard: () => unlessDead(() => writing.discard()),
  });
  const stageOf = (stage: StageShelf, name: string): StageShelf => ({
    list: () => unlessDead(() => stage.list()),
    read: (snapshot) => stage.read(snapshot),
    hold: (task) =>
      unlessDead(async () => {
        const key = `${name} ${task}`;
        const before = known.get(key);
        if (before?.isDead() === true) await before.held.release();
        const held = await stage.hold(task);
        if (held === undefined) return undefined;
        known.set(key, { held, isDead });
        return {
          write: (store) => unlessDead(async () => writingOf(await held.write(store))),
          release: () => unlessDead(() => held.release()),
        };
      }),
  });
  return { ofStage: (cluster, group) => stageOf(shelf.ofStage(cluster, group), `${cluster} ${group}`) };
}
