import type { EpochMs, Offset, RecordErrorCode } from "../kernel/index.ts";
import type { Field, FieldType, Row, RowReads, RowShape } from "../schema/index.ts";
import type { Ast } from "./ast.ts";

/** An expression that was parsed and type-checked against a shape; safe to compile. */
export interface TypedExpression {
  readonly ast: Ast;
  readonly type: FieldType;
  /** As the user wrote it, or as the step that built it would have written it. */
  readonly text: string;
  /** Fields it reads, each once. */
  readonly fields: readonly string[];
  /** Set when the value can be a long or a time beyond 2^53, a bigint; what takes it as a number has to look. */
  readonly wide?: boolean;
}

/** One operation on a row. The operations of a stage compile into one function, in written order. */
export type RowOp =
  /**
   * Sets a field, new or old. A number that is not finite, does not fit an int, or is no whole number within
   * 2^53 for a long or a time is MR_EXPRESSION, and so is null for a field that is not nullable.
   */
  | { readonly op: "assign"; readonly field: Field; readonly value: TypedExpression }
  /** Filters the record, under this reason, when true. Null is not true. */
  | { readonly op: "dropIf"; readonly reason: string; readonly when: TypedExpression }
  /** Sends the record to the dead letters when true. */
  | {
      readonly op: "failIf";
      readonly code: RecordErrorCode;
      readonly field: string;
      readonly message: string;
      readonly when: TypedExpression;
    }
  /**
   * Advances stream time to the row's event time; older than stream time - `withinMs` is MR_LATE, exactly that
   * old is not. A null time is MR_REQUIRED.
   */
  | { readonly op: "late"; readonly time: string; readonly withinMs: number }
  /** Asks a step with memory: `texts` and `numbers` go in, its results become fields, or it drops the record. */
  | {
      readonly op: "call";
      /** Index into `Program.memories`. */
      readonly memory: number;
      readonly texts: readonly TypedExpression[];
      /** Numbers, booleans (1 and 0) and times; null goes in as NaN. */
      readonly numbers: readonly TypedExpression[];
      /**
       * Entry i takes `results[i]`, held to its field like an `assign`. NaN becomes null, and is MR_EXPRESSION
       * for a field that is not nullable; a boolean is whether the result is other than 0.
       */
      readonly results: readonly Field[];
      /** `update` answers 0 to go on, or n >= 1 to drop the record for `drops[n - 1]`. */
      readonly drops: readonly string[];
    };

/**
 * A step's memory while a stage runs. Arguments and results are flat and reused, so that a call
 * allocates nothing: the compiled function fills `texts` and `numbers`, calls `update`, reads `results`.
 */
export interface RowMemory {
  readonly texts: (string | null)[];
  readonly numbers: Float64Array;
  readonly results: Float64Array;
  update(context: RowContext): number;
}

/** What a row is processed with. One object per task, changed in place for every record. */
export interface RowContext {
  offset: Offset;
  /** Largest event time that reached a `late` operation; -Infinity before the first. Undone with the chunk. */
  streamTimeMs: EpochMs;
  /** Wall-clock time at the start of the piece, for nothing but `ahead`. */
  processingTimeMs: EpochMs;
  /** Set by the compiled function when it answers 0. */
  out: Row | null;
}

/** What a stage's row operations compile from. */
export interface Program {
  readonly input: RowShape;
  /** Code of a record in which a long beyond 2^53 is taken as a number; MR_DECODE_BODY when left out. */
  readonly wideCode?: RecordErrorCode;
  readonly ops: readonly RowOp[];
  /** Fields of the output row, in the order of the output schema; each must exist after the last operation. */
  readonly output: RowShape;
}

/** What became of a record. Index 0 of `CompiledProgram.fates` is always `out`. */
export type Fate =
  | { readonly kind: "out" }
  | { readonly kind: "filtered"; readonly reason: string }
  | { readonly kind: "late"; readonly field: string; readonly message: string }
  | { readonly kind: "failed"; readonly code: RecordErrorCode; readonly field: string; readonly message: string };

/**
 * How a program hands on what it does not assign. Its output then holds the fields that it assigned, those under
 * `carried` as values, and under {@link sourceKey} the row that an encoder takes everything else out of.
 */
export interface Passing {
  /** `row` is the input row itself, `source` what the input row has under {@link sourceKey}. */
  readonly from: "row" | "source";
  /** Fields that are needed as values after the program. */
  readonly carried: ReadonlySet<string>;
}

/** No field can be called so. */
export const sourceKey = "#source";

export interface CompiledProgram {
  readonly fates: readonly Fate[];
  /** What it reads of its input rows; everything else may be absent from them. */
  readonly reads: RowReads;
  /** Runs all operations on one row; the answer indexes `fates`, and 0 leaves the output row in `context.out`. */
  run(row: Row, context: RowContext): number;
}
