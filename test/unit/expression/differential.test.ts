import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Ast, checkExpression, compileProgram, type Program, printAst } from "../../../src/expression/index.ts";
import type { Row } from "../../../src/schema/index.ts";
import { freshContext, payment, seeded } from "./fixture.ts";
import { evaluate, Fault } from "./oracle.ts";
import { typedTrees } from "./trees.ts";

const anyDouble = fc.oneof(
  fc.double(),
  fc.double({ min: -100, max: 100, noNaN: true }),
  fc.integer({ min: -3, max: 3 }),
);
const anyInt = fc.oneof(fc.integer(), fc.integer({ min: -3, max: 9 }));
const eventTime = fc.integer({ min: 0, max: 4_102_444_799_999 });
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.constantFrom("12", "DE", "true", " x ", "0.5", "ß"),
);
const orNull = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null });

const anyRow: fc.Arbitrary<Row> = fc.record({
  amount: orNull(anyDouble),
  total: anyDouble,
  ratio: fc.float(),
  units: anyInt,
  spare: orNull(anyInt),
  cents: fc.oneof(anyInt, fc.maxSafeInteger(), eventTime),
  country: orNull(anyText),
  city: anyText,
  kind: fc.constantFrom("landing", "departure"),
  paid_at: eventTime,
  seen_at: orNull(eventTime),
  ok: fc.boolean(),
  sure: orNull(fc.boolean()),
  raw: fc.constant(null),
  tags: fc.constant(null),
});

/** What the record becomes by the documents: the value as its kind holds it, or the code it fails with. */
function expected(ast: Ast, kind: string, row: Row): unknown {
  try {
    const value = evaluate(ast, row);
    return typeof value === "number" ? held(kind, value) : value;
  } catch (thrown) {
    if (thrown instanceof Fault) return { code: thrown.code };
    throw thrown;
  }
}

function held(kind: string, value: number): unknown {
  const number = kind === "timestamp" ? Math.floor(value) : kind === "float" ? Math.fround(value) : value;
  const limit = kind === "int" ? 2_147_483_647.5 : Number.MAX_SAFE_INTEGER;
  const isWhole = kind === "int" || kind === "long" || kind === "timestamp";
  if (!Number.isFinite(number)) return { code: "MR_EXPRESSION" };
  if (!isWhole) return number;
  const fits = Number.isInteger(number) && number <= limit && number >= (kind === "int" ? -2_147_483_648 : -limit);
  return fits ? (number === 0 ? 0 : number) : { code: "MR_EXPRESSION" };
}

describe.each(["generated", "closures"] as const)("%s", (backEnd) => {
  test.each(["whole", "real", "text", "boolean", "time"] as const)(
    "computes %s expressions as a naive interpreter does",
    (family) => {
      fc.assert(
        fc.property(typedTrees[family], fc.array(anyRow, { minLength: 3, maxLength: 3 }), (ast, rows) => {
          const checked = checkExpression(ast, payment);
          if ("problem" in checked) throw new Error(`${printAst(ast)}: ${checked.problem.message}`);
          const { expr } = checked;
          const field = { name: "result", type: expr.type };
          const program: Program = { input: payment, ops: [{ op: "assign", field, value: expr }], output: [field] };
          const compiled = compileProgram(program, [], { backEnd });
          for (const row of rows) {
            const context = freshContext();
            const fate = compiled.fates[compiled.run(row, context)];
            const result = fate?.kind === "failed" ? { code: fate.code } : context.out?.["result"];
            expect(result, printAst(ast)).toEqual(expected(expr.ast, expr.type.kind, row));
          }
        }),
        { numRuns: 1_000, ...seeded },
      );
    },
  );
});
