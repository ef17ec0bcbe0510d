import { expect, test } from "vitest";
import { checkExpression, parseExpression, ref } from "../../../src/expression/index.ts";
import { expression, field, payment, problemOf } from "./fixture.ts";

test.each([
  ["amount == null || amount >= 0"],
  ["amount != null && amount >= 0"],
  ["!(amount == null) && amount > 1"],
  ["null != amount && amount > 1"],
  ["is_null(amount) || amount > 1"],
  ["!is_null(amount) && amount > 1"],
  ["!(amount == null || spare == null) && amount > spare"],
  ["!(amount != null && spare != null) || amount > spare"],
  ["(amount == null || spare == null) || amount > spare"],
  ["amount != null && (ok || amount > 1)"],
  ["(amount != null && ok || amount != null && units > 1) && amount > 1"],
  ["(amount == null || amount < 0) || amount > 1"],
  ["(amount == null && is_null(amount)) || amount > 1"],
  ["(amount != null ? amount : 0) > 1"],
  ["(amount == null ? 0 : amount * 2) > 1"],
  ["coalesce(amount, 0) > 1"],
  ["coalesce(amount, spare, total) > 1"],
  ["coalesce(country, city) == 'DE'"],
  ["is_null(raw) && is_null(tags)"],
  ["tags == null"],
  ["total == null"],
  ["country != null && country in ['DE', city]"],
])("accepts %s, where null is guarded", (text) => {
  expect(expression(text).type).toEqual({ kind: "boolean", nullable: false, avro: "boolean" });
});

const guard = (at: number, operand: string, parent: string, hint: string) => ({
  at,
  message: `\`${operand}\` may be null in \`${parent}\``,
  hint: `write ${hint}`,
});

test.each([
  ["amount >= 0", guard(0, "amount", "amount >= 0", "coalesce(amount, 0) or amount == null || amount >= 0")],
  ["amount * 2", guard(0, "amount", "amount * 2", "coalesce(amount, 0) or 'amount == null ? null : amount * 2'")],
  // A divisor of 0 in place of null compiles, and fails the record.
  ["2 / amount", guard(4, "amount", "2 / amount", "'amount == null ? null : 2 / amount'")],
  ["7 % spare > 1", guard(4, "spare", "7 % spare", "spare == null || 7 % spare > 1")],
  ["amount / 2", guard(0, "amount", "amount / 2", "coalesce(amount, 0) or 'amount == null ? null : amount / 2'")],
  ["-spare", guard(1, "spare", "-spare", "coalesce(spare, 0) or 'spare == null ? null : -spare'")],
  ["1 < spare", guard(4, "spare", "1 < spare", "coalesce(spare, 0) or spare == null || 1 < spare")],
  [
    "country == 'DE'",
    guard(0, "country", 'country == "DE"', 'coalesce(country, "") or country == null || country == "DE"'),
  ],
  [
    "country in ['DE']",
    guard(0, "country", 'country in ["DE"]', 'coalesce(country, "") or country == null || country in ["DE"]'),
  ],
  ["sure && ok", guard(0, "sure", "sure && ok", "coalesce(sure, false) or sure == null || sure && ok")],
  ["!sure", guard(1, "sure", "!sure", "coalesce(sure, false) or 'sure == null ? null : !sure'")],
  ["sure ? 1 : 2", guard(0, "sure", "sure ? 1 : 2", "coalesce(sure, false) or 'sure == null ? null : sure ? 1 : 2'")],
  ["hour(seen_at)", guard(5, "seen_at", "hour(seen_at)", "'seen_at == null ? null : hour(seen_at)'")],
  [
    "upper(country)",
    guard(6, "country", "upper(country)", "coalesce(country, \"\") or 'country == null ? null : upper(country)'"),
  ],
  [
    "min(total, amount)",
    guard(11, "amount", "min(total, amount)", "coalesce(amount, 0) or 'amount == null ? null : min(total, amount)'"),
  ],
  [
    "clamp(total, amount, 1)",
    guard(
      13,
      "amount",
      "clamp(total, amount, 1)",
      "coalesce(amount, 0) or 'amount == null ? null : clamp(total, amount, 1)'",
    ),
  ],
  // What narrows one side must not narrow the other.
  // A false `a && b` tells only that one of them was false.
  [
    "(amount == null && ok) || amount > 1",
    guard(26, "amount", "amount > 1", "coalesce(amount, 0) or amount == null || (amount == null && ok || amount > 1)"),
  ],
  [
    "amount == null && amount > 1",
    guard(18, "amount", "amount > 1", "coalesce(amount, 0) or amount == null || amount == null && amount > 1"),
  ],
  [
    "amount != null || amount > 1",
    guard(18, "amount", "amount > 1", "coalesce(amount, 0) or amount == null || (amount != null || amount > 1)"),
  ],
  [
    "(amount != null || ok) && amount > 1",
    guard(26, "amount", "amount > 1", "coalesce(amount, 0) or amount == null || (amount != null || ok) && amount > 1"),
  ],
  // One of the two is there, and nobody knows which.
  [
    "(amount != null || spare != null) && amount > 1",
    guard(
      37,
      "amount",
      "amount > 1",
      "coalesce(amount, 0) or amount == null || (amount != null || spare != null) && amount > 1",
    ),
  ],
  // What fills in for a null says nothing of whether it was one.
  [
    "coalesce(amount, spare) != null && amount > 1",
    guard(
      35,
      "amount",
      "amount > 1",
      "coalesce(amount, 0) or amount == null || coalesce(amount, spare) != null && amount > 1",
    ),
  ],
  [
    "(amount != null && ok) ? 0 : amount * 2",
    guard(
      29,
      "amount",
      "amount * 2",
      "coalesce(amount, 0) or 'amount == null ? null : amount != null && ok ? 0 : amount * 2'",
    ),
  ],
  [
    "clamp(amount, 0, 1) > 0",
    guard(
      0,
      "clamp(amount, 0, 1)",
      "clamp(amount, 0, 1) > 0",
      "coalesce(clamp(amount, 0, 1), 0) or clamp(amount, 0, 1) == null || clamp(amount, 0, 1) > 0",
    ),
  ],
  [
    "coalesce(amount, spare) > 0",
    guard(
      0,
      "coalesce(amount, spare)",
      "coalesce(amount, spare) > 0",
      "coalesce(coalesce(amount, spare), 0) or coalesce(amount, spare) == null || coalesce(amount, spare) > 0",
    ),
  ],
])("refuses %s, where null is not guarded, and says how to guard it", (text, problem) => {
  expect(problemOf(text)).toEqual(problem);
});

test.each<[string, string, boolean]>([
  ["units + 1", "int", false],
  ["units - units * units", "int", false],
  ["units % 3", "int", false],
  ["-units", "int", false],
  ["units / 2", "double", false],
  ["units + cents", "long", false],
  ["units + 5000000000", "long", false],
  ["units + 1.0", "double", false],
  ["units * total", "double", false],
  ["ratio", "float", false],
  ["ratio + ratio", "double", false],
  ["clamp(ratio, 0, 0.5)", "float", false],
  ["clamp(units, 0, 10)", "int", false],
  ["clamp(units, 0, 10.5)", "double", false],
  ["clamp(amount, 0, 10)", "double", true],
  ["coalesce(amount, 0)", "double", false],
  ["coalesce(spare, units)", "int", false],
  ["coalesce(spare, 0.5)", "double", false],
  ["coalesce(amount, null)", "double", true],
  ["coalesce(kind, 'landing')", "enum", false],
  ["ok ? kind : city", "string", false],
  ["ok ? kind : 'landing'", "enum", false],
  ["ok ? 1 : null", "int", true],
  ["ok ? null : country", "string", true],
  ["ok ? 1 : 2.5", "double", false],
  ["min(units, cents, 3)", "long", false],
  ["max(paid_at, paid_at)", "timestamp", false],
  ["abs(units)", "int", false],
  ["abs(-1)", "int", false],
  ["floor(total)", "double", false],
  ["sqrt(units)", "double", false],
  ["hour(paid_at)", "int", false],
  ["day_of_week(paid_at)", "int", false],
  ["paid_at - paid_at", "long", false],
  ["paid_at - 1000", "timestamp", false],
  ["1000 + paid_at", "timestamp", false],
  ["city + '/' + kind", "string", false],
  ["upper(kind)", "string", false],
  ["length(city)", "int", false],
  ["to_int(country)", "int", true],
  ["to_double(city)", "double", false],
  ["to_long(paid_at)", "long", false],
  ["to_string(paid_at)", "string", false],
  ["to_boolean(city)", "boolean", false],
  ["to_timestamp(cents)", "timestamp", false],
  ["kind == 'landing'", "boolean", false],
  ["kind == city", "boolean", false],
  ["units == 1.5", "boolean", false],
  ["paid_at >= to_timestamp('2026-01-01')", "boolean", false],
  ["raw", "bytes", true],
])("gives %s the type %s", (text, kind, nullable) => {
  expect(expression(text).type).toMatchObject({ kind, nullable });
});

test("writes the Avro type of the result as an inferred schema needs it", () => {
  expect(expression("units + 1").type.avro).toBe("int");
  expect(expression("paid_at + 1").type.avro).toEqual({ type: "long", logicalType: "timestamp-millis" });
  expect(expression("kind").type.avro).toEqual({ type: "enum", name: "Kind", symbols: ["landing", "departure"] });
  expect(expression("tags").type).toEqual({ kind: "other", nullable: true, avro: { type: "array", items: "string" } });
});

test("names the fields that are read, each once, and keeps the text as written", () => {
  const { fields, text } = expression("units*2 + total  - units");
  expect({ fields, text }).toEqual({ fields: ["units", "total"], text: "units*2 + total  - units" });
  const built = checkExpression(ref("units"), payment);
  expect(built).toMatchObject({ expr: { text: "units", fields: ["units"] } });
});

test.each<[string, number, string, string | undefined]>([
  ["amuont > 1", 0, "there is no field `amuont` here", "did you mean amount?"],
  ["1 + Units", 4, "there is no field `Units` here", "did you mean units?"],
  ["units == NULL", 9, "there is no field `NULL` here", "did you mean null?"],
  ["ok == True", 6, "there is no field `True` here", "did you mean true?"],
  [
    "wholly_other > 1",
    0,
    "there is no field `wholly_other` here",
    "fields are amount, total, ratio, units, spare, cents, country, city, ...",
  ],
  ["uper(city)", 0, "there is no function `uper()`", "did you mean upper?"],
  ["len(city)", 0, "there is no function `len()`", "did you mean length?"],
  ["if(ok, 1, 2)", 0, "there is no function `if()`", "write test ? a : b"],
  ["not(ok)", 0, "there is no function `not()`", "write !"],
  [
    "1 + mean(total)",
    4,
    "there is no function `mean()`",
    "mean(total) is an aggregate over many records, and stands only under the features of a rolling step",
  ],
  ["constructor(1)", 0, "there is no function `constructor()`", functionsHint()],
  ["clamp(total, 1)", 0, "clamp() takes 3 arguments, not 2", "write clamp(x, low, high)"],
  ["abs()", 0, "abs() takes 1 argument, not 0", "write abs(x)"],
  ["min(1)", 0, "min() takes 2 or more arguments, not 1", "write min(a, b, ...)"],
  ["clamp(total, 5, 1)", 0, "low exceeds high in `clamp(total, 5, 1)`", "write clamp(x, low, high)"],
  ["sqrt(city)", 5, "`city` is string, and sqrt(x) takes a number for x", "write to_double(city)"],
  ["abs(paid_at)", 4, "`paid_at` is timestamp, and abs(x) takes a number for x", "write to_long(paid_at)"],
  ["upper(units)", 6, "`units` is int, and upper(s) takes text for s", "write to_string(units)"],
  ["hour(cents)", 5, "`cents` is long, and hour(t) takes a time for t", "write to_timestamp(cents)"],
  [
    "to_int(paid_at)",
    7,
    "`paid_at` is timestamp, and to_int(x) takes a number or text or a boolean for x",
    "write to_long(paid_at)",
  ],
  ["to_timestamp('soon')", 13, '`"soon"` is no time up to 2100', 'write ISO 8601: "2026-01-31T08:00:00Z"'],
  [
    "min(total, paid_at)",
    0,
    "the arguments of `min(total, paid_at)` are of different types: double, timestamp",
    "write to_timestamp(total)",
  ],
  [
    "coalesce(amount, 'x')",
    0,
    'the arguments of `coalesce(amount, "x")` are of different types: nullable double, string',
    'write to_double("x"), or to_string(amount)',
  ],
  ["kind == 'lamding'", 8, '`kind` is never `"lamding"`', 'did you mean "landing"?'],
  ["'lamding' == kind", 0, '`kind` is never `"lamding"`', 'did you mean "landing"?'],
  ["kind in ['landing', 'taxi']", 20, '`kind` is never `"taxi"`', "its symbols are landing, departure"],
  ["coalesce(kind, 'taxi')", 15, '`kind` is never `"taxi"`', "its symbols are landing, departure"],
  ["ok ? kind : 'taxi'", 12, '`kind` is never `"taxi"`', "its symbols are landing, departure"],
  ["units == '5'", 6, 'int and string cannot be compared in `units == "5"`', "write 5 without quotes"],
  [
    "units > city",
    6,
    "int and string cannot be compared in `units > city`",
    "write to_double(city), or to_string(units)",
  ],
  ["paid_at > 5", 8, "timestamp and int cannot be compared in `paid_at > 5`", "write to_timestamp(5)"],
  [
    "paid_at >= '2026-01-01'",
    8,
    'timestamp and string cannot be compared in `paid_at >= "2026-01-01"`',
    'write to_timestamp("2026-01-01")',
  ],
  [
    "units in [1, 'a']",
    13,
    'int and string cannot be compared in `units in [1, "a"]`',
    'write to_double("a"), or to_string(units)',
  ],
  ["ok < true", 3, "`<` does not take boolean and boolean in `ok < true`", "booleans have no order; use == or !="],
  [
    "raw != null && raw == raw",
    19,
    "`==` does not take bytes and bytes in `raw == raw`",
    "such a field can only be compared with null",
  ],
  ["city + units", 5, "`+` does not take string and int in `city + units`", "write to_string(units)"],
  ["city * 2", 5, "`*` does not take string and int in `city * 2`", "write to_double(city), or to_string(2)"],
  [
    "paid_at + paid_at",
    8,
    "`+` does not take timestamp and timestamp in `paid_at + paid_at`",
    "times can be subtracted; to_long(t) gives milliseconds",
  ],
  ["paid_at * 2", 8, "`*` does not take timestamp and int in `paid_at * 2`", "to_long(t) gives milliseconds"],
  ["5 - paid_at", 2, "`-` does not take int and timestamp in `5 - paid_at`", "to_long(t) gives milliseconds"],
  ["-city", 0, "`-` does not take string in `-city`", undefined],
  ["units && ok", 0, "`units` is int, and an operand of `&&` must be boolean", "write units != 0"],
  ["ok || city", 6, "`city` is string, and an operand of `||` must be boolean", undefined],
  ["!units", 1, "`units` is int, and an operand of `!` must be boolean", "write units != 0"],
  ["units ? 1 : 2", 0, "`units` is int, and the test of a conditional must be boolean", "write units != 0"],
  ["ok ? 1 : 'a'", 3, 'the two values of `ok ? 1 : "a"` are int and string', 'write to_double("a"), or to_string(1)'],
  ["null", 0, "the expression is always null and has no type", "give it a value for some records"],
  ["null + 1", 0, "null does not fit in `null + 1`", "compare with == null or != null"],
  ["units in [1, null]", 13, "null does not fit in `units in [1, null]`", "compare with == null or != null"],
])("says of %j where it does not fit, why, and what to write", (text, at, message, hint) => {
  expect(problemOf(text)).toEqual(hint === undefined ? { message, at } : { message, at, hint });
});

function functionsHint(): string {
  return "functions are abs, ceil, floor, round, sqrt, ln, log1p, exp, pow, min, max, clamp, coalesce, is_null, hour, day_of_week, minute, day_of_month, month, upper, lower, trim, length, starts_with, ends_with, contains, substring, replace, split_part, size, to_double, to_float, to_int, to_long, to_string, to_boolean, to_timestamp, epoch_seconds, epoch_millis, epoch_micros, epoch_nanos";
}

test("says so when no field is in scope at all", () => {
  expect(problemOf("a > 1", [])).toEqual({ message: "there is no field `a` here", at: 0 });
});

test("finds fields named like members of every object only when the shape has them", () => {
  expect(problemOf("constructor == null")).toMatchObject({ at: 0, message: "there is no field `constructor` here" });
  expect(problemOf("__proto__ == null")).toMatchObject({ at: 0, message: "there is no field `__proto__` here" });
  expect(problemOf("toString + 1", [field("toString", "int")])).toBeUndefined();
});

test("checks the longest expression that parses", () => {
  const text = Array.from({ length: 499 }, () => "units").join(" + ");
  const result = parseExpression(text);
  expect("ast" in result && checkExpression(result.ast, payment)).toMatchObject({ expr: { type: { kind: "int" } } });
});
