import { expect, test } from "vitest";
import {
  createDecoder,
  createEncoder,
  parseRecordSchema,
  type RecordSchema,
  readProblems,
  shadowedAliases,
  withoutShadowedAliases,
} from "../../../src/schema/index.ts";

function record(...fields: unknown[]): RecordSchema {
  const parsed = parseRecordSchema({ type: "record", name: "Order", fields }, "order");
  if ("problems" in parsed) throw new Error(parsed.problems.map((problem) => problem.message).join("; "));
  return parsed.schema;
}

const id = { name: "event_id", type: "string" };
const renamed = { name: "source_event_id", type: ["null", "string"], default: null, aliases: ["event_id"] };

// Each record of the stage behind an ingest died: the alias met the real field, and the field matched two.
test("a field is read from the one of its own name, though an alias names another that is there too", () => {
  const schema = record(id, renamed);
  expect(readProblems(schema, schema)).toEqual([]);
  const bytes = Buffer.alloc(64);
  const end = createEncoder(schema).encode({ event_id: "inbox-0-1", source_event_id: "theirs" }, bytes, 0);
  const row = createDecoder(schema, schema).decode(bytes, 0, end);
  expect(row).toEqual({ event_id: "inbox-0-1", source_event_id: "theirs" });
});

test("without the field itself two aliases that are both written are still an error", () => {
  const reader = record({ name: "total", type: "int", aliases: ["sum", "amount"] });
  const writer = record({ name: "sum", type: "int" }, { name: "amount", type: "int" });
  expect(readProblems(reader, writer)).toEqual([
    "/fields/0 NAME_MISMATCH: field total matches both sum and amount of the writer",
  ]);
});

test("an alias that names another field of the record is taken away, and one that does not stays", () => {
  const total = { name: "total", type: "double", aliases: ["amount", "event_id"] };
  const schema = record(id, total);
  expect(shadowedAliases(schema)).toEqual([{ field: "total", alias: "event_id" }]);
  expect(withoutShadowedAliases(schema).json).toEqual({
    type: "record",
    name: "Order",
    fields: [id, { ...total, aliases: ["amount"] }],
  });
  expect(withoutShadowedAliases(record(id, renamed)).type.fields[1]?.aliases).toEqual([]);
});

test("records inside records, lists, maps and unions lose such aliases too", () => {
  const inner = (name: string): unknown => ({
    type: "record",
    name,
    fields: [
      { name: "a", type: "int" },
      { name: "b", type: "int", aliases: ["a"] },
    ],
  });
  const schema = record(
    { name: "plain", type: inner("One") },
    { name: "list", type: { type: "array", items: inner("Two") } },
    { name: "map", type: ["null", { type: "map", values: inner("Three") }] },
  );
  expect(shadowedAliases(schema)).toHaveLength(3);
  expect(shadowedAliases(withoutShadowedAliases(schema))).toEqual([]);
});

test("aliases for what is filled by the reader stay, at the top and nowhere else", () => {
  const inner = { type: "record", name: "Inner", fields: [id, { ...renamed, name: "theirs" }] };
  const schema = record(id, renamed, { name: "inner", type: inner });
  expect(shadowedAliases(schema, new Set(["event_id"]))).toEqual([{ field: "theirs", alias: "event_id" }]);
});

test("a schema without such an alias is answered as it is", () => {
  const schema = record(id, { name: "total", type: "double", aliases: ["amount", "total"] });
  expect(withoutShadowedAliases(schema)).toBe(schema);
});

test("of two fields with one alias the last is filled and the other counts as absent, as in Java, at any depth", () => {
  const fields = (extra: object) => [
    { name: "a", type: "int", aliases: ["c"], ...extra },
    { name: "b", type: "int", aliases: ["c"] },
  ];
  const lenient = (list: readonly unknown[]): RecordSchema => {
    const parsed = parseRecordSchema({ type: "record", name: "Order", fields: list }, "o", { strictDefaults: false });
    if ("problems" in parsed) throw new Error("no schema");
    return parsed.schema;
  };
  const nested = (list: readonly unknown[]) => [
    ...list,
    { name: "in", type: { type: "record", name: "In", fields: list } },
  ];
  const writer = lenient(nested([{ name: "c", type: "int" }]));
  const bytes = Buffer.alloc(64);
  const end = createEncoder(writer).encode({ c: 5, in: { c: 6 } }, bytes, 0);
  const filled = createDecoder(writer, lenient(nested(fields({ default: 1 })))).decode(bytes, 0, end);
  expect(filled).toEqual({ a: 1, b: 5, in: { a: 1, b: 6 } });
  expect(() => createDecoder(writer, lenient(nested(fields({})))).decode(bytes, 0, end)).toThrow(
    "field a is not written",
  );
});
