import { assert } from "../../kernel/index.ts";
import { categoryCodes, categoryColumn, columnStarts, type Encoder, numbersEncoder } from "../encoder.ts";
import { HeldInputs } from "../held-inputs.ts";
import { solveSymmetric } from "../linear-algebra.ts";
import { applyScaler, fitScaler, type Scaler, standardised } from "../scaler.ts";
import type { DirectScorer, Signature } from "../scorer.ts";
import type { LabelledRows, LearnerModel } from "./learner.ts";

/** Logistic regression over standardised inputs and one-hot categories: p = 1 / (1 + exp(-(intercept + w . z))). */
export interface LogisticModel extends LearnerModel {
  readonly intercept: number;
  /** One weight per column of the encoder, for the standardised input. */
  readonly weights: readonly number[];
}

export interface LogisticOptions {
  /** Ridge penalty on the weights, against the sum of log losses; the intercept is free. Default 1. */
  readonly l2?: number;
  readonly iterationsMax?: number;
  /** The inputs may be overwritten: a copy of many rows would be the largest thing that the fit needs. */
  readonly mayOverwrite?: boolean;
  /** Looked at before each Newton step. */
  readonly signal?: AbortSignal;
  /** Called after each Newton step with the mean penalised log loss, in nats. */
  readonly onIteration?: (iteration: number, loss: number) => void;
}

const gradientTolerance = 1e-9;
const halvingsMax = 30;

/**
 * Fits a logistic regression by Newton's method (iteratively reweighted least squares) with step halving,
 * to a gradient below 1e-9 per row: the optimum of a strictly convex problem, so the result does not depend
 * on a seed or on the order of the rows beyond rounding.
 *
 * Source: T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", 2nd ed., §4.4.1.
 */
export function fitLogistic(rows: LabelledRows, options: LogisticOptions = {}): LogisticModel {
  const { width, labels } = rows;
  const count = labels.length;
  assert(count > 0 && rows.inputs.length === count * width, "at least one row, and width inputs per row");
  const encoder = rows.encoder ?? numbersEncoder(width);
  const scaler = fitScaler(rows.inputs, count, width, encoder);
  const own = options.mayOverwrite === true ? rows.inputs : rows.inputs.slice();
  const z = designOf(own, count, scaler, encoder);

  const l2 = options.l2 ?? 1;
  let beta = new Float64Array(z.columnCount); // intercept first
  let loss = penalisedLoss(z, labels, beta, l2);
  for (let iteration = 1; iteration <= (options.iterationsMax ?? 100); iteration++) {
    options.signal?.throwIfAborted();
    const { gradient, hessian } = derivatives(z, labels, beta, l2);
    if (largest(gradient) < gradientTolerance * count) break;
    const step = gradient.slice();
    if (!solveSymmetric(hessian, step)) break;
    let moved = false;
    for (let halving = 0, factor = 1; halving < halvingsMax && !moved; halving++, factor /= 2) {
      const candidate = beta.map((b, j) => b - factor * (step[j] as number));
      const candidateLoss = penalisedLoss(z, labels, candidate, l2);
      if (candidateLoss < loss) {
        beta = candidate;
        loss = candidateLoss;
        moved = true;
      }
    }
    options.onIteration?.(iteration, loss / count);
    if (!moved) break;
  }
  return { intercept: beta[0] as number, weights: Array.from(beta.subarray(1)), scaler, encoder };
}

/** Scores rows of a logistic model; done at once, no promise. */
export function logisticScorer(model: LogisticModel, signature: Signature): DirectScorer {
  const width = signature.inputs.length;
  const { intercept, scaler, encoder } = model;
  const starts = columnStarts(encoder);
  assert(encoder.inputs.length === width && model.weights.length === starts[width], "one weight per column");
  const weights = Float64Array.from(model.weights);
  const valueCounts = encoder.inputs.map((values) => values?.length ?? -1);
  const mean = Float64Array.from(scaler.mean);
  const scale = Float64Array.from(scaler.scale);
  const low = Float64Array.from(scaler.low);
  const high = Float64Array.from(scaler.high);
  const held = new HeldInputs(width);
  return {
    signature,
    held,
    code: categoryCodes(encoder),
    score(rows, rowCount, into, intoAt) {
      for (let row = 0, at = 0; row < rowCount; row++) {
        let sum = intercept;
        for (let j = 0; j < width; j++, at++) {
          const x = rows[at] as number;
          const start = starts[j] as number;
          const valueCount = valueCounts[j] as number;
          if (valueCount >= 0) sum += weights[start + categoryColumn(x, valueCount)] as number;
          else {
            const [min, max] = [low[j] as number, high[j] as number];
            if (x < min || x > max) held.add(j);
            sum += (weights[start] as number) * standardised(x, mean[j] as number, scale[j] as number, min, max);
          }
        }
        into[intoAt + row] = 1 / (1 + Math.exp(-sum));
      }
    },
  };
}

/**
 * The rows as the fit walks them: per input a standardised number, or the column of its category, which holds 1.
 *
 * One-hot columns are never written out: a row costs as many numbers as it has inputs, however many values its
 * categories have.
 */
interface Design {
  readonly inputs: Float64Array;
  readonly width: number;
  /** Column of each number input, the intercept being column 0; -1 for a category. */
  readonly numberColumns: Int32Array;
  readonly columnCount: number;
}

/** Overwrites `inputs`. */
function designOf(inputs: Float64Array, rowCount: number, scaler: Scaler, encoder: Encoder): Design {
  const width = encoder.inputs.length;
  const starts = columnStarts(encoder);
  applyScaler(scaler, inputs, rowCount, encoder);
  for (const [input, values] of encoder.inputs.entries()) {
    if (values === null) continue;
    const first = 1 + (starts[input] as number);
    for (let i = input; i < inputs.length; i += width)
      inputs[i] = first + categoryColumn(inputs[i] as number, values.length);
  }
  const numberColumns = Int32Array.from(encoder.inputs, (values, input) =>
    values === null ? 1 + (starts[input] as number) : -1,
  );
  return { inputs, width, numberColumns, columnCount: 1 + (starts[width] as number) };
}

function linear({ inputs, width, numberColumns }: Design, row: number, beta: Float64Array): number {
  let sum = beta[0] as number;
  for (let j = 0, at = row * width; j < width; j++, at++) {
    const column = numberColumns[j] as number;
    const z = inputs[at] as number;
    sum += column < 0 ? (beta[z] as number) : (beta[column] as number) * z;
  }
  return sum;
}

function penalisedLoss(design: Design, labels: Float64Array, beta: Float64Array, l2: number): number {
  let loss = 0;
  for (let row = 0; row < labels.length; row++) {
    const eta = linear(design, row, beta);
    // log(1 + exp(eta)) - y eta, without overflow
    loss += Math.max(eta, 0) + Math.log1p(Math.exp(-Math.abs(eta))) - (labels[row] as number) * eta;
  }
  for (let j = 1; j < beta.length; j++) loss += 0.5 * l2 * (beta[j] as number) ** 2;
  return loss;
}

function derivatives(design: Design, labels: Float64Array, beta: Float64Array, l2: number) {
  const n = beta.length;
  const { inputs, width, numberColumns } = design;
  const gradient = new Float64Array(n);
  const hessian = new Float64Array(n * n);
  // The columns of one row that are not 0, ascending, and what stands in them.
  const columns = new Int32Array(width + 1);
  const x = new Float64Array(width + 1);
  x[0] = 1;
  for (let row = 0; row < labels.length; row++) {
    for (let j = 0, at = row * width; j < width; j++, at++) {
      const column = numberColumns[j] as number;
      const z = inputs[at] as number;
      columns[j + 1] = column < 0 ? z : column;
      x[j + 1] = column < 0 ? 1 : z;
    }
    const p = 1 / (1 + Math.exp(-linear(design, row, beta)));
    const residual = p - (labels[row] as number);
    const curvature = p * (1 - p);
    for (let i = 0; i <= width; i++) {
      const xi = x[i] as number;
      const column = columns[i] as number;
      gradient[column] = (gradient[column] as number) + residual * xi;
      const weighted = curvature * xi;
      for (let j = 0; j <= i; j++) {
        const at = column * n + (columns[j] as number);
        hessian[at] = (hessian[at] as number) + weighted * (x[j] as number);
      }
    }
  }
  for (let j = 1; j < n; j++) {
    gradient[j] = (gradient[j] as number) + l2 * (beta[j] as number);
    hessian[j * n + j] = (hessian[j * n + j] as number) + l2;
  }
  // With all rows of one class far from the border the intercept's curvature underflows; a speck keeps it solvable.
  hessian[0] = (hessian[0] as number) + 1e-12;
  return { gradient, hessian };
}

function largest(values: Float64Array): number {
  let max = 0;
  for (const value of values) max = Math.max(max, Math.abs(value));
  return max;
}
