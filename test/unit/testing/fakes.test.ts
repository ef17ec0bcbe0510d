import { expect, test } from "vitest";
import { batchesOf, FakeClock, MemoryRegistry, recordsOf } from "../../../src/testing/index.ts";

const record = (name: string) => ({ type: "record", name, fields: [{ name: "id", type: "string" }] });

test("the clock wakes a sleeper when its time has come, and not before", async () => {
  const clock = new FakeClock(1_000);
  const woken: string[] = [];
  const short = clock.sleep(10).then(() => woken.push("short"));
  const long = clock.sleep(20).then(() => woken.push("long"));
  clock.advance(9);
  await Promise.resolve();
  expect(woken).toEqual([]);
  clock.advance(1);
  await short;
  expect(woken).toEqual(["short"]);
  clock.advance(10);
  await long;
  expect(clock.now()).toBe(1_020);
});

test("a sleep ends with the reason of its signal", async () => {
  const clock = new FakeClock(0);
  const stop = new AbortController();
  const sleep = clock.sleep(10, stop.signal);
  stop.abort(new Error("enough"));
  await expect(sleep).rejects.toThrow("enough");
  await expect(clock.sleep(10, stop.signal)).rejects.toThrow("enough");
});

test("the registry gives one id to one text, under every subject, and counts versions per subject", async () => {
  const registry = new MemoryRegistry();
  expect(await registry.register("a-value", record("A"))).toMatchObject({ id: 1, version: 1 });
  expect(await registry.register("a-value", record("B"))).toMatchObject({ id: 2, version: 2 });
  expect(await registry.register("b-value", record("B"))).toMatchObject({ id: 2, version: 1 });
  expect(await registry.register("a-value", record("A"))).toMatchObject({ id: 1, version: 1 });
  expect(await registry.latest("a-value")).toMatchObject({ id: 2 });
  expect(await registry.byId(3)).toBeUndefined();
  expect(JSON.parse((await registry.byId(1))?.text ?? "")).toEqual(record("A"));
});

test("records come out of batches as they went in, at offsets without gaps", () => {
  const records = Array.from({ length: 125_001 }, (_, i) => ({
    key: i % 2 === 0 ? null : Buffer.from(`k${i}`),
    value: Buffer.from(`v${i}`),
    headers: i === 0 ? [{ name: "h", value: Buffer.from("x") }] : [],
    timestampMs: 1_000 + i,
  }));
  const batches = batchesOf({ topic: "t", partition: 2, offset: 40 }, records);
  expect(batches.map((batch) => batch.count)).toEqual([125_000, 1]);
  expect(batches.map((batch) => batch.offsets[0])).toEqual([40, 125_040]);
  expect(recordsOf(batches[0]!).slice(0, 2)).toEqual(records.slice(0, 2));
  expect(recordsOf(batches[1]!)).toEqual(records.slice(-1));
});

test("the memory registry looks a schema up under its subject, whatever the newest version is", async () => {
  const registry = new MemoryRegistry();
  const schema = { type: "record", name: "A", fields: [] };
  const first = registry.add("a-value", schema);
  registry.add("a-value", { ...schema, doc: "Later." });
  expect(await registry.lookUp("a-value", { name: "A", type: "record", fields: [] })).toEqual(first);
  expect(await registry.lookUp("b-value", schema)).toBeUndefined();
  expect(await registry.lookUp("a-value", { ...schema, doc: "Never." })).toBeUndefined();
});
