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
  fc.constantFrom("é漢😀", "\u2028", "\\u0041", '"', "'", "\0"),
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
        fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }).chain((v) => fc.constantFrom(v, -v).map(literal)),
      ),
      fc
        .tuple(tie("tree"), fc.constantFrom("a", "_b9", "in", "null", "__proto__"), fc.boolean())
        .map(([of, name, safe]): Ast => ({ node: "member", of, name, safe, at: 0 })),
      fc.tuple(tie("tree"), tie("tree")).map(([of, key]): Ast => ({ node: "index", of, key, at: 0 })),
      fc.tuple(tie("tree"), tie("tree")).map(([l, r]) => binary("in", l, r)),
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
