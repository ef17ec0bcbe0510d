/** What a layer makes of the sum of a unit. */
export type DenseActivation = "relu" | "tanh" | "sigmoid" | "linear";

export const denseActivations: readonly DenseActivation[] = ["relu", "tanh", "sigmoid", "linear"];

/** A layer in which every unit takes every input: y = activation(W x + b). */
export interface DenseLayer {
  readonly inputs: number;
  readonly units: number;
  readonly activation: DenseActivation;
  /** Weights unit by unit: `units` times `inputs`, the inputs of one unit side by side. */
  readonly weights: Float64Array;
  /** One per unit. */
  readonly biases: Float64Array;
}

/** Applies an activation to the first `count` values, in place. */
export function activate(activation: DenseActivation, values: Float64Array, count: number): void {
  if (activation === "relu") {
    for (let i = 0; i < count; i++) if ((values[i] as number) < 0) values[i] = 0;
  } else if (activation === "tanh") {
    for (let i = 0; i < count; i++) values[i] = Math.tanh(values[i] as number);
  } else if (activation === "sigmoid") {
    for (let i = 0; i < count; i++) values[i] = 1 / (1 + Math.exp(-(values[i] as number)));
  }
}

/**
 * Writes W x + b of one row into `into[0 .. units)`.
 *
 * Four units at once: sums of their own, so that an addition need not wait for the one before it. Each sum runs over
 * the inputs in their order, so that a row's answer depends on nothing but the row.
 */
export function weigh({ inputs, units, weights, biases }: DenseLayer, x: Float64Array, into: Float64Array): void {
  let unit = 0;
  for (; unit + 4 <= units; unit += 4) {
    let [at0, at1, at2, at3] = [unit * inputs, (unit + 1) * inputs, (unit + 2) * inputs, (unit + 3) * inputs];
    let a = biases[unit] as number;
    let b = biases[unit + 1] as number;
    let c = biases[unit + 2] as number;
    let d = biases[unit + 3] as number;
    for (let i = 0; i < inputs; i++) {
      const value = x[i] as number;
      a += value * (weights[at0++] as number);
      b += value * (weights[at1++] as number);
      c += value * (weights[at2++] as number);
      d += value * (weights[at3++] as number);
    }
    into[unit] = a;
    into[unit + 1] = b;
    into[unit + 2] = c;
    into[unit + 3] = d;
  }
  for (; unit < units; unit++) {
    let sum = biases[unit] as number;
    for (let i = 0, at = unit * inputs; i < inputs; i++) sum += (x[i] as number) * (weights[at++] as number);
    into[unit] = sum;
  }
}
