import { assert } from "../kernel/index.ts";
import { solveSymmetric } from "./linear-algebra.ts";
import { applyScaler, fitScaler, type Scaler } from "./scaler.ts";
import type { DirectScorer, Signature } from "./scorer.ts";

/** Logistic regression over standardised inputs: p = 1 / (1 + exp(-(intercept + w . z))). */
export interface LogisticModel {
  readonly intercept: number;
  /** One weight per input, for the standardised input. */
  readonly weights: readonly number[];
  readonly scaler: Scaler;
}

export interface LogisticOptions {
  /** Ridge penalty on the weights, against the sum of log losses; the intercept is free. Default 1. */
  readonly l2?: number;
  readonly iterationsMax?: number;
  /** Called after each Newton step with the mean penalised log loss, in nats. */
  readonly onIteration?: (iteration: number, loss: number) => void;
}

/** Labelled rows: row-major inputs with NaN for null, and 0 or 1 per row. */
export interface LabelledRows {
  readonly inputs: Float64Array;
  readonly labels: Float64Array;
  readonly width: number;
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
  const scaler = fitScaler(rows.inputs, count, width);
  const z = rows.inputs.slice();
  applyScaler(scaler, z, count);

  const l2 = options.l2 ?? 1;
  let beta = new Float64Array(width + 1); // intercept first
  let loss = penalisedLoss(z, labels, beta, l2);
  for (let iteration = 1; iteration <= (options.iterationsMax ?? 100); iteration++) {
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
  return { intercept: beta[0] as number, weights: Array.from(beta.subarray(1)), scaler };
}

/** Scores rows of a logistic model; done at once, no promise. */
export function logisticScorer(model: LogisticModel, signature: Signature): DirectScorer {
  const width = signature.inputs.length;
  assert(model.weights.length === width, "one weight per input of the signature");
  const weights = Float64Array.from(model.weights, (w, j) => w / (model.scaler.scale[j] as number));
  const mean = Float64Array.from(model.scaler.mean);
  const low = Float64Array.from(model.scaler.low);
  const high = Float64Array.from(model.scaler.high);
  const { intercept } = model;
  return {
    signature,
    score(rows, rowCount, into, intoAt) {
      for (let row = 0, at = 0; row < rowCount; row++) {
        let sum = intercept;
        for (let j = 0; j < width; j++, at++) {
          const x = rows[at] as number;
          if (Number.isNaN(x)) continue; // null: the mean, which standardises to 0
          const lo = low[j] as number;
          const hi = high[j] as number;
          sum += (weights[j] as number) * ((x < lo ? lo : x > hi ? hi : x) - (mean[j] as number));
        }
        into[intoAt + row] = 1 / (1 + Math.exp(-sum));
      }
    },
  };
}

function linear(z: Float64Array, row: number, beta: Float64Array): number {
  const width = beta.length - 1;
  let sum = beta[0] as number;
  for (let j = 0, at = row * width; j < width; j++, at++) sum += (beta[j + 1] as number) * (z[at] as number);
  return sum;
}

function penalisedLoss(z: Float64Array, labels: Float64Array, beta: Float64Array, l2: number): number {
  let loss = 0;
  for (let row = 0; row < labels.length; row++) {
    const eta = linear(z, row, beta);
    // log(1 + exp(eta)) - y eta, without overflow
    loss += Math.max(eta, 0) + Math.log1p(Math.exp(-Math.abs(eta))) - (labels[row] as number) * eta;
  }
  for (let j = 1; j < beta.length; j++) loss += 0.5 * l2 * (beta[j] as number) ** 2;
  return loss;
}

function derivatives(z: Float64Array, labels: Float64Array, beta: Float64Array, l2: number) {
  const n = beta.length;
  const width = n - 1;
  const gradient = new Float64Array(n);
  const hessian = new Float64Array(n * n);
  const x = new Float64Array(n);
  x[0] = 1;
  for (let row = 0; row < labels.length; row++) {
    for (let j = 0; j < width; j++) x[j + 1] = z[row * width + j] as number;
    const p = 1 / (1 + Math.exp(-linear(z, row, beta)));
    const residual = p - (labels[row] as number);
    const curvature = p * (1 - p);
    for (let i = 0; i < n; i++) {
      const xi = x[i] as number;
      gradient[i] = (gradient[i] as number) + residual * xi;
      const weighted = curvature * xi;
      for (let j = 0; j <= i; j++) hessian[i * n + j] = (hessian[i * n + j] as number) + weighted * (x[j] as number);
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
