import { describe, expect, test } from "vitest";
import { createValueReader, createValueWriter } from "../../../src/app/record-values.ts";
import { MemoryRegistry } from "../../../src/testing/index.ts";

const never = new AbortController().signal;
const json = {
  type: "record",
  name: "Payment",
  fields: [
    { name: "id", type: "string" },
    { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "note", type: ["null", "string"], default: null },
  ],
};

describe("a value is shown", () => {
  test.each<[string, Buffer, unknown]>([
    ["as JSON when it is JSON", Buffer.from('{"a":[1,null]}'), { a: [1, null] }],
    ["as text when it is text", Buffer.from("plain"), "plain"],
    ["as base64 when it is neither", Buffer.from([0xff, 0xfe]), { base64: "//4=" }],
    ["as base64 when its schema is unknown", Buffer.from([0, 0, 0, 0, 9, 0xff]), { base64: "AAAAAAn/" }],
    ["as base64 when its body does not fit", Buffer.from([0, 0, 0, 0, 1, 0xff]), { base64: "AAAAAAH/" }],
    ["as nothing when there is nothing", Buffer.alloc(0), ""],
  ])("%s", async (_, bytes, shown) => {
    const registry = new MemoryRegistry();
    registry.add("t-value", json);
    expect(await createValueReader(registry, never).read(bytes)).toEqual(shown);
  });
});

test("Avro is written by the topic's latest schema and shown in the one JSON form", async () => {
  const registry = new MemoryRegistry();
  registry.add("t-value", json);
  const writer = await createValueWriter(registry, "t", never);
  expect(writer.isAvro).toBe(true);
  const value = { id: "p1", at: "2026-01-01T00:00:00.000Z", note: null };
  expect(
    await createValueReader(registry, never).read(writer.write(JSON.stringify({ id: "p1", at: value.at }))),
  ).toEqual(value);
  expect(() => writer.write(JSON.stringify({ id: 7, at: value.at }))).toThrow(/field id/);
});

test("a value larger than the first buffer is written whole", async () => {
  const registry = new MemoryRegistry();
  registry.add("t-value", json);
  const writer = await createValueWriter(registry, "t", never);
  const note = "x".repeat(100_000);
  const bytes = writer.write(JSON.stringify({ id: "p1", at: 0, note }));
  expect(await createValueReader(registry, never).read(bytes)).toMatchObject({ note });
  // The next one is not disturbed by what the buffer held.
  expect(await createValueReader(registry, never).read(writer.write('{"id":"q","at":0}'))).toMatchObject({ id: "q" });
});

test("without a schema values are written as they stand", async () => {
  for (const registry of [undefined, new MemoryRegistry()]) {
    const writer = await createValueWriter(registry, "t", never);
    expect(writer.isAvro).toBe(false);
    expect(writer.write('{ "a":1.0}').toString()).toBe('{ "a":1.0}');
  }
});

/** The framed value of a record with one string of one letter. */
const framed = (id: number): Buffer => Buffer.from([0, 0, 0, id >> 8, id & 0xff, 2, 0x61]);

class CountingRegistry extends MemoryRegistry {
  asked = 0;
  override byId(id: number): ReturnType<MemoryRegistry["byId"]> {
    this.asked++;
    return super.byId(id);
  }
}

// It was shown as base64 for as long as `tail` ran.
test("a schema registered after its first value was shown is asked for again, and not for each value", async () => {
  const registry = new CountingRegistry();
  let nowMs = 0;
  const reader = createValueReader(registry, never, { monotonicMs: () => nowMs });
  for (let i = 0; i < 5; i++) expect(await reader.read(framed(1))).toBe("\0\0\0\0\u0001\u0002a");
  expect(registry.asked).toBe(1);
  registry.add("t-value", { type: "record", name: "R", fields: [{ name: "id", type: "string" }] });
  nowMs = 1_000;
  for (let i = 0; i < 5; i++) expect(await reader.read(framed(1))).toEqual({ id: "a" });
  expect(registry.asked).toBe(2);
});

test("only the last thousand schema ids are remembered", async () => {
  const registry = new CountingRegistry();
  const schema = { type: "record", name: "R", fields: [{ name: "id", type: "string" }] };
  for (let i = 1; i <= 1_001; i++) registry.add("t-value", { ...schema, doc: `${i}` });
  const reader = createValueReader(registry, never, { monotonicMs: () => 0 });
  for (let id = 1; id <= 1_001; id++) await reader.read(framed(id));
  await reader.read(framed(1_001));
  await reader.read(framed(2));
  expect(registry.asked).toBe(1_001);
  expect(await reader.read(framed(1))).toEqual({ id: "a" });
  expect(registry.asked).toBe(1_002);
});
