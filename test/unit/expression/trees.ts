import fc from "fast-check";
import {
  type Ast,
  type BinaryOperator,
  binary,
  call,
  conditional,
  literal,
  not,
  oneOf,
  ref,
} from "../../../src/expression/index.ts";

const depth = { depthSize: "small", maxDepth: 7 } as const;

function negative(operand: Ast): Ast {
  return { node: "unary", operator: "-", operand, at: 0 };
}

function real(value: number): Ast {
  return { node: "literal", value, integer: false, at: 0 };
}

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom("é漢😀", "\ud800", "\u2028", "\\u0041", '"', "'", "\0"),
);

/** Trees of every form, whether or not they make sense. */
export const anyAst: fc.Arbitrary<Ast> = fc.letrec<{ tree: Ast }>((tie) => {
  const operators: BinaryOperator[] = ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||"];
  return {
    tree: fc.oneof(
      depth,
      fc.oneof(
        fc.constantFrom("a", "_b9", "in", "null", "true", "constructor", "__proto__", "and", "toString").map(ref),
        fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -9, max: 9 })).map((value) => literal(value === 0 ? 0 : value)),
        fc.double({ noNaN: true, noDefaultInfinity: true }).map(real),
        fc.oneof(fc.boolean(), fc.constant(null), anyText).map(literal),
      ),
      tie("tree").map(not),
      tie("tree").map(negative),
      fc.tuple(fc.constantFrom(...operators), tie("tree"), tie("tree")).map(([o, l, r]) => binary(o, l, r)),
      fc.tuple(tie("tree"), tie("tree"), tie("tree")).map(([t, a, b]) => conditional(t, a, b)),
      fc.tuple(tie("tree"), fc.array(tie("tree"), { minLength: 1, maxLength: 5 })).map(([l, items]) => oneOf(l, items)),
      fc
        .tuple(fc.constantFrom("clamp", "f", "to_int"), fc.array(tie("tree"), { maxLength: 3 }))
        .map(([name, args]) => call(name, ...args)),
    ),
  };
}).tree;

const comparisons: BinaryOperator[] = ["==", "!=", "<", "<=", ">", ">="];

/**
 * Trees that the checker must accept against `payment`, by the family of their result. `whole` is int or long,
 * `real` any number; nullable fields come guarded, in each of the ways there are.
 */
export type TypedTrees = {
  readonly whole: Ast;
  readonly real: Ast;
  readonly text: Ast;
  readonly boolean: Ast;
  readonly time: Ast;
};

const fieldOf = (...names: string[]): fc.Arbitrary<Ast> => fc.constantFrom(...names).map(ref);
const calls = (names: readonly string[], ...args: fc.Arbitrary<Ast>[]): fc.Arbitrary<Ast> =>
  fc.tuple(fc.constantFrom(...names), fc.tuple(...args)).map(([name, given]) => call(name, ...given));
const pairs = (
  operators: readonly BinaryOperator[],
  left: fc.Arbitrary<Ast>,
  right: fc.Arbitrary<Ast>,
): fc.Arbitrary<Ast> => fc.tuple(fc.constantFrom(...operators), left, right).map(([o, l, r]) => binary(o, l, r));
const choices = (test: fc.Arbitrary<Ast>, value: fc.Arbitrary<Ast>): fc.Arbitrary<Ast> =>
  fc.tuple(test, value, value).map(([t, a, b]) => conditional(t, a, b));

/** A value made from a nullable field, behind a guard of one of three kinds. */
function guardedField(name: string, otherwise: fc.Arbitrary<Ast>): fc.Arbitrary<Ast> {
  return fc.tuple(fc.constantFrom(0, 1, 2), otherwise).map(([way, other]) => {
    if (way === 0) return call("coalesce", ref(name), other);
    if (way === 1) return conditional(binary("==", ref(name), literal(null)), other, ref(name));
    return conditional(not(call("is_null", ref(name))), ref(name), other);
  });
}

function guardedTest(name: string, rest: fc.Arbitrary<Ast>): fc.Arbitrary<Ast> {
  return fc.tuple(fc.boolean(), fc.constantFrom(...comparisons), rest).map(([or, operator, other]) => {
    const compared = binary(operator, ref(name), other);
    return or
      ? binary("||", binary("==", ref(name), literal(null)), compared)
      : binary("&&", binary("!=", literal(null), ref(name)), compared);
  });
}

export const typedTrees = fc.letrec<TypedTrees>((tie) => {
  const [whole, real, text, boolean, time] = [tie("whole"), tie("real"), tie("text"), tie("boolean"), tie("time")];
  const number = fc.oneof(whole, real);
  const smallWhole = fc.integer({ min: -3, max: 9 }).map(literal);
  return {
    whole: fc.oneof(
      depth,
      fc.oneof(fieldOf("units", "cents"), smallWhole, fc.integer().map(literal)),
      pairs(["+", "-", "*", "%"], whole, whole),
      whole.map(negative),
      calls(["hour", "day_of_week"], time),
      calls(["length"], text),
      calls(["abs", "round", "floor", "ceil"], whole),
      calls(["min", "max", "clamp"], whole, whole, whole).filter(isNotEmptyClamp),
      calls(["to_int", "to_long"], fc.oneof(number, boolean, text)),
      pairs(["-"], time, time),
      guardedField("spare", whole),
      choices(boolean, whole),
    ),
    real: fc.oneof(
      depth,
      fc.oneof(fieldOf("total", "ratio"), fc.double({ noNaN: true, noDefaultInfinity: true }).map(literal)),
      pairs(["/"], number, number),
      pairs(["+", "-", "*", "%"], real, number),
      calls(["sqrt", "ln", "log1p", "exp"], number),
      calls(["pow"], number, number),
      calls(["round", "floor", "ceil", "abs"], real),
      calls(["min", "max"], real, number, number),
      calls(["to_double"], fc.oneof(number, boolean, text)),
      guardedField("amount", real),
      choices(boolean, real),
    ),
    text: fc.oneof(
      depth,
      fc.oneof(fieldOf("city", "kind"), anyText.map(literal), fc.constantFrom("12", "-1.5", "x", "true").map(literal)),
      pairs(["+"], text, text),
      calls(["upper", "lower", "trim"], text),
      calls(["to_string"], fc.oneof(number, boolean, time, text)),
      guardedField("country", fieldOf("city")),
      choices(boolean, fc.oneof(fieldOf("city"), calls(["upper"], text))),
    ),
    boolean: fc.oneof(
      depth,
      fc.oneof(fieldOf("ok"), fc.boolean().map(literal)),
      pairs(["&&", "||"], boolean, boolean),
      boolean.map(not),
      pairs(comparisons, number, number),
      pairs(
        comparisons,
        calls(["lower"], text),
        text.map((t) => call("trim", t)),
      ),
      pairs(comparisons, time, time),
      pairs(["==", "!="], boolean, boolean),
      guardedTest("amount", number),
      guardedTest("spare", whole),
      guardedTest("seen_at", time),
      calls(["starts_with", "ends_with", "contains"], text, text),
      calls(["to_boolean"], fc.oneof(number, boolean, text)),
      fc
        .tuple(whole, fc.array(fc.oneof({ weight: 4, arbitrary: smallWhole }, whole), { minLength: 1, maxLength: 6 }))
        .map(([l, items]) => oneOf(l, items)),
      guardedField("sure", boolean),
      choices(boolean, boolean),
    ),
    time: fc.oneof(
      depth,
      fieldOf("paid_at"),
      pairs(["+", "-"], time, number),
      calls(["to_timestamp"], fc.oneof(fieldOf("cents"), fieldOf("city"))),
      calls(["min", "max"], time, time),
      guardedField("seen_at", time),
      choices(boolean, time),
    ),
  };
});

/** Constants that the checker refuses: a low bound above the high one. */
function isNotEmptyClamp(ast: Ast): boolean {
  if (ast.node !== "call" || ast.name !== "clamp") return true;
  const [, low, high] = ast.args;
  return !(low?.node === "literal" && high?.node === "literal" && Number(low.value) > Number(high.value));
}
