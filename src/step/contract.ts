import type { ZodType } from "zod";
import type { Ast, RowMemory, RowOp, TypedExpression } from "../expression/index.ts";
import type { Problem } from "../kernel/index.ts";
import { type CastType, type Field, kindText, type RowShape } from "../schema/index.ts";
import type { Store, StoreSpec } from "../state/index.ts";

/** A step's memory with the store behind it; made anew for every task. */
export interface StepMemory extends RowMemory {
  readonly store: Store;
}

/** What a store holds, as far as it has to stay the same for what is written down to be of use. */
export interface StoreShape {
  /** What entries are told apart by, as a printed expression. */
  readonly key: string;
  /** Printed expressions of the numbers of a row, in their order; null for one that nothing fills any more. */
  readonly columns: readonly (string | null)[];
  /** Printed condition of the records that are held; null where all are. */
  readonly where: string | null;
  /** Lengths of the windows, in ms, ascending. */
  readonly windowsMs: readonly number[];
  /** The longest that it is held for, in ms; may be longer than every window. */
  readonly longestMs: number;
  /** How far behind stream time what is held reaches, in ms. */
  readonly reachMs: number;
  /** A key whose last record lies further behind stream time than this, in ms, is forgotten; absent where none is. */
  readonly ttlMs?: number | undefined;
}

/** Memory as the plan holds it: named, versioned, and made only when a task opens. */
export interface MemorySpec {
  readonly store: StoreSpec;
  readonly holds: StoreShape;
  /**
   * @param held the shape in which the store is written down, which then is the shape of what is made: it has every
   *   column that `holds` has, and reaches as far back. Left out, `holds`.
   */
  readonly create: (held?: StoreShape) => StepMemory;
}

/** What a step may ask while it lowers. All that is wrong is reported, and lowering goes on with `undefined`. */
export interface LoweringContext {
  /** The fields in scope before this step. */
  readonly shape: RowShape;
  /** Name of the stage, for messages and docs. */
  readonly stage: string;
  /** True in a stage that reads what others send: `cast` is then the reader's business. */
  readonly ingest: boolean;
  /** Fields that Millrace fills by itself in an ingest stage. */
  readonly supplied: readonly string[];
  /** True when this step stands behind one that works on rows, or behind another `extract`. */
  readonly isBehindReading: boolean;
  /** The event-time field of the input topic; undefined when it has none. */
  readonly timeField: string | undefined;
  /** The key field of the input topic; undefined when it has none. */
  readonly keyField: string | undefined;
  /** Allowed lateness, in ms: `late.within`, or its default by the longest window. */
  readonly latenessMs: number;
  /** Keys that a store holds at most; undefined leaves it to the store. */
  readonly keysMax: number | undefined;
  /** Time to live of what a store holds, in ms, at least `latenessMs`; undefined when the file does not say. */
  readonly ttlMs: number | undefined;
  /** True once a `late` operation stands before this step; see {@link lateOps}. */
  readonly lateEmitted: boolean;
  /**
   * Parses (when it is text) and checks an expression found at `path` inside the step's config. Problems are
   * reported. It is checked against `shape`, which defaults to the fields in scope before this step.
   */
  expression(source: string | Ast, path: readonly (string | number)[], shape?: RowShape): TypedExpression | undefined;
  /** Looks a field up; an unknown one is reported with "did you mean". */
  field(name: string, path: readonly (string | number)[]): Field | undefined;
  /** Reports a problem; `path` is relative to the step's config. */
  problem(problem: Problem): void;
  /**
   * The name of the step's store: as `written` under `store`, which is reported when it is taken in the stage; else its
   * kind, then `<kind>-2` and so on, which is warned of, since an edit of the steps changes who has which.
   */
  storeName(kind: string, written: string | undefined): string;
  /** Registers a store and answers the index for a `call`. */
  memory(spec: MemorySpec): number;
}

/**
 * The operations that judge lateness, for the first step with memory of a stage; nothing when they stand already.
 * A topic without event time is reported as MR_TIME.
 */
export function lateOps(context: LoweringContext): readonly RowOp[] {
  if (context.lateEmitted) return [];
  const time = timeOf(context);
  return time === undefined ? [] : [{ op: "late", time: time.name, withinMs: context.latenessMs }];
}

/** The event-time field of the rows; its absence is reported as MR_TIME. */
export function timeOf(context: LoweringContext): Field | undefined {
  const time = context.shape.find((field) => field.name === context.timeField);
  if (time?.type.kind === "timestamp") return time;
  const found =
    time !== undefined
      ? `${time.name} is ${kindText(time.type)}`
      : context.timeField === undefined
        ? "the topic it reads has none"
        : `there is no field ${context.timeField} here`;
  context.problem({
    code: "MR_TIME",
    path: [],
    message: `stage ${context.stage}: the step needs event time, and ${found}`,
    hint: "name a timestamp-millis field under `time:` of the topic",
  });
  return undefined;
}

/** The fields in scope after these operations: old ones keep their place, new ones follow in order. */
export function shapeAfter(shape: RowShape, ops: readonly RowOp[]): RowShape {
  const fields = new Map(shape.map((field) => [field.name, field]));
  for (const op of ops) {
    if (op.op === "assign") fields.set(op.field.name, op.field);
    if (op.op === "call") for (const field of op.results) fields.set(field.name, field);
  }
  return [...fields.values()];
}

/**
 * A step: config and one way to run. A step that only computes on the row lowers to row operations; a step
 * with memory lowers to a `call`; `infer` has no lowering of its own.
 */
export interface StepDefinition<Config> {
  readonly kind: string;
  /** One sentence for the reference page. */
  readonly summary: string;
  /** More for the reference page, in Markdown. */
  readonly details?: string;
  readonly config: ZodType<Config>;
  /** A config that is valid, for the reference page and the laws. */
  readonly example: Config;
  lower(config: Config, context: LoweringContext): readonly RowOp[];
  /** Longest time, in ms, over which the step looks back; sets the default of `late.within`. Steps with memory only. */
  lookBackMs?(config: Config): number;
  /**
   * Names of the fields that the step adds, told from its config as written, whose shape may be wrong: where the step
   * fails, nothing is said about the lack of these. Undefined when they cannot be told. Absent for steps that add none.
   */
  makes?(written: unknown): readonly string[] | undefined;
  /** For `cast`: what it lets the reader of an ingest stage convert. Inside ingest it lowers to nothing. */
  casts?(config: Config): Readonly<Record<string, CastType>>;
  /** For `extract`: where in the event the reader of an ingest stage finds fields, as JSON Pointers. */
  extracts?(config: Config): Readonly<Record<string, string>>;
}

/** Keeps the config type while a step is defined; the catalogue holds steps with their types erased. */
export function defineStep<Config>(definition: StepDefinition<Config>): StepDefinition<Config> {
  return definition;
}
