import { expect, test } from "vitest";
import { type Ast, expressionLengthMax, parseExpression, printAst } from "../../../src/expression/index.ts";
import { parsed } from "./fixture.ts";

/** Every bracket shown: `(a + (b * c))`. */
function shown(ast: Ast): string {
  switch (ast.node) {
    case "literal":
      return typeof ast.value === "bigint" ? `${ast.value}n` : JSON.stringify(ast.value);
    case "field":
      return ast.name;
    case "member":
      return `(${shown(ast.of)}${ast.safe ? "?." : "."}${ast.name})`;
    case "index":
      return `(${shown(ast.of)}[${shown(ast.key)}])`;
    case "number":
      return `number(${shown(ast.of)})`;
    case "unary":
      return `(${ast.operator}${shown(ast.operand)})`;
    case "binary":
      return `(${shown(ast.left)} ${ast.operator} ${shown(ast.right)})`;
    case "conditional":
      return `(${shown(ast.test)} ? ${shown(ast.whenTrue)} : ${shown(ast.whenFalse)})`;
    case "call":
      return `${ast.name}(${ast.args.map(shown).join(", ")})`;
    case "list":
      return `[${ast.items.map(shown).join(", ")}]`;
  }
}

test.each([
  ["a + b * c", "(a + (b * c))"],
  ["a * b + c", "((a * b) + c)"],
  ["a - b - c", "((a - b) - c)"],
  ["a / b % c", "((a / b) % c)"],
  ["(a - b) - (c - d)", "((a - b) - (c - d))"],
  ["a + 1 > b * 2", "((a + 1) > (b * 2))"],
  ["a || b && c", "(a || (b && c))"],
  ["a && b || c && d", "((a && b) || (c && d))"],
  ["!a && b", "((!a) && b)"],
  ["!!a", "(!(!a))"],
  ["-a * b", "((-a) * b)"],
  ["a - -5", "(a - -5)"],
  ["--5", "(--5)"],
  ["a ? b : c ? d : e", "(a ? b : (c ? d : e))"],
  ["a ? b ? c : d : e", "(a ? (b ? c : d) : e)"],
  ["a || b ? c + 1 : d", "((a || b) ? (c + 1) : d)"],
  ["a in [1, -2, 3] && b", "((a in [1, -2, 3]) && b)"],
  ["a in ['x']", '(a in ["x"])'],
  ["a in tags && b", "((a in tags) && b)"],
  ["a.b.c + 1", "(((a.b).c) + 1)"],
  ["-a.b", "(-(a.b))"],
  ["a?.b?.in", "((a?.b)?.in)"],
  ["coalesce(before, after).amount", "(coalesce(before, after).amount)"],
  ["labels['k'] == 1", '((labels["k"]) == 1)'],
  ["ok?.5:1", "(ok ? 0.5 : 1)"],
  ["a.`in`", "(a.in)"],
  ["id == 9007199254740993", "(id == 9007199254740993n)"],
  ["-9223372036854775808", "-9223372036854775808n"],
  ["9223372036854775807", "9223372036854775807n"],
  ["clamp(a, 0, 10)", "clamp(a, 0, 10)"],
  ["count()", "count()"],
  ["mean(delay) / max(a, b)", "(mean(delay) / max(a, b))"],
  ["`in` == null", "(in == null)"],
  ["true == false", "(true == false)"],
  [" \t\n a\r\n", "a"],
])("reads %s by the usual precedence", (text, brackets) => {
  expect(shown(parsed(text))).toBe(brackets);
});

test("keeps the 0-based position of every part", () => {
  expect(parsed("ab + 12 * c(d)")).toEqual({
    node: "binary",
    operator: "+",
    at: 3,
    left: { node: "field", name: "ab", at: 0 },
    right: {
      node: "binary",
      operator: "*",
      at: 8,
      left: { node: "literal", value: 12, integer: true, at: 5 },
      right: { node: "call", name: "c", at: 10, args: [{ node: "field", name: "d", at: 12 }] },
    },
  });
});

test.each<[string, number, boolean]>([
  ["0", 0, true],
  ["-7", -7, true],
  ["9007199254740991", 9_007_199_254_740_991, true],
  ["1.0", 1, false],
  [".5", 0.5, false],
  ["2.5e3", 2_500, false],
  ["1E-2", 0.01, false],
  ["-1.25", -1.25, false],
])("reads the number %s", (text, value, integer) => {
  expect(parsed(text)).toEqual({ node: "literal", value, integer, at: 0 });
});

test.each([
  ['"a\\"b"', 'a"b'],
  ["'it\\'s'", "it's"],
  ['"it\'s"', "it's"],
  ["'\\n\\t\\r\\\\\\/'", "\n\t\r\\/"],
  ['"\\u0041\\u00e9"', "Aé"],
  ['"\\ud83d\\ude00 é 漢"', "😀 é 漢"],
  ['"and = \' ` // "', "and = ' ` // "],
  ['""', ""],
])("reads the string %s with its escapes", (text, value) => {
  expect(parsed(text)).toEqual({ node: "literal", value, integer: false, at: 0 });
});

test.each<[string, number, string, string | undefined]>([
  ["", 0, "the expression is empty", undefined],
  ["   ", 3, "the expression is empty", undefined],
  ["a = 5", 2, "`=` is not an operator", "compare with =="],
  ["a === 5", 2, "`===` is not an operator", "compare with =="],
  ["a !== 5", 2, "`!==` is not an operator", "write !="],
  ["a <> 5", 2, "`<>` is not an operator", "write !="],
  ["a and b", 2, "`and` is not an operator", "write &&"],
  ["a OR b", 2, "`OR` is not an operator", "write ||"],
  ["not a", 0, "`not` is not an operator", "write !"],
  ["a not in [1]", 2, "`not` is not an operator", "write !(a in [...])"],
  ["a is null", 2, "`is` is not an operator", "compare with == null or != null"],
  ["a like 'x'", 2, "`like` is not an operator", "use starts_with, ends_with or contains"],
  ["a & b", 2, "`&` is not an operator", "write &&"],
  ["a | b", 2, "`|` is not an operator", "write ||"],
  ["a ** 2", 2, "`**` is not an operator", "write pow(a, b)"],
  ["a ^ 2", 2, "`^` is not an operator", "write pow(a, b)"],
  ["a ?? 2", 2, "`??` is not an operator", "write coalesce(a, b)"],
  ["name.upper()", 4, "`upper` is called like a method", "functions take their operand first: upper(x)"],
  ["card.", 5, "the name of a field is missing after `.`", undefined],
  ["card?.1", 7, "`:` is missing for `?` at 4", "a conditional is test ? a : b"],
  ["a.b.c.d.e.f.g.h.i", 15, "the path has more than 8 names", "take the value out by extract in the ingest stage"],
  ["a[0", 3, "`]` is missing for `[` at 1", 'the key of a map stands in brackets: map["key"]'],
  ["a in (1, 2)", 7, "`,` does not fit here", "a list stands in brackets: x in [a, b]"],
  [
    "'\\ud800'",
    0,
    "the text holds half of a surrogate pair, which is no character",
    'write both halves, such as "\\ud83d\\ude00", or the character itself',
  ],
  ["a; b", 1, "`;` is not an operator", "an expression is one value; drop the semicolon"],
  ["a == \u201cx\u201d", 5, "`\u201c` is not an operator", 'use straight quotes: "text"'],
  ["a \u2265 5", 2, "`\u2265` is not an operator", "write >="],
  ["a # b", 2, "unexpected character `#` (U+0023)", undefined],
  ["a \u0000", 2, "unexpected character U+0000", undefined],
  ["é > 1", 0, "unexpected character `é` (U+00E9)", undefined],
  ["a + 😀", 4, "unexpected character `😀` (U+1F600)", undefined],
  ["a +", 3, "a value is missing after `+`", undefined],
  ["* a", 0, "a value is missing, before `*`", undefined],
  ["a + * b", 4, "a value is missing after `+`, before `*`", undefined],
  ["a b", 2, "an operator is missing before `b`", undefined],
  ["a 'x'", 2, "an operator is missing before `'x'`", undefined],
  ["(a + b", 6, "`)` is missing for `(` at 0", "close the bracket"],
  ["clamp(a, 0", 10, "`)` is missing for `(` at 5", "close the bracket of clamp("],
  ["a in [1, 2", 10, "`]` is missing for `[` at 5", "close the list"],
  ["a + b)", 5, "no bracket is open for `)`", undefined],
  ["f(a,)", 4, "a value is missing after `,`, before `)`", undefined],
  ["(a)(b)", 3, "an operator is missing before `(`", "only a function name stands right before a bracket"],
  ["[1, 2]", 0, "a list stands only right of `in`", "write x in [a, b]"],
  ["a in []", 2, "the list of `in` is empty", "write x in [a, b]"],
  ["a in", 4, "a value is missing after `in`", undefined],
  ["a < b < c", 6, "`<` follows another comparison", "join comparisons with &&, or put one in brackets"],
  ["a == b in [1]", 7, "`in` follows another comparison", "join comparisons with &&, or put one in brackets"],
  ["a ? b", 5, "`:` is missing for `?` at 2", "a conditional is test ? a : b"],
  ["a ? b : ", 8, "a value is missing after `:`", undefined],
  ["a : b", 2, "`:` does not fit here", undefined],
  ["'abc", 0, "the string is not closed", "end it with '"],
  ['a == "b\nc"', 5, "the string is not closed", 'end it with "'],
  [
    "'a\\qb'",
    2,
    "`\\q` is not an escape",
    "known are \\n \\t \\r \\b \\f \\/ \\\\ \\\" \\' and \\u0041; a backslash itself is \\\\",
  ],
  ["12abc", 0, "`12abc` is not a number", undefined],
  ["1_000", 0, "`1_000` is not a number", "write 1000"],
  ["1.2.3", 0, "`1.2.3` is not a number", undefined],
  ["0x1F", 0, "`0x1F` is not a number", undefined],
  [
    "9223372036854775808",
    0,
    "`9223372036854775808` is beyond 2^63, which no long is",
    "write `9223372036854775808.0` for a double",
  ],
  [
    "-9223372036854775809",
    1,
    "`9223372036854775809` is beyond 2^63, which no long is",
    "write `9223372036854775809.0` for a double",
  ],
  ["1e999", 0, "`1e999` is larger than any double", undefined],
  ["`a b`", 0, "a backtick must open and close a field name", 'text stands in quotes: "text"'],
  ["`abc", 0, "a backtick must open and close a field name", 'text stands in quotes: "text"'],
])("says of %j where it is wrong, why, and what to write", (text, at, message, hint) => {
  expect(parseExpression(text)).toEqual({ problem: hint === undefined ? { message, at } : { message, at, hint } });
});

test("reads text up to its limit and refuses one character more", () => {
  const most = `a${" ".repeat(expressionLengthMax - 1)}`;
  expect(printAst(parsed(most))).toBe("a");
  expect(parseExpression(`${most} `)).toEqual({
    problem: {
      message: "the expression has 4097 characters; at most 4096 are read",
      at: 4_096,
      hint: "derive parts of it as fields of their own",
    },
  });
});

test("nests 64 levels deep and refuses the 65th where it opens", () => {
  expect(printAst(parsed(`${"(".repeat(64)}a${")".repeat(64)}`))).toBe("a");
  expect(parseExpression(`${"(".repeat(65)}a${")".repeat(65)}`)).toEqual({
    problem: {
      message: "the expression nests deeper than 64 levels",
      at: 64,
      hint: "derive parts of it as fields of their own",
    },
  });
});

test("holds 1,000 parts and refuses the next", () => {
  // 500 fields and 499 operators are 999 parts; one more of each passes the limit.
  expect("ast" in parseExpression(Array.from({ length: 500 }, () => "a").join("+"))).toBe(true);
  expect(parseExpression(Array.from({ length: 501 }, () => "a").join("+"))).toMatchObject({
    problem: { message: "the expression has more than 1000 parts" },
  });
});
