import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { generateSource } from "../../../src/expression/generate.ts";
import {
  checkExpression,
  compileProgram,
  parseExpression,
  type TypedExpression,
} from "../../../src/expression/index.ts";
import { layOut } from "../../../src/expression/layout.ts";
import type { RowShape } from "../../../src/schema/index.ts";
import { expression, field, freshContext, payment } from "./fixture.ts";

const many = 100_000;

test.each<[string, string]>([
  ["open brackets", "(".repeat(many)],
  ["brackets around a field", `${"(".repeat(many)}a${")".repeat(many)}`],
  ["signs", `${"-".repeat(many)}1`],
  ["negations", `${"!".repeat(many)}ok`],
  ["conditionals", `${"ok?".repeat(many)}1`],
  ["calls", "abs(".repeat(many)],
  ["lists", "a in [".repeat(many)],
  ["sums", Array.from({ length: many }, () => "1").join("+")],
  ["a string of a megabyte", `"${"x".repeat(1_000_000)}"`],
  ["a string of escapes", `"${"\\n".repeat(500_000)}"`],
  ["an open string", `"${"\\".repeat(1_000_000)}`],
  ["a name of a megabyte", "a".repeat(1_000_000)],
  ["digits", "9".repeat(1_000_000)],
  ["points", "1.".repeat(500_000)],
  ["spaces", " ".repeat(1_000_000)],
  ["unicode", "漢😀".repeat(300_000)],
  ["zeros", "\0".repeat(1_000_000)],
])("answers at once for a hundred thousand and more: %s", (_, text) => {
  expect(parseExpression(text)).toMatchObject({ problem: { at: 4_096 } });
});

test.each<[string, string]>([
  ["open brackets", "(".repeat(4_096)],
  ["signs", "-".repeat(4_096)],
  ["negations", `${"!".repeat(4_095)}a`],
  ["conditionals", "a?".repeat(2_048)],
  ["else branches", "a?b:".repeat(1_024)],
  ["calls", "f(".repeat(2_048)],
  ["lists", "a in[".repeat(819)],
  ["sums", `${"1+".repeat(2_047)}1`],
  ["arguments", `f(${"1,".repeat(2_046)}1)`],
  ["backslashes in an open string", `"${"\\".repeat(4_095)}`],
  ["points", "1.".repeat(2_048)],
  ["exponents", "1e".repeat(2_048)],
])("ends in a problem inside the text for the longest text of %s", (_, text) => {
  const result = parseExpression(text);
  expect("problem" in result && result.problem.at <= text.length).toBe(true);
});

test("compiles and runs the largest sum, the deepest nesting and the longest chain of tests", () => {
  const texts = [
    Array.from({ length: 500 }, () => "units").join("+"),
    `${"(1+".repeat(64)}units${")".repeat(64)}`,
    `${"abs(".repeat(64)}units${")".repeat(64)}`,
    `${Array.from({ length: 240 }, () => "units>9").join("||")} ? 1 : 2`,
    `units in [${Array.from({ length: 900 }, (_, i) => i).join(",")}] ? 1 : 2`,
  ];
  for (const text of texts) {
    for (const backEnd of ["generated", "closures"] as const) {
      const value = expression(text);
      const result = field("r", "int");
      const program = compileProgram(
        { input: payment, ops: [{ op: "assign", field: result, value }], output: [result] },
        [],
        { backEnd },
      );
      expect(program.fates[program.run({ units: 1 }, freshContext())], text.slice(0, 40)).toEqual({ kind: "out" });
    }
  }
});

test("answers for any text with a tree or a problem at a position inside it, never with a crash", () => {
  const pieces = fc.constantFrom(
    ..."+-*/%<>=!&|?:()[],.'\"`\\ \n",
    "in",
    "true",
    "null",
    "a",
    "units",
    "1",
    "1e9",
    "abs(",
    "\ud800",
    "😀",
    "__proto__",
    "constructor",
  );
  const anyText = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(anyText, (text) => {
      const result = parseExpression(text);
      const end = "problem" in result ? result : checkExpression(result.ast, payment, text);
      if ("problem" in end) {
        expect(end.problem.at).toBeGreaterThanOrEqual(0);
        expect(end.problem.at).toBeLessThanOrEqual(text.length);
        expect(end.problem.message).not.toBe("");
      }
    }),
    { numRuns: 5_000 },
  );
});

describe.each(["generated", "closures"] as const)("%s", (backEnd) => {
  test("treats fields named like members of every object as the row's own, absent ones as null", () => {
    const shape: RowShape = [
      field("constructor", "string", true),
      field("toString", "int"),
      field("hasOwnProperty", "string", true),
    ];
    const value = expression("coalesce(constructor, 'none') + to_string(toString)", shape);
    const result = field("valueOf", "string");
    const output = [result, ...shape];
    const program = compileProgram({ input: shape, ops: [{ op: "assign", field: result, value }], output }, [], {
      backEnd,
    });
    const context = freshContext();
    program.run({ toString: 7 }, context);
    expect({ ...context.out }).toEqual({ valueOf: "none7", constructor: null, toString: 7, hasOwnProperty: null });
    program.run({ constructor: "own", toString: 8, hasOwnProperty: "h" }, context);
    expect({ ...context.out }).toEqual({ valueOf: "own8", constructor: "own", toString: 8, hasOwnProperty: "h" });
  });

  test("refuses names that are no field names, whoever built the program", () => {
    for (const name of ["__proto__", "a b", "a;b", "", "a\u2028", "1a", "é"]) {
      const result = field(name, "int");
      const compile = () => compileProgram({ input: [result], ops: [], output: [result] }, [], { backEnd });
      expect(compile, name).toThrow("not a field name");
      const value = expression("city");
      const member = { ...value, ast: { node: "member", of: value.ast, name, safe: false, at: 0 } } as const;
      const path = () =>
        compileProgram(
          { input: payment, ops: [{ op: "assign", field: field("made", "string"), value: member }], output: [] },
          [],
          { backEnd },
        );
      expect(path, `city.${name}`).toThrow("not a field name");
    }
  });

  test("carries any string through unharmed, whatever it would mean in source text", () => {
    const strings = [
      '"); process.exit(1); ("',
      "`\u0024{1}`",
      "\u2028\u2029",
      "\\",
      "\u{1f600}",
      "*/",
      "</script>",
      "'",
      "\0",
    ];
    for (const text of strings) {
      const value = expression(JSON.stringify(text));
      const result = field("r", "string");
      const program = compileProgram(
        { input: payment, ops: [{ op: "assign", field: result, value }], output: [result] },
        [],
        { backEnd },
      );
      const context = freshContext();
      program.run({}, context);
      expect(context.out).toEqual({ r: text });
    }
  });
});

test("puts no word of the user into generated source but field names and JSON strings", () => {
  const value: TypedExpression = { ...expression('city == "marker text" || units > 77'), text: "TEXT_OF_THE_USER" };
  const result = field("flag", "boolean");
  const { body } = generateSource(
    layOut({ input: payment, ops: [{ op: "assign", field: result, value }], output: [result] }),
    0,
  );
  expect(body).toBe(
    [
      '"use strict";',
      "return function run(row, context) {",
      "let fault = 0;",
      "let f0 = row.city ?? null;",
      "let f1 = row.units ?? null;",
      "let f2 = null;",
      '{ let v = ((f0 === "marker text") || (f1 > (77))); f2 = v; }',
      "context.out = { flag: f2 };",
      "return 0;",
      "};",
    ].join("\n"),
  );
});
