/** What a task's stores give, taken in by another task, makes it go on as the first would have. */
import { expect, test } from "vitest";
import { feedStage, type StageTask } from "../../../src/runtime/index.ts";
import type { Row } from "../../../src/schema/index.ts";
import { decodeOutgoing, type Outgoing } from "../../../src/wire/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { plainRecords } from "../../support/records.ts";
import { avro, batchOf, compiled, order, orderSchema, recordsOf, rowOf, totalSchema, totalsStage } from "./fixture.ts";

const never = new AbortController().signal;
const minute = 60_000;
const at = (minutes: number) => ({ paid_at: 1_700_000_000_000 + minutes * minute });
const batch = (rows: readonly Row[], offset: number) =>
  batchOf(
    rows.map((row) => ({ value: avro(orderSchema, row) })),
    { offset },
  );

const changelogOf = (store: string) => ({ topic: `${store}.changelog`, partitions: 3, messageBytesMax: 1_048_588 });
const changelogs = new Map(["seen", "count"].map((store) => [store, changelogOf(store)]));
const openTask = (partition = 0): StageTask => compiled(totalsStage, { changelogs }).openTask(partition);

interface Entry {
  readonly store: string;
  readonly partition: number;
  readonly key: Buffer;
  readonly value: Buffer | null;
}

/** Computes one chunk, and answers what of its stores was written down; then keeps or undoes it. */
async function chunk(task: StageTask, rows: readonly Row[], offset: number, end: "keep" | "undo"): Promise<Entry[]> {
  const records = batch(rows, offset);
  for (let index = 0; index < records.count; ) {
    if (task.unresolvedId !== -1) await task.resolve(never);
    index = task.compute(records, index, records.count, Number.POSITIVE_INFINITY);
  }
  task.seal();
  const outgoing: Outgoing[] = [];
  task.take(outgoing);
  const entries = outgoing
    .filter(({ role }) => role === "changelog")
    .flatMap((written) => plainRecords(decodeOutgoing(written, noCodecs)))
    .map(({ topic, partition, key, value }) => ({
      store: topic.replace(".changelog", ""),
      partition,
      key: key!,
      value,
    }));
  if (end === "keep") task.keep(new Map([["orders-0", records.offsetNext]]));
  else task.undo();
  return end === "keep" ? entries : [];
}

function apply(task: StageTask, entries: readonly Entry[]): void {
  for (const { store, key, value } of entries) task.stores.find(({ spec }) => spec.name === store)!.apply(key, value);
}

function restoredFrom(entries: readonly Entry[], streamTimeMs: number): StageTask {
  const task = openTask();
  apply(task, entries);
  task.restored(streamTimeMs);
  return task;
}

test("a task that took in the changes of another drops the same repeats, counts on, and knows what is late", async () => {
  const first = openTask();
  const written = [
    ...(await chunk(first, [order("a", at(0)), order("b", at(90))], 0, "keep")),
    ...(await chunk(first, [order("x", at(500))], 2, "undo")),
    ...(await chunk(first, [order("c", at(100))], 2, "keep")),
  ];
  const next = [
    order("b", at(100)),
    order("d", at(101)),
    // An hour and a minute behind the latest event.
    order("e", at(40)),
    order("x", at(100)),
  ];
  const outcomeOf = async (task: StageTask) => {
    const { outgoing, counts } = await feedStage(task, [batch(next, 3)], never);
    return { counts, rows: recordsOf(outgoing, "output").map(({ value }) => rowOf(totalSchema, value)) };
  };
  const restored = await outcomeOf(restoredFrom(written, at(100).paid_at));
  expect(restored).toEqual(await outcomeOf(first));
  expect(restored.counts).toEqual({ in: 4, out: 2, filtered: { duplicate: 1 }, late: 1, deadLetters: {} });
  expect(restored.rows.map(({ id, orders }) => [id, orders])).toEqual([
    ["d", 4],
    ["x", 5],
  ]);
});

test("a task that was restored evicts by the stream time that it is given, before its first record", async () => {
  const task = openTask();
  const kept: number[] = [];
  task.stores[0]!.keep = (streamTimeMs) => void kept.push(streamTimeMs);
  task.restored(at(7).paid_at);
  expect([kept, task.streamTimeMs]).toEqual([[at(7).paid_at], at(7).paid_at]);
  // It is a kept chunk's, and stays when the next one fails.
  await chunk(task, [order("a", at(500))], 0, "undo");
  expect(task.streamTimeMs).toBe(at(7).paid_at);
});

test("each store is written to its own topic, in the partition of the task, once per chunk and when that is sealed", async () => {
  const task = openTask(2);
  const written = await chunk(task, [order("a", at(1)), order("b", at(2)), order("c", at(3))], 0, "keep");
  expect(written.map(({ store, partition, key, value }) => [store, partition, key.toString(), String(value)])).toEqual([
    ["seen", 2, "a", "1"],
    ["seen", 2, "b", "1"],
    ["seen", 2, "c", "1"],
    ["count", 2, "c1", "3"],
  ]);
  // A repeat is counted, and by the fixture's stores changes nothing.
  expect(await chunk(task, [order("a", at(1))], 3, "keep")).toEqual([]);
});

test("a store that has no changelog is not asked for its changes", async () => {
  const task = compiled(totalsStage, { changelogs: new Map([["count", changelogOf("count")]]) }).openTask(0);
  task.stores[0]!.changes = () => expect.unreachable();
  expect((await chunk(task, [order("a", at(1))], 0, "keep")).map(({ store }) => store)).toEqual(["count"]);
});

test("what is sent before the end of a chunk is outputs alone", async () => {
  const task = openTask();
  const records = batch([order("a", at(1))], 0);
  task.compute(records, 0, 1, Number.POSITIVE_INFINITY);
  await task.resolve(never);
  task.compute(records, 0, 1, Number.POSITIVE_INFINITY);
  task.sealBatches();
  const outgoing: Outgoing[] = [];
  task.take(outgoing);
  expect(outgoing.map(({ role }) => role)).toEqual(["output"]);
  task.seal();
  task.take(outgoing);
  expect(outgoing.map(({ role }) => role)).toEqual(["output", "changelog", "changelog"]);
});

// Behind another owner the task starts as on a restart: what was the latest event is not known any more.
test("a task whose stores start empty has no stream time either, also after a later chunk has failed", async () => {
  const task = openTask();
  await chunk(task, [order("a", at(500))], 0, "keep");
  task.clear();
  await chunk(task, [order("b", at(1))], 1, "undo");
  const { counts } = await feedStage(task, [batch([order("c", at(0))], 1)], never);
  expect(counts).toMatchObject({ out: 1, late: 0 });
});

test("a task whose stores start empty takes its first record for the latest, however old it is", async () => {
  const task = openTask();
  await chunk(task, [order("a", at(500))], 0, "keep");
  task.clear();
  const { counts } = await feedStage(task, [batch([order("b", at(0))], 1)], never);
  expect(counts).toMatchObject({ out: 1, late: 0 });
});
