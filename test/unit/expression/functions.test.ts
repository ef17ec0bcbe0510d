import { expect, test } from "vitest";
import { compileProgram, functionTable, type Program } from "../../../src/expression/index.ts";
import type { Row } from "../../../src/schema/index.ts";
import { expression, freshContext, payment } from "./fixture.ts";

/** The value of an expression, or the code that it fails the record with. */
function resultOf(text: string, row: Row = {}): unknown {
  const value = expression(text);
  const field = { name: "result", type: value.type };
  const program: Program = { input: payment, ops: [{ op: "assign", field, value }], output: [field] };
  const results = (["generated", "closures"] as const).map((backEnd) => {
    const { fates, run } = compileProgram(program, [], { backEnd });
    const context = freshContext();
    const fate = fates[run(row, context)];
    return fate?.kind === "failed" ? fate.code : context.out?.["result"];
  });
  expect(results[1]).toEqual(results[0]);
  return results[0];
}

test.each(Object.entries(functionTable))("the example of %s gives what the reference page says", (name, definition) => {
  const [text, gives] = definition.example;
  expect(text).toContain(`${name}(`);
  expect(definition.signature.startsWith(`${name}(`)).toBe(true);
  expect(definition.doc).toMatch(/\.$/);
  expect(resultOf(text)).toBe(gives);
});

test.each<[string, Row, unknown]>([
  ["clamp(amount, 0, 10)", { amount: null }, null],
  ["clamp(amount, 0, 10)", { amount: -1 }, 0],
  ["clamp(amount, 0, 10)", { amount: 10.5 }, 10],
  ["clamp(amount, 0, 10)", { amount: 10 }, 10],
  ["round(total)", { total: 2.5 }, 3],
  ["round(total)", { total: -2.5 }, -3],
  ["min(total, units)", { total: Number.NaN, units: 1 }, "MR_EXPRESSION"],
  ["sqrt(total)", { total: -1 }, "MR_EXPRESSION"],
  ["ln(total)", { total: 0 }, "MR_EXPRESSION"],
  ["log1p(total)", { total: -1 }, "MR_EXPRESSION"],
  ["exp(total)", { total: 710 }, "MR_EXPRESSION"],
  ["pow(units, 0.5)", { units: -4 }, "MR_EXPRESSION"],
  ["hour(paid_at)", { paid_at: 1_767_225_599_999 }, 23], // 2025-12-31T23:59:59.999Z
  ["day_of_week(paid_at)", { paid_at: 1_767_225_600_000 }, 4], // 2026-01-01, a Thursday
  ["day_of_week(paid_at - 4 * 86400000)", { paid_at: 1_767_225_600_000 }, 7],
  ["hour(paid_at - 1)", { paid_at: 0 }, 23],
  ["hour(paid_at + total)", { paid_at: 0, total: 1e300 }, "MR_EXPRESSION"],
  ["upper(city)", { city: "straße" }, "STRASSE"],
  ["length(city)", { city: "😀é" }, 3],
  ["trim(city)", { city: " \u00a0a b\t" }, "a b"],
])("%s of %j is %j", (text, row, gives) => {
  expect(resultOf(text, row)).toBe(gives);
});

test.each<[string, unknown, unknown]>([
  ["to_double", "12.50", 12.5],
  ["to_double", "-1e3", -1_000],
  ["to_double", "+.5", 0.5],
  ["to_double", "", "MR_CAST"],
  ["to_double", " 1", "MR_CAST"],
  ["to_double", "1,5", "MR_CAST"],
  ["to_double", "0x10", "MR_CAST"],
  ["to_double", "Infinity", "MR_CAST"],
  ["to_double", "1e999", "MR_CAST"],
  ["to_double", "9".repeat(65), "MR_CAST"],
  ["to_int", "2147483647", 2_147_483_647],
  ["to_int", "2147483648", "MR_CAST"],
  ["to_int", "1.0", 1],
  ["to_int", "1.5", "MR_CAST"],
  ["to_int", "-0", 0],
  ["to_long", "9007199254740991", 9_007_199_254_740_991],
  ["to_long", "9007199254740992", 9_007_199_254_740_992n],
  ["to_long", "-9223372036854775808", -9_223_372_036_854_775_808n],
  ["to_long", "9223372036854775807", 9_223_372_036_854_775_807n],
  ["to_long", "9223372036854775808", "MR_CAST"],
  ["to_long", "1e3", 1_000],
  ["to_long", "1.50e1", 15],
  ["to_long", "-0", 0],
  ["to_long", "0e999999999999", 0],
  ["to_long", "1e999999999999", "MR_CAST"],
  // A double would round both to whole numbers.
  ["to_long", "0.99999999999999999999", "MR_CAST"],
  ["to_long", "9007199254740991.1", "MR_CAST"],
  ["to_double", "9007199254740993", "MR_CAST"],
  ["to_double", "9007199254740994", 9_007_199_254_740_994],
  ["to_double", "9007199254740993.0", "MR_CAST"],
  ["to_double", "+100000000000000000000000", "MR_CAST"],
  ["to_double", "-36893488147419103232", -(2 ** 65)],
  ["to_double", "0.1", 0.1],
  ["to_boolean", "False", false],
  ["to_boolean", "1", true],
  ["to_boolean", "yes", "MR_CAST"],
  ["to_timestamp", "2026-01-01T01:00:00+01:00", 1_767_225_600_000],
  ["to_timestamp", "1969-12-31T23:59:59Z", -1_000],
  ["to_timestamp", "2100-01-01", "MR_CAST"],
  ["to_timestamp", "2099-12-31T23:59:59.999Z", 4_102_444_799_999],
  ["to_timestamp", "yesterday", "MR_CAST"],
  ["to_string", "as it is", "as it is"],
])("%s of the text %j is %s", (name, city, gives) => {
  expect(resultOf(`${name}(city)`, { city })).toBe(gives);
});

test.each<[string, Row, unknown]>([
  ["to_int(total)", { total: 3 }, 3],
  ["to_int(total)", { total: 3.2 }, "MR_CAST"],
  ["to_int(ok)", { ok: true }, 1],
  ["to_long(paid_at)", { paid_at: 5 }, 5],
  ["to_boolean(units)", { units: 0 }, false],
  ["to_boolean(units)", { units: 2 }, "MR_CAST"],
  ["to_timestamp(cents)", { cents: -1 }, "MR_CAST"],
  ["to_timestamp(total)", { total: 0.5 }, "MR_CAST"],
  ["to_string(paid_at)", { paid_at: 1_767_225_600_001 }, "2026-01-01T00:00:00.001Z"],
  ["to_string(total)", { total: -0 }, "0"],
  ["to_string(total)", { total: Number.NaN }, "MR_CAST"],
  ["to_string(ok)", { ok: false }, "false"],
  ["to_int(country)", { country: null }, null],
  ["to_string(seen_at)", { seen_at: null }, null],
  ["ok ? to_int(city) : 0", { ok: false, city: "x" }, 0],
  ["coalesce(spare, to_int(city))", { spare: 4, city: "x" }, 4],
  ["coalesce(spare, to_int(city))", { spare: null, city: "x" }, "MR_CAST"],
  ["upper(to_string(total)) + city", { total: Number.POSITIVE_INFINITY, city: "x" }, "MR_CAST"],
])("%s of %j is %j", (text, row, gives) => {
  expect(resultOf(text, row)).toBe(gives);
});

test.each<[string, Row, unknown]>([
  ["units / 2", { units: 7 }, 3.5],
  ["units / 0", { units: 7 }, "MR_EXPRESSION"],
  ["total / units > 3", { total: 1, units: 0 }, "MR_EXPRESSION"],
  ["units != 0 && total / units > 3", { total: 1, units: 0 }, false],
  ["units == 0 || total / units > 3", { total: 1, units: 0 }, true],
  ["units == 0 ? 0.0 : total / units", { total: 1, units: 0 }, 0],
  ["units % 3", { units: -7 }, -1],
  ["units % 0", { units: 7 }, "MR_EXPRESSION"],
  ["total % 1", { total: 2.25 }, 0.25],
  ["units + 1", { units: 2_147_483_647 }, "MR_EXPRESSION"],
  ["units - 1", { units: -2_147_483_648 }, "MR_EXPRESSION"],
  ["-units", { units: 0 }, 0],
  ["cents + 1", { cents: Number.MAX_SAFE_INTEGER }, "MR_EXPRESSION"],
  ["total * 10", { total: 1e308 }, "MR_EXPRESSION"],
  ["units == 1.0", { units: 1 }, true],
  ["units < 1.5", { units: 1 }, true],
  ["total", { total: Number.NaN }, "MR_EXPRESSION"],
  ["city < 'a'", { city: "Z" }, true],
  ["city < '\\uffff'", { city: "😀" }, true], // by code unit: D83D is below FFFF
  ["paid_at + 1.5", { paid_at: 10 }, 11],
  ["1.5 + paid_at", { paid_at: 10 }, 11],
  ["-1.5 + paid_at", { paid_at: 10 }, 8],
  ["paid_at - 1.5", { paid_at: 10 }, 8],
  ["kind in ['landing', 'departure']", { kind: "departure" }, true],
  ["units in [1, 2, 3, 4, units]", { units: 9 }, true],
  ["units in [1, 2, 3, 4, 5]", { units: 6 }, false],
  ["units in [0, 1, 2, 3]", { units: -0 }, true],
])("%s of %j is %j", (text, row, gives) => {
  expect(resultOf(text, row)).toBe(gives);
});
