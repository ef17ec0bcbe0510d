import fc from "fast-check";
import {
  type Ast,
  checkExpression,
  compileProgram,
  type Program,
  printAst,
  type RowContext,
} from "../../src/expression/index.ts";
import type { Row } from "../../src/schema/index.ts";
import { ExactInterpreter } from "./exact-interpreter.ts";
import { Fault, Time, type Value } from "./exact-values.ts";
import { edgeShape, typedTrees } from "./expression-trees.ts";

/** An expression whose compiled code and whose exact interpretation differ on a row. */
interface Difference {
  readonly expression: string;
  readonly backEnd: string;
  readonly row: Row;
  readonly compiled: unknown;
  readonly exact: unknown;
}

interface FuzzOptions {
  readonly count: number;
  readonly seed: number;
  /** Spoils what is compiled, to see whether the fuzz would notice. */
  readonly plant?: (ast: Ast) => Ast;
  /** Differences after which it ends. */
  readonly differencesMax?: number;
}

const backEnds = ["generated", "closures"] as const;
const rowsPerExpression = 3;

/** Compiles random expressions and compares what they give with the exact interpreter, on rows at the edges. */
export function fuzzExpressions({ count, seed, plant, differencesMax = 5 }: FuzzOptions): Difference[] {
  const cases = fc.tuple(
    fc.oneof(...Object.values(typedTrees)),
    fc.array(anyRow, { minLength: rowsPerExpression, maxLength: rowsPerExpression }),
  );
  const differences: Difference[] = [];
  for (const [ast, rows] of fc.sample(cases, { numRuns: count, seed })) {
    if (differences.length >= differencesMax) break;
    const checked = checkExpression(ast, edgeShape);
    if ("problem" in checked) {
      // Most constants that cannot be taken as numbers are not made; those that are do not compile.
      if (checked.problem.message.includes("beyond 2^53")) continue;
      throw new Error(`${printAst(ast)}: ${checked.problem.message}`);
    }
    const value = plant === undefined ? checked.expr : { ...checked.expr, ast: plant(checked.expr.ast) };
    const field = { name: "result", type: value.type };
    const program: Program = { input: edgeShape, ops: [{ op: "assign", field, value }], output: [field] };
    const interpreter = new ExactInterpreter(edgeShape);
    for (const backEnd of backEnds) {
      const compiled = compileProgram(program, [], { backEnd });
      for (const row of rows) {
        const exact = expected(interpreter, ast, value.type.kind, row);
        const got = outcome(compiled, row);
        if (!Object.is(got, exact)) {
          differences.push({ expression: printAst(ast), backEnd, row, compiled: got, exact });
        }
      }
    }
  }
  return differences;
}

function outcome({ fates, run }: ReturnType<typeof compileProgram>, row: Row): unknown {
  const context: RowContext = { offset: 0, streamTimeMs: 0, processingTimeMs: 0, out: null };
  try {
    const fate = fates[run(row, context)];
    return fate?.kind === "failed" ? fate.code : context.out?.["result"];
  } catch (thrown) {
    return `thrown: ${String(thrown)}`;
  }
}

/** The value as its field holds it, or the code that the record fails with. */
function expected(interpreter: ExactInterpreter, ast: Ast, kind: string, row: Row): unknown {
  try {
    return held(kind, interpreter.evaluate(ast, row));
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.code;
    throw thrown;
  }
}

function held(kind: string, value: Value): unknown {
  if (value instanceof Time) return longOf(value.ms);
  if (typeof value === "bigint" && kind === "int") {
    return value >= -(2n ** 31n) && value < 2n ** 31n ? Number(value) : "MR_EXPRESSION";
  }
  if (typeof value === "bigint" && kind === "long") return longOf(value);
  if (typeof value !== "number" && typeof value !== "bigint") return value;
  const number = kind === "float" ? Math.fround(Number(value)) : Number(value);
  return Number.isFinite(number) ? number : "MR_EXPRESSION";
}

/** A long as rows hold it. */
function longOf(value: bigint): number | bigint {
  return value <= 2n ** 53n - 1n && value >= 1n - 2n ** 53n ? Number(value) : value;
}

const near = (edge: bigint): fc.Arbitrary<bigint> => fc.bigInt({ min: edge - 4n, max: edge + 4n });
const small = fc.bigInt({ min: -3n, max: 9n });
const anyLong = fc
  .oneof(
    { weight: 3, arbitrary: small },
    near(2n ** 53n),
    near(-(2n ** 53n)),
    near(2n ** 52n),
    near(2n ** 31n),
    near(-(2n ** 31n)),
    fc.constantFrom(2n ** 53n, 2n ** 60n),
    fc.bigInt({ min: 2n ** 63n - 9n, max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 63n) + 9n }),
    fc.bigInt({ min: -(2n ** 53n), max: 2n ** 53n }),
    fc.bigInt({ min: 2n ** 26n, max: 2n ** 27n }),
  )
  .map(longOf);
const anyInt = fc.oneof(
  fc.integer({ min: -3, max: 9 }),
  fc.integer(),
  fc.integer({ min: 2 ** 31 - 4, max: 2 ** 31 - 1 }),
  fc.integer({ min: -(2 ** 31), max: -(2 ** 31) + 4 }),
);
const anyDouble = fc.oneof(
  fc.double(),
  fc.double({ min: -100, max: 100, noNaN: true }),
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(2 ** 53, 2 ** 53 + 2, -(2 ** 53), 2 ** 60, 2 ** 63, -0, 0.5, 1.5, Number.MAX_VALUE, 5e-324),
);
const anyTime = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 4_102_444_799_999 }) },
  near(2n ** 53n).map(longOf),
  fc.bigInt({ min: 8_639_999_999_999_998n, max: 8_640_000_000_000_002n }).map(Number),
);
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.constantFrom(
    "12",
    "DE",
    "true",
    " x ",
    "0.5",
    "ß",
    "9007199254740993",
    "-9223372036854775808",
    "1e3",
    "a😀b",
    "a",
  ),
);
const orNull = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null, freq: 3 });
const anyInner = fc.record({ id: anyLong, at: anyTime });
const keyed = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  fc.dictionary(fc.constantFrom("a", "b", "c"), value, { maxKeys: 2, noNullPrototype: true });

const anyRow: fc.Arbitrary<Row> = fc.record({
  amount: orNull(anyDouble),
  total: anyDouble,
  ratio: fc.float(),
  units: anyInt,
  spare: orNull(anyInt),
  cents: anyLong.map((value) => (typeof value === "bigint" ? 7 : value)),
  id: anyLong,
  maybe_id: orNull(anyLong),
  country: orNull(anyText),
  city: anyText,
  kind: fc.constantFrom("landing", "departure"),
  paid_at: anyTime,
  seen_at: orNull(anyTime),
  ok: fc.boolean(),
  sure: orNull(fc.boolean()),
  after: orNull(
    fc.record({ amount: orNull(anyDouble), units: anyInt, id: anyLong, name: anyText, inner: orNull(anyInner) }),
  ),
  card: fc.record({ limit: anyLong, id: orNull(anyLong), country: anyText }),
  labels: keyed(anyLong),
  notes: keyed(anyText),
  tags: fc.array(anyText, { maxLength: 3 }),
  ids: fc.array(orNull(anyLong), { maxLength: 3 }),
  rates: fc.array(anyDouble, { maxLength: 3 }),
});
