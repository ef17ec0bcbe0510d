import { afterEach, beforeEach, expect, test } from "vitest";
import { openMemoryBroker } from "../../../src/app/wire.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import type { Broker, OffsetRange } from "../../../src/runtime/index.ts";
import { readTopicRows } from "../../../src/runtime/topic-rows.ts";
import {
  createEncoder,
  parseRecordSchema,
  type RecordSchema,
  type Row,
  writeSchemaId,
} from "../../../src/schema/index.ts";
import { MemoryRegistry } from "../../../src/testing/index.ts";
import { standInOf, writtenAtMs } from "../../support/records.ts";

const never = new AbortController().signal;
const old = schemaOf([{ name: "id", type: "string" }]);
const current = schemaOf([
  { name: "id", type: "string" },
  { name: "amount", type: ["null", "double"], default: null },
]);
let broker: Broker;
let registry: MemoryRegistry;

beforeEach(async () => {
  registry = new MemoryRegistry();
  broker = await openMemoryBroker(16 * 1024 * 1024, silentLogger);
  await broker.admin.createTopics([{ topic: "t", partitions: 2, replication: undefined, configs: {} }], never);
});
afterEach(() => broker.close());

function schemaOf(fields: readonly unknown[]): RecordSchema {
  const parsed = parseRecordSchema({ type: "record", name: "R", fields }, "R");
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.schema;
}

function avro(schema: RecordSchema, row: Row, id = registry.add("t-value", schema.json).id): Buffer {
  const bytes = Buffer.alloc(200);
  return bytes.subarray(0, createEncoder(schema).encode(row, bytes, writeSchemaId(bytes, 0, id)));
}

async function send(partition: number, ...values: (Buffer | null)[]): Promise<void> {
  const records = values.map((value) => ({ topic: "t", partition, timestampMs: writtenAtMs, key: null, value }));
  await broker.append(records, never);
}

test("rows of every writer schema come as the reader's, and what cannot be decoded is counted", async () => {
  await send(0, avro(old, { id: "a" }), Buffer.from("no framing"), null, avro(current, { id: "b", amount: 2 }));
  await send(1, avro(current, { id: "c", amount: null }, 99), avro(current, { id: "d", amount: 4 }));
  const rows: Row[] = [];
  const progress: [number, number][] = [];
  const visitor = {
    row: (row: Row): void => void rows.push(row),
    progress: (read: number, total: number): void => void progress.push([read, total]),
  };
  const result = await readTopicRows(broker, registry, "t", current, visitor, never);
  expect(rows).toEqual([
    { id: "a", amount: null },
    { id: "b", amount: 2 },
    { id: "d", amount: 4 },
  ]);
  // Text, a tombstone, and a schema id that nobody has registered.
  expect(result.undecodable).toBe(3);
  expect(result.schemaIds).toEqual([1, 2]);
  expect(result.ranges).toEqual([
    { topic: "t", partition: 0, from: 0, to: 4 },
    { topic: "t", partition: 1, from: 0, to: 2 },
  ]);
  expect(progress.at(-1)).toEqual([6, 6]);
});

test("each offset of a damaged batch counts as a record that could not be decoded, up to the end of the range", async () => {
  const value = avro(old, { id: "a" });
  await send(0, value, value, value, value);
  const read: Broker["read"] = async function* (range, stop) {
    yield* broker.read({ ...range, to: 1 }, stop);
    yield standInOf("t", 0, 1, 5);
  };
  const damaged = Object.create(broker, { admin: { value: broker.admin }, read: { value: read } }) as Broker;
  const rows: Row[] = [];
  const visitor = { row: (row: Row): void => void rows.push(row) };
  expect((await readTopicRows(damaged, registry, "t", current, visitor, never)).undecodable).toBe(3);
  expect(rows).toHaveLength(1);
});

// Records of aborted transactions and markers take offsets and are never seen: the reading ended with "2 of 10".
test("progress ends at the whole, whatever offsets no record has, and never goes back", async () => {
  await send(0, avro(old, { id: "a" }), avro(old, { id: "b" }));
  const gappy = {
    admin: {
      watermarks: async () => [
        { partition: 0, low: 0, end: 10 },
        { partition: 1, low: 5, end: 5 },
      ],
    },
    read: (range: OffsetRange) => broker.read({ ...range, to: 2 }, never),
  } as unknown as Broker;
  const done: [number, number][] = [];
  const visitor = { row: () => undefined, progress: (read: number, total: number) => void done.push([read, total]) };
  await readTopicRows(gappy, registry, "t", current, visitor, never);
  expect(done).toEqual([
    [2, 10],
    [10, 10],
  ]);
});

test("of the newest offsets every partition gives the same share, and what is left out is said", async () => {
  await send(0, ...Array.from({ length: 8 }, (_, i) => avro(current, { id: `a${i}`, amount: 0 })));
  await send(1, ...Array.from({ length: 4 }, (_, i) => avro(current, { id: `b${i}`, amount: 0 })));
  const newest = async (count: number) => {
    const ids: unknown[] = [];
    const visitor = { row: ({ id }: Row): void => void ids.push(id) };
    return { ids, ...(await readTopicRows(broker, registry, "t", current, visitor, never, { newest: count })) };
  };
  expect(await newest(6)).toMatchObject({
    ids: ["a4", "a5", "a6", "a7", "b2", "b3"],
    ranges: [
      { topic: "t", partition: 0, from: 4, to: 8 },
      { topic: "t", partition: 1, from: 2, to: 4 },
    ],
    older: 6,
  });
  // Never more than were asked for.
  expect(await newest(7)).toMatchObject({ ids: ["a4", "a5", "a6", "a7", "b2", "b3"], older: 6 });
  const all = await newest(12);
  expect(all.ids).toHaveLength(12);
  expect(all.older).toBeUndefined();
});

test("an empty topic gives no rows and its empty ranges", async () => {
  const visitor = {
    row: (): void => {
      throw new Error("there is none");
    },
  };
  expect(await readTopicRows(broker, registry, "t", current, visitor, never)).toEqual({
    ranges: [
      { topic: "t", partition: 0, from: 0, to: 0 },
      { topic: "t", partition: 1, from: 0, to: 0 },
    ],
    schemaIds: [],
    undecodable: 0,
  });
});

test("a writer schema that the reader cannot read ends the reading and is named", async () => {
  const other = schemaOf([{ name: "id", type: "int" }]);
  await send(0, avro(other, { id: 5 }));
  await expect(readTopicRows(broker, registry, "t", current, { row: () => undefined }, never)).rejects.toMatchObject({
    code: "MR_SCHEMA_INCOMPATIBLE",
    message: "reading schema id 1 as R",
  });
});

test("a registry that is down ends the reading", async () => {
  await send(0, avro(current, { id: "a", amount: 1 }));
  const down = { ...registry, byId: () => Promise.reject(new Error("down")) };
  const reading = readTopicRows(
    broker,
    down as unknown as MemoryRegistry,
    "t",
    current,
    { row: () => undefined },
    never,
  );
  await expect(reading).rejects.toThrow("down");
});

test("others have their turn every so many rows, also inside one batch", async () => {
  const { id } = registry.add("t-value", current.json);
  const one = avro(current, { id: "a", amount: 1 }, id);
  await send(0, ...Array.from({ length: 1_200 }, () => one));
  await send(1, ...Array.from({ length: 400 }, () => one));
  let rows = 0;
  const pausedAt: number[] = [];
  const pause = async (): Promise<void> => {
    pausedAt.push(rows);
    await new Promise(setImmediate);
  };
  await readTopicRows(broker, registry, "t", current, { row: () => void rows++, pause }, never);
  expect(pausedAt).toEqual([500, 1_000, 1_500]);
  expect(rows).toBe(1_600);
});
