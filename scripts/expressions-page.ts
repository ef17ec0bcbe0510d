import { precedence } from "../src/expression/ast.ts";
import { functionTable } from "../src/expression/index.ts";
import { code, notice, row } from "./markdown.ts";

/**
 * The reference of the language. It is exact: an interpreter that was written from this page alone and computes with
 * whole numbers of any size gives the same answers as the compiled code.
 */
export function expressionsPage(): string {
  const levels = new Map<number, string[]>();
  for (const [operator, level] of Object.entries(precedence))
    levels.set(level, [...(levels.get(level) ?? []), operator]);
  const operators = [...levels].sort(([a], [b]) => b - a).map(([, names]) => names.map(code).join(" "));
  const functions = Object.values(functionTable).map(({ signature, doc, example: [text, gives] }) =>
    row([code(signature), doc, `${code(text)} is ${code(JSON.stringify(gives))}`]),
  );
  return `${[
    notice,
    "# Expressions",
    "`filter`, `derive`, `rolling`, `decide` and the stubs of tests take expressions over the fields of a record. They are parsed, checked against the types of the schema and compiled before anything runs; text is never evaluated.",
    "## What can be written",
    [row(["", ""]), "|---|---|", ...forms.map(row)].join("\n"),
    "## Operators, the closest-binding first",
    ["`.` `?.` `[ ]`", "`!` and the sign `-`", ...operators].map((line) => `1. ${line}`).join("\n"),
    "Comparisons do not chain: write `a < b && b < c`. `&&`, `||`, conditionals and `coalesce` compute only what they need, from the left; everything else computes its operands from the left, and the first that fails is the one that the record fails with.",
    ...sections.flatMap(([title, ...rules]) => [`## ${title}`, rules.map((rule) => `- ${rule}`).join("\n")]),
    "## Functions",
    [row(["function", "meaning", "example"]), "|---|---|---|", ...functions].join("\n"),
    "Aggregates such as `mean(amount)` belong to the step `rolling` alone; see [the topology file](topology.md).",
  ].join("\n\n")}\n`;
}

const forms: readonly (readonly [string, string])[] = [
  ["numbers", "`12`, `0.5`, `1e-3`; without point and exponent a whole number, within 64 bits"],
  ["text", "`\"at\"` or `'at'`"],
  ["constants", "`true`, `false`, `null`"],
  ["fields", "`amount`; a name that is reserved (`in`, `null`, ...) stands between backticks"],
  ["fields of records", "`after.amount`; `after?.amount` is null when `after` is; at most 8 names"],
  ["entries of maps", '`labels["tier"]`; null when the map has no such entry'],
  ["conditional", "`test ? a : b`"],
  ["one of several", '`country in ["at", "de"]`, `"vip" in tags`'],
  ["calls", "`round(amount)`"],
];

const sections: readonly (readonly [string, ...string[]])[] = [
  [
    "Null",
    "An operand that may be null has to be guarded, or the expression does not compile: `amount != null && amount > 0`, `amount == null || amount >= 0`, `country == null ? null : upper(country)`, `coalesce(amount, 0)`. `x == null`, `x != null` and `is_null(x)` take anything.",
    'A guard holds for a path as for a field: `after != null && after.amount > 0`, and `after?.amount != null` says that neither `after` nor `after.amount` is null. It holds for any expression, `labels["tier"] != null && labels["tier"] > 2` too.',
    "`after?.amount` may always be null where `after` may be.",
    "A test for null asks only whether the value is there: the value itself is not read, and does not fail the record.",
  ],
  [
    "Whole numbers",
    "int and long are whole numbers; the operations `+ - * %` and the sign on them are exact. The result is long when an operand is long, else int.",
    "A result beyond ±9,007,199,254,740,991 (2^53 - 1) fails the record with `MR_EXPRESSION`, at the operation and whatever is made of it. The 32 bits of an int count only where the result becomes an int field.",
    "`%` has the sign of its left side; a remainder by 0 fails the record with `MR_EXPRESSION`.",
    "`/` gives the double nearest to the exact quotient; by 0 it fails the record with `MR_EXPRESSION`.",
    "A long of a record can be anything of 64 bits. Beyond 2^53 - 1 it is exact in `==`, `!=`, `in`, `coalesce`, conditionals and `to_string`, and where a step takes it as text (`by:`, `key:`). Where it is taken as a number, by an operator, `<`, a function, a model or a memory, it fails the record: with `MR_DECODE_BODY` when the stage reads Avro, `MR_CAST` when it reads JSON.",
    "A constant beyond 2^53 - 1 stands only where it is exact: `id == 9007199254740993`.",
  ],
  [
    "Doubles",
    "float and double compute as doubles by IEEE 754. An operation with one of them takes the whole number beside it as the double that it is.",
    "A result of `/`, `%` or a function that is not finite fails the record with `MR_EXPRESSION`. Sums, differences and products may become infinite; they fail when they are assigned to a field.",
    "NaN, which a record can hold, is not equal to anything, and neither below nor above.",
    "What becomes a float field is rounded to the nearest float.",
  ],
  [
    "Times",
    "A time is a whole number of milliseconds. `time + number` and `time - number` move it by milliseconds; a fraction is cut off towards the past: the exact sum, floored. `time - time` is a long. A result that is no time, because the number is not finite or the sum is beyond 2^53 - 1 ms, fails the record with `MR_EXPRESSION`, as `time - time` does beyond 2^53 - 1.",
    "A time beyond 2^53 - 1 is taken like a long that is. The calendar, which the functions of times know, reaches 8,640,000,000,000,000 ms to either side of 1970.",
  ],
  [
    "Text",
    "`+` joins texts. More than 16,777,216 UTF-16 code units fail the record with `MR_EXPRESSION`.",
    "Positions and counts are in characters (Unicode code points); no function cuts one in half.",
    "`<` and its like compare text by UTF-16 code units, whatever the locale.",
    "An enum is text of which the symbols are known: a constant that is none of them does not compile.",
  ],
  [
    "Comparisons",
    "Numbers are equal when they are the same number, whether int, long, float or double. Text, booleans and times compare with their like. -0.0 equals 0.0.",
    "`x in list` is whether an item of the list equals x; an item that is null equals nothing.",
    "Records, lists, maps, bytes and what a schema leaves open (unions of several types, decimals) can only be compared with null.",
  ],
  [
    "What does not fit the field",
    "A result that is not finite, or does not fit the int, long or time that it is assigned to, fails the record with `MR_EXPRESSION`.",
  ],
];
