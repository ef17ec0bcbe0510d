import type { HeldInputs } from "./held-inputs.ts";

/** Rows are scored in micro-batches of at most this many, so that a piece never blocks the loop for long. */
export const microBatchRows = 64;

/** What an input is: a number; true or false; or text (a string or an enum) of which the model knows some values. */
export type InputKind = "number" | "boolean" | "category";

export interface ModelInput {
  readonly name: string;
  readonly kind: InputKind;
}

/** Ordered inputs of a model, as it was trained. */
export interface Signature {
  readonly inputs: readonly ModelInput[];
  readonly task: "binary";
  /** What a TensorFlow.js model's last layer answers; a logit is squashed by us. Default: probability. */
  readonly output?: "probability" | "logit";
}

/**
 * A trained model that scores rows.
 *
 * `rows` is row-major, `rowCount` rows of `signature.inputs.length` numbers; NaN stands for null (the scorer
 * puts the training mean there, or what it has learnt for null); booleans are 1 and 0, and a category is its `code`.
 * `rowCount` is at most {@link microBatchRows}. Scores go to `into[intoAt .. intoAt + rowCount)`: the probability of
 * the positive class. A score that is not finite makes its record MR_INFER. Answers nothing when done at once, or a
 * promise.
 */
export interface Scorer {
  readonly signature: Signature;
  /** What it has held to the trained range so far; undefined when it does not count that. */
  readonly held?: HeldInputs;
  /** The number that stands in rows for a value of a category; asked only for inputs that are categories. */
  code?(input: number, value: string): number;
  score(rows: Float64Array, rowCount: number, into: Float64Array, intoAt: number): void | Promise<void>;
}

/** A scorer that always answers at once. */
export interface DirectScorer extends Scorer {
  score(rows: Float64Array, rowCount: number, into: Float64Array, intoAt: number): void;
}
