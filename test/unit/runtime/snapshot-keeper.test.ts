/** When snapshots are taken, of what they may say that they hold, and what becomes of one that cannot be written. */
import { expect, test } from "vitest";
import { createMemoryShelf } from "../../../src/adapters/state-memory/index.ts";
import { Facts, type LogFields, type Logger, type Offset, silentLogger } from "../../../src/kernel/index.ts";
import { Changelog } from "../../../src/runtime/changelog.ts";
import type { SnapshotShelf, StageShelf, StageTask } from "../../../src/runtime/index.ts";
import { SnapshotTurns } from "../../../src/runtime/index.ts";
import { SnapshotKeeper } from "../../../src/runtime/snapshot-keeper.ts";
import { TimeSlices } from "../../../src/runtime/time-slices.ts";
import { IdStore } from "../../../src/state/index.ts";
import { deferred } from "../../support/deadline.ts";
import { AutoClock, nextTurn } from "./fixture.ts";

const never = new AbortController().signal;
const extent = { low: 0, end: 1_000 };
const newStore = (): IdStore =>
  new IdStore({ spec: { name: "seen", kind: "ids", version: 1 }, withinMs: 60_000, latenessMs: 1_000 });

const identity = {
  cluster: "c",
  inputId: "i",
  changelogs: new Map([["seen", { id: "l", form: "f", deleteRetentionMs: 86_400_000 }]]),
};

/** A keeper, and a task of one store whose chunks a test makes. */
function bench(more: { shelf?: SnapshotShelf; atMostEveryMs?: number; turns?: SnapshotTurns } = {}) {
  const { shelf = createMemoryShelf(), atMostEveryMs = 10_000, turns = new SnapshotTurns() } = more;
  const clock = new AutoClock();
  const logged: { message: string; fields: LogFields }[] = [];
  const log = (fields: LogFields, message: string): void => void logged.push({ fields, message });
  const logger: Logger = { ...silentLogger, info: log, warn: log };
  const facts = new Facts(logger);
  const log0 = { end: 0 as Offset, asked: 0 };
  const stage = shelf.ofStage("c", "shop.features");
  const keeper = new SnapshotKeeper({
    shelf: stage,
    turns,
    pace: { everyMs: 60_000, atMostEveryMs },
    identity,
    admin: {
      extent: async () => {
        log0.asked++;
        return { low: 0, end: log0.end };
      },
    },
    clock,
    facts,
    signal: never,
  });
  const store = newStore();
  const changelog = new Changelog(store, { topic: "seen", partitions: 1, messageBytesMax: 1_000_000 }, 0);
  const task = { changelogs: [changelog] } as unknown as StageTask;
  const state = { isBetweenChunks: true };
  let ids = 0;
  return {
    keeper,
    stage,
    clock,
    facts,
    log: log0,
    changelog,
    state,
    open: () => keeper.open(0, task, () => state.isBetweenChunks),
    /** A chunk of one new id is computed, committed and kept. */
    chunk: async (): Promise<void> => {
      store.judge(`id-${ids}`, 5_000, ids++, 5_000);
      changelog.writeChanges(1);
      log0.end += 1;
      store.keep(5_000);
      keeper.kept(0);
      await settled();
    },
    said: (message: string) => logged.filter((line) => line.message === message).map(({ fields }) => fields),
  };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await nextTurn();
}

/** What lies there of the task: entries, and the offset up to which it reaches; undefined when nothing does. */
async function found(stage: StageShelf) {
  const keeper = new SnapshotKeeper({
    shelf: {
      list: () => stage.list(),
      read: (name) => stage.read(name),
      // Whoever looks need not hold it, as on a disk that is full or read-only.
      hold: () => Promise.reject(new Error("read only")),
    },
    turns: new SnapshotTurns(),
    identity,
    admin: { extent: async () => extent },
    clock: new AutoClock(),
    facts: new Facts(silentLogger),
    signal: never,
  });
  const store = newStore();
  const changelog = new Changelog(store, { topic: "seen", partitions: 1, messageBytesMax: 1_000_000 }, 0);
  await keeper.open(0, { changelogs: [changelog] } as unknown as StageTask, () => true);
  return keeper.load(0, changelog, extent, new TimeSlices(new AutoClock(), 10, nextTurn), never);
}

const paused = "Snapshots cannot be written; the work goes on, and they are tried again.";
const resumed = "Snapshots are written again.";

test("a snapshot is published behind the commit of a chunk that was begun after its offset was asked for, not before", async () => {
  const { keeper, open, chunk, stage } = bench();
  await open();
  await chunk();
  keeper.tick();
  await settled();
  // It is copied. Had others taken the task over by now, their entries would lie before the offset too.
  expect(await found(stage)).toBeUndefined();
  await chunk();
  expect(await found(stage)).toEqual({ entries: 1, offset: 1 });
  expect(keeper.claims).toEqual(new Map([[0, { offset: 1 }]]));
});

test("a chunk that was in hand when the offset was asked for shows nothing: copying begins behind it", async () => {
  const { keeper, open, chunk, stage, state } = bench();
  await open();
  await chunk();
  state.isBetweenChunks = false;
  keeper.tick();
  await settled();
  state.isBetweenChunks = true;
  await chunk();
  expect(await found(stage)).toBeUndefined();
  await chunk();
  expect(await found(stage)).toEqual({ entries: 2, offset: 1 });
});

test("nothing is copied while a chunk is in hand", async () => {
  const { keeper, open, chunk, stage, state } = bench();
  await open();
  await chunk();
  state.isBetweenChunks = false;
  for (let i = 0; i < 5; i++) {
    keeper.tick();
    await chunk();
  }
  expect(await found(stage)).toBeUndefined();
});

test("the next is due a minute later where anything has changed, and no more often than every ten seconds", async () => {
  const { open, chunk, clock, log } = bench();
  await open();
  for (let i = 0; i < 4; i++) await chunk();
  expect(log.asked).toBe(1);
  clock.nowMs += 59_000;
  await chunk();
  expect(log.asked).toBe(1);
  clock.nowMs += 1_000;
  await chunk();
  expect(log.asked).toBe(2);
});

test("one that was loaded is as good as one that was just written: the next is due a minute later", async () => {
  const shelf = createMemoryShelf();
  const before = bench({ shelf });
  await before.open();
  for (let i = 0; i < 4; i++) await before.chunk();
  await before.keeper.close(0);
  const { open, chunk, clock, log, keeper, changelog } = bench({ shelf });
  await open();
  log.end = 4 as Offset;
  const slices = new TimeSlices(clock, 10, nextTurn);
  expect(await keeper.load(0, changelog, { low: 0, end: 4 }, slices, never)).toBeDefined();
  for (let i = 0; i < 4; i++) await chunk();
  expect(log.asked).toBe(0);
  clock.nowMs += 60_000;
  await chunk();
  expect(log.asked).toBe(1);
});

test("of 65,536 entries the next is taken sooner, and never within ten seconds of the last", async () => {
  const { open, chunk, clock, log, changelog } = bench();
  await open();
  for (let i = 0; i < 4; i++) await chunk();
  expect(log.asked).toBe(1);
  clock.nowMs += 9_000;
  changelog.entryCount += 65_536;
  await chunk();
  expect(log.asked).toBe(1);
  clock.nowMs += 1_000;
  await chunk();
  expect(log.asked).toBe(2);
  for (let i = 0; i < 3; i++) await chunk();
  clock.nowMs += 10_000;
  changelog.entryCount += 65_000;
  await chunk();
  expect(log.asked).toBe(2);
});

test("a snapshot is taken anew after a quarter of the time that says of entries that they went, though nothing has changed", async () => {
  const { open, chunk, clock, log, keeper } = bench();
  await open();
  for (let i = 0; i < 4; i++) await chunk();
  clock.nowMs += 60_000;
  for (let i = 0; i < 3; i++) await chunk();
  const { asked } = log;
  // Nothing is written down from here on, chunks are committed all the same.
  const untouched = async (): Promise<void> => {
    keeper.kept(0);
    await settled();
  };
  clock.nowMs += 60_000;
  await chunk();
  for (let i = 0; i < 3; i++) await untouched();
  expect(log.asked).toBe(asked + 1);
  clock.nowMs += 21_600_000 - 1;
  await untouched();
  expect(log.asked).toBe(asked + 1);
  clock.nowMs += 1;
  await untouched();
  expect(log.asked).toBe(asked + 2);
});

test("stores that were emptied take what was copied of them with them", async () => {
  const { keeper, open, chunk, stage } = bench();
  await open();
  await chunk();
  keeper.tick();
  await settled();
  keeper.emptied(0);
  await chunk();
  await chunk();
  expect(await found(stage)).toBeUndefined();
});

test("a task whose chunk waits for half a minute gives its turn to others, and is copied anew later", async () => {
  const turns = new SnapshotTurns();
  const [stuck, other] = [bench({ turns }), bench({ turns })];
  await stuck.open();
  await other.open();
  await stuck.chunk();
  stuck.state.isBetweenChunks = false;
  stuck.keeper.tick();
  await other.chunk();
  expect([stuck.log.asked, other.log.asked]).toEqual([1, 0]);
  stuck.clock.nowMs += 30_001;
  stuck.keeper.tick();
  await settled();
  other.clock.nowMs += 60_000;
  await other.chunk();
  expect(other.log.asked).toBe(1);
  for (let i = 0; i < 3; i++) await other.chunk();
  expect(await found(other.stage)).toBeDefined();

  stuck.state.isBetweenChunks = true;
  stuck.clock.nowMs += 120_000;
  for (let i = 0; i < 4; i++) await stuck.chunk();
  expect(await found(stuck.stage)).toBeDefined();
});

test("a task that has ended frees its place, and a second owner meanwhile takes none and says so", async () => {
  const shelf = createMemoryShelf();
  const [first, second] = [bench({ shelf }), bench({ shelf })];
  await first.open();
  await second.open();
  const elsewhere = "Another process keeps the task's snapshots in the state directory; this one takes none.";
  expect([first.said(elsewhere).length, second.said(elsewhere).length]).toEqual([0, 1]);
  for (let i = 0; i < 4; i++) await second.chunk();
  expect(await second.stage.list()).toEqual([]);
  await first.keeper.close(0);
  second.clock.nowMs += 60_000;
  for (let i = 0; i < 4; i++) await second.chunk();
  expect(await second.stage.list()).toEqual([{ task: 0, store: "seen" }]);
  expect(second.said(elsewhere)).toHaveLength(1);
});

test("a task that ends while it is being taken, or while its snapshot is published, is free only behind that", async () => {
  const inner = createMemoryShelf();
  const gates = { hold: deferred(), publish: deferred() };
  const shelf: SnapshotShelf = {
    ofStage: (cluster, group) => {
      const stage = inner.ofStage(cluster, group);
      return {
        list: () => stage.list(),
        read: (name) => stage.read(name),
        hold: async (task) => {
          await gates.hold.promise;
          const held = (await stage.hold(task))!;
          return {
            release: () => held.release(),
            write: async (store) => {
              const writing = await held.write(store);
              const publish = async (): Promise<void> => {
                await gates.publish.promise;
                await writing.publish();
              };
              return { append: (bytes) => writing.append(bytes), discard: () => writing.discard(), publish };
            },
          };
        },
      };
    },
  };
  const stage = inner.ofStage("c", "shop.features");
  const free = async (): Promise<boolean> => {
    const held = await stage.hold(0);
    await held?.release();
    return held !== undefined;
  };
  const first = bench({ shelf });
  const opening = first.open();
  await settled();
  await first.keeper.close(0);
  gates.hold.resolve();
  await opening;
  expect(await free()).toBe(true);
  const second = bench({ shelf });
  await second.open();
  for (let i = 0; i < 3; i++) await second.chunk();
  const closing = second.keeper.close(0);
  await settled();
  expect(await free()).toBe(false);
  gates.publish.resolve();
  await closing;
  expect(await free()).toBe(true);
  expect(await found(stage)).toMatchObject({ offset: 1 });
});

test("a full disk is said once, tried again with pauses, and work goes on; when there is room again that is said too", async () => {
  const inner = createMemoryShelf();
  const disk = { isFull: true, tries: 0 };
  const shelf: SnapshotShelf = {
    ofStage: (cluster, group) => {
      const stage = inner.ofStage(cluster, group);
      return {
        list: () => stage.list(),
        read: (name) => stage.read(name),
        hold: async (task) => {
          const held = (await stage.hold(task))!;
          return {
            release: () => held.release(),
            write: async (store) => {
              disk.tries++;
              if (disk.isFull) throw new Error("ENOSPC: no space left on device, write");
              return held.write(store);
            },
          };
        },
      };
    },
  };
  const { open, chunk, clock, said, stage, facts } = bench({ shelf, atMostEveryMs: 0 });
  await open();
  for (let i = 0; i < 40; i++) {
    clock.nowMs += 1_000;
    await chunk();
  }
  // After 1, 2, 4, 8 and 16 s, each a chunk or two later.
  expect(disk.tries).toBeGreaterThanOrEqual(4);
  expect(disk.tries).toBeLessThanOrEqual(6);
  expect(said(paused)).toEqual([{ code: "MR_SNAPSHOT", reason: "ENOSPC: no space left on device, write" }]);
  expect(facts.tallies.total("millrace_snapshot_failures_total")).toBe(disk.tries);
  expect(facts.tallies.total("millrace_snapshots_total")).toBe(0);
  disk.isFull = false;
  for (let i = 0; i < 70; i++) {
    clock.nowMs += 1_000;
    await chunk();
  }
  expect([said(paused).length, said(resumed).length]).toEqual([1, 1]);
  expect(await stage.list()).toEqual([{ task: 0, store: "seen" }]);
});

test("a place that cannot be looked at or taken is said, and no error of anybody", async () => {
  const broken: SnapshotShelf = {
    ofStage: () => ({
      list: () => Promise.reject(new Error("EACCES: permission denied, scandir '/state'")),
      // biome-ignore lint/correctness/useYield: it fails before
      read: async function* () {
        throw new Error("EACCES");
      },
      hold: () => Promise.reject(new Error("EROFS: read-only file system, mkdir '/state/c'")),
    }),
  };
  const { keeper, open, chunk, said } = bench({ shelf: broken });
  await keeper.begin();
  await open();
  await chunk();
  expect(keeper.claims.size).toBe(0);
  expect(said(paused)).toEqual([{ code: "MR_SNAPSHOT", reason: "EACCES: permission denied, scandir '/state'" }]);
});

test("what lies there of other logs and forms is not claimed", async () => {
  const shelf = createMemoryShelf();
  const { open, chunk, keeper } = bench({ shelf });
  await open();
  for (let i = 0; i < 3; i++) await chunk();
  expect(keeper.claims.size).toBe(1);
  const next = bench({ shelf });
  await next.keeper.begin();
  expect(next.keeper.claims).toEqual(new Map([[0, { offset: 1 }]]));
  identity.changelogs.set("seen", { id: "another", form: "f", deleteRetentionMs: 86_400_000 });
  try {
    const other = bench({ shelf });
    await other.keeper.begin();
    expect(other.keeper.claims.size).toBe(0);
  } finally {
    identity.changelogs.set("seen", { id: "l", form: "f", deleteRetentionMs: 86_400_000 });
  }
});

test("copying is given a small share of the time, over all tasks of the process", () => {
  const turns = new SnapshotTurns();
  expect(turns.take(1_000)).toBe(true);
  expect(turns.take(1_000)).toBe(false);
  turns.giveBack(2_000, 40);
  // 40 ms are 4 % of a second.
  expect(turns.take(2_999)).toBe(false);
  expect(turns.take(3_000)).toBe(true);
});
