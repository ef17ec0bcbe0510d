import { expect, test } from "vitest";
import { incompatibilities, readProblems } from "../../../src/schema/index.ts";
import { record, rowSchema, schemaOf } from "./build.ts";

/** What is wrong when a field `a` of type `reader` reads one of type `writer`, as `path TYPE`. */
function between(reader: unknown, writer: unknown): string[] {
  const [r, w] = [rowSchema({ name: "a", type: reader }), rowSchema({ name: "a", type: writer })];
  return incompatibilities(r.type, w.type).map((problem) => `${problem.path} ${problem.type}`);
}

test.each([
  ["long", "int"],
  ["float", "int"],
  ["float", "long"],
  ["double", "int"],
  ["double", "long"],
  ["double", "float"],
  ["string", "bytes"],
  ["bytes", "string"],
])("%s reads %s", (reader, writer) => {
  expect(between(reader, writer)).toEqual([]);
});

test.each([
  ["int", "long"],
  ["long", "float"],
  ["float", "double"],
  ["string", "int"],
  ["boolean", "int"],
])("%s does not read %s", (reader, writer) => {
  expect(between(reader, writer)).toEqual(["/fields/0/type TYPE_MISMATCH"]);
});

test("a field that nobody wrote needs a default; an added one with default and a dropped one are fine", () => {
  const writer = rowSchema({ name: "a", type: "int" }, { name: "gone", type: "int" });
  expect(readProblems(rowSchema({ name: "a", type: "int" }, { name: "b", type: "int", default: 1 }), writer)).toEqual(
    [],
  );
  expect(readProblems(rowSchema({ name: "a", type: "int" }, { name: "b", type: "int" }), writer)).toEqual([
    "/fields/1 READER_FIELD_MISSING_DEFAULT_VALUE: field b is not written and has no default",
  ]);
});

test("all problems are reported, not the first only", () => {
  const writer = rowSchema({ name: "a", type: "long" }, { name: "b", type: "string" });
  const reader = rowSchema({ name: "a", type: "int" }, { name: "b", type: "int" }, { name: "c", type: "int" });
  expect(readProblems(reader, writer)).toHaveLength(3);
});

test("an alias of the reader finds the writer's field; where the name is there too, that wins", () => {
  const reader = rowSchema({ name: "new", type: "int", aliases: ["old"] });
  expect(readProblems(reader, rowSchema({ name: "old", type: "int" }))).toEqual([]);
  expect(readProblems(reader, rowSchema({ name: "old", type: "int" }, { name: "new", type: "int" }))).toEqual([]);
});

test("record names match without namespace, or by an alias that is the writer's full name", () => {
  const fields = [{ name: "a", type: "int" }];
  const row = (more: object) => schemaOf({ type: "record", fields, ...more });
  expect(readProblems(row({ name: "x.Row" }), row({ name: "y.Row" }))).toEqual([]);
  expect(readProblems(row({ name: "x.New", aliases: ["y.Old"] }), row({ name: "y.Old" }))).toEqual([]);
  expect(readProblems(row({ name: "x.New", aliases: ["Old"] }), row({ name: "y.Old" }))).toEqual([
    "/name NAME_MISMATCH: x.New is not y.Old, and no alias says so",
  ]);
});

test("an unknown symbol needs an enum-level default", () => {
  const writer = { type: "enum", name: "E", symbols: ["a", "b"] };
  expect(between({ type: "enum", name: "E", symbols: ["a"] }, writer)).toEqual([
    "/fields/0/type/symbols MISSING_ENUM_SYMBOLS",
  ]);
  expect(between({ type: "enum", name: "E", symbols: ["a"], default: "a" }, writer)).toEqual([]);
});

test("fixed needs the same name and size, arrays and maps their element", () => {
  const fixed = (name: string, size: number) => ({ type: "fixed", name, size });
  expect(between(fixed("F", 4), fixed("G", 8))).toEqual([
    "/fields/0/type/name NAME_MISMATCH",
    "/fields/0/type/size FIXED_SIZE_MISMATCH",
  ]);
  expect(between({ type: "array", items: "int" }, { type: "array", items: "string" })).toEqual([
    "/fields/0/type/items TYPE_MISMATCH",
  ]);
  expect(between({ type: "map", values: "int" }, { type: "map", values: "string" })).toEqual([
    "/fields/0/type/values TYPE_MISMATCH",
  ]);
});

test("unions: required to optional passes, optional to required names the writer's branch", () => {
  expect(between(["null", "int"], "int")).toEqual([]);
  expect(between("int", ["null", "int"])).toEqual(["/fields/0/type/0 TYPE_MISMATCH"]);
  expect(between(["null", "int"], ["null", "string"])).toEqual(["/fields/0/type/1 MISSING_UNION_BRANCH"]);
  expect(between(["null", "int"], "string")).toEqual(["/fields/0/type MISSING_UNION_BRANCH"]);
  expect(between("int", ["int"])).toEqual([]);
});

test("recursive schemas are compared once around", () => {
  const node = (type: string) =>
    schemaOf({
      type: "record",
      name: "Node",
      fields: [
        { name: "v", type },
        { name: "next", type: ["null", "Node"] },
      ],
    });
  expect(readProblems(node("long"), node("int"))).toEqual([]);
  expect(readProblems(node("int"), node("long"))).toHaveLength(1);
});

test("unions of records inside unions of records take no exponential time", () => {
  let type: unknown = { type: "record", name: "R", fields: [] };
  for (let i = 0; i < 20; i++) {
    const again = i === 0 ? "R" : `R${i - 1}`;
    const fields = [
      { name: "a", type: ["null", type] },
      { name: "b", type: ["null", again] },
    ];
    type = { type: "record", name: `R${i}`, fields };
  }
  const schema = schemaOf(record({ name: "a", type }));
  expect(readProblems(schema, schema)).toEqual([]);
});
