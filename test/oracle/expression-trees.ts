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
} from "../../src/expression/index.ts";
import { parseRecordSchema, type RowShape } from "../../src/schema/index.ts";

const inner = {
  type: "record",
  name: "Inner",
  fields: [
    { name: "id", type: "long" },
    { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
  ],
};

const after = {
  type: "record",
  name: "After",
  fields: [
    { name: "amount", type: ["null", "double"] },
    { name: "units", type: "int" },
    { name: "id", type: "long" },
    { name: "name", type: "string" },
    { name: "inner", type: ["null", inner] },
  ],
};

const card = {
  type: "record",
  name: "Card",
  fields: [
    { name: "limit", type: "long" },
    { name: "id", type: ["null", "long"] },
    { name: "country", type: "string" },
  ],
};

const time = { type: "long", logicalType: "timestamp-millis" };

/** Fields of every kind, nullable ones of most, and what nests. */
const avroFields: readonly (readonly [string, unknown])[] = [
  ["amount", ["null", "double"]],
  ["total", "double"],
  ["ratio", "float"],
  ["units", "int"],
  ["spare", ["null", "int"]],
  ["cents", "long"],
  ["id", "long"],
  ["maybe_id", ["null", "long"]],
  ["country", ["null", "string"]],
  ["city", "string"],
  ["kind", { type: "enum", name: "Kind", symbols: ["landing", "departure"] }],
  ["paid_at", time],
  ["seen_at", ["null", time]],
  ["ok", "boolean"],
  ["sure", ["null", "boolean"]],
  ["after", ["null", after]],
  ["card", card],
  ["labels", { type: "map", values: "long" }],
  ["notes", { type: "map", values: "string" }],
  ["tags", { type: "array", items: "string" }],
  ["ids", { type: "array", items: ["null", "long"] }],
  ["rates", { type: "array", items: "double" }],
];

export const edgeShape: RowShape = shapeOf(avroFields);

function shapeOf(fields: typeof avroFields): RowShape {
  const json = { type: "record", name: "Edge", fields: fields.map(([name, type]) => ({ name, type })) };
  const parsed = parseRecordSchema(json, "Edge");
  if ("problems" in parsed) throw new Error(parsed.problems.map(({ message }) => message).join("; "));
  return parsed.schema.shape;
}

const depth = { depthSize: "small", maxDepth: 7 } as const;

function negative(operand: Ast): Ast {
  return { node: "unary", operator: "-", operand, at: 0 };
}

/** `a.b` and `a?.b`: a name with a question mark in front is null-safe. */
function path(root: string, ...names: string[]): Ast {
  return names.reduce<Ast>(
    (of, name) => ({ node: "member", of, name: name.replace("?", ""), safe: name.startsWith("?"), at: 0 }),
    ref(root),
  );
}

function entry(map: string, key: Ast): Ast {
  return { node: "index", of: ref(map), key, at: 0 };
}

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom("é漢😀", "\u2028", "\\u0041", '"', "'", "\0", "a"),
);

const comparisons: BinaryOperator[] = ["==", "!=", "<", "<=", ">", ">="];

/**
 * Trees that the checker must accept against {@link edgeShape}, by the family of their result. `whole` is int or long,
 * `real` any number; nullable fields come guarded, in each of the ways there are.
 */
export type TypedTrees = {
  readonly whole: Ast;
  readonly real: Ast;
  /** A long that may be beyond 2^53 - 1. */
  readonly wide: Ast;
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
function guardedField(name: string | Ast, otherwise: fc.Arbitrary<Ast>): fc.Arbitrary<Ast> {
  const field = typeof name === "string" ? ref(name) : name;
  return fc.tuple(fc.constantFrom(0, 1, 2), otherwise).map(([way, other]) => {
    if (way === 0) return call("coalesce", field, other);
    if (way === 1) return conditional(binary("==", field, literal(null)), other, field);
    return conditional(not(call("is_null", field)), field, other);
  });
}

/** A part of a nullable record, behind a guard on the record. */
function behind(guard: Ast, value: Ast, otherwise: fc.Arbitrary<Ast>): fc.Arbitrary<Ast> {
  return otherwise.map((other) => conditional(binary("!=", guard, literal(null)), value, other));
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
  const wide = tie("wide");
  const wideConstant = fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }).chain((v) => fc.constantFrom(v, -v));
  const anyKey = fc.oneof(fc.constantFrom("a", "b", "__proto__", "toString").map(literal), text);
  const position = fc.oneof(
    fc.integer({ min: 1, max: 6 }).map(literal),
    fieldOf("units"),
    whole.map((w) => call("abs", w)),
  );
  const number = fc.oneof(whole, real);
  const smallWhole = fc.integer({ min: -3, max: 9 }).map(literal);
  return {
    whole: fc.oneof(
      depth,
      fc.oneof(
        fieldOf("units", "cents"),
        fc
          .constantFrom(path("card", "limit"), path("after", "?units"))
          .chain((p) => (p.node === "member" && p.safe ? guardedField(p, fc.constant(literal(1))) : fc.constant(p))),
        smallWhole,
        fc.integer().map(literal),
      ),
      wide.filter((ast) => ast.node !== "literal"),
      pairs(["+", "-", "*", "%"], whole, whole),
      whole.map(negative),
      calls(["hour", "minute", "day_of_week", "day_of_month", "month"], time),
      calls(["length", "size"], text),
      fc.constantFrom("labels", "tags", "ids").map((name) => call("size", ref(name))),
      behind(ref("after"), path("after", "units"), whole),
      calls(["abs", "round", "floor", "ceil"], whole),
      calls(["min", "max", "clamp"], whole, whole, whole).filter(isNotEmptyClamp),
      calls(["to_int", "to_long"], fc.oneof(number, boolean, text)),
      pairs(["-"], time, time),
      guardedField("spare", whole),
      choices(boolean, whole),
    ),
    wide: fc.oneof(
      depth,
      fc.oneof(fieldOf("id"), fc.constant(path("card", "limit")), wideConstant.map(literal)),
      guardedField("maybe_id", wide),
      guardedField(path("card", "id"), wide),
      guardedField(path("after", "?id"), wide),
      guardedField(path("after", "?inner", "?id"), wide),
      behind(path("after", "?inner"), path("after", "inner", "id"), wide),
      anyKey.chain((key) => guardedField(entry("labels", key), wide)),
      calls(["to_long"], fc.oneof(text, time, whole)),
      fc.constantFrom("9007199254740993", "-9007199254740992", "1e15", "0.5").map((t) => call("to_long", literal(t))),
      choices(boolean, wide),
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
      guardedField(path("after", "?amount"), real),
      guardedField("amount", whole),
      choices(boolean, real),
    ),
    text: fc.oneof(
      depth,
      fc.oneof(fieldOf("city", "kind"), anyText.map(literal), fc.constantFrom("12", "-1.5", "x", "true").map(literal)),
      pairs(["+"], text, text),
      calls(["upper", "lower", "trim"], text),
      calls(["to_string"], fc.oneof(number, boolean, time, text, wide)),
      fc.constant(path("card", "country")),
      guardedField(path("after", "?name"), text),
      anyKey.chain((key) => guardedField(entry("notes", key), text)),
      calls(["replace"], text, text, text),
      calls(["substring"], text, position),
      calls(["substring"], text, position, position),
      calls(["split_part"], text, text, position),
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
      pairs(["==", "!="], wide, fc.oneof(wide, number)),
      pairs(
        ["==", "!="],
        fieldOf("id", "maybe_id").map((ast) => call("coalesce", ast, literal(1))),
        fc.oneof(fieldOf("total"), fc.constantFrom(2 ** 53, 2 ** 60).map(literal)),
      ),
      pairs(["in"], text, fieldOf("tags")),
      pairs(["in"], fc.oneof(wide, number), fieldOf("ids", "rates")),
      fc
        .tuple(wide, fc.array(fc.oneof(wide, number), { minLength: 1, maxLength: 6 }))
        .map(([l, items]) => oneOf(l, items)),
      fc
        .constantFrom(ref("after"), path("after", "?inner"), path("after", "?inner", "?id"), ref("maybe_id"))
        .map((part) => binary("!=", part, literal(null))),
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
      guardedField(path("after", "?inner", "?at"), time),
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
