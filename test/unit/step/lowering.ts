import {
  type Ast,
  type CompiledProgram,
  checkExpression,
  compileProgram,
  parseExpression,
  type RowContext,
  type RowOp,
  type TypedExpression,
} from "../../../src/expression/index.ts";
import { closest, type Problem } from "../../../src/kernel/index.ts";
import type { Field, FieldKind, Row, RowShape } from "../../../src/schema/index.ts";
import { type LoweringContext, type MemorySpec, shapeAfter, stepNamed } from "../../../src/step/index.ts";

/** A field of a test shape: `string`, or `string?` when it may be null. */
export function field(name: string, type: FieldKind | `${FieldKind}?`): Field {
  const nullable = type.endsWith("?");
  const kind = type.replace("?", "") as FieldKind;
  const avro = kind === "timestamp" ? { type: "long", logicalType: "timestamp-millis" } : kind;
  return { name, type: { kind, nullable, avro } };
}

/** The shape that the catalogue's examples are written for. */
export const paymentShape: RowShape = [
  field("event_id", "string"),
  field("payment_id", "string"),
  field("customer_id", "string"),
  field("paid_at", "timestamp"),
  field("amount", "double?"),
  field("country", "string?"),
  field("items", "int"),
];

export interface Lowered {
  readonly ops: readonly RowOp[];
  readonly shape: RowShape;
  readonly memories: readonly MemorySpec[];
  readonly problems: readonly Problem[];
}

export interface LoweringOptions {
  readonly shape?: RowShape;
  readonly ingest?: boolean;
  readonly isBehindReading?: boolean;
  readonly timeField?: string | undefined;
  readonly keyField?: string | undefined;
  readonly latenessMs?: number;
  readonly keysMax?: number;
  readonly ttlMs?: number;
}

/** Lowers steps, `[kind, config]` each, as a plan does, against the payment shape unless told otherwise. */
export function lower(steps: readonly (readonly [string, unknown])[], options: LoweringOptions = {}): Lowered {
  const ops: RowOp[] = [];
  const memories: MemorySpec[] = [];
  const problems: Problem[] = [];
  let shape = options.shape ?? paymentShape;
  for (const [kind, config] of steps) {
    const step = stepNamed(kind);
    if (step === undefined) throw new Error(`no step ${kind}`);
    const context = contextFor(shape, options, ops, memories, problems);
    ops.push(...step.lower(step.config.parse(config), context));
    shape = shapeAfter(options.shape ?? paymentShape, ops);
  }
  return { ops, shape, memories, problems };
}

/** What a single step is lowered in, and the problems that it reports. */
export function contextOf(options: LoweringOptions = {}): {
  readonly context: LoweringContext;
  readonly problems: Problem[];
} {
  const problems: Problem[] = [];
  return { context: contextFor(options.shape ?? paymentShape, options, [], [], problems), problems };
}

function contextFor(
  shape: RowShape,
  options: LoweringOptions,
  ops: readonly RowOp[],
  memories: MemorySpec[],
  problems: Problem[],
): LoweringContext {
  const expression = (
    source: string | Ast,
    path: readonly (string | number)[],
    scope = shape,
  ): TypedExpression | undefined => {
    const parsed = typeof source === "string" ? parseExpression(source) : { ast: source };
    if ("problem" in parsed) {
      problems.push({ code: "MR_EXPRESSION_SYNTAX", path, ...parsed.problem });
      return undefined;
    }
    const checked = checkExpression(parsed.ast, scope, typeof source === "string" ? source : undefined);
    if ("expr" in checked) return checked.expr;
    problems.push({ code: "MR_EXPRESSION_TYPE", path, ...checked.problem });
    return undefined;
  };
  return {
    shape,
    stage: "tested",
    ingest: options.ingest ?? false,
    supplied: options.ingest === true ? ["event_id"] : [],
    isBehindReading: options.isBehindReading ?? false,
    timeField: "timeField" in options ? options.timeField : "paid_at",
    keyField: "keyField" in options ? options.keyField : "customer_id",
    latenessMs: options.latenessMs ?? 3_600_000,
    keysMax: options.keysMax,
    ttlMs: options.ttlMs,
    lateEmitted: ops.some((op) => op.op === "late"),
    expression,
    field: (name, path) => {
      const found = shape.find((candidate) => candidate.name === name);
      if (found !== undefined) return found;
      const near = closest(
        name,
        shape.map((candidate) => candidate.name),
      );
      problems.push({ code: "MR_REFERENCE", path, message: `no field ${name}`, hint: `did you mean ${near}?` });
      return undefined;
    },
    problem: (problem) => problems.push(problem),
    storeName: (kind, written) => {
      const base = written ?? kind;
      const taken = memories.filter((spec) => spec.store.name.split("-")[0] === base).length;
      return taken === 0 ? base : `${base}-${taken + 1}`;
    },
    memory: (spec) => memories.push(spec) - 1,
  };
}

export interface Answer {
  readonly fate: string;
  readonly row: Row | null;
}

/** A stage of lowered steps at work: rows in, fates and rows out, with the stores behind it. */
export interface RunningStage {
  run(row: Row, offset?: number): Answer;
  keep(): void;
  undo(): void;
  readonly context: RowContext;
  readonly program: CompiledProgram;
}

export function start(steps: readonly (readonly [string, unknown])[], options: LoweringOptions = {}): RunningStage {
  const { ops, shape, memories, problems } = lower(steps, options);
  if (problems.length > 0) throw new Error(`problems: ${JSON.stringify(problems)}`);
  const made = memories.map((spec) => spec.create());
  const program = compileProgram({ input: options.shape ?? paymentShape, ops, output: shape }, made);
  const context: RowContext = { offset: -1, streamTimeMs: Number.NEGATIVE_INFINITY, processingTimeMs: 0, out: null };
  let keptStreamTimeMs = context.streamTimeMs;
  return {
    program,
    context,
    run: (row, offset = context.offset + 1) => {
      context.offset = offset;
      context.out = null;
      const fate = program.fates[program.run(row, context)];
      switch (fate?.kind) {
        case "out":
          return { fate: "out", row: context.out };
        case "filtered":
          return { fate: `filtered: ${fate.reason}`, row: null };
        case "late":
          return { fate: "late", row: null };
        default:
          return { fate: fate?.code ?? "none", row: null };
      }
    },
    keep: () => {
      keptStreamTimeMs = context.streamTimeMs;
      for (const memory of made) memory.store.keep(keptStreamTimeMs);
    },
    undo: () => {
      context.streamTimeMs = keptStreamTimeMs;
      for (const memory of made) memory.store.undo();
    },
  };
}

const baseMs = Date.UTC(2026, 0, 1);

/** A payment of the shape above; `minute` counts from the start of 2026. */
export function payment(minute: number, fields: Row = {}): Row {
  return {
    event_id: "payments-0-0",
    payment_id: "p1",
    customer_id: "c1",
    paid_at: baseMs + minute * 60_000,
    amount: 1,
    country: null,
    items: 1,
    ...fields,
  };
}
