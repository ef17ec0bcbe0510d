import {
  type Ast,
  checkExpression,
  parseExpression,
  partsOf,
  type RowOp,
  type TypedExpression,
} from "../../expression/index.ts";
import { assert, type ErrorCode, type Problem } from "../../kernel/index.ts";
import type { CastType, Field, RowShape } from "../../schema/index.ts";
import { type InferConfig, type LoweringContext, type MemorySpec, shapeAfter } from "../../step/index.ts";
import type { SpecProblem } from "../problems.ts";
import { flowText } from "../spec/flow-text.ts";
import { valueAt } from "../spec/messages.ts";
import type { StepPart } from "../spec/shape.ts";
import { danglingHint, type Findings, quoted } from "./findings.ts";

type Path = readonly (string | number)[];

/** What the steps of one stage are lowered against. */
export interface StageScope {
  readonly stage: string;
  readonly ingest: boolean;
  /** Fields that Millrace fills by itself in an ingest stage. */
  readonly supplied: readonly string[];
  /** Fields of the input rows. */
  readonly input: RowShape;
  readonly timeField: string | undefined;
  readonly keyField: string | undefined;
  readonly latenessMs: number;
  /** Keys that each store holds at most; undefined when the file does not say. */
  readonly keysMax: number | undefined;
  /** Time to live of what a store holds, in ms; undefined when the file does not say. */
  readonly ttlMs: number | undefined;
  /** What is wrong with the input topic already: steps that stumble over it are not told again. */
  readonly told: ReadonlySet<ErrorCode>;
}

/** What the steps of a stage came to. */
export interface Lowered {
  readonly ops: readonly RowOp[];
  readonly memories: readonly MemorySpec[];
  readonly casts: Readonly<Record<string, CastType>>;
  /** By field: where in the event an ingest finds it. */
  readonly extract: Readonly<Record<string, string>>;
  /** Fields after the last step that ran on rows. */
  readonly shape: RowShape;
  /** The infer step at the end, and where it stands. */
  readonly infer: { readonly config: InferConfig; readonly path: Path } | undefined;
  /** False when a step could not be lowered: the shape is then not the whole truth, and that has been reported. */
  readonly isSound: boolean;
  /** Whether a step that could not be lowered would have made a field of this name: its lack is then no news. */
  wouldHave(name: string): boolean;
}

/**
 * Lowers steps in written order. After a step that is wrong the rest is still checked; only the lack of a field that
 * the broken step would have made is not reported.
 */
export function lowerSteps(steps: readonly (StepPart | undefined)[], scope: StageScope, findings: Findings): Lowered {
  const lowering = new Lowering(scope, findings);
  for (const [index, step] of steps.entries()) lowering.step(step, index === steps.length - 1);
  return {
    ops: lowering.ops,
    memories: lowering.memories,
    casts: lowering.casts,
    extract: lowering.extract,
    shape: lowering.shape,
    infer: lowering.infer,
    isSound: lowering.isSound,
    wouldHave: (name) => lowering.wouldHave(name),
  };
}

class Lowering {
  readonly ops: RowOp[] = [];
  readonly memories: MemorySpec[] = [];
  readonly casts: Record<string, CastType> = {};
  readonly extract: Record<string, string> = {};
  shape: RowShape;
  infer: Lowered["infer"];
  isSound = true;
  readonly #scope: StageScope;
  readonly #findings: Findings;
  /** Fields that steps which failed would have made; undefined once a step failed of which that cannot be told. */
  #unmade: Set<string> | undefined = new Set();

  constructor(scope: StageScope, findings: Findings) {
    this.#scope = scope;
    this.#findings = findings;
    this.shape = scope.input;
  }

  step(step: StepPart | undefined, isLast: boolean): void {
    if (step?.spec === undefined) {
      this.#fail(step);
      return;
    }
    if (step.kind === "infer") this.#placeInfer(step, isLast);
    if (this.#scope.ingest) Object.assign(this.casts, step.definition.casts?.(step.spec));
    const problemsBefore = this.#findings.problems.length;
    let isMuted = false;
    const context = stepContext(step, this, () => {
      isMuted = true;
    });
    const ops = step.definition.lower(step.spec, context);
    if (this.#scope.ingest) Object.assign(this.extract, step.definition.extracts?.(step.spec));
    this.ops.push(...ops);
    this.shape = shapeAfter(this.shape, ops);
    if (isMuted || this.#findings.problems.length > problemsBefore) this.#fail(step);
  }

  wouldHave(name: string): boolean {
    return this.#unmade === undefined || this.#unmade.has(name);
  }

  get scope(): StageScope {
    return this.#scope;
  }

  get findings(): Findings {
    return this.#findings;
  }

  #fail(step: StepPart | undefined): void {
    this.isSound = false;
    const makes = step?.definition.makes;
    const names = step === undefined ? undefined : makes === undefined ? [] : makes(step.written);
    if (names === undefined) this.#unmade = undefined;
    for (const name of names ?? []) this.#unmade?.add(name);
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

/** `mute` is told of a problem that is not reported, because it follows from one that was. */
function stepContext(step: StepPart, lowering: Lowering, mute: () => void): LoweringContext {
  const { scope, findings } = lowering;
  const report = (problem: SpecProblem): void => {
    if (scope.told.has(problem.code)) {
      mute();
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
    supplied: scope.supplied,
    isBehindReading: lowering.ops.length > 0 || Object.keys(lowering.extract).length > 0,
    timeField: scope.timeField,
    keyField: scope.keyField,
    latenessMs: scope.latenessMs,
    keysMax: scope.keysMax,
    ttlMs: scope.ttlMs,
    lateEmitted: lowering.ops.some((op) => op.op === "late"),
    expression: (source, path, shape) =>
      typedExpression(source, shape ?? lowering.shape, (problem, missing) => {
        if (missing !== undefined && lowering.wouldHave(missing)) mute();
        else report({ ...problem, path });
      }),
    field: (name, path) => {
      const field = lowering.shape.find((candidate) => candidate.name === name);
      // A name that is itself a key, as in cast, is shown where it is written.
      const on = path.at(-1) === name ? ({ on: "key" } as const) : {};
      if (field === undefined && lowering.wouldHave(name)) mute();
      else if (field === undefined) report({ ...unknownField(name, path, lowering.shape), ...on });
      return field;
    },
    problem: report,
    storeName: (kind, written) => storeName(kind, written, step, lowering),
    memory: (spec) => {
      const isNew = lowering.memories.every((memory) => memory.store.name !== spec.store.name);
      assert(isNew, `two stores of stage ${scope.stage} are named ${spec.store.name}`);
      return lowering.memories.push(spec) - 1;
    },
  };
}

/** `missing` is the name when the problem is a field that is not in scope. */
type ExpressionReport = (problem: Omit<Problem, "path">, missing: string | undefined) => void;

/**
 * Parses and checks an expression; what is wrong goes to `report`, with its offset inside the text: every name that is
 * no field, and the first other problem that the checker met before them.
 */
export function typedExpression(
  source: string | Ast,
  shape: RowShape,
  report: ExpressionReport,
): TypedExpression | undefined {
  const parsed = typeof source === "string" ? parseExpression(source) : { ast: source };
  if ("problem" in parsed) {
    const hint = parsed.problem.hint ?? "see docs/reference/expressions.md";
    report({ code: "MR_EXPRESSION_SYNTAX", ...parsed.problem, hint }, undefined);
    return undefined;
  }
  const text = typeof source === "string" ? source : undefined;
  const checked = checkExpression(parsed.ast, shape, text);
  if ("expr" in checked) return checked.expr;
  const missing = missingFields(parsed.ast, new Set(shape.map((field) => field.name)));
  const hint = checked.problem.hint ?? "see docs/reference/expressions.md";
  if (!missing.some((field) => field.at === checked.problem.at))
    report({ code: "MR_EXPRESSION_TYPE", ...checked.problem, hint }, undefined);
  for (const field of missing) {
    const alone = checkExpression(field, shape, text);
    if ("problem" in alone) report({ code: "MR_REFERENCE", hint, ...alone.problem }, field.name);
  }
  return undefined;
}

type FieldNode = Extract<Ast, { node: "field" }>;

/** The fields of an expression that are not in scope, each where it stands first. */
function missingFields(ast: Ast, names: ReadonlySet<string>): FieldNode[] {
  const found = new Map<string, FieldNode>();
  const visit = (node: Ast): void => {
    if (node.node === "field" && !names.has(node.name) && !found.has(node.name)) found.set(node.name, node);
    for (const part of partsOf(node)) visit(part);
  };
  visit(ast);
  return [...found.values()];
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

/** The store's name, by the rule of the contract. What is wrong or odd with it is reported. */
function storeName(kind: string, written: string | undefined, step: StepPart, lowering: Lowering): string {
  const { findings, memories, scope } = lowering;
  const taken = new Set(memories.map((memory) => memory.store.name));
  const base = written ?? kind;
  let name = base;
  for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
  if (name === base) return name;
  if (written !== undefined) {
    const message = `two steps of stage ${scope.stage} have a store named ${written}`;
    findings.problem("MR_CONFLICT", [...step.path, "store"], message, "give one of them another name");
    return name;
  }
  const message = `the store of this step is named ${name} by its place: with another ${kind} before it removed it would be taken for that one`;
  findings.warnings.push({ code: "MR_STORE_NAME", path: step.path, message, hint: `paste store: ${name}`, on: "key" });
  return name;
}
