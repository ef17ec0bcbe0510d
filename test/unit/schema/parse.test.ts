import { describe, expect, test } from "vitest";
import { defaultMaker } from "../../../src/schema/default-value.ts";
import { parseRecordSchema, parseRecordSchemaText, readRecordSchema, UnionValue } from "../../../src/schema/index.ts";
import { record, rowSchema, schemaOf } from "./build.ts";

function problems(json: unknown): string[] {
  const parsed = parseRecordSchema(json, "payment");
  if (!("problems" in parsed)) return [];
  return parsed.problems.map((p) => `${p.path.join(".")}: ${p.message}${p.hint === undefined ? "" : ` (${p.hint})`}`);
}

test("tells steps the kind, nullability, doc, default and aliases of each field", () => {
  const schema = rowSchema(
    { name: "id", type: "string", doc: "Who.", aliases: ["key"] },
    { name: "paid_at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "amount", type: ["null", "double"], default: null },
    { name: "state", type: { type: "enum", name: "State", symbols: ["on", "off"] } },
    { name: "day", type: { type: "int", logicalType: "date" } },
    { name: "tags", type: { type: "array", items: "string" } },
    { name: "pin", type: ["string", "null"], sensitive: true },
  );
  expect(schema.fullName).toBe("test.Row");
  expect(schema.shape.slice(0, 3)).toEqual([
    { name: "id", type: { kind: "string", nullable: false, avro: "string" }, doc: "Who.", aliases: ["key"] },
    {
      name: "paid_at",
      type: { kind: "timestamp", nullable: false, avro: { type: "long", logicalType: "timestamp-millis" } },
    },
    { name: "amount", type: { kind: "double", nullable: true, avro: "double" }, default: null },
  ]);
  // What a field does not say is not there, be it an empty list.
  expect(schema.shape.map((field) => Object.keys(field).length)).toEqual([4, 2, 3, 2, 2, 2, 3]);
  expect(schema.shape.map((f) => [f.name, f.type.kind, f.type.nullable])).toEqual([
    ["id", "string", false],
    ["paid_at", "timestamp", false],
    ["amount", "double", true],
    ["state", "enum", false],
    ["day", "other", false],
    ["tags", "list", false],
    ["pin", "string", true],
  ]);
  expect(schema.shape[0]).toMatchObject({ doc: "Who.", aliases: ["key"] });
  expect(schema.shape[1]?.type.avro).toEqual({ type: "long", logicalType: "timestamp-millis" });
  expect(schema.shape[2]).toMatchObject({ default: null, type: { avro: "double" } });
  expect(schema.shape[3]?.type.avro).toEqual({ type: "enum", name: "test.State", symbols: ["on", "off"] });
  expect(schema.shape[6]?.sensitive).toBe(true);
});

test("reports every problem with its path, and what was meant", () => {
  const json = record(
    { name: "a", type: "strng" },
    { name: "b-c", type: "int" },
    { name: "d" },
    { name: "e", type: ["null", "int", "int"] },
    { name: "f", type: { type: "enum", name: "E", symbols: ["x", "x"] } },
    { name: "g", type: { type: "fixed", name: "F", size: -1 } },
  );
  expect(problems(json)).toEqual([
    'fields.0.type: schema payment: field a: unknown type "strng" (did you mean "string"?)',
    'fields.1.name: schema payment: field b-c: a field needs a "name" of letters, digits and _',
    'fields.2: schema payment: field d: a field needs a "type"',
    "fields.3.type.2: schema payment: field e: the union holds int twice",
    "fields.4.type.symbols.1: schema payment: field f: symbol x is there twice",
    'fields.5.type: schema payment: field g: fixed needs "size", a number of bytes',
  ]);
});

test("refuses a default that does not fit its type, and loads it leniently as no default", () => {
  const json = record({ name: "n", type: "int", default: "7" });
  expect(problems(json)).toEqual([
    'fields.0.default: schema payment: field n: the default does not fit: the text "7" is no int (write "default": 7)',
  ]);
  expect(schemaOf(json, false).name).toBe("Row");
});

test("accepts a default of any branch of a union", () => {
  expect(problems(record({ name: "n", type: ["int", "null"], default: null }))).toEqual([]);
});

test("refuses what is no record, not JSON, doubled or called like a type of Avro's own", () => {
  expect(problems("string")).toEqual([": schema payment: a topic holds records, and this is string"]);
  expect(problems(null)).toEqual([": schema payment: a type is text, a list or an object, not null"]);
  expect(problems({ type: "record", name: "int", fields: [] })).toEqual([
    "name: schema payment: int is a type of Avro's own",
  ]);
  expect(problems(record({ name: "a", type: "int" }, { name: "a", type: "int" }))).toEqual([
    "fields.1: schema payment: field a: a field of this name is there twice",
  ]);
  expect(problems(record({ name: "__proto__", type: "int" }))).toHaveLength(1);
  expect(parseRecordSchemaText("{", "payment")).toMatchObject({ problems: [{ code: "MR_SCHEMA" }] });
});

test("ends a schema nested 100,000 deep as a problem, not as a stack overflow", () => {
  let type: unknown = "int";
  for (let i = 0; i < 100_000; i++) type = { type: "array", items: type };
  expect(problems(record({ name: "a", type }))[0]).toContain("types nest deeper than 64");
});

test("ends a default that doubles at every level as a problem", () => {
  const levels = Array.from({ length: 30 }, (_, i) => i);
  let type: unknown = { type: "record", name: "R", fields: [] };
  for (const i of levels) {
    const fields = [
      { name: "a", type, default: {} },
      { name: "b", type: i === 0 ? "R" : `R${i - 1}`, default: {} },
    ];
    type = { type: "record", name: `R${i}`, fields };
  }
  expect(problems(record({ name: "a", type, default: {} })).join()).toContain("nested too deep or too large");
});

test("resolves a name inside the namespace of the type around it", () => {
  const node = { type: "record", name: "Node", namespace: "tree", fields: [{ name: "next", type: ["null", "Node"] }] };
  expect(schemaOf(node).canonical).toBe(
    '{"name":"tree.Node","type":"record","fields":[{"name":"next","type":["null","tree.Node"]}]}',
  );
});

// A written c went to both, or to the last of them and left null in the other.
test("refuses an alias at two fields of one record, at any depth, but loads it from an old registry", () => {
  const fields = ["a", "b"].map((name) => ({ name, type: "int", aliases: ["c", "c"] }));
  const json = record(...fields, { name: "in", type: { type: "record", name: "In", fields } });
  const shared = "alias c stands at a and at b, and a written c is one value (leave it at one of the two fields)";
  expect(problems(json)).toEqual([
    `fields.2.type.fields.1.aliases: schema payment: field in.b: ${shared}`,
    `fields.1.aliases: schema payment: field b: ${shared}`,
  ]);
  expect(parseRecordSchema(json, "payment", { strictDefaults: false })).toHaveProperty("schema");
  expect(
    problems(record({ name: "a", type: "int", aliases: ["c"] }, { name: "b", type: "int", aliases: ["d"] })),
  ).toEqual([]);
});

describe("a default that would be written as another value", () => {
  const decimal = { type: "bytes", logicalType: "decimal", precision: 4, scale: 2 };
  const said = (type: unknown, source: string): string => {
    const json = JSON.stringify(record({ name: "v", type, default: "#" })).replace('"#"', source);
    const read = readRecordSchema(json, "payment");
    return "schema" in read ? "" : read.problems.map(({ message, hint }) => `${message}; ${hint}`).join("\n");
  };

  test.each([
    // The bytes 31 32 2e 33 34, in hundredths.
    [decimal, '"12.34"', 'which are 2112952860.68, and decimal(4, 2) has fewer digits; write "default": "\\u0004Ò"'],
    ["float", "16777217", "16777217 is no float; the nearest one is 16777216"],
    ["float", "1e39", "is no float, which ends at"],
    ["long", "1.00000000000000000001", "has a fraction that a double does not show, and would be read as 1; write 1"],
    ["long", "1e-400", "has a fraction that a double does not show, and would be read as 0; write 0"],
    ["double", "9007199254740993.0", "9007199254740993 is no double; the nearest one is 9007199254740992"],
  ])("%j: %s is refused", (type, source, message) => {
    expect(said(type, source)).toContain(message);
  });

  test.each([
    [decimal, '"\\u0004Ò"'],
    ["float", "0.1"],
    ["float", "16777216"],
    ["float", '"NaN"'],
    ["long", "9007199254740993.0"],
    ["long", "1e18"],
    ["long", "1.0"],
    ["double", "1e23"],
    ["double", "1e300"],
    ["double", "0e-500"],
  ])("%j: %s is taken", (type, source) => {
    expect(said(type, source)).toBe("");
  });

  test("a float that would round leaves the number to the double beside it", () => {
    const made = (source: unknown): unknown => {
      const { schema } = schemaWith(["null", "float", "double"], source);
      return defaultMaker(schema.type.fields[0]!)?.();
    };
    expect(made(16_777_217)).toEqual(new UnionValue(2, 16_777_217));
    expect(made(0.1)).toEqual(new UnionValue(2, 0.1));
    expect(made(0.5)).toEqual(new UnionValue(1, 0.5));
  });
});

function schemaWith(type: unknown, fallback: unknown) {
  const parsed = parseRecordSchema(record({ name: "v", type, default: fallback }), "payment");
  if (!("schema" in parsed)) throw new Error("no schema");
  return parsed;
}
