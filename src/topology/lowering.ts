import { type Ast, checkExpression, parseExpression, type RowOp, type TypedExpression } from "../expression/index.ts";
import { assert, type ErrorCode, type Problem } from "../kernel/index.ts";
import type { Field, RowShape } from "../schema/index.ts";
import { type CastTarget, type InferConfig, type LoweringContext, type MemorySpec, shapeAfter } from "../step/index.ts";
import { danglingHint, type Findings, quoted } from "./findings.ts";
import type { SpecProblem } from "./problems.ts";
import { flowText } from "./spec/flow-text.ts";
import { valueAt } from "./spec/messages.ts";
import type { StepPart } from "./spec/shape.ts";

type Path = readonly (string | number)[];

/** What the steps of one stage are lowered against. */
export interface StageScope {
  readonly stage: string;
  readonly ingest: boolean;
  /** Fields of the input rows. */
  readonly input: RowShape;
  readonly timeField: string | undefined;
  readonly keyField: string | undefined;
  readonly latenessMs: number;
  /** What is wrong with the input topic already: steps that stumble over it are not told again. */
  readonly told: ReadonlySet<ErrorCode>;
}

/** What the steps of a stage came to. */
export interface Lowered {
  readonly ops: readonly RowOp[];
  readonly memories: readonly MemorySpec[];
  readonly casts: Readonly<Record<string, CastTarget>>;
  /** Fields after the last step that ran on rows. */
  readonly shape: RowShape;
  /** The infer step at the end, and where it stands. */
  readonly infer: { readonly config: InferConfig; readonly path: Path } | undefined;
  /** False when a step could not be lowered: the shape is then not the whole truth, and that has been reported. */
  readonly isSound: boolean;
}

/**
 * Lowers steps in written order. After a step that is wrong the rest is still checked, except that a field which is
 * not there is no longer a problem: the broken step may be the one that makes it.
 */
export function lowerSteps(steps: readonly (StepPart | undefined)[], scope: StageScope, findings: Findings): Lowered {
  const lowering = new Lowering(scope, findings);
  for (const [index, step] of steps.entries()) lowering.step(step, index === steps.length - 1);
  return {
    ops: lowering.ops,
    memories: lowering.memories,
    casts: lowering.casts,
    shape: lowering.shape,
    infer: lowering.infer,
    isSound: lowering.isSound,
  };
}

class Lowering {
  readonly ops: RowOp[] = [];
  readonly memories: MemorySpec[] = [];
  readonly casts: Record<string, CastTarget> = {};
  shape: RowShape;
  infer: Lowered["infer"];
  isSound = true;
  readonly #scope: StageScope;
  readonly #findings: Findings;

  constructor(scope: StageScope, findings: Findings) {
    this.#scope = scope;
    this.#findings = findings;
    this.shape = scope.input;
  }

  step(step: StepPart | undefined, isLast: boolean): void {
    if (step?.spec === undefined) {
      this.isSound = false;
      return;
    }
    if (step.kind === "infer") this.#placeInfer(step, isLast);
    if (this.#scope.ingest) Object.assign(this.casts, step.definition.casts?.(step.spec));
    const problemsBefore = this.#findings.problems.length;
    const context = stepContext(step, this);
    const ops = step.definition.lower(step.spec, context);
    this.ops.push(...ops);
    this.shape = shapeAfter(this.shape, ops);
    if (this.#findings.problems.length > problemsBefore) this.isSound = false;
  }

  get scope(): StageScope {
    return this.#scope;
  }

  get findings(): Findings {
    return this.#findings;
  }

  #placeInfer(step: StepPart, isLast: boolean): void {
    const config = step.spec as InferConfig;
    if (this.infer !== undefined) {
      const message = "a stage has at most one infer step";
      this.#findings.problem("MR_CONFLICT", step.path, message, "give each model a stage of its own");
      this.isSound = false;
      return;
    }
    this.infer = { config, path: step.path };
    if (isLast) return;
    const message = "infer is the last step of its stage";
    const hint = "move the steps after it before it, or into a stage that reads the predictions";
    this.#findings.problems.push({ code: "MR_CONFLICT", path: step.path, message, hint, on: "key" });
    this.isSound = false;
  }
}

function stepContext(step: StepPart, lowering: Lowering): LoweringContext {
  const { scope, findings } = lowering;
  const report = (problem: SpecProblem): void => {
    if (scope.told.has(problem.code)) {
      lowering.isSound = false;
      return;
    }
    const path = [...step.path, ...problem.path];
    const hint = problem.hint ?? stepHint(step, problem.path);
    // What is wrong with a step as a whole is shown at its name.
    const on = problem.path.length === 0 && typeof step.spec === "object" ? ({ on: "key" } as const) : {};
    findings.problems.push({ ...problem, path, hint, ...on });
  };
  return {
    shape: lowering.shape,
    stage: scope.stage,
    ingest: scope.ingest,
    timeField: scope.timeField,
    keyField: scope.keyField,
    latenessMs: scope.latenessMs,
    lateEmitted: lowering.ops.some((op) => op.op === "late"),
    expression: (source, path, shape) =>
      typedExpression(source, shape ?? lowering.shape, (problem, isUnknownField) => {
        if (isUnknownField && !lowering.isSound) return;
        report({ ...problem, path });
      }),
    field: (name, path) => {
      const field = lowering.shape.find((candidate) => candidate.name === name);
      // A name that is itself a key, as in cast, is shown where it is written.
      const on = path.at(-1) === name ? ({ on: "key" } as const) : {};
      if (field === undefined && lowering.isSound) report({ ...unknownField(name, path, lowering.shape), ...on });
      return field;
    },
    problem: report,
    storeName: (base) => freeName(base, lowering.memories),
    memory: (spec) => {
      const isNew = lowering.memories.every((memory) => memory.store.name !== spec.store.name);
      assert(isNew, `two stores of stage ${scope.stage} are named ${spec.store.name}`);
      return lowering.memories.push(spec) - 1;
    },
  };
}

type ExpressionReport = (problem: Omit<Problem, "path">, isUnknownField: boolean) => void;

/** Parses and checks an expression; what is wrong goes to `report`, with its offset inside the text. */
export function typedExpression(
  source: string | Ast,
  shape: RowShape,
  report: ExpressionReport,
): TypedExpression | undefined {
  const parsed = typeof source === "string" ? parseExpression(source) : { ast: source };
  if ("problem" in parsed) {
    const hint = parsed.problem.hint ?? "see docs/reference/expressions.md";
    report({ code: "MR_EXPRESSION_SYNTAX", ...parsed.problem, hint }, false);
    return undefined;
  }
  const checked = checkExpression(parsed.ast, shape, typeof source === "string" ? source : undefined);
  if ("expr" in checked) return checked.expr;
  const { problem } = checked;
  const names = new Set(shape.map((field) => field.name));
  const isUnknownField = fieldAt(parsed.ast, problem.at, names);
  const code = isUnknownField ? "MR_REFERENCE" : "MR_EXPRESSION_TYPE";
  report({ code, ...problem, hint: problem.hint ?? "see docs/reference/expressions.md" }, isUnknownField);
  return undefined;
}

/** Whether a field that is not in scope stands at this place of the expression. */
function fieldAt(ast: Ast, at: number, names: ReadonlySet<string>): boolean {
  switch (ast.node) {
    case "field":
      return ast.at === at && !names.has(ast.name);
    case "unary":
      return fieldAt(ast.operand, at, names);
    case "binary":
      return fieldAt(ast.left, at, names) || fieldAt(ast.right, at, names);
    case "conditional":
      return [ast.test, ast.whenTrue, ast.whenFalse].some((part) => fieldAt(part, at, names));
    case "call":
      return ast.args.some((part) => fieldAt(part, at, names));
    case "list":
      return ast.items.some((part) => fieldAt(part, at, names));
    default:
      return false;
  }
}

function unknownField(name: string, path: Path, shape: RowShape): Problem {
  const hint = danglingHint(
    "field",
    name,
    shape.map((field: Field) => field.name),
  );
  return { code: "MR_REFERENCE", path, message: `there is no field ${quoted(name)} here`, hint };
}

/** A line that would be right, for problems that steps report without a hint. */
function stepHint(step: StepPart, path: Path): string {
  const example = valueAt(step.definition.example, path);
  const name = path.at(-1);
  if (example === undefined || typeof name !== "string")
    return `write for example ${step.kind}: ${flowText(step.definition.example)}`;
  return `write for example ${name}: ${flowText(example)}`;
}

function freeName(base: string, memories: readonly MemorySpec[]): string {
  const taken = new Set(memories.map((memory) => memory.store.name));
  let name = base;
  for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
  return name;
}
