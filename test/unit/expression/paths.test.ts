import { describe, expect, test } from "vitest";
import {
  checkExpression,
  compileProgram,
  type Program,
  type RowMemory,
  type RowOp,
} from "../../../src/expression/index.ts";
import { type Field, parseRecordSchema, type Reads, type Row } from "../../../src/schema/index.ts";
import { edgeShape } from "../../oracle/expression-trees.ts";
import { expression, field, freshContext, problemOf, type } from "./fixture.ts";

const beyond = 9_007_199_254_740_993n;
const record = { amount: 12.5, units: 3, id: beyond, name: "ada", inner: null };

function program(text: string, wideCode?: "MR_CAST"): Program & { readonly output: readonly Field[] } {
  const value = expression(text, edgeShape);
  const result = { name: "result", type: value.type };
  const code = wideCode === undefined ? {} : { wideCode };
  return { ...code, input: edgeShape, ops: [{ op: "assign", field: result, value }], output: [result] };
}

/** The value, or the fate of the record, alike from both back ends. */
function resultOf(text: string, row: Row, wideCode?: "MR_CAST"): unknown {
  const results = (["generated", "closures"] as const).map((backEnd) => {
    const { fates, run } = compileProgram(program(text, wideCode), [], { backEnd });
    const context = freshContext();
    const fate = fates[run(row, context)];
    return fate?.kind === "failed" ? { code: fate.code, field: fate.field } : context.out?.["result"];
  });
  expect(results[1]).toEqual(results[0]);
  return results[0];
}

test.each<[string, Row, unknown]>([
  ["card.country", { card: { country: "at" } }, "at"],
  ["after?.name", { after: record }, "ada"],
  ["after?.name", { after: null }, null],
  ["after?.inner?.id", { after: record }, null],
  ["after != null && after.units > 2", { after: record }, true],
  ["after != null && after.units > 2", { after: null }, false],
  ["after?.inner?.at != null && after.inner.id > 4", { after: { ...record, inner: { id: 5, at: 0 } } }, true],
  ["labels['a']", { labels: { a: 5 } }, 5],
  ["labels['b']", { labels: { a: 5 } }, null],
  ["labels['toString']", { labels: {} }, null],
  ["labels[city] != null && labels[city] > 4", { labels: { x: 5 }, city: "x" }, true],
  ["'vip' in tags", { tags: ["new", "vip"] }, true],
  ["'vip' in tags", { tags: [] }, false],
  ["id in ids", { id: beyond, ids: [null, beyond] }, true],
  ["2 in rates", { rates: [1, 2] }, true],
  ["size(tags) + size(labels)", { tags: ["a"], labels: { a: 1, b: 2 } }, 3],
  ["size(city)", { city: "a😀" }, 2],
])("computes %s", (text, row, gives) => {
  expect(resultOf(text, row)).toEqual(gives);
});

describe("a long beyond 2^53", () => {
  test.each<[string, Row, unknown]>([
    ["to_string(id)", { id: beyond }, "9007199254740993"],
    ["id == 9007199254740993", { id: beyond }, true],
    ["id == 9007199254740992", { id: beyond }, false],
    ["maybe_id != null && id == maybe_id", { id: beyond, maybe_id: beyond }, true],
    ["id in [1, 2, 3, 9007199254740993]", { id: beyond }, true],
    ["id == total", { id: 2n ** 60n, total: 2 ** 60 }, true],
    ["total == id", { id: 2n ** 60n, total: 2 ** 60 }, true],
    ["id != ratio", { id: 2n ** 60n, ratio: 2 ** 60 }, false],
    ["id", { id: beyond }, beyond],
    ["id in rates", { id: 2n ** 60n, rates: [2 ** 60] }, true],
    ["id in [1, total]", { id: 2n ** 60n, total: 2 ** 60 }, true],
    ["paid_at", { paid_at: beyond }, beyond],
    ["ok ? 0.5 : id", { ok: false, id: beyond }, { code: "MR_DECODE_BODY", field: "id" }],
    ["coalesce(maybe_id, id)", { maybe_id: null, id: beyond }, beyond],
    ["after?.id", { after: record }, beyond],
    ["ok ? id : 0", { ok: true, id: beyond }, beyond],
    ["ok ? id % 10 : 0", { ok: false, id: beyond }, 0],
    ["id + 1", { id: beyond }, { code: "MR_DECODE_BODY", field: "id" }],
    ["id > 5", { id: beyond }, { code: "MR_DECODE_BODY", field: "id" }],
    ["card.limit / 2", { card: { limit: beyond } }, { code: "MR_DECODE_BODY", field: "card.limit" }],
    ["to_long('9007199254740993') + 1", {}, { code: "MR_DECODE_BODY", field: "9007199254740993" }],
    ["to_long('9007199254740993') == id", { id: beyond }, true],
    ["abs(id)", { id: beyond }, { code: "MR_DECODE_BODY", field: "id" }],
    ["coalesce(id, 0.5)", { id: beyond }, { code: "MR_DECODE_BODY", field: "id" }],
    ["hour(paid_at)", { paid_at: beyond }, { code: "MR_DECODE_BODY", field: "paid_at" }],
    ["to_int(id)", { id: beyond }, { code: "MR_CAST", field: "result" }],
  ])("in %s", (text, row, gives) => {
    expect(resultOf(text, row)).toEqual(gives);
  });

  test("is the fault of the JSON where the stage reads JSON", () => {
    expect(resultOf("id + 1", { id: beyond }, "MR_CAST")).toEqual({ code: "MR_CAST", field: "id" });
  });

  test("goes to a memory as text with all its digits, and not as a number", () => {
    const seen: unknown[] = [];
    const memory: RowMemory = {
      texts: [null],
      numbers: new Float64Array(1),
      results: new Float64Array(0),
      update() {
        seen.push([...this.texts], [...this.numbers]);
        return 0;
      },
    };
    const call = (numbers: string): RowOp => ({
      op: "call",
      memory: 0,
      texts: [expression("id", edgeShape)],
      numbers: [expression(numbers, edgeShape)],
      results: [],
      drops: [],
    });
    for (const backEnd of ["generated", "closures"] as const) {
      const byText = compileProgram({ input: edgeShape, ops: [call("total")], output: [] }, [memory], { backEnd });
      expect(byText.run({ id: beyond, total: 1 }, freshContext())).toBe(0);
      const asNumber = compileProgram({ input: edgeShape, ops: [call("id")], output: [] }, [memory], { backEnd });
      expect(asNumber.fates[asNumber.run({ id: beyond, total: 1 }, freshContext())]).toMatchObject({
        code: "MR_DECODE_BODY",
        field: "id",
      });
    }
    expect(seen).toEqual([["9007199254740993"], [1], ["9007199254740993"], [1]]);
  });

  test("is no event time", () => {
    for (const backEnd of ["generated", "closures"] as const) {
      const late: Program = { input: edgeShape, ops: [{ op: "late", time: "paid_at", withinMs: 1 }], output: [] };
      for (const [given, code] of [
        [late, "MR_DECODE_BODY"],
        [{ ...late, wideCode: "MR_CAST" }, "MR_CAST"],
      ] as const) {
        const { fates, run, reads } = compileProgram(given, [], { backEnd });
        expect(fates[run({ paid_at: beyond }, freshContext())]).toMatchObject({ code, field: "paid_at" });
        expect(reads).toEqual(new Map([["paid_at", "whole"]]));
      }
    }
  });
});

test.each<[string, Row, unknown]>([
  ["(cents + 1) % 10", { cents: Number.MAX_SAFE_INTEGER }, "MR_EXPRESSION"],
  ["cents * 2 > 0", { cents: Number.MAX_SAFE_INTEGER }, "MR_EXPRESSION"],
  ["to_string(cents * cents)", { cents: 94_906_267 }, "MR_EXPRESSION"], // 2^53 and a little
  ["to_string(cents * cents)", { cents: 94_906_265 }, "9007199136250225"],
  ["units * units / units", { units: -2_147_483_648 }, "MR_EXPRESSION"], // 2^62
  ["units + units", { units: 1_500_000_000 }, "MR_EXPRESSION"], // no int
  ["(units + units) / 2", { units: 1_500_000_000 }, 1_500_000_000],
  ["total / (units * -1)", { units: 0, total: 1 }, "MR_EXPRESSION"],
  ["units * -1 + 0.0", { units: 0 }, 0],
  ["-units * 1.0", { units: 0 }, 0],
  ["substring(city, 1, units)", { city: "abc", units: -1 }, "MR_EXPRESSION"],
  ["substring(city, units)", { city: "abc", units: 0 }, "MR_EXPRESSION"],
  ["to_string(paid_at + 0.9999999999)", { paid_at: 1_767_225_600_000 }, "2026-01-01T00:00:00.000Z"],
  ["paid_at - 0.5", { paid_at: 10 }, 9],
  ["paid_at + total", { paid_at: 10, total: Number.NaN }, "MR_EXPRESSION"],
])("%s of %j is %j", (text, row, gives) => {
  const result = resultOf(text, row);
  expect((result as { code?: string } | null)?.code ?? result).toBe(gives);
});

const whole: Reads = "whole";
const presence: Reads = new Map();

test.each<[string, ReadonlyMap<string, Reads>]>([
  ["after != null && after.amount != null", new Map([["after", new Map([["amount", presence]])]])],
  ["after?.amount", new Map([["after", new Map([["amount", whole]])]])],
  ["is_null(after)", new Map([["after", presence]])],
  ["after == null ? null : after.inner?.id", new Map([["after", new Map([["inner", new Map([["id", whole]])]])]])],
  ["coalesce(after, after)?.units", new Map([["after", whole]])],
  ["labels['a']", new Map([["labels", whole]])],
  ["amount == null || amount > 0", new Map([["amount", whole]])],
  ["sure == null", new Map([["sure", presence]])],
  ["null != sure", new Map([["sure", presence]])],
])("%s reads no more than it needs", (text, reads) => {
  expect(compileProgram(program(text)).reads).toEqual(reads);
});

test("reads nothing of a field that only loses its null, and hands it on untouched", () => {
  const id = { name: "maybe_id", type: type("long") };
  const value = { ...expression("maybe_id", edgeShape), type: id.type };
  const missing = expression("maybe_id == null", edgeShape);
  const required: Program = {
    input: edgeShape,
    ops: [
      { op: "failIf", code: "MR_REQUIRED", field: "maybe_id", message: "maybe_id is null", when: missing },
      { op: "assign", field: id, value },
    ],
    output: [],
  };
  expect(compileProgram(required).reads).toEqual(new Map([["maybe_id", presence]]));
  const { run } = compileProgram({ ...required, output: [id] });
  const context = freshContext();
  expect(run({ maybe_id: beyond }, context)).toBe(0);
  expect(context.out).toEqual({ maybe_id: beyond });
});

test("a field that loses its null without a test for it fails the records in which it is null", () => {
  const id = { name: "maybe_id", type: type("long") };
  const value = expression("maybe_id", edgeShape);
  const narrowed: Program = { input: edgeShape, ops: [{ op: "assign", field: id, value }], output: [id] };
  for (const backEnd of ["generated", "closures"] as const) {
    const { fates, run } = compileProgram(narrowed, [], { backEnd });
    expect(fates[run({ maybe_id: null }, freshContext())]).toMatchObject({ code: "MR_EXPRESSION", field: "maybe_id" });
    expect(fates[run({ maybe_id: 5 }, freshContext())]).toEqual({ kind: "out" });
  }
});

test.each([
  ["maybe_id != null && to_string(maybe_id) == '5'"],
  ["is_null(amount) == false && amount > 0"],
  ["(amount != null) == true && amount > 0"],
  ["(amount != null ? true : false) && amount > 0"],
  ["(ok ? amount != null : false) && amount > 0"],
  ["coalesce(amount != null, false) && amount > 0"],
  ["coalesce(sure, false) && sure"],
  ["coalesce(sure, true) || !sure"],
  ["to_int(country) != null && to_int(country) > 0 && length(country) > 1"],
  ["clamp(amount, 0, 1) != null && amount > 0"],
  ["labels['a'] != null && labels['a'] > 0"],
  ["after?.inner?.id != null && after.inner.id > 0 && after.units > 0"],
  ["!(after == null || after.inner == null) && after.inner.id > 0"],
  ["after != null && after.amount != null && after.amount > 0"],
  ["coalesce(amount, spare) != null && coalesce(amount, spare) > 0"],
  ["(amount == null ? false : ok) && amount > 0"],
  ["(amount == null ? true : ok) || amount > 0"],
  ["(amount != null ? ok : true) || amount > 0"],
])("narrows in %s", (text) => {
  expect(expression(text, edgeShape).type).toMatchObject({ kind: "boolean", nullable: false });
});

test("a path that is known to be there is so at every depth, however its points are written", () => {
  const innermost = { type: "record", name: "C", fields: [{ name: "id", type: ["null", "int"] }] };
  const middle = { type: "record", name: "B", fields: [{ name: "c", type: ["null", innermost] }] };
  const outer = { type: "record", name: "A", fields: [{ name: "b", type: ["null", middle] }] };
  const read = parseRecordSchema(
    { type: "record", name: "Deep", fields: [{ name: "a", type: ["null", outer] }] },
    "Deep",
  );
  if ("problems" in read) throw new Error("the schema is sound");
  expect(problemOf("a?.b?.c?.id != null && a.b.c.id > 0", read.schema.shape)).toBeUndefined();
  expect(problemOf("a.b != null && a?.b?.c == null", read.schema.shape)).toMatchObject({ at: 0 });
});

test("a field that a nested record lacks is null, also where every object has something of that name", () => {
  const names = ["constructor", "toString", "valueOf"];
  const inner = {
    type: "record",
    name: "Inner",
    fields: names.map((name) => ({ name, type: ["null", "string"], default: null })),
  };
  const read = parseRecordSchema({ type: "record", name: "Outer", fields: [{ name: "of", type: inner }] }, "Outer");
  if ("problems" in read) throw new Error("the schema is sound");
  const { shape } = read.schema;
  for (const [name, backEnd] of names.flatMap((each) => [[each, "generated"] as const, [each, "closures"] as const])) {
    const value = expression(`of.${name} == null`, shape);
    const result = { name: "result", type: value.type };
    const ops: RowOp[] = [{ op: "assign", field: result, value }];
    const { run } = compileProgram({ input: shape, ops, output: [result] }, [], { backEnd });
    const context = freshContext();
    run({ of: {} }, context);
    expect(context.out?.["result"]).toBe(true);
    run({ of: { [name]: "own" } }, context);
    expect(context.out?.["result"]).toBe(false);
  }
});

test("a checked tree checks again to the same, with what it knows of nulls", () => {
  for (const text of ["clamp(after?.id, 0, 5) != null && after.units > 1", "id + 1 > 0 && total == id"]) {
    const once = expression(text, edgeShape);
    expect(checkExpression(once.ast, edgeShape, text)).toEqual({ expr: once });
  }
});

test.each<[string, number, string, string | undefined]>([
  [
    "after.amount > 0",
    0,
    "`after` may be null in `after.amount`",
    "write coalesce(after?.amount, 0) or after == null || after.amount == null || after.amount > 0",
  ],
  ["after.name", 0, "`after` may be null in `after.name`", "write after?.name or 'after == null ? null : after.name'"],
  [
    "after?.units + 1",
    5,
    "`after?.units` may be null in `after?.units + 1`",
    "write coalesce(after?.units, 0) or 'after?.units == null ? null : after?.units + 1'",
  ],
  [
    "(amount + 1) * 2 > spare",
    1,
    "`amount` may be null in `amount + 1`",
    "write (coalesce(amount, 0) + 1) * 2 > coalesce(spare, 0) or amount == null || spare == null || (amount + 1) * 2 > spare",
  ],
  ["card.limt", 4, "there is no field `limt` in `card`", "did you mean limit?"],
  ["card.x_y_z", 4, "there is no field `x_y_z` in `card`", "fields are limit, id, country"],
  ["labels.a", 6, "`labels` is map of long, and only a record has fields", 'write labels["a"]'],
  [
    "city.upper",
    4,
    "`city` is string, and only a record has fields",
    "functions take their operand first, such as to_string(city)",
  ],
  ["card['limit']", 4, "`card` is record Card, and only a map has keys", "write card.limit"],
  [
    "tags[0]",
    4,
    "`tags` is list of string, and only a map has keys",
    "a list has no index here; take an item out by extract in the ingest stage",
  ],
  ["labels[5]", 7, "`5` is int, and the keys of a map are text", "write labels[to_string(5)]"],
  ["city in labels", 8, "`labels` is map of long, and right of `in` stands a list", "write labels[city] != null"],
  ["city in city", 8, "`city` is string, and right of `in` stands a list", "write x in [a, b]"],
  ["5 in tags", 5, "int and string cannot be compared in `5 in tags`", "write to_double(tags), or to_string(5)"],
  [
    "card == card",
    5,
    "`==` does not take record Card and record Card in `card == card`",
    "compare its fields, such as card.name",
  ],
  [
    "id + 9007199254740993",
    5,
    "`9007199254740993` is beyond 2^53, where numbers are not exact, in `id + 9007199254740993`",
    "compare it with ==, != or in, or write 9007199254740993.0 for a double",
  ],
  [
    "avg(total)",
    0,
    "there is no function `avg()`",
    "mean(total) is an aggregate over many records, and stands only under the features of a rolling step",
  ],
  ["substr(city, 1)", 0, "there is no function `substr()`", "did you mean substring? positions count from 1"],
  [
    "substring(city, 0)",
    16,
    "`0` is below 1, the least from of substring(s, from, count)",
    "positions and parts count from 1",
  ],
  [
    "substring(city, 1.5)",
    16,
    "`1.5` is double, and substring(s, from, count) takes a whole number for from",
    "write to_int(round(1.5))",
  ],
  ["substring(city)", 0, "substring() takes 2 or 3 arguments, not 1", "write substring(s, from, count)"],
  ["size(units)", 5, "`units` is int, and size(x) takes a list or a map or text for x", "write to_string(units)"],
])("says of %j where it does not fit, why, and what to write", (text, at, message, hint) => {
  expect(problemOf(text, edgeShape)).toEqual(hint === undefined ? { message, at } : { message, at, hint });
});

test("prints no cure that does not compile", () => {
  for (const text of [
    "amount * spare",
    "seen_at > paid_at ? 1 : 2",
    "after.inner.at > seen_at",
    "labels['a'] % maybe_id > 5",
  ]) {
    const hint = problemOf(text, edgeShape)?.hint ?? "";
    const guarded =
      /'(.*)'$/.exec(hint)?.[1]?.replaceAll("''", "'") ?? hint.replace("write ", "").split(" or ").at(-1) ?? "";
    expect(problemOf(guarded, edgeShape), `${text}: ${hint}`).toBeUndefined();
  }
});

test("cuts no character in half, whatever the positions and parts", () => {
  const text = "a😀b😀";
  expect(resultOf("substring(city, 2, 1)", { city: text })).toBe("😀");
  expect(resultOf("substring(city, 3)", { city: text })).toBe("b😀");
  expect(resultOf("substring(city, 9)", { city: text })).toBe("");
  expect(resultOf("split_part(city, '😀', 2)", { city: text })).toBe("b");
  expect(resultOf("replace(city, '😀', '')", { city: text })).toBe("ab");
  expect(resultOf("substring(city, units)", { city: text, units: 0 })).toEqual({
    code: "MR_EXPRESSION",
    field: "result",
  });
  expect(resultOf("split_part(city, 'b', units)", { city: text, units: 0 })).toEqual({
    code: "MR_EXPRESSION",
    field: "result",
  });
});

test("makes no text that is longer than the limit, by one step or by many", () => {
  const long = "x".repeat(2 ** 20);
  expect(resultOf("size(replace(city, 'x', city))", { city: long })).toEqual({
    code: "MR_EXPRESSION",
    field: "result",
  });
  // 2^19 parts of two, none of which overlap, become 2^19 texts of 30.
  const pairs = { city: "a".repeat(2 ** 20), country: "b".repeat(30) };
  expect(resultOf("size(replace(city, 'aa', coalesce(country, '')))", pairs)).toBe(2 ** 19 * 30);
  const doubled = Array.from({ length: 5 }, (_, i): RowOp => {
    const value = expression("city + city", edgeShape);
    return { op: "assign", field: field("city", "string"), value: { ...value, text: `doubling ${i}` } };
  });
  for (const backEnd of ["generated", "closures"] as const) {
    const { fates, run } = compileProgram({ input: edgeShape, ops: doubled, output: [] }, [], { backEnd });
    expect(fates[run({ city: long }, freshContext())]).toMatchObject({ code: "MR_EXPRESSION" });
  }
});
