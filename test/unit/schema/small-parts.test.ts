/** Small functions that everything else of the folder leans on. */
import { describe, expect, test } from "vitest";
import { atOnce } from "../../../src/kernel/index.ts";
import type { AvroType, UnionType } from "../../../src/schema/avro-type.ts";
import { candidatesFor, positionOf, promotes } from "../../../src/schema/branches.ts";
import { findAt, pointerKeys } from "../../../src/schema/json-pointer.ts";
import { parseType } from "../../../src/schema/parse-type.ts";
import { isWideUnion, UnionValue } from "../../../src/schema/union-value.ts";
import { writerTypeParts } from "../../../src/schema/writer-type.ts";
import { zeroOf } from "../../../src/schema/zero.ts";

function typeOf(json: unknown): AvroType {
  const { type, problems } = parseType(json, { strictDefaults: true });
  if (type === undefined) throw new Error(JSON.stringify(problems));
  return type;
}

const record = (name: string, ...fields: unknown[]) => ({ type: "record", name, fields });
const side = { type: "enum", name: "Side", symbols: ["L", "R"] };

test.each<[unknown, boolean]>([
  ["string", false],
  [["string"], false],
  [["null", "string"], false],
  [["string", "null"], false],
  [["string", "int"], true],
  [["null", "string", "int"], true],
  [record("R"), false],
])("the values of %j keep their branch: %s", (json, isWide) => {
  expect(isWideUnion(typeOf(json))).toBe(isWide);
});

test.each<[unknown, unknown]>([
  ["null", null],
  ["boolean", false],
  ["int", 0],
  ["long", 0],
  ["float", 0],
  ["double", 0],
  ["string", ""],
  ["bytes", Buffer.alloc(0)],
  [{ type: "fixed", name: "F", size: 3 }, Buffer.alloc(3)],
  [side, "L"],
  [{ type: "array", items: "int" }, []],
  [{ type: "map", values: "int" }, {}],
  [["int", "null"], null],
  [["int"], 0],
  [["int", "string"], new UnionValue(0, 0)],
  [record("R", { name: "a", type: "int" }, { name: "b", type: ["null", "string"] }), { a: 0, b: null }],
  [record("R", { name: "a", type: record("S", { name: "r", type: "R" }) }), { a: { r: null } }],
])("the zero of %j is %j", (json, zero) => {
  expect(zeroOf(typeOf(json))).toEqual(zero);
});

describe("a JSON pointer", () => {
  test("has the keys between its slashes, with its two escapes", () => {
    expect(pointerKeys("/a/b")).toEqual(["a", "b"]);
    expect(pointerKeys("/a~1b/~0/~01//")).toEqual(["a/b", "~", "~1", "", ""]);
    expect(["", "a", "a/b", "/a~2", "/a~"].map(pointerKeys)).toEqual(Array.from({ length: 5 }, () => undefined));
  });

  test("finds what stands there, through lists, own keys and branches of unions, and nothing else", () => {
    const root = { a: [10, { b: new UnionValue(1, { c: null }) }], "": 1 };
    const at = (text: string) => findAt(root, pointerKeys(text) ?? []);
    expect([at("/a/0"), at("/a/1/b"), at("/a/1/b/c"), at("/")]).toEqual([10, { c: null }, null, 1]);
    const nothing = ["/a/2", "/a/00", "/a/-1", "/a/length", "/toString", "/a/1/b/c/d", "/a/0/x"];
    expect(nothing.map(at)).toEqual(nothing.map(() => undefined));
    expect(findAt(root, [])).toBe(root);
  });
});

describe("the branches of a union that could read a type", () => {
  const union = typeOf([
    "null",
    "long",
    "double",
    "bytes",
    record("x.A"),
    { ...record("y.B"), aliases: ["x.Old"] },
    { type: "enum", name: "z.A", symbols: ["s"] },
    record("w.A"),
  ]) as UnionType;
  const found = (json: unknown) => candidatesFor(typeOf(json), union).map((branch) => positionOf(branch, union));

  test("are those of its kind first, then the ones that it may be promoted to", () => {
    expect(["null", "int", "long", "float", "string", "boolean"].map(found)).toEqual([
      [0],
      [1, 2],
      [1, 2],
      [2],
      [3],
      [],
    ]);
    expect(promotes(typeOf("long"), typeOf("long"))).toBe(false);
  });

  test("are for a named type its full name or an alias of it, then its name elsewhere, and of its own kind alone", () => {
    expect([found(record("w.A")), found(record("q.A")), found(record("x.Old")), found(record("q.C"))]).toEqual([
      [7, 4],
      [4, 7],
      [5],
      [],
    ]);
    expect(found({ type: "enum", name: "x.A", symbols: ["s"] })).toEqual([6]);
    expect(positionOf(typeOf("null"), union)).toBe(-1);
  });
});

test("a writer's type is any type, also with a default that does not fit, and what is none says why", () => {
  const read = (text: string) => atOnce(writerTypeParts(text));
  expect(read('"string"').kind).toBe("string");
  expect(read(JSON.stringify(record("R", { name: "a", type: "int", default: "x" }))).kind).toBe("record");
  expect(() => read("{")).toThrow("not JSON");
  expect(() => read('{"type":"record","name":"R"}')).toThrow(/fields/);
});
