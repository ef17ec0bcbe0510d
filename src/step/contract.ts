import type { ZodType } from "zod";
import type { Ast, RowMemory, RowOp, TypedExpression } from "../expression/index.ts";
import type { Problem } from "../kernel/index.ts";
import type { Field, RowShape } from "../schema/index.ts";
import type { Store, StoreSpec } from "../state/index.ts";

/** What JSON values of a field may also be, beyond the schema's own type: the target of a `cast`. */
export type CastTarget = "boolean" | "int" | "long" | "float" | "double" | "string" | "timestamp-millis";

/** A step's memory with the store behind it; made anew for every task. */
export interface StepMemory extends RowMemory {
  readonly store: Store;
}

/** Memory as the plan holds it: named, versioned, and made only when a task opens. */
export interface MemorySpec {
  readonly store: StoreSpec;
  readonly create: () => StepMemory;
}

/** What a step may ask while it lowers. All that is wrong is reported, and lowering goes on with `undefined`. */
export interface LoweringContext {
  /** The fields in scope before this step. */
  readonly shape: RowShape;
  /** Name of the stage, and of the topic it reads, for messages and docs. */
  readonly stage: string;
  /** The event-time field of the input topic; undefined when it has none. */
  readonly timeField: string | undefined;
  /** The key field of the input topic; undefined when it has none. */
  readonly keyField: string | undefined;
  /** Allowed lateness, in ms: `late.within`, or its default by the longest window. */
  readonly latenessMs: number;
  /** Parses (when it is text) and checks an expression found at `path` inside the step's config. Problems are reported. */
  expression(source: string | Ast, path: readonly (string | number)[]): TypedExpression | undefined;
  /** Looks a field up; an unknown one is reported with "did you mean". */
  field(name: string, path: readonly (string | number)[]): Field | undefined;
  /** Reports a problem; `path` is relative to the step's config. */
  problem(problem: Problem): void;
  /** Registers a store and answers the index for a `call`. */
  memory(spec: MemorySpec): number;
}

/** What an `infer` step asks of its stage: it is the last, takes whole pieces, and is lowered by the planner. */
export interface InferConfig {
  readonly model: string;
  readonly keep: readonly string[];
  readonly decide: Readonly<Record<string, string>>;
}

/**
 * A step: config and one way to run. A step that only computes on the row lowers to row operations; a step
 * with memory lowers to a `call`; `infer` has no lowering of its own.
 */
export interface StepDefinition<Config> {
  readonly kind: string;
  /** One sentence for the reference page. */
  readonly summary: string;
  readonly config: ZodType<Config>;
  /** A config that is valid, for the reference page and the laws. */
  readonly example: Config;
  lower(config: Config, context: LoweringContext): readonly RowOp[];
  /** Longest time, in ms, over which the step looks back; sets the default of `late.within`. Steps with memory only. */
  readonly lookBackMs?: (config: Config) => number;
  /** For `cast`: what it lets the reader of an ingest stage convert. Inside ingest it lowers to nothing. */
  readonly casts?: (config: Config) => Readonly<Record<string, CastTarget>>;
}

/** Keeps the config type while a step is defined; the catalogue holds steps with their types erased. */
export function defineStep<Config>(definition: StepDefinition<Config>): StepDefinition<Config> {
  return definition;
}
