/** What a task's stores give, taken in by another task, makes it go on as the first would have. */
import { expect, test } from "vitest";
import { feedStage, type StageTask } from "../../../src/runtime/index.ts";
import type { Row } from "../../../src/schema/index.ts";
import type { ChangeWriter } from "../../../src/state/index.ts";
import { avro, batchOf, compiled, order, orderSchema, recordsOf, rowOf, totalSchema, totalsStage } from "./fixture.ts";

const never = new AbortController().signal;
const minute = 60_000;
const at = (minutes: number) => ({ paid_at: 1_700_000_000_000 + minutes * minute });
const batch = (rows: readonly Row[], offset: number) =>
  batchOf(
    rows.map((row) => ({ value: avro(orderSchema, row) })),
    { offset },
  );

interface Entry {
  readonly store: string;
  readonly key: Buffer;
  readonly value: Buffer | null;
}

/** Computes one chunk, and answers what its stores gave; then keeps or undoes it. */
async function chunk(task: StageTask, rows: readonly Row[], offset: number, end: "keep" | "undo"): Promise<Entry[]> {
  const records = batch(rows, offset);
  for (let index = 0; index < records.count; ) {
    if (task.unresolvedId !== -1) await task.resolve(never);
    index = task.compute(records, index, records.count, Number.POSITIVE_INFINITY);
  }
  task.seal();
  const entries: Entry[] = [];
  const writerOf = ({ name }: { name: string }): ChangeWriter => ({
    write: (key, value) =>
      void entries.push({ store: name, key: Buffer.from(key), value: value === null ? null : Buffer.from(value) }),
  });
  task.changes(writerOf);
  if (end === "keep") task.keep(new Map([["orders-0", records.offsetNext]]));
  else task.undo();
  return end === "keep" ? entries : [];
}

function restoredFrom(entries: readonly Entry[]): StageTask {
  const task = compiled(totalsStage).openTask(0);
  for (const { store, key, value } of entries) task.stores.find(({ spec }) => spec.name === store)!.apply(key, value);
  task.restored();
  return task;
}

test("a task that took in the changes of another drops the same repeats, counts on, and knows what is late", async () => {
  const first = compiled(totalsStage).openTask(0);
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
  const restored = await outcomeOf(restoredFrom(written));
  expect(restored).toEqual(await outcomeOf(first));
  expect(restored.counts).toEqual({ in: 4, out: 2, filtered: { duplicate: 1 }, late: 1, deadLetters: {} });
  expect(restored.rows.map(({ id, orders }) => [id, orders])).toEqual([
    ["d", 4],
    ["x", 5],
  ]);
});

test("a task that was restored evicts by the stream time that it took in, before its first record", async () => {
  const first = compiled(totalsStage).openTask(0);
  const written = await chunk(first, [order("a", at(7))], 0, "keep");
  const task = compiled(totalsStage).openTask(0);
  const kept: number[] = [];
  for (const { store, key, value } of written) task.stores.find(({ spec }) => spec.name === store)!.apply(key, value);
  task.stores[0]!.keep = (streamTimeMs) => void kept.push(streamTimeMs);
  task.restored();
  expect(kept).toEqual([at(7).paid_at]);
});

test("stream time is an entry of its own, given when it moved", async () => {
  const task = compiled(totalsStage).openTask(0);
  const names = (entries: readonly Entry[]): string[] => [...new Set(entries.map(({ store }) => store))];
  expect(names(await chunk(task, [order("a", at(5))], 0, "keep"))).toEqual(["seen", "count", "-stream-time"]);
  expect(names(await chunk(task, [order("b", at(4))], 1, "keep"))).toEqual(["seen", "count"]);
});

// Behind another owner the task starts as on a restart: what was the latest event is not known any more.
test("a task whose stores start empty has no stream time either, also after a later chunk has failed", async () => {
  const task = compiled(totalsStage).openTask(0);
  await chunk(task, [order("a", at(500))], 0, "keep");
  task.clear();
  await chunk(task, [order("b", at(1))], 1, "undo");
  const { counts } = await feedStage(task, [batch([order("c", at(0))], 1)], never);
  expect(counts).toMatchObject({ out: 1, late: 0 });
});
