import { expect, test } from "vitest";
import { createJsonReader, type JsonReaderOptions } from "../../../src/schema/index.ts";
import { rowSchema } from "./build.ts";

const paid = { name: "paid_at", type: { type: "long", logicalType: "timestamp-millis" } };
const schema = rowSchema(
  { name: "event_id", type: "string" },
  { name: "id", type: "string" },
  { name: "n", type: "int", default: 7 },
  { name: "amount", type: ["null", "double"], default: null },
  paid,
);
const good = { id: "p1", n: 1, amount: 2.5, paid_at: 1_700_000_000_000 };

function reader(options: Partial<JsonReaderOptions> = {}) {
  return createJsonReader({ schema, casts: {}, supplied: ["event_id"], key: "id", ...options });
}

function read(text: string | Buffer, options: Partial<JsonReaderOptions> = {}) {
  const bytes = Buffer.from(text);
  return reader(options).read(bytes, 0, bytes.length);
}

function codeOf(value: unknown, options: Partial<JsonReaderOptions> = {}): string {
  try {
    reader(options).readValue(value);
    return "read";
  } catch (thrown) {
    return (thrown as { code: string }).code;
  }
}

test("reads fields by name, in the schema's order, and leaves supplied ones at their zero", () => {
  const row = read(JSON.stringify({ paid_at: good.paid_at, id: "p1", amount: 2.5, event_id: "theirs" }));
  expect(row).toEqual({ event_id: "", id: "p1", n: 7, amount: 2.5, paid_at: 1_700_000_000_000 });
  expect(Object.keys(row)).toEqual(["event_id", "id", "n", "amount", "paid_at"]);
});

// Records, lists, maps and wide unions were MR_CAST where a plain field was MR_REQUIRED.
test("null in a required field is MR_REQUIRED whatever the field's type, and the message has the whole path", () => {
  const inner = { type: "record", name: "Inner", fields: [{ name: "x", type: "int" }] };
  const types = [inner, { type: "array", items: "int" }, { type: "map", values: "int" }, ["int", "string"], "bytes"];
  for (const type of types) {
    const json = createJsonReader({ schema: rowSchema({ name: "part", type }), casts: {} });
    for (const value of [{ part: null }, {}]) {
      expect(() => json.readValue(value)).toThrow(expect.objectContaining({ code: "MR_REQUIRED" }));
    }
  }
  const nested = createJsonReader({ schema: rowSchema({ name: "part", type: inner }), casts: {} });
  expect(() => nested.readValue({ part: {} })).toThrow("field part.x: required and missing");
  expect(() => nested.readValue({ part: { x: null } })).toThrow("field part.x: required and null");
});

test("unknown fields are dropped and counted", () => {
  const json = reader();
  json.readValue({ ...good, x: 1, y: { deep: true } });
  json.readValue({ ...good, event_id: "theirs" });
  expect(json.unknownFields).toBe(3);
});

test.each(["", " ", "{", "not json", "null", "{'a':1}", '{"a":1}x', "\ufeff{}"])("%j is MR_PARSE", (text) => {
  expect(() => read(text)).toThrow(expect.objectContaining({ code: "MR_PARSE" }));
});

test("a null value and bytes that are not UTF-8 are MR_PARSE", () => {
  expect(() => reader().read(Buffer.alloc(0), -1, -1)).toThrow(expect.objectContaining({ code: "MR_PARSE" }));
  const broken = Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xff]), Buffer.from('"}')]);
  expect(() => read(broken)).toThrow(expect.objectContaining({ code: "MR_PARSE" }));
});

test.each(["[]", "7", '"text"', "true"])("%s is JSON but no record: MR_CAST", (text) => {
  expect(() => read(text)).toThrow(expect.objectContaining({ code: "MR_CAST" }));
});

test("a missing or null required field is MR_REQUIRED, an absent optional one its default or null", () => {
  const { paid_at: _, ...without } = good;
  expect(codeOf(without)).toBe("MR_REQUIRED");
  expect(codeOf({ ...good, paid_at: null })).toBe("MR_REQUIRED");
  expect(codeOf({ ...good, n: null })).toBe("MR_REQUIRED");
  expect(reader().readValue({ id: "p", paid_at: 1 })).toMatchObject({ n: 7, amount: null });
});

test("the key must be there even when its type would let it be absent", () => {
  expect(codeOf({ ...good, n: undefined }, { key: "n" })).toBe("MR_REQUIRED");
  expect(codeOf({ ...good, amount: null }, { key: "amount" })).toBe("MR_REQUIRED");
  expect(codeOf({ ...good, amount: 0 }, { key: "amount" })).toBe("read");
});

test.each([
  ["id", 7, "MR_CAST"],
  ["id", "", "read"],
  ["n", 1.5, "MR_CAST"],
  ["n", 2 ** 31, "MR_CAST"],
  ["n", -(2 ** 31), "read"],
  ["n", "1", "MR_CAST"],
  ["n", true, "MR_CAST"],
  ["amount", 3, "read"],
  ["amount", "3", "MR_CAST"],
  ["amount", Number.POSITIVE_INFINITY, "MR_CAST"],
  ["paid_at", "2023-11-14T22:13:20Z", "MR_CAST"],
  ["paid_at", 1.5, "MR_CAST"],
  ["paid_at", -1, "MR_CAST"],
  ["paid_at", 0, "read"],
  ["paid_at", 4_102_444_799_999, "read"],
  ["paid_at", 4_102_444_800_000, "MR_CAST"],
])("field %s = %j is %s", (field, value, outcome) => {
  expect(codeOf({ ...good, [field]: value })).toBe(outcome);
});

test("a number too large for a double is MR_CAST, not infinity", () => {
  expect(() => read('{"id":"p","paid_at":1,"amount":1e999}')).toThrow(expect.objectContaining({ code: "MR_CAST" }));
});

test.each([
  ["amount", "double", "2.5", 2.5],
  ["amount", "double", "-1e3", -1_000],
  ["n", "int", "12", 12],
  ["paid_at", "timestamp-millis", "2023-11-14T22:13:20Z", 1_700_000_000_000],
  ["paid_at", "timestamp-millis", 5, 5],
  ["id", "string", 7, "7"],
] as const)("cast lets %s as %s become a value from %j", (field, cast, given, expected) => {
  expect(reader({ casts: { [field]: cast } }).readValue({ ...good, [field]: given })[field]).toBe(expected);
});

test.each([
  ["amount", "double", "two"],
  ["amount", "double", ""],
  ["amount", "double", "0x10"],
  ["amount", "double", "1e999"],
  ["n", "int", "1.5"],
  ["n", "int", "9".repeat(10_000)],
  ["paid_at", "timestamp-millis", "yesterday"],
  ["paid_at", "timestamp-millis", "2200-01-01T00:00:00Z"],
] as const)("cast of %s to %s refuses what is none: %j", (field, cast, given) => {
  expect(codeOf({ ...good, [field]: given }, { casts: { [field]: cast } })).toBe("MR_CAST");
});

test("boolean casts take true, false, 1 and 0", () => {
  const flag = rowSchema({ name: "b", type: "boolean" });
  const json = createJsonReader({ schema: flag, casts: { b: "boolean" } });
  expect(["true", "false", 1, 0, true].map((b) => json.readValue({ b })["b"])).toEqual([
    true,
    false,
    true,
    false,
    true,
  ]);
  expect(() => json.readValue({ b: "yes" })).toThrow(expect.objectContaining({ code: "MR_CAST" }));
});

test("an alias renames a field on the way in, event_id among them; the name itself wins", () => {
  const renamed = rowSchema(
    { name: "event_id", type: "string" },
    { name: "source_id", type: "string", aliases: ["event_id"] },
  );
  const json = createJsonReader({ schema: renamed, casts: {}, supplied: ["event_id"] });
  expect(json.readValue({ event_id: "theirs" })).toEqual({ event_id: "", source_id: "theirs" });
  expect(json.readValue({ event_id: "theirs", source_id: "own" })).toEqual({ event_id: "", source_id: "own" });
});

test("fields named like what every object has are absent unless they are there", () => {
  const odd = rowSchema(
    { name: "toString", type: ["null", "string"], default: null },
    { name: "constructor", type: "int" },
  );
  const json = createJsonReader({ schema: odd, casts: {} });
  expect(json.readValue({ constructor: 1 })).toEqual({ toString: null, constructor: 1 });
  expect(() => json.readValue({})).toThrow(expect.objectContaining({ code: "MR_REQUIRED" }));
});

test("nested types are read with their path in the message", () => {
  const inner = { type: "record", name: "Inner", fields: [{ name: "x", type: "int" }] };
  const nested = rowSchema(
    { name: "list", type: { type: "array", items: inner } },
    { name: "map", type: { type: "map", values: ["null", "string"] } },
    { name: "e", type: { type: "enum", name: "E", symbols: ["A"] } },
    { name: "y", type: "bytes" },
  );
  const json = createJsonReader({ schema: nested, casts: {} });
  const value = { list: [{ x: 1 }], map: { a: null, b: "c" }, e: "A", y: "/v8=" };
  expect(json.readValue(value)).toEqual({ ...value, y: Buffer.from([0xfe, 0xff]) });
  expect(() => json.readValue({ ...value, list: [{ x: 1 }, { x: "2" }] })).toThrow(
    "field list[1].x: a string is no int",
  );
  expect(() => json.readValue({ ...value, e: "B" })).toThrow(expect.objectContaining({ code: "MR_CAST" }));
  expect(() => json.readValue({ ...value, y: "no base64!" })).toThrow(expect.objectContaining({ code: "MR_CAST" }));
});

test("a map in JSON may have a key called __proto__, which changes no prototype", () => {
  const json = createJsonReader({ schema: rowSchema({ name: "m", type: { type: "map", values: "int" } }), casts: {} });
  const bytes = Buffer.from('{"m":{"__proto__":1}}');
  const map = json.read(bytes, 0, bytes.length)["m"] as object;
  expect(Object.keys(map)).toEqual(["__proto__"]);
  expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
});

test("a million brackets end as an error of the record", () => {
  const node = rowSchema({ name: "next", type: ["null", "test.Row"], default: null });
  const json = createJsonReader({ schema: node, casts: {} });
  for (const text of ["[".repeat(1_000_000), `${'{"next":'.repeat(100_000)}null${"}".repeat(100_000)}`]) {
    const bytes = Buffer.from(text);
    expect(() => json.read(bytes, 0, bytes.length)).toThrow(expect.objectContaining({ disposition: "quarantine" }));
  }
});

test("messages name the field and the type, never the value", () => {
  const secret = rowSchema({ name: "pin", type: "int", sensitive: true });
  const json = createJsonReader({ schema: secret, casts: { pin: "int" } });
  for (const pin of ["4711x", 4711.5, { code: 4711 }, ["4711"]]) {
    expect(() => json.readValue({ pin })).toThrow(/^field pin: (?!.*4711)/);
  }
  const broken = Buffer.from('{"pin": 4711');
  expect(() => json.read(broken, 0, broken.length)).toThrow(/^(?!.*4711)/);
});

// They were dropped without being counted.
test("unknown fields of nested records count too, once each, and not those of a record that is refused", () => {
  const inner = { type: "record", name: "Inner", fields: [{ name: "x", type: "int", aliases: ["y"] }] };
  const other = { type: "record", name: "Other", fields: [{ name: "z", type: "int" }] };
  const json = createJsonReader({
    schema: rowSchema(
      { name: "one", type: inner },
      { name: "list", type: { type: "array", items: "test.Inner" }, default: [] },
      { name: "map", type: { type: "map", values: "test.Inner" }, default: {} },
      { name: "either", type: ["null", "test.Inner", other], default: null },
    ),
    casts: {},
  });
  const countOf = (value: unknown): number => {
    const before = json.unknownFields;
    json.readValue(value);
    return json.unknownFields - before;
  };
  expect(countOf({ one: { x: 1 } })).toBe(0);
  expect(countOf({ one: { x: 1, a: 1, b: 2 }, c: 3 })).toBe(3);
  expect(countOf({ one: { y: 1, a: 1 }, list: [{ x: 1, a: 1 }, { x: 2 }], map: { k: { x: 1, a: 1 } } })).toBe(3);
  // The first branch of the union is tried, and fails after it has seen its own record; only the second counts.
  expect(countOf({ one: { x: 1 }, either: { z: 1, a: 1, b: 1 } })).toBe(2);
  expect(() => json.readValue({ one: { x: "1", a: 1 } })).toThrow(expect.objectContaining({ code: "MR_CAST" }));
  expect(countOf({ one: { x: 1 } })).toBe(0);
});
