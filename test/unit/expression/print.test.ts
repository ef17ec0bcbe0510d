import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Ast,
  binary,
  call,
  conditional,
  isNull,
  literal,
  not,
  oneOf,
  printAst,
  ref,
} from "../../../src/expression/index.ts";
import { parsed, withoutPositions } from "./fixture.ts";
import { anyAst } from "./trees.ts";

test.each([
  ["( a+b )*c", "(a + b) * c"],
  ["a-(b-c)", "a - (b - c)"],
  ["(a-b)-c", "a - b - c"],
  ["a*(b/c)", "a * (b / c)"],
  ["(a<b)==(c<d)", "(a < b) == (c < d)"],
  ["(a&&b)||c", "a && b || c"],
  ["a&&(b||c)", "a && (b || c)"],
  ["!(a&&b)", "!(a && b)"],
  ["-(5)", "-(5)"],
  ["- 5", "-5"],
  ["(a?b:c)?d:e", "(a ? b : c) ? d : e"],
  ["a?b:(c?d:e)", "a ? b : c ? d : e"],
  ["(a?b:c)+1", "(a ? b : c) + 1"],
  ["'it''".replace("''", "\\''"), '"it\'"'],
  ["1.0", "1.0"],
  ["1e300", "1e+300"],
  ["`null`", "`null`"],
  ["`plain`", "plain"],
  ["a in ['x',1]", 'a in ["x", 1]'],
  ["(a).b?.c", "a.b?.c"],
  ["a.null", "a.`null`"],
  ["(a+b).c", "(a + b).c"],
  ["(-5).c", "(-5).c"],
  ["m[ 'k' ]", 'm["k"]'],
  ["-9223372036854775808", "-9223372036854775808"],
  ["a in (b||c)", "a in (b || c)"],
])("prints %s as %s", (text, printed) => {
  expect(printAst(parsed(text))).toBe(printed);
});

test("prints what the builders build", () => {
  const low = binary("<", ref("age"), literal(-1.5));
  expect(printAst(not(isNull(ref("age"))))).toBe("!is_null(age)");
  expect(printAst(binary("&&", low, oneOf(ref("in"), [literal("a"), literal(3)])))).toBe(
    'age < -1.5 && `in` in ["a", 3]',
  );
  expect(printAst(conditional(low, literal(null), call("clamp", ref("age"), literal(0), literal(1e300))))).toBe(
    "age < -1.5 ? null : clamp(age, 0, 1e+300)",
  );
});

test("refuses to build a literal that is not finite", () => {
  expect(() => literal(Number.NaN)).toThrow("a literal must be finite, not NaN");
});

test("reads back every tree as it was printed", () => {
  fc.assert(
    fc.property(anyAst, (ast: Ast) => {
      const text = printAst(ast);
      expect(withoutPositions(parsed(text))).toEqual(withoutPositions(ast));
      expect(printAst(parsed(text))).toBe(text);
    }),
    { numRuns: 2_000 },
  );
});
