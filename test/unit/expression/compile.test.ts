import { describe, expect, test, vi } from "vitest";
import {
  binary,
  type CompiledProgram,
  compileProgram,
  literal,
  type Program,
  type RowContext,
  type RowMemory,
  type RowOp,
  ref,
} from "../../../src/expression/index.ts";
import type { Field, FieldKind, Row, RowShape } from "../../../src/schema/index.ts";
import { expression, field, freshContext, payment } from "./fixture.ts";

function assign(
  name: string,
  kind: FieldKind,
  text: string,
  options: { nullable?: boolean; shape?: RowShape } = {},
): RowOp {
  return { op: "assign", field: field(name, kind, options.nullable), value: expression(text, options.shape) };
}

/** Runs one row and shows its fate: the output row, or what became of it. */
function outcome({ fates, run }: CompiledProgram, row: Row, context: RowContext = freshContext()): unknown {
  const fate = fates[run(row, context)];
  return fate?.kind === "out" ? context.out : fate;
}

function rememberer(answer: number, results: readonly number[]): RowMemory & { readonly seen: unknown[] } {
  const seen: unknown[] = [];
  const memory = {
    seen,
    texts: [null, null] as (string | null)[],
    numbers: new Float64Array(4),
    results: Float64Array.from(results),
    update: (context: RowContext) => {
      seen.push({ texts: [...memory.texts], numbers: [...memory.numbers], offset: context.offset });
      return answer;
    },
  };
  return memory;
}

describe.each(["generated", "closures"] as const)("%s", (backEnd) => {
  const compile = (ops: readonly RowOp[], output: RowShape, memories: readonly RowMemory[] = []): CompiledProgram =>
    compileProgram({ input: payment, ops, output }, memories, { backEnd });

  test("hands on the row with what it does not assign, and reads no more than it computes with", () => {
    const ops = [assign("total", "double", "total + 1")];
    const output = [field("units", "int"), field("total", "double"), field("city", "string")];
    const carried = new Set(["city"]);
    const row = { units: 3, total: 4, city: "Bonn" };
    const first = compileProgram({ input: payment, ops, output }, [], { backEnd, passing: { from: "row", carried } });
    expect(outcome(first, row)).toEqual({ total: 5, city: "Bonn", "#source": row });
    expect([...first.reads.keys()].sort()).toEqual(["city", "total"]);
    const second = compileProgram({ input: payment, ops: [], output }, [], {
      backEnd,
      passing: { from: "source", carried },
    });
    expect(outcome(second, { city: "Bonn", "#source": row })).toEqual({ city: "Bonn", "#source": row });
    expect(compileProgram({ input: payment, ops, output }, [], { backEnd }).reads.has("units")).toBe(true);
  });

  test("runs operations in written order, each seeing what those before it set", () => {
    const shape = [...payment, field("double_units", "int")];
    const program = compile(
      [
        assign("double_units", "int", "units * 2"),
        assign("units", "int", "double_units + units", { shape }),
        assign("double_units", "int", "double_units + units", { shape }),
      ],
      [field("units", "int"), field("double_units", "int"), field("city", "string")],
    );
    expect(outcome(program, { units: 3, city: "Bonn" })).toEqual({ units: 9, double_units: 15, city: "Bonn" });
  });

  test("writes the output row in the order of the output shape and leaves the input row alone", () => {
    const row = Object.freeze({ units: 1, total: 2, city: "x" });
    const context = freshContext();
    compile([assign("units", "int", "units + 1")], [field("total", "double"), field("units", "int")]).run(row, context);
    expect(Object.keys(context.out ?? {})).toEqual(["total", "units"]);
    expect(context.out).toEqual({ total: 2, units: 2 });
  });

  test("gives every record of its own row object", () => {
    const program = compile([], [field("units", "int")]);
    const context = freshContext();
    program.run({ units: 1 }, context);
    const first = context.out;
    program.run({ units: 2 }, context);
    expect([first, context.out]).toEqual([{ units: 1 }, { units: 2 }]);
  });

  test("names field, expression and code of an assignment whose value does not fit", () => {
    const failed = (message: string) => ({ kind: "failed", code: "MR_EXPRESSION", field: "r", message });
    const run = (kind: FieldKind, text: string, row: Row) =>
      outcome(compile([assign("r", kind, text)], [field("r", kind)]), row);
    expect(run("int", "total * 1.0", { total: 1.5 })).toEqual(
      failed("r = `total * 1.0`: the result is not a whole number of 32 bits"),
    );
    expect(run("int", "total * 1.0", { total: 4 })).toEqual({ r: 4 });
    expect(run("long", "total", { total: 2 ** 53 })).toEqual(
      failed("r = `total`: the result is not a whole number within 2^53"),
    );
    expect(run("double", "total + 0.0", { total: Number.NaN })).toEqual(
      failed("r = `total + 0.0`: the result is not a finite number"),
    );
    expect(run("float", "total", { total: 1e39 })).toEqual(failed("r = `total`: the result is not a finite number"));
    expect(run("float", "total", { total: 0.1 })).toEqual({ r: Math.fround(0.1) });
    expect(run("timestamp", "paid_at + total", { paid_at: 0, total: 1e17 })).toEqual(
      failed("`paid_at + total`: the result is not a time"),
    );
    expect(run("double", "coalesce(amount, null)", { amount: null })).toEqual(
      failed("r = `coalesce(amount, null)`: the result is null"),
    );
  });

  test("keeps null in a nullable field", () => {
    const program = compile(
      [assign("amount", "double", "clamp(amount, 0, 10)", { nullable: true })],
      [field("amount", "double", true)],
    );
    expect(outcome(program, { amount: null })).toEqual({ amount: null });
    expect(outcome(program, { amount: 11 })).toEqual({ amount: 10 });
  });

  test("reports the first of two faults in one expression, and where it is", () => {
    const program = compile([assign("r", "double", "to_double(city) + total / units")], [field("r", "double")]);
    expect(outcome(program, { city: "x", total: 1, units: 0 })).toEqual({
      kind: "failed",
      code: "MR_CAST",
      field: "r",
      message: "`to_double(city)`: the value does not convert",
    });
    expect(outcome(program, { city: "1", total: 1, units: 0 })).toEqual({
      kind: "failed",
      code: "MR_EXPRESSION",
      field: "r",
      message: "`total / units`: the result is not a finite number",
    });
    expect(outcome(program, { city: "1", total: 1, units: 2 })).toEqual({ r: 1.5 });
  });

  test("filters when the condition is true, and not when it is false or null", () => {
    const program = compile(
      [{ op: "dropIf", reason: "filter 1", when: expression("sure") }],
      [field("city", "string")],
    );
    expect(outcome(program, { sure: true, city: "a" })).toEqual({ kind: "filtered", reason: "filter 1" });
    expect(outcome(program, { sure: false, city: "a" })).toEqual({ city: "a" });
    expect(outcome(program, { sure: null, city: "a" })).toEqual({ city: "a" });
  });

  test("sets aside under the code of failIf, and goes no further", () => {
    const memory = rememberer(0, []);
    const program = compile(
      [
        {
          op: "failIf",
          code: "MR_REQUIRED",
          field: "amount",
          message: "amount is missing",
          when: expression("amount == null"),
        },
        { op: "call", memory: 0, texts: [], numbers: [], results: [], drops: [] },
      ],
      [],
      [memory],
    );
    expect(outcome(program, { amount: null })).toEqual({
      kind: "failed",
      code: "MR_REQUIRED",
      field: "amount",
      message: "amount is missing",
    });
    expect(memory.seen).toEqual([]);
    expect(outcome(program, { amount: 1 })).toEqual({});
    expect(memory.seen).toHaveLength(1);
  });

  test("lets a division by zero in a condition fail the record, under the field it reads", () => {
    const program = compile([{ op: "dropIf", reason: "f", when: expression("total / units > 1") }], []);
    expect(outcome(program, { total: 1, units: 0 })).toMatchObject({
      kind: "failed",
      code: "MR_EXPRESSION",
      field: "total",
    });
  });

  test("advances stream time and finds late what is older than the limit, not what is exactly at it", () => {
    const program = compile([{ op: "late", time: "paid_at", withinMs: 3_600_000 }], []);
    const context = freshContext();
    const at = (paidAt: number) => program.fates[program.run({ paid_at: paidAt }, context)]?.kind;
    expect([at(10_000_000), at(6_400_000), at(6_399_999), at(9_000_000), at(10_000_001), at(6_400_000)]).toEqual([
      "out",
      "out",
      "late",
      "out",
      "out",
      "late",
    ]);
    expect(context.streamTimeMs).toBe(10_000_001);
    expect(program.fates).toContainEqual({
      kind: "late",
      field: "paid_at",
      message: "paid_at is older than stream time minus 1h",
    });
  });

  test("sets a record without event time aside", () => {
    const program = compile([{ op: "late", time: "seen_at", withinMs: 1 }], []);
    const context = freshContext();
    expect(outcome(program, { seen_at: null }, context)).toEqual({
      kind: "failed",
      code: "MR_REQUIRED",
      field: "seen_at",
      message: "seen_at, the event time, is null",
    });
    expect(context.streamTimeMs).toBe(Number.NEGATIVE_INFINITY);
  });

  test("hands texts and numbers to a memory: null as null and NaN, booleans as 1 and 0, other keys as text", () => {
    const memory = rememberer(0, []);
    const program = compile(
      [
        {
          op: "call",
          memory: 0,
          texts: [expression("country"), expression("cents")],
          numbers: [expression("amount"), expression("ok"), expression("sure"), expression("paid_at")],
          results: [],
          drops: [],
        },
      ],
      [],
      [memory],
    );
    program.run(
      { country: null, cents: 42, amount: null, ok: true, sure: null, paid_at: 7 },
      { ...freshContext(), offset: 11 },
    );
    program.run(
      { country: "DE", cents: -1, amount: 2.5, ok: false, sure: true, paid_at: 8 },
      { ...freshContext(), offset: 12 },
    );
    expect(memory.seen).toEqual([
      { texts: [null, "42"], numbers: [Number.NaN, 1, Number.NaN, 7], offset: 11 },
      { texts: ["DE", "-1"], numbers: [2.5, 0, 1, 8], offset: 12 },
    ]);
  });

  test("takes a memory's results as fields: NaN is null, counts are whole, floats are rounded", () => {
    const results: Field[] = [
      field("payments", "long"),
      field("mean", "double", true),
      field("recent", "int"),
      field("share", "float", true),
      field("seen", "boolean"),
    ];
    const memory = rememberer(0, [3, Number.NaN, 2, 0.1, 1]);
    const program = compile([{ op: "call", memory: 0, texts: [], numbers: [], results, drops: [] }], results, [memory]);
    expect(outcome(program, {})).toEqual({ payments: 3, mean: null, recent: 2, share: Math.fround(0.1), seen: true });
  });

  test("fails the record when a result does not fit its field", () => {
    const memory = rememberer(0, [0]);
    const results = [field("payments", "long")];
    const program = compile([{ op: "call", memory: 0, texts: [], numbers: [], results, drops: [] }], results, [memory]);
    const failed = {
      kind: "failed",
      code: "MR_EXPRESSION",
      field: "payments",
      message: "payments: the result is not a whole number within 2^53",
    };
    for (const unfit of [Number.NaN, 1.5, Number.POSITIVE_INFINITY]) {
      memory.results[0] = unfit;
      expect(outcome(program, {})).toEqual(failed);
    }
  });

  test("drops a record for the reason that the memory answers, and crashes on an answer that has none", () => {
    const call: RowOp = { op: "call", memory: 0, texts: [], numbers: [], results: [], drops: ["duplicate", "stale"] };
    expect(outcome(compile([call], [], [rememberer(1, [])]), {})).toEqual({ kind: "filtered", reason: "duplicate" });
    expect(outcome(compile([call], [], [rememberer(2, [])]), {})).toEqual({ kind: "filtered", reason: "stale" });
    expect(() => outcome(compile([call], [], [rememberer(3, [])]), {})).toThrow("a step with memory answered 3");
  });

  test("is as good as new after a record that failed", () => {
    const program = compile([assign("r", "int", "to_int(city)")], [field("r", "int")]);
    expect(outcome(program, { city: "x" })).toMatchObject({ code: "MR_CAST" });
    expect(outcome(program, { city: "5" })).toEqual({ r: 5 });
  });

  test("takes an absent input field as null", () => {
    const program = compile([assign("r", "boolean", "amount == null")], [field("r", "boolean")]);
    expect(outcome(program, {})).toEqual({ r: true });
  });
});

test("lists each fate once, `out` first", () => {
  const when = expression("ok");
  const drop = (reason: string): RowOp => ({ op: "dropIf", reason, when });
  const { fates } = compileProgram({ input: payment, ops: [drop("a"), drop("b"), drop("a")], output: [] });
  expect(fates).toEqual([{ kind: "out" }, { kind: "filtered", reason: "a" }, { kind: "filtered", reason: "b" }]);
});

test("builds closures where the process forbids code generation", () => {
  vi.stubGlobal("Function", function forbidden() {
    throw new EvalError("Code generation from strings disallowed for this context");
  });
  try {
    const program: Program = { input: payment, ops: [assign("r", "int", "units + 1")], output: [field("r", "int")] };
    expect(() => compileProgram(program, [], { backEnd: "generated" })).toThrow(EvalError);
    expect(outcome(compileProgram(program), { units: 1 })).toEqual({ r: 2 });
  } finally {
    vi.unstubAllGlobals();
  }
});

test("crashes on programs that no planner may build", () => {
  const compile = (program: Partial<Program>) => () =>
    compileProgram({ input: payment, ops: [], output: [], ...program });
  expect(compile({ output: [field("nowhere", "int")] })).toThrow("no field nowhere at this point of the program");
  expect(compile({ ops: [assign("r", "int", "city")] })).toThrow("assigning string to r, which is int");
  expect(compile({ ops: [{ op: "dropIf", reason: "f", when: expression("units") }] })).toThrow(
    "a condition must be boolean, not int",
  );
  expect(compile({ ops: [{ op: "call", memory: 0, texts: [], numbers: [], results: [], drops: [] }] })).toThrow(
    "no memory 0, of 0",
  );
  expect(
    compile({ ops: [{ op: "call", memory: 0, texts: [expression("raw")], numbers: [], results: [], drops: [] }] }),
  ).toThrow("a memory cannot take bytes as text");
  const unchecked = { ast: binary("+", ref("units"), literal(1)), type: field("x", "int").type, text: "x", fields: [] };
  expect(compile({ input: [], ops: [{ op: "assign", field: field("x", "int"), value: unchecked }] })).toThrow(
    "no field units",
  );
});

test("a field that a row lacks is null, also where every object has something of that name", () => {
  const shape = ["constructor", "toString", "hasOwnProperty"].map((name) => field(name, "string", true));
  for (const { name } of shape) {
    const program = compileProgram({
      input: shape,
      ops: [assign("gone", "boolean", `${name} == null`, { shape })],
      output: [field("gone", "boolean")],
    });
    expect(outcome(program, {})).toEqual({ gone: true });
    expect(outcome(program, { [name]: "there" })).toEqual({ gone: false });
  }
});
