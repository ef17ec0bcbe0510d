/** Rows are scored in micro-batches of at most this many, so that a piece never blocks the loop for long. */
export const microBatchRows = 64;

/** Ordered inputs of a model, as it was trained. */
export interface Signature {
  readonly inputs: readonly { readonly name: string; readonly kind: "number" | "boolean" }[];
  readonly task: "binary";
}

/**
 * A trained model that scores rows.
 *
 * `rows` is row-major, `rowCount` rows of `signature.inputs.length` numbers; NaN stands for null (the scorer
 * puts the training mean there); booleans are 1 and 0. `rowCount` is at most {@link microBatchRows}.
 * Scores go to `into[intoAt .. intoAt + rowCount)`: the probability of the positive class. A score that is not
 * finite makes its record MR_INFER. Answers nothing when done at once, or a promise.
 */
export interface Scorer {
  readonly signature: Signature;
  score(rows: Float64Array, rowCount: number, into: Float64Array, intoAt: number): void | Promise<void>;
}

/** A scorer that always answers at once. */
export interface DirectScorer extends Scorer {
  score(rows: Float64Array, rowCount: number, into: Float64Array, intoAt: number): void;
}
