import { expect, test } from "vitest";
import { createDecoder, type RecordSchema } from "../../../src/schema/index.ts";
import { bytes, rowSchema, schemaOf } from "./build.ts";

const billion = [0x80, 0xa8, 0xd6, 0xb9, 0x07];
const intMax = [0xfe, 0xff, 0xff, 0xff, 0x0f];
const minusBillion = [0xff, 0xa7, 0xd6, 0xb9, 0x07];
const longMin = [...Array.from({ length: 9 }, () => 0xff), 0x01];
const tenContinued = Array.from({ length: 11 }, () => 0xff);

const array = (items: unknown) => rowSchema({ name: "a", type: { type: "array", items } });
const map = (values: unknown) => rowSchema({ name: "a", type: { type: "map", values } });
const one = (type: unknown) => rowSchema({ name: "a", type });
const node = schemaOf({ type: "record", name: "Node", fields: [{ name: "next", type: ["null", "Node"] }] });
const emptyRecord = { type: "record", name: "Nothing", fields: [{ name: "n", type: "null" }] };

const refused: [string, RecordSchema, (number | string)[]][] = [
  ["an array that claims 10^9 ints in 6 bytes", array("int"), [...billion, 0]],
  ["an array that claims 2^31-1 strings", array("string"), [...intMax, 0]],
  ["an array that claims 10^9 nulls", array("null"), [...billion, 0]],
  ["an array that claims 10^9 records of nulls", array(emptyRecord), [...billion, 0]],
  ["a negative count of 10^9", array("int"), [...minusBillion, 0, 0]],
  ["a negative count of 10^9 nulls", array("null"), [...minusBillion, 0, 0]],
  ["a count of Long.MIN", array("int"), [...longMin, 0, 0]],
  ["the lie in the second block", array("int"), [2, 2, ...billion, 0]],
  ["nulls in many blocks", array("null"), Array.from({ length: 40 }, () => [0xa0, 0x1f]).flat()],
  ["a block whose size passes the end", array("int"), [1, 100, 2, 0]],
  ["no end of blocks", array("int"), [2, 2]],
  ["a map that claims 10^9 entries", map("int"), [...billion, 0]],
  ["a map that claims 10^9 nulls", map("null"), [...billion, 0]],
  ["a map count of Long.MIN", map("int"), [...longMin, 0, 0]],
  ["arrays of arrays that claim too much", array({ type: "array", items: "int" }), [2, ...billion, 0, 0]],
  ["a string longer than the value", one("string"), [20, "abc"]],
  ["a string of 10^9 bytes", one("string"), [...billion, "abc"]],
  ["a negative string length", one("string"), [1]],
  ["bytes longer than the value", one("bytes"), [20, 1]],
  ["negative bytes", one("bytes"), [5, 1, 2, 3]],
  ["a fixed cut short", one({ type: "fixed", name: "F", size: 4 }), [1, 2, 3]],
  ["text that is not UTF-8", one("string"), [4, 0xc3, 0x28]],
  ["half a character", one("string"), [2, 0xe2]],
  ["an overlong varint", one("long"), tenContinued],
  ["a long of 65 bits", one("long"), [...Array.from({ length: 9 }, () => 0xff), 0x02]],
  ["a length of 2^53", one("string"), [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20]],
  ["a long of 11 bytes that is 0", one("long"), [...Array.from({ length: 10 }, () => 0x80), 0]],
  [
    "a long of 11 bytes, the last of which another field would take",
    rowSchema({ name: "a", type: "long" }, { name: "b", type: "int" }),
    [...Array.from({ length: 10 }, () => 0x80), 0],
  ],
  ["a length of 11 bytes", one("string"), [...Array.from({ length: 10 }, () => 0x80), 0]],
  // 40 blocks of 2,000 nulls, and an end: each block alone would be taken.
  ["80,000 nulls in blocks of 2,000", array("null"), [...Array.from({ length: 40 }, () => [0xa0, 0x1f]).flat(), 0]],
  ["a union branch of 2^53", one(["null", "int"]), [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0]],
  ["an int of Long.MIN", one("int"), longMin],
  ["an int of 2^31", one("int"), [0x80, 0x80, 0x80, 0x80, 0x10]],
  ["an int of 2^40", one("int"), [0x80, 0x80, 0x80, 0x80, 0x80, 0x40]],
  ["a boolean of 7", one("boolean"), [7]],
  ["a union branch that is not there", one(["null", "int"]), [4, 0]],
  ["a negative union branch", one(["null", "int"]), [1, 0]],
  ["an enum symbol that is not there", one({ type: "enum", name: "E", symbols: ["x"] }), [2]],
  ["a negative enum symbol", one({ type: "enum", name: "E", symbols: ["x"] }), [1]],
  ["a double cut short", one("double"), [1, 2, 3, 4, 5, 6, 7]],
  ["a float cut short", one("float"), [1, 2, 3]],
  ["nothing where an int should be", one("int"), []],
  ["a varint without end", one("int"), [0x80]],
  ["a byte too many", one("int"), [2, 0]],
  ["a million records inside each other", node, ["\u0002".repeat(1_000_000)]],
];

test.each(refused)("survives %s and names it MR_DECODE_BODY", (_, schema, payload) => {
  const decoder = createDecoder(schema, schema);
  const body = bytes(...payload);
  expect(() => decoder.decode(body, 0, body.length)).toThrow(expect.objectContaining({ code: "MR_DECODE_BODY" }));
  // What lies behind the value, the next record of the batch, must not make it readable.
  const within = Buffer.concat([body, Buffer.alloc(64, 2)]);
  expect(() => decoder.decode(within, 0, body.length)).toThrow(expect.objectContaining({ code: "MR_DECODE_BODY" }));
});

test("a decoder reads on after a hostile value", () => {
  const schema = array("int");
  const decoder = createDecoder(schema, schema);
  expect(() => decoder.decode(bytes(...billion, 0), 0, 6)).toThrow();
  expect(decoder.decode(bytes(4, 2, 4, 0), 0, 4)).toEqual({ a: [1, 2] });
});

test("legal oddities are read: block sizes, padded varints, 200 records inside each other", () => {
  const ints = array("int");
  expect(createDecoder(ints, ints).decode(bytes(3, 4, 2, 4, 0), 0, 5)).toEqual({ a: [1, 2] });
  const long = one("long");
  expect(createDecoder(long, long).decode(bytes(0x82, 0x80, 0), 0, 3)).toEqual({ a: 1 });
  const deep = bytes(...Array.from({ length: 200 }, () => 2), 0);
  expect(createDecoder(node, node).decode(deep, 0, deep.length)).toHaveProperty("next.next.next");
});

test.each([
  ["eleven bytes", Array.from({ length: 10 }, () => 0x80), "a number takes more than 10 bytes"],
  ["65 bits", [...Array.from({ length: 9 }, () => 0x80), 2], "a long is beyond 64 bits"],
])("a number of %s is refused where it is read, and where it is stepped over", (_, number, message) => {
  const field = { name: "a", type: "long" };
  const writer = rowSchema(field, { name: "b", type: "int" });
  const body = bytes(...number, ...(number.length === 10 && number[9] === 0x80 ? [0] : []), 4);
  for (const reader of [writer, rowSchema({ name: "b", type: "int" })])
    expect(() => createDecoder(writer, reader).decode(body, 0, body.length)).toThrow(message);
});

test.each([
  ["beyond the last", 4],
  ["before the first", 1],
])("an enum symbol %s is refused where it is stepped over, in a row and inside a list", (_, index) => {
  const side = { type: "enum", name: "Side", symbols: ["left", "right"] };
  const reader = rowSchema({ name: "b", type: "int" });
  for (const [type, body] of [
    [side, bytes(index, 2)],
    [{ type: "array", items: side }, bytes(2, index, 0, 2)],
  ] as const) {
    const writer = rowSchema({ name: "a", type }, { name: "b", type: "int" });
    expect(() => createDecoder(writer, reader).decode(body, 0, body.length)).toThrow("an enum has no such symbol");
  }
});
