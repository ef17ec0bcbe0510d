import { expect, test } from "vitest";
import { Facts, type LogFields, type Logger, silentLogger } from "../../../src/kernel/index.ts";
import { Changelog } from "../../../src/runtime/changelog.ts";
import type { OffsetRange, StageTask } from "../../../src/runtime/index.ts";
import { Restorer } from "../../../src/runtime/restore.ts";
import type { StoreNote, TaskNote } from "../../../src/runtime/task-note.ts";
import { IdStore } from "../../../src/state/index.ts";
import type { RawBatch } from "../../../src/wire/index.ts";
import { type Deferred, deferred } from "../../support/deadline.ts";
import { AutoClock, batchOf, nextTurn } from "./fixture.ts";

const never = new AbortController().signal;

/** Every look at it takes a millisecond. */
class TickingClock extends AutoClock {
  override monotonicMs(): number {
    return ++this.nowMs;
  }
}

const storeOf = (name: string): IdStore =>
  new IdStore({ spec: { name, kind: "ids", version: 1 }, withinMs: 60_000, latenessMs: 1_000 });

/** Entries as a store of ids writes them down: each id seen once. */
function entriesOf(ids: readonly string[]): { key: string; value: Buffer }[] {
  const store = storeOf("any");
  for (const [offset, id] of ids.entries()) store.judge(id, 5_000, offset, 5_000);
  const entries: { key: string; value: Buffer }[] = [];
  store.changes({ write: (key, value) => void entries.push({ key: String(key), value: Buffer.from(value!) }) });
  return entries;
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `id-${i}`);

/** A cluster with the changelogs of a task's two stores, `a` and `b`, and a task on it. */
function bench(more: { clock?: AutoClock; partitions?: number; inputLow?: number; msPerBatch?: number } = {}) {
  const { clock = new AutoClock(), partitions = 4, inputLow = 0, msPerBatch = 0 } = more;
  const logged: { message: string; fields: LogFields }[] = [];
  const log = (fields: LogFields, message: string): void => void logged.push({ fields, message });
  const logger: Logger = { ...silentLogger, info: log, warn: log };
  const batches = new Map<string, readonly RawBatch[]>();
  const read: OffsetRange[] = [];
  const gates: Deferred<void>[] = [];
  const cluster = { partitions, isGated: false, yields: 0 };
  const endOf = (topic: string): number => batches.get(topic)?.at(-1)?.offsetNext ?? 0;
  const admin = {
    describe: async ([topic]: readonly string[]) => ({
      brokerCount: 1,
      topics: [{ topic: topic!, partitions: cluster.partitions, replication: 1, configs: {} }],
    }),
    extent: async ({ topic }: { topic: string }) =>
      topic === "input"
        ? { low: inputLow, end: 1_000 }
        : { low: batches.get(topic)?.[0]?.offsetAsked ?? 0, end: endOf(topic) },
  };
  const restorer = new Restorer({
    broker: {
      admin: admin as never,
      read: async function* (range) {
        read.push(range);
        if (cluster.isGated) {
          const gate = deferred();
          gates.push(gate);
          await gate.promise;
        }
        for (const batch of batches.get(range.topic) ?? []) {
          clock.nowMs += msPerBatch;
          yield batch;
        }
      },
    },
    inputTopic: "input",
    clock,
    facts: new Facts(logger, { stage: "s" }),
    yieldToLoop: async () => {
      cluster.yields++;
      await nextTurn();
    },
    timeSliceMs: 5,
  });
  const taskOf = (partition: number) => {
    const stores = ["a", "b"].map(storeOf);
    const changelogs = stores.map(
      (store) => new Changelog(store, { topic: store.spec.name, partitions, messageBytesMax: 1_000_000 }, partition),
    );
    return { stores, stage: { changelogs } as unknown as StageTask };
  };
  const restore = (partition = 0, offset = 10, signal = never, note?: TaskNote) => {
    const { stores, stage } = taskOf(partition);
    return { stores, done: restorer.restore(partition, stage, offset, note, signal) };
  };
  const noteKeys = new Map(taskOf(0).stage.changelogs.map(({ store, noteKey }) => [store.spec.name, noteKey]));
  return { cluster, batches, read, gates, logged, clock, restore, restorer, noteKeys };
}

const counts = (stores: readonly IdStore[]): number[] => stores.map(({ entryCount }) => entryCount);

test("every store takes in its own changelog, from its start to its end, with what is gone", async () => {
  const { batches, restore, read, logged } = bench();
  const [one, two, three] = entriesOf(["x", "y", "z"]);
  batches.set("a", [
    batchOf([one!, two!], { topic: "a", offset: 4 }),
    batchOf([three!, { key: one!.key, value: null }], { topic: "a", offset: 6 }),
  ]);
  batches.set("b", [batchOf(entriesOf(["w"]), { topic: "b" })]);
  const { stores, done } = restore(3);
  await done;
  expect(counts(stores)).toEqual([2, 1]);
  expect(stores.map((store) => ["x", "y", "z", "w"].filter((id) => store.judge(id, 5_000, 99, 5_000)))).toEqual([
    ["y", "z"],
    ["w"],
  ]);
  expect(read).toEqual([
    { topic: "a", partition: 3, from: 4, to: 8 },
    { topic: "b", partition: 3, from: 0, to: 1 },
  ]);
  expect(logged).toEqual([
    { message: "The stores are restored.", fields: { stage: "s", task: 3, entries: 5, seconds: 0 } },
  ]);
});

test("others have their turn after each time slice, also inside a batch", async () => {
  const { batches, restore, cluster } = bench({ clock: new TickingClock() });
  batches.set("a", [batchOf(entriesOf(ids(1_600)), { topic: "a" })]);
  const { stores, done } = restore();
  await done;
  expect(counts(stores)).toEqual([1_600, 0]);
  // A look per 16 entries and millisecond, and the fifth one ends the slice; one more look begins the next.
  expect(cluster.yields).toBeGreaterThan(15);
});

test("a task that is lost meanwhile takes nothing more in", async () => {
  const { batches, restore } = bench({ clock: new TickingClock() });
  batches.set("a", [batchOf(entriesOf(ids(1_600)), { topic: "a" })]);
  const lost = new AbortController();
  const { stores, done } = restore(0, 10, lost.signal);
  const outcome = done.catch((error: unknown) => error);
  while (counts(stores)[0] === 0) await nextTurn();
  lost.abort(new Error("lost"));
  expect(await outcome).toEqual(new Error("lost"));
  expect(counts(stores)[0]).toBeLessThan(1_600);
});

const empty = "A store has nothing written down and starts empty, although records were read before.";

test("a store of which nothing was ever written down is said to be empty, where records were read before", async () => {
  const { batches, restore, logged } = bench({ inputLow: 7 });
  batches.set("a", [batchOf(entriesOf(["x"]), { topic: "a" })]);
  const said = () => logged.filter(({ message }) => message === empty).map(({ fields }) => fields);
  await restore(2, 7).done;
  expect(said()).toEqual([]);
  await restore(2, 8).done;
  expect(said()).toEqual([
    { stage: "s", task: 2, code: "MR_STATE_EMPTY", store: "b", offset: 8, wholeAfterSeconds: 60 },
  ]);
});

test("a store that is rightly empty is not said: its entries have gone, or its task has kept it and never filled it", async () => {
  const { batches, restore, logged, noteKeys } = bench();
  const [entry] = entriesOf(["x"]);
  batches.set("a", [batchOf([{ key: entry!.key, value: null }], { topic: "a", offset: 90 })]);
  const note = (said: StoreNote): TaskNote => ({
    streamTimeMs: 1,
    since: 0,
    counts: { in: 0, out: 0, filtered: 0, late: 0, deadLetters: 0 },
    stores: new Map([[noteKeys.get("b")!, said]]),
  });
  const said = () => logged.filter(({ message }) => message === empty).map(({ fields }) => fields["store"]);
  await restore(0, 10, never, note("unfilled")).done;
  expect(said()).toEqual([]);
  // What it had written is not there any more, whatever is left of the input.
  await restore(0, 0, never, note("filled")).done;
  expect(said()).toEqual(["b"]);
  // A note that says nothing of it is one of before it was a store.
  await restore(0, 10, never, { ...note("filled"), stores: new Map() }).done;
  expect(said()).toEqual(["b", "b"]);
});

test("an entry that cannot be read ends the restore, and is named", async () => {
  const [entry] = entriesOf(["x"]);
  const other = Buffer.from(entry!.value);
  other[0] = 2;
  const damaged = { ...batchOf([entry!], { topic: "a", offset: 6 }), damage: { first: 6, last: 6, reason: "torn" } };
  const bad = [
    [batchOf([entry!, { key: entry!.key, value: other }], { topic: "a", offset: 5 }), "has version 2, not 1"],
    [batchOf([entry!, { key: null, value: other }], { topic: "a", offset: 5 }), "it has no key"],
    [
      batchOf([entry!, { key: entry!.key, value: entry!.value.subarray(0, 4) }], { topic: "a", offset: 5 }),
      "ends in the middle",
    ],
    [damaged, "torn"],
  ] as const;
  for (const [batch, reason] of bad) {
    const { batches, restore } = bench();
    batches.set("a", [batch]);
    const error = await restore(1).done.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "MR_STATE_CORRUPT" });
    expect(String(error)).toContain("restoring store a from a-1 at offset 6: ");
    expect(String(error)).toContain(reason);
  }
});

test("eight tasks read at once, the others when one is through, and one that is lost while it waits is passed over", async () => {
  const { batches, restore, cluster, gates, read } = bench();
  batches.set("a", [batchOf(entriesOf(["x"]), { topic: "a" })]);
  cluster.isGated = true;
  const lost = new AbortController();
  const waiting = Array.from({ length: 11 }, (_, i) => restore(i % 4, 10, i === 8 ? lost.signal : never).done);
  await nextTurn();
  expect(read).toHaveLength(8);
  lost.abort(new Error("lost"));
  await expect(waiting[8]).rejects.toThrow("lost");
  gates[0]!.resolve();
  await waiting[0];
  await nextTurn();
  expect(read).toHaveLength(9);
  cluster.isGated = false;
  for (const gate of gates) gate.resolve();
  await Promise.all(waiting.filter((_, i) => i !== 8));
  expect(read).toHaveLength(10);
});

test("a restore that gets nothing is said to stand still after ten seconds, and lets another read after a minute", async () => {
  const { batches, restore, cluster, gates, read, restorer, clock, logged } = bench();
  batches.set("a", [batchOf(entriesOf(["x"]), { topic: "a" })]);
  cluster.isGated = true;
  const restores = Array.from({ length: 9 }, (_, i) => restore(i % 4).done);
  await nextTurn();
  const said = () => logged.filter(({ message }) => message.startsWith("The restore of a task stands still"));
  const begunMs = clock.nowMs;
  const at = async (ms: number): Promise<void> => {
    clock.nowMs = begunMs + ms;
    restorer.tick(clock.nowMs);
    await nextTurn();
  };
  await at(9_999);
  expect(said()).toEqual([]);
  await at(10_000);
  await at(59_999);
  expect(said()).toHaveLength(8);
  expect(said()[0]?.fields).toEqual({ stage: "s", task: 0, code: "MR_BROKER", waitsFor: "a-0", waitedSeconds: 10 });
  expect(read).toHaveLength(8);
  await at(60_000);
  expect(read).toHaveLength(9);
  // They go on by themselves, as there is room.
  cluster.isGated = false;
  for (const gate of gates) gate.resolve();
  await Promise.all(restores);
  expect(read).toHaveLength(9);
});

test("a restore that has let another read in its place takes in nothing until it has one again", async () => {
  const { batches, restore, cluster, gates, restorer, clock } = bench();
  batches.set("a", [batchOf(entriesOf(["x"]), { topic: "a" })]);
  cluster.isGated = true;
  const lost = new AbortController();
  const restores = Array.from({ length: 16 }, (_, i) => restore(i % 4, 10, i === 1 ? lost.signal : never));
  await nextTurn();
  clock.nowMs += 60_000;
  restorer.tick(clock.nowMs);
  await nextTurn();
  expect(gates).toHaveLength(16);
  // All places are taken by the second eight.
  gates[0]!.resolve();
  for (let i = 0; i < 5; i++) await nextTurn();
  expect(counts(restores[0]!.stores)).toEqual([0, 0]);
  gates[8]!.resolve();
  for (let i = 0; i < 5; i++) await nextTurn();
  expect(counts(restores[0]!.stores)).toEqual([1, 0]);
  // It has no place to give back.
  lost.abort(new Error("lost"));
  for (const gate of gates) gate.resolve();
  await expect(restores[1]!.done).rejects.toThrow("lost");
  await Promise.all(restores.filter((_, i) => i !== 1).map(({ done }) => done));
  const before = gates.length;
  const more = Array.from({ length: 12 }, () => restore().done);
  await nextTurn();
  expect(gates).toHaveLength(before + 8);
  cluster.isGated = false;
  for (const gate of gates) gate.resolve();
  await Promise.all(more);
});

test("a restore that stands still again is said again, and one that is through no more", async () => {
  const { batches, restore, cluster, gates, restorer, clock, logged } = bench();
  for (const topic of ["a", "b"]) batches.set(topic, [batchOf(entriesOf(["x"]), { topic })]);
  cluster.isGated = true;
  const { done } = restore();
  const waitsFor = () =>
    logged.filter(({ message }) => message.startsWith("The restore")).map(({ fields }) => fields["waitsFor"]);
  for (const topic of ["a", "b"]) {
    while (gates.length < (topic === "a" ? 1 : 2)) await nextTurn();
    clock.nowMs += 20_000;
    restorer.tick(clock.nowMs);
    gates.at(-1)!.resolve();
    await nextTurn();
  }
  await done;
  expect(waitsFor()).toEqual(["a-0", "b-0"]);
  restorer.tick(clock.nowMs + 600_000);
  expect(waitsFor()).toHaveLength(2);
});

test("a task whose changelog has no partition for it yet is tried again later, and restored once there is one", async () => {
  const { restore, cluster } = bench({ partitions: 2 });
  const refused = restore(2).done;
  await expect(refused).rejects.toMatchObject({ name: "TaskReopenError", failure: "reopen" });
  await expect(refused).rejects.toThrow("changelog a has 2 partitions, and the input more; run millrace apply");
  cluster.partitions = 3;
  await restore(2).done;
});

test("how far it has come is said every five seconds at most, with the time that is left", async () => {
  const { batches, restore, logged } = bench({ msPerBatch: 3_000 });
  const entries = entriesOf(ids(60));
  batches.set(
    "a",
    [0, 10, 20, 30, 40, 50].map((from) => batchOf(entries.slice(from, from + 10), { topic: "a", offset: from })),
  );
  await restore().done;
  const said = logged.filter(({ message }) => message === "The stores are being restored.");
  // At 6 and 12 of 18 seconds.
  expect(said.map(({ fields }) => [fields["percent"], fields["secondsLeft"]])).toEqual([
    [33, 12],
    [66, 6],
  ]);
});
