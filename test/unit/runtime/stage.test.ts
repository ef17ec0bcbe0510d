import { expect, test } from "vitest";
import { OperationError } from "../../../src/kernel/index.ts";
import { compileStage, feedStage, type StageTask } from "../../../src/runtime/index.ts";
import { parseRecordSchema } from "../../../src/schema/index.ts";
import { recordOverheadBytes } from "../../../src/topology/index.ts";
import { partitionOf } from "../../../src/wire/index.ts";
import {
  avro,
  batchOf,
  compiled,
  depsOf,
  FakeRegistry,
  headersOf,
  ingestStage,
  order,
  orderSchema,
  planOf,
  recordsOf,
  rowOf,
  schemaOf,
  type TestRecord,
  totalSchema,
  totalsStage,
} from "./fixture.ts";

const never = new AbortController().signal;
const feed = (task: StageTask, records: readonly TestRecord[], at = {}) =>
  feedStage(task, [batchOf(records, at)], never);
const orderRecord = (id: string, more = {}): TestRecord => ({ value: avro(orderSchema, order(id, more)) });

test("each record has one fate, and the outputs keep the order of the input", async () => {
  const task = compiled(totalsStage).openTask(0);
  const { outgoing, counts } = await feed(task, [
    orderRecord("a"),
    orderRecord("b", { amount: -1 }),
    orderRecord("a"),
    orderRecord("c", { amount: null }),
    { value: Buffer.from([1, 0, 0, 0, 7, 2]) },
    orderRecord("d", { paid_at: 1_700_000_000_000 - 3_600_001 }),
    orderRecord("e", { paid_at: 1_700_000_000_000 - 3_600_000 }),
  ]);
  expect(counts).toEqual({
    in: 7,
    out: 2,
    filtered: { filter: 1, duplicate: 1 },
    late: 1,
    deadLetters: { MR_REQUIRED: 1, MR_DECODE_MAGIC: 1 },
  });
  const rows = recordsOf(outgoing, "output").map((record) => rowOf(totalSchema, record.value));
  expect(rows.map((row) => [row["id"], row["orders"]])).toEqual([
    ["a", 1],
    ["e", 2],
  ]);
  const codes = recordsOf(outgoing, "dead-letter").map((record) => headersOf(record)["millrace.code"]);
  expect(codes).toEqual(["MR_REQUIRED", "MR_DECODE_MAGIC", "MR_LATE"]);
});

test("the value is framed with the output schema's id, the key is copied and headers go through as they are", async () => {
  const task = compiled(totalsStage).openTask(1);
  const headers = [
    { name: "trace", value: Buffer.from("t1") },
    { name: "empty", value: null },
  ];
  const { outgoing } = await feed(task, [{ ...orderRecord("a"), key: "some-key", headers }], { partition: 1 });
  const [record] = recordsOf(outgoing, "output");
  expect(record?.value?.subarray(0, 5)).toEqual(Buffer.from([0, 0, 0, 0, 9]));
  expect(record?.key?.toString()).toBe("some-key");
  expect(record?.headers).toEqual(headers);
  expect(record?.partition).toBe(partitionOf(Buffer.from("some-key"), 0, 8, 2));
  // Time of writing, not event time.
  expect(record?.timestampMs).toBe(1_700_000_000_000);
});

test("a record without a key keeps the partition number it came from, modulo the output's partitions", async () => {
  const task = compiled(totalsStage).openTask(5);
  const { outgoing } = await feed(task, [{ ...orderRecord("a"), key: null }], { partition: 5 });
  const [record] = recordsOf(outgoing, "output");
  expect([record?.key, record?.partition]).toEqual([null, 1]);
});

test("ingest reads JSON, names the event by its coordinate and keys it by the key field", async () => {
  const stage = compiled(ingestStage);
  const task = stage.openTask(1);
  const json = { id: "a", customer: "größe", amount: 3, paid_at: "2023-11-14T22:13:20Z", unknown: 1 };
  const { outgoing } = await feed(task, [{ key: null, value: JSON.stringify(json) }], {
    topic: "inbox",
    partition: 1,
    offset: 42,
  });
  const [record] = recordsOf(outgoing, "output");
  expect(rowOf(orderSchema, record?.value ?? null)).toEqual({
    event_id: "inbox-1-42",
    id: "a",
    customer: "größe",
    amount: 3,
    paid_at: 1_700_000_000_000,
  });
  expect(stage.unknownFields).toBe(1);
  const key = Buffer.from("größe");
  expect([record?.key, record?.partition]).toEqual([key, partitionOf(key, 0, key.length, 2)]);
});

test("the event id of a topic of our own does not change with the namespace", async () => {
  const from = { ...ingestStage.from, external: false, clusterName: "staging.inbox" };
  const stage = { ...ingestStage, from };
  const task = compileStage({ ...planOf([stage]), namespace: "staging" }, stage, depsOf()).openTask(0);
  const value = JSON.stringify({ id: "a", customer: "c", amount: 3, paid_at: 1_700_000_000_000 });
  const { outgoing } = await feed(task, [{ value }], { topic: "staging.inbox" });
  expect(rowOf(orderSchema, recordsOf(outgoing, "output")[0]?.value ?? null)["event_id"]).toBe("inbox-0-0");
});

test("ingest refuses what is not JSON, lacks a field or its key, has the wrong type or is dated too far ahead", async () => {
  const task = compiled(ingestStage).openTask(0);
  const good = { id: "a", customer: "c", amount: 3, paid_at: 1_700_000_600_000 };
  const values = [
    JSON.stringify(good),
    "{not json",
    "",
    null,
    JSON.stringify({ ...good, id: undefined }),
    JSON.stringify({ ...good, customer: undefined }),
    JSON.stringify({ ...good, amount: "3" }),
    JSON.stringify({ ...good, paid_at: 1_700_000_600_001 }),
    JSON.stringify({ ...good, paid_at: "2101-01-01T00:00:00Z" }),
  ];
  const { outgoing, counts } = await feed(
    task,
    values.map((value) => ({ value })),
    { topic: "inbox" },
  );
  const dead = recordsOf(outgoing, "dead-letter").map(headersOf);
  expect(dead.map((headers) => headers["millrace.code"])).toEqual([
    "MR_PARSE",
    "MR_PARSE",
    "MR_PARSE",
    "MR_REQUIRED",
    "MR_REQUIRED",
    "MR_CAST",
    "MR_CAST",
    "MR_CAST",
  ]);
  expect(dead.map((headers) => headers["millrace.event.id"])).toEqual(
    [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `inbox-0-${n}`),
  );
  expect(counts.out).toBe(1);
});

test("the time field comes from Kafka where the ingest asks for it", async () => {
  const ingest = { ...ingestStage.ingest!, supplied: ["event_id", "paid_at"], kafkaTimeField: "paid_at" };
  const task = compiled({ ...ingestStage, ingest }).openTask(0);
  const value = JSON.stringify({ id: "a", customer: "c", amount: 1 });
  const { outgoing } = await feed(task, [{ value, timestampMs: 1_234_567_890_123 }], { topic: "inbox" });
  expect(rowOf(orderSchema, recordsOf(outgoing, "output")[0]?.value ?? null)["paid_at"]).toBe(1_234_567_890_123);
});

test("a Kafka timestamp outside 1970-2100 is MR_CAST where it is the event time, as any other time is", async () => {
  const ingest = { ...ingestStage.ingest!, supplied: ["event_id", "paid_at"], kafkaTimeField: "paid_at" };
  const task = compiled({ ...ingestStage, ingest }).openTask(0);
  const value = JSON.stringify({ id: "a", customer: "c", amount: 1 });
  // -1 is Kafka's "no timestamp".
  const records = [-1, 4_102_444_800_000, 4_102_444_799_999, 0].map((timestampMs) => ({ value, timestampMs }));
  const { counts } = await feed(task, records, { topic: "inbox" });
  expect([counts.out, counts.deadLetters]).toEqual([2, { MR_CAST: 2 }]);
});

test.each(["9007199254740993", "-9007199254740993"])("an event time of %s is MR_CAST", async (time) => {
  const value = `{"id":"a","customer":"c","amount":3,"paid_at":${time}}`;
  const { counts } = await feed(compiled(ingestStage).openTask(0), [{ value }], { topic: "inbox" });
  expect([counts.out, counts.deadLetters]).toEqual([0, { MR_CAST: 1 }]);
});

test("an Avro event time beyond 2^53 is MR_CAST", async () => {
  const time = { type: "long", logicalType: "timestamp-millis" };
  const writer = schemaOf("Foreign", [
    { name: "id", type: "string" },
    { name: "customer", type: "string" },
    { name: "paid_at", type: time },
  ]);
  const registry = new FakeRegistry();
  registry.schemas.set(7, writer);
  const task = compiled({ ...ingestStage, fromFormat: "avro" }, { registry }).openTask(0);
  const value = avro(writer, { id: "a", customer: "c", paid_at: 2n ** 53n + 1n });
  const { counts } = await feed(task, [{ value }], { topic: "inbox" });
  expect([counts.out, counts.deadLetters]).toEqual([0, { MR_CAST: 1 }]);
});

test("a record without a Kafka timestamp is not too far ahead of it", async () => {
  const value = JSON.stringify({ id: "a", customer: "c", amount: 3, paid_at: 1_700_000_600_000 });
  const { counts } = await feed(compiled(ingestStage).openTask(0), [{ value, timestampMs: -1 }], { topic: "inbox" });
  expect([counts.out, counts.deadLetters]).toEqual([1, {}]);
});

test("fields of foreign Avro that no schema here has are counted, record by record", async () => {
  const writer = schemaOf("Foreign", [
    { name: "id", type: "string" },
    { name: "customer", type: "string" },
    { name: "amount", type: "double" },
    { name: "paid_at", type: "long" },
    { name: "extra", type: "string" },
  ]);
  const registry = new FakeRegistry();
  registry.schemas.set(7, writer);
  const stage = compiled({ ...ingestStage, fromFormat: "avro" }, { registry });
  const value = avro(writer, { id: "a", customer: "c", amount: 3, paid_at: 1_700_000_000_000, extra: "x" });
  const { counts } = await feed(stage.openTask(0), [{ value }, { value }], { topic: "inbox" });
  expect(counts.out).toBe(2);
  expect(stage.unknownFields).toBe(2);
});

test.each([
  ["others write", { external: true, writers: [] }],
  ["no stage here writes", { external: false, writers: [] }],
])("text that is not UTF-8 is MR_DECODE_BODY in a topic that %s, though it is only copied", async (_, written) => {
  const value = avro(orderSchema, order("a"));
  value[value.indexOf("inbox")] = 0xff;
  const stage = { ...totalsStage, from: { ...totalsStage.from, ...written } };
  const { counts } = await feed(compiled(stage).openTask(0), [{ value }]);
  expect(counts.deadLetters).toEqual({ MR_DECODE_BODY: 1 });
});

test("a stage that reads JSON refuses what is empty, null or not JSON as MR_PARSE, and another type as MR_CAST", async () => {
  const task = compiled({ ...totalsStage, fromFormat: "json" }).openTask(0);
  const good = { ...order("a"), paid_at: "2026-01-01T00:00:00Z" };
  const texts = ["", "null", "{", Buffer.from([0x22, 0xff, 0x22]), null, "5", JSON.stringify(good)];
  const { counts } = await feed(
    task,
    texts.map((value) => ({ value })),
  );
  expect([counts.out, counts.deadLetters]).toEqual([1, { MR_PARSE: 5, MR_CAST: 1 }]);
});

test("a record over the limit is MR_TOO_LARGE before it is parsed, key and headers counted", async () => {
  const task = compiled(ingestStage, {}, 1_000).openTask(0);
  const filler = (n: number): string => "x".repeat(n);
  const { counts } = await feed(
    task,
    [
      { key: "", value: filler(1_000) },
      { key: "", value: filler(1_001) },
      { key: filler(500), value: filler(501) },
      { key: "", value: filler(10), headers: [{ name: "h", value: Buffer.alloc(990) }] },
    ],
    { topic: "inbox" },
  );
  expect(counts.deadLetters).toEqual({ MR_PARSE: 1, MR_TOO_LARGE: 3 });
});

test("an output that its topic cannot take makes its input MR_TOO_LARGE", async () => {
  const output = { topic: "out", partitions: 2, messageBytesMax: 2_000 };
  const task = compiled(totalsStage, { output }).openTask(0);
  const { counts } = await feed(task, [orderRecord("a"), orderRecord("b", { customer: "x".repeat(3_000) })]);
  expect([counts.out, counts.deadLetters]).toEqual([1, { MR_TOO_LARGE: 1 }]);
});

test("the registry is asked once per writer schema, and its not-found is MR_DECODE_UNKNOWN_SCHEMA", async () => {
  const registry = new FakeRegistry();
  const task = compiled(totalsStage, { registry }).openTask(0);
  const unknown = { value: avro(orderSchema, order("x"), 99) };
  const { counts } = await feed(task, [orderRecord("a"), unknown, orderRecord("b"), unknown, orderRecord("c")]);
  expect([counts.out, counts.deadLetters, registry.asked]).toEqual([3, { MR_DECODE_UNKNOWN_SCHEMA: 2 }, 2]);
});

test("a registry that is down is waited for", async () => {
  const registry = new FakeRegistry();
  registry.outage = new OperationError("MR_REGISTRY", "connection refused", { disposition: "retry" });
  const task = compiled(totalsStage, { registry }).openTask(0);
  const fed = feed(task, [orderRecord("a")]);
  while (registry.asked < 5) await new Promise((resolve) => setImmediate(resolve));
  registry.outage = undefined;
  expect((await fed).counts).toMatchObject({ out: 1, deadLetters: {} });
});

test("a writer that the reader cannot read makes its records MR_DECODE_BODY", async () => {
  const registry = new FakeRegistry();
  registry.schemas.set(8, totalSchema);
  const parsed = parseRecordSchema({ type: "record", name: "Order", namespace: "test", fields: [] }, "Order");
  if ("schema" in parsed) registry.schemas.set(8, parsed.schema);
  const task = compiled(totalsStage, { registry }).openTask(0);
  const { counts } = await feed(task, [{ value: Buffer.from([0, 0, 0, 0, 8]) }, orderRecord("a")]);
  expect([counts.out, counts.deadLetters]).toEqual([1, { MR_DECODE_BODY: 1 }]);
});

// Its records were MR_DECODE_BODY for good: the schema was held to the rules for new ones.
test("a writer schema whose default does not fit its type is read all the same: old registries hold such", async () => {
  const { fields, ...record } = orderSchema.json as { readonly fields: readonly object[] };
  const odd = { name: "note", type: "string", default: null };
  const parsed = parseRecordSchema({ ...record, fields: [...fields, odd] }, "Order", { strictDefaults: false });
  if (!("schema" in parsed)) throw new Error("not read");
  const registry = new FakeRegistry();
  registry.schemas.set(8, parsed.schema);
  const task = compiled(totalsStage, { registry }).openTask(0);
  const value = avro(parsed.schema, { ...order("a"), note: "x" }, 8);
  const { counts } = await feed(task, [{ value }]);
  expect([counts.out, counts.deadLetters]).toEqual([1, {}]);
});

test("a piece ends with its time slice and the next one goes on where it stopped", async () => {
  let nowMs = 0;
  const clock = { now: () => 1, monotonicMs: () => nowMs++, sleep: async () => undefined };
  const registry = new FakeRegistry();
  const task = compiled(totalsStage, { registry, clock }).openTask(0);
  const batch = batchOf(Array.from({ length: 100 }, (_, i) => orderRecord(`o${i}`)));
  expect(task.compute(batch, 0, 100, 1_000)).toBe(0);
  await task.resolve(never);
  // One look at the clock after each 32 records.
  const until = nowMs + 1;
  expect(task.compute(batch, 0, 100, until)).toBe(64);
  expect(task.compute(batch, 64, 100, Number.POSITIVE_INFINITY)).toBe(100);
  expect(task.tally.in).toBe(100);
});

test("an undone chunk leaves no trace in stores, counts and batches", async () => {
  const task = compiled(totalsStage).openTask(0);
  await feed(task, [orderRecord("a")]);
  const batch = batchOf([orderRecord("a"), orderRecord("b"), orderRecord("c", { amount: null })]);
  task.compute(batch, 0, 3, Number.POSITIVE_INFINITY);
  expect(task.hasOutput).toBe(true);
  task.undo();
  expect([task.hasOutput, task.tally.in, task.bytesIn]).toEqual([false, 0, 0]);
  const { outgoing, counts } = await feedStage(task, [batch], never);
  expect(counts).toMatchObject({ in: 3, out: 1, filtered: { duplicate: 1 }, deadLetters: { MR_REQUIRED: 1 } });
  const [row] = recordsOf(outgoing, "output").map((record) => rowOf(totalSchema, record.value));
  expect([row?.["id"], row?.["orders"]]).toEqual(["b", 2]);
});

test("stream time is undone with the chunk", async () => {
  const task = compiled(totalsStage).openTask(0);
  await feed(task, [orderRecord("a")]);
  const ahead = batchOf([orderRecord("z", { paid_at: 1_700_100_000_000 })]);
  task.compute(ahead, 0, 1, Number.POSITIVE_INFINITY);
  task.undo();
  const { counts } = await feed(task, [orderRecord("b")]);
  expect(counts).toMatchObject({ out: 1, late: 0 });
});

test("the bytes of a record that waited for its writer schema are counted once", async () => {
  const task = compiled(totalsStage).openTask(0);
  const value = avro(orderSchema, order("a"));
  const batch = batchOf([{ key: "key", value }]);
  expect([task.compute(batch, 0, 1, Number.POSITIVE_INFINITY), task.bytesIn]).toEqual([0, 0]);
  await task.resolve(never);
  expect([task.compute(batch, 0, 1, Number.POSITIVE_INFINITY), task.bytesIn]).toEqual([1, 3 + value.length]);
});

test("batches are closed at 80 % of the topic's limit, so that a broker's own reckoning never refuses them", async () => {
  const output = { topic: "out", partitions: 1, messageBytesMax: 2_000 };
  const records = Array.from({ length: 100 }, (_, i) => ({ value: avro(orderSchema, order(`o${i}`)) }));
  const task = compiled(totalsStage, { output }, 500).openTask(0);
  const { outgoing } = await feedStage(task, [batchOf(records)], never);
  const sizes = outgoing.map(({ bytes }) => bytes.length);
  expect(sizes.length).toBeGreaterThan(3);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(1_600);
  expect(sizes[0]).toBeGreaterThan(1_400);
});

test("an output is too large when it would not fit its topic with what a batch of its own needs around it", async () => {
  const value = avro(totalSchema, { ...order("a"), orders: 1 });
  const fits = 1 + value.length + recordOverheadBytes;
  const outOf = async (messageBytesMax: number): Promise<unknown> => {
    const output = { topic: "out", partitions: 1, messageBytesMax };
    const task = compiled(totalsStage, { output }).openTask(0);
    const { counts } = await feed(task, [{ value: avro(orderSchema, order("a")) }]);
    return [counts.out, counts.deadLetters];
  };
  expect(await outOf(fits)).toEqual([1, {}]);
  expect(await outOf(fits - 1)).toEqual([0, { MR_TOO_LARGE: 1 }]);
});
