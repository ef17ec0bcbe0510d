import { expect, test } from "vitest";
import { createDecoder, createEncoder, type RecordSchema, type Row, UnionValue } from "../../../src/schema/index.ts";
import { bytes, record, rowSchema, schemaOf } from "./build.ts";

function decode(body: Buffer, writer: RecordSchema, reader: RecordSchema = writer): Row {
  return createDecoder(writer, reader).decode(body, 0, body.length);
}

function encode(row: Row, schema: RecordSchema): Buffer {
  const into = Buffer.alloc(1_000, 0xee);
  const end = createEncoder(schema).encode(row, into, 0);
  return into.subarray(0, end);
}

const flat = rowSchema(
  { name: "b", type: "boolean" },
  { name: "i", type: "int" },
  { name: "l", type: "long" },
  { name: "f", type: "float" },
  { name: "d", type: "double" },
  { name: "s", type: "string" },
  { name: "o", type: ["null", "double"] },
  { name: "y", type: "bytes" },
  { name: "e", type: { type: "enum", name: "E", symbols: ["A", "B"] } },
);

// Worked by hand from the Avro specification: zigzag -1 -> 1, 300 -> 600 = 88 | 4 << 7; doubles little-endian IEEE 754.
const flatBody = bytes(
  ...[1, 1, 0xd8, 4],
  ...[0, 0, 0x80, 0x3f],
  ...[0, 0, 0, 0, 0, 0, 0xf8, 0x3f],
  ...[6, "abc"],
  ...[2, 0, 0, 0, 0, 0, 0, 0, 0xc0],
  ...[4, 0xfe, 0xff],
  2,
);
const flatRow = {
  b: true,
  i: -1,
  l: 300,
  f: 1,
  d: 1.5,
  s: "abc",
  o: -2,
  y: Buffer.from([0xfe, 0xff]),
  e: "B",
};

test("decodes the golden bytes of a flat record", () => {
  expect(decode(flatBody, flat)).toEqual(flatRow);
});

test("encodes a flat record to the golden bytes", () => {
  expect(encode(flatRow, flat).toString("hex")).toBe(flatBody.toString("hex"));
});

test("decodes from the middle of a buffer and reads nothing behind the end", () => {
  const around = Buffer.concat([bytes(9, 9), flatBody, bytes(9, 9)]);
  const decoder = createDecoder(flat, flat);
  expect(decoder.decode(around, 2, 2 + flatBody.length)).toEqual(flatRow);
  for (let to = 2; to < 2 + flatBody.length; to++) {
    expect(() => decoder.decode(around, 2, to)).toThrow(expect.objectContaining({ code: "MR_DECODE_BODY" }));
  }
  expect(() => decoder.decode(around, 2, around.length)).toThrow(expect.objectContaining({ code: "MR_DECODE_BODY" }));
});

test.each([
  [0, "00"],
  [-64, "7f"],
  [64, "8001"],
  [-2_147_483_648, "ffffffff0f"],
  [9_007_199_254_740_991, "feffffffffffff1f"],
  [-9_007_199_254_740_991, "fdffffffffffff1f"],
  [9_007_199_254_740_992n, "8080808080808020"],
  [-9_007_199_254_740_992n, "ffffffffffffff1f"],
  [2n ** 63n - 1n, "feffffffffffffffff01"],
  [-(2n ** 63n), "ffffffffffffffffff01"],
])("long %d is %s, a number up to 2^53 - 1 and a bigint beyond", (value, hex) => {
  const schema = rowSchema({ name: "l", type: "long" });
  expect(encode({ l: value }, schema).toString("hex")).toBe(hex);
  expect(decode(Buffer.from(hex, "hex"), schema)).toEqual({ l: value });
});

test("text keeps every character, short and long", () => {
  const schema = rowSchema({ name: "s", type: "string" });
  for (const s of ["", "ä", "日本語", "😀 and text", "x".repeat(300), "é".repeat(90), "\ufffd", "a\u0000b"]) {
    expect(decode(encode({ s }, schema), schema)).toEqual({ s });
  }
});

test("answers the missing bytes when the buffer is too small, exactly to the byte", () => {
  const encoder = createEncoder(flat);
  const exact = Buffer.alloc(flatBody.length + 3);
  expect(encoder.encode(flatRow, exact, 3)).toBe(exact.length);
  expect(exact.subarray(3).equals(flatBody)).toBe(true);
  for (let size = 0; size < flatBody.length; size++) {
    expect(encoder.encode(flatRow, Buffer.alloc(size), 0)).toBe(size - flatBody.length);
  }
});

test("never writes behind the end of a record that did not fit", () => {
  const schema = rowSchema({ name: "s", type: "string" });
  const slab = Buffer.alloc(64, 0xee);
  expect(createEncoder(schema).encode({ s: "x".repeat(40) }, slab.subarray(0, 20), 0)).toBe(-21);
  expect(slab.subarray(20).every((byte) => byte === 0xee)).toBe(true);
});

test.each([
  ["b", 1, "field b: a whole number is no boolean"],
  ["i", 2 ** 31, "field i: a whole number is no int"],
  ["i", 0.5, "field i: a fraction is no int"],
  ["l", 2 ** 53, "field l: a whole number is no long"],
  ["l", 2n ** 63n, "field l: a whole number is no long"],
  ["i", 1n, "field i: a whole number is no int"],
  ["d", "1", "field d: a string is no double"],
  ["s", null, "field s: null is no string"],
  ["s", undefined, "field s: a missing value is no string"],
  ["e", "C", "field e: a string is no enum"],
  ["y", "text", "field y: a string is no bytes"],
])("refuses to encode %s = %s", (field, value, message) => {
  expect(() => encode({ ...flatRow, [field]: value }, flat)).toThrow(
    expect.objectContaining({ code: "MR_CAST", message }),
  );
});

test("resolves promotions, aliases, defaults, dropped and reordered fields", () => {
  const writer = rowSchema(
    { name: "i", type: "int" },
    { name: "gone", type: { type: "array", items: "string" } },
    { name: "old", type: "string" },
    { name: "req", type: "int" },
  );
  const reader = rowSchema(
    { name: "fresh", type: { type: "array", items: "int" }, default: [1] },
    { name: "new", type: "string", aliases: ["old"] },
    { name: "i", type: "double" },
    { name: "req", type: ["null", "long"], default: null },
    { name: "note", type: ["null", "string"], default: null },
  );
  const body = encode({ i: 7, gone: ["x"], old: "y", req: 3 }, writer);
  const row = decode(body, writer, reader);
  expect(row).toEqual({ fresh: [1], new: "y", i: 7, req: 3, note: null });
  expect(Object.keys(row)).toEqual(["fresh", "new", "i", "req", "note"]);
});

test("a default that can be changed in place is made anew for every row", () => {
  const reader = rowSchema({ name: "list", type: { type: "array", items: "int" }, default: [] });
  const decoder = createDecoder(rowSchema(), reader);
  const [a, b] = [decoder.decode(Buffer.alloc(0), 0, 0), decoder.decode(Buffer.alloc(0), 0, 0)];
  expect(a["list"]).not.toBe(b["list"]);
});

test("an unknown symbol becomes the enum's default", () => {
  const writer = rowSchema({ name: "e", type: { type: "enum", name: "E", symbols: ["a", "b"] } });
  const reader = rowSchema({ name: "e", type: { type: "enum", name: "E", symbols: ["other", "a"], default: "other" } });
  expect(decode(bytes(2), writer, reader)).toEqual({ e: "other" });
  expect(decode(bytes(0), writer, reader)).toEqual({ e: "a" });
});

test("a union takes the written type before a promotion, as Java does", () => {
  const writer = rowSchema({ name: "n", type: "long" });
  const reader = rowSchema({ name: "n", type: ["double", "long"] });
  expect(decode(encode({ n: 5 }, writer), writer, reader)).toEqual({ n: new UnionValue(1, 5) });
});

test("a union of several types keeps the branch that was written", () => {
  const schema = rowSchema({
    name: "u",
    type: [
      "int",
      "double",
      { type: "record", name: "A", fields: [{ name: "a", type: "int" }] },
      { type: "record", name: "B", fields: [{ name: "b", type: "int" }] },
    ],
  });
  for (const [branch, value] of [1, 1, { a: 1 }, { b: 2 }].entries()) {
    const u = new UnionValue(branch, value);
    expect(decode(encode({ u }, schema), schema)).toEqual({ u });
    expect(encode({ u }, schema)[0]).toBe(2 * branch);
  }
});

test.each([
  ["a list for a map", { type: "map", values: "int" }, [1], "a list is no map"],
  ["a text for a map", { type: "map", values: "int" }, "ab", "a string is no map"],
  ["null for a map", { type: "map", values: "int" }, null, "null is no map"],
  ["a map for a list", { type: "array", items: "int" }, { a: 1 }, "is no list"],
  ["a list for a record", { type: "record", name: "R", fields: [] }, [1], "a list is no record"],
] as const)("%s is refused with its field", (_, type, value, message) => {
  const schema = rowSchema({ name: "m", type });
  expect(() => encode({ m: value }, schema)).toThrow(message);
});

test("a map key called __proto__ is an entry like any other", () => {
  const schema = rowSchema({ name: "m", type: { type: "map", values: "int" } });
  const body = bytes(2, 18, "__proto__", 14, 0);
  const map = decode(body, schema)["m"] as Record<string, unknown>;
  expect(Object.keys(map)).toEqual(["__proto__"]);
  expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
  expect(encode({ m: map }, schema).equals(body)).toBe(true);
});

test("a writer that the reader cannot read is refused with every reason", () => {
  const [writer, reader] = [rowSchema({ name: "a", type: "string" }), rowSchema({ name: "a", type: "int" })];
  expect(() => createDecoder(writer, reader)).toThrow(
    expect.objectContaining({ code: "MR_DECODE_BODY", message: expect.stringContaining("TYPE_MISMATCH") }),
  );
});

test("a recursive list is decoded and encoded", () => {
  const fields = [
    { name: "v", type: "int" },
    { name: "next", type: ["null", "Node"] },
  ];
  const schema = schemaOf({ type: "record", name: "Node", fields });
  const row = { v: 1, next: { v: 2, next: null } };
  expect(encode(row, schema)).toEqual(bytes(2, 2, 4, 0));
  expect(decode(bytes(2, 2, 4, 0), schema)).toEqual(row);
});

test("a value that holds itself ends as an error", () => {
  const fields = [{ name: "next", type: ["null", "Node"] }];
  const schema = schemaOf({ type: "record", name: "Node", fields });
  const row: Row = {};
  row["next"] = row;
  expect(() => encode(row, schema)).toThrow(expect.objectContaining({ code: "MR_CAST" }));
});

test.each([
  ["int", "long", 7],
  ["int", "float", 7],
  ["int", "double", 7],
  ["long", "float", 2 ** 40],
  ["long", "double", 2 ** 40],
  ["float", "double", 0.5],
  ["string", "bytes", "ab"],
  ["bytes", "string", Buffer.from("ab")],
])("%s is read as %s, also where both or only the reader may be null", (from, to, value) => {
  const expected = from === "string" ? Buffer.from("ab") : from === "bytes" ? "ab" : value;
  const pairs = [
    [from, to],
    [from, ["null", to]],
    [
      ["null", from],
      [to, "null"],
    ],
    [from, ["boolean", to]],
  ];
  for (const [written, read] of pairs) {
    const [writer, reader] = [rowSchema({ name: "a", type: written }), rowSchema({ name: "a", type: read })];
    const wide = Array.isArray(read) && !read.includes("null");
    const a = wide ? new UnionValue(1, expected) : expected;
    expect(decode(encode({ a: value }, writer), writer, reader)).toEqual({ a });
  }
});

// Each of these is written and read in line where no union is.
test.each([
  ["boolean", true],
  ["int", 7],
  ["long", 2 ** 40],
  ["float", 0.5],
  ["double", 0.5],
  ["string", "ab"],
  [{ type: "enum", name: "E", symbols: ["x", "y"] }, "y"],
] as const)("a value of type %j is read as a branch of a union of several types", (type, value) => {
  const wide = [{ type: "fixed", name: "F", size: 2 }, type];
  const [writer, reader] = [rowSchema({ name: "a", type }), rowSchema({ name: "a", type: wide })];
  expect(decode(encode({ a: value }, writer), writer, reader)).toEqual({ a: new UnionValue(1, value) });
});

test("a padded branch index of a union is read like the short one", () => {
  const schema = rowSchema({ name: "o", type: ["null", "int"] });
  expect(decode(bytes(0x82, 0, 14), schema)).toEqual({ o: 7 });
  expect(decode(bytes(0x80, 0), schema)).toEqual({ o: null });
});

test("a union of one type is written and read with its index", () => {
  const schema = rowSchema({ name: "o", type: ["int"] });
  expect(encode({ o: 7 }, schema)).toEqual(bytes(0, 14));
  expect(decode(bytes(0, 14), schema)).toEqual({ o: 7 });
});

test("bytes of a row are a copy, so that the batch they came from can change", () => {
  const schema = rowSchema({ name: "y", type: "bytes" });
  const body = bytes(4, 1, 2);
  const row = decode(body, schema);
  body.fill(9);
  expect(row["y"]).toEqual(Buffer.from([1, 2]));
});

test.each([
  ["double", 2n ** 53n, 2 ** 53],
  ["double", -(2n ** 63n), -(2 ** 63)],
  ["float", 2n ** 60n, 2 ** 60],
  ["float", 2 ** 24 + 1, 2 ** 24],
] as const)("a long promoted to %s: %d is %d", (kind, value, expected) => {
  const [writer, reader] = [rowSchema({ name: "a", type: "long" }), rowSchema({ name: "a", type: kind })];
  expect(decode(encode({ a: value }, writer), writer, reader)).toEqual({ a: expected });
});

test.each(["double", "float"])("a long beyond 2^53 that no %s equals is refused, not rounded", (kind) => {
  const [writer, reader] = [rowSchema({ name: "a", type: "long" }), rowSchema({ name: "a", type: kind })];
  const body = encode({ a: 2n ** 53n + 1n }, writer);
  expect(() => decode(body, writer, reader)).toThrow(expect.objectContaining({ code: "MR_DECODE_BODY" }));
});

test("an unknown symbol becomes the enum's default inside a list too", () => {
  const of = (symbols: readonly string[], more: object = {}) => ({ type: "enum", name: "E", symbols, ...more });
  const writer = rowSchema({ name: "a", type: { type: "array", items: of(["a", "b"]) } });
  const reader = rowSchema({ name: "a", type: { type: "array", items: of(["other", "a"], { default: "other" }) } });
  expect(decode(bytes(4, 2, 0, 0), writer, reader)).toEqual({ a: ["other", "a"] });
});

// It was written as U+FFFD, so that two keys became one.
test.each([
  ["short text", { name: "s", type: "string" }, "a\ud800", "field s:"],
  ["long text", { name: "s", type: "string" }, `${"x".repeat(100)}\udc00`, "field s:"],
  ["a nullable", { name: "s", type: ["null", "string"] }, "\udc00\ud800", "field s:"],
  ["a list", { name: "l", type: { type: "array", items: "string" } }, ["a", "\ud800b"], "field l[1]:"],
  ["a map", { name: "m", type: { type: "map", values: "string" } }, { k: "\ud800" }, "field m value:"],
  ["a key of a map", { name: "m", type: { type: "map", values: "string" } }, { "k\ud800": "" }, "field m key:"],
])("half of a surrogate pair in %s is refused with its field", (_, field, value, message) => {
  const schema = schemaOf(record(field));
  const write = () => createEncoder(schema).encode({ [field.name]: value }, Buffer.alloc(1_000), 0);
  expect(write).toThrow(message);
  expect(write).toThrow("half of a surrogate pair");
});
