import { assert, type Rng, seededRng } from "../../kernel/index.ts";
import { activate, type DenseLayer, weigh } from "./dense-layer.ts";

/** Rows as a network takes them. */
export interface DenseRows {
  readonly count: number;
  readonly width: number;
  /** Writes the columns of a row into the first `width` numbers. */
  readonly write: (row: number, into: Float64Array) => void;
  /** 0 or 1. */
  readonly label: (row: number) => number;
}

export interface DenseFitOptions {
  readonly seed: number;
  readonly epochsMax: number;
  /** Epochs without a better loss on the rows held back after which the fit ends. */
  readonly patienceEpochs: number;
  readonly batchRows: number;
  readonly learningRate: number;
  /** Rows at the end that only measure; 0 for none, and then the last epoch counts. */
  readonly heldBack: number;
  readonly signal?: AbortSignal;
  /** After each epoch: the mean log loss on the rows held back, or of the epoch where there are none, in nats. */
  readonly onEpoch?: (epoch: number, loss: number) => void;
}

const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-7];

export interface DenseFit {
  readonly layers: readonly DenseLayer[];
  /** After which epoch the layers were such. */
  readonly epoch: number;
}

/**
 * Fits a network of ReLU layers and one sigmoid output to the log loss, with Adam on batches in an order drawn anew in
 * each epoch, and answers the weights of the epoch that did best on the newest rows; 0 is the start itself.
 *
 * Source: D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.
 *
 * @param start layers to go on from; they are not changed
 * @throws what the signal was aborted with, looked at before each batch
 */
export function fitDense(start: readonly DenseLayer[], rows: DenseRows, options: DenseFitOptions): DenseFit {
  const { seed, epochsMax, patienceEpochs, batchRows, learningRate, heldBack, signal, onEpoch } = options;
  const learnt = rows.count - heldBack;
  assert(learnt > 0 && start[0]?.inputs === rows.width, "rows to learn from, as wide as the network");
  const network = new Network(start);
  const rng = seededRng(seed);
  const order = Uint32Array.from({ length: learnt }, (_, row) => row);
  let best: DenseFit = { layers: network.copy(), epoch: 0 };
  let bestLoss = heldBack === 0 ? Number.POSITIVE_INFINITY : network.meanLoss(rows, learnt);
  for (let epoch = 1, without = 0; epoch <= epochsMax && without < patienceEpochs; epoch++) {
    shuffle(order, rng);
    let sum = 0;
    for (let from = 0; from < learnt; from += batchRows) {
      signal?.throwIfAborted();
      const batch = order.subarray(from, from + batchRows);
      for (const row of batch) sum += network.learn(rows, row);
      network.step(batch.length, learningRate);
    }
    const loss = heldBack === 0 ? sum / learnt : network.meanLoss(rows, learnt);
    onEpoch?.(epoch, loss);
    if (heldBack === 0 || loss < bestLoss) [best, bestLoss, without] = [{ layers: network.copy(), epoch }, loss, 0];
    else without++;
  }
  return best;
}

/** Layers with weights drawn uniformly within sqrt(6 / inputs) (K. He et al., ICCV 2015), and biases of 0. */
export function drawLayers(columns: number, hidden: readonly number[], seed: number): DenseLayer[] {
  const rng = seededRng(seed);
  const units = [...hidden, 1];
  return units.map((count, i) => {
    const inputs = i === 0 ? columns : (units[i - 1] ?? 0);
    const limit = Math.sqrt(6 / inputs);
    const weights = Float64Array.from({ length: inputs * count }, () => (2 * rng.uniform() - 1) * limit);
    const activation = i === hidden.length ? "sigmoid" : "relu";
    return { inputs, units: count, activation, weights, biases: new Float64Array(count) };
  });
}

/** A layer with all that learning keeps beside its weights. */
interface LearningLayer {
  readonly layer: DenseLayer;
  readonly values: Float64Array;
  /** Derivative of the loss by what the unit sums up. */
  readonly delta: Float64Array;
  readonly weights: Moments;
  readonly biases: Moments;
}

/** Gradient of a batch, and Adam's running means of it and of its square. */
interface Moments {
  readonly gradient: Float64Array;
  readonly mean: Float64Array;
  readonly square: Float64Array;
}

class Network {
  readonly #layers: readonly LearningLayer[];
  readonly #x: Float64Array;
  #steps = 0;

  constructor(start: readonly DenseLayer[]) {
    this.#layers = start.map((layer) => ({
      layer: copied(layer),
      values: new Float64Array(layer.units),
      delta: new Float64Array(layer.units),
      weights: momentsOf(layer.weights.length),
      biases: momentsOf(layer.units),
    }));
    this.#x = new Float64Array(start[0]?.inputs ?? 0);
  }

  copy(): DenseLayer[] {
    return this.#layers.map(({ layer }) => copied(layer));
  }

  /** Adds a row's gradient to that of the batch; answers its log loss in nats. */
  learn(rows: DenseRows, row: number): number {
    const label = rows.label(row);
    const probability = this.#forward(rows, row);
    for (let l = this.#layers.length - 1; l >= 0; l--) {
      const { layer, values, delta, weights, biases } = this.#layers[l] as LearningLayer;
      const above = this.#layers[l + 1];
      if (above === undefined) delta[0] = probability - label;
      else backward(above, values, delta);
      addGradient(layer, l === 0 ? this.#x : (this.#layers[l - 1] as LearningLayer).values, delta, weights, biases);
    }
    return lossOf(probability, label);
  }

  /** Moves the weights by the gradient of the batch's mean loss. */
  step(batchRows: number, learningRate: number): void {
    this.#steps++;
    const rate = (learningRate * Math.sqrt(1 - beta2 ** this.#steps)) / (1 - beta1 ** this.#steps);
    for (const { layer, weights, biases } of this.#layers) {
      move(layer.weights, weights, batchRows, rate);
      move(layer.biases, biases, batchRows, rate);
    }
  }

  /** Mean log loss in nats over the rows from `from` on. */
  meanLoss(rows: DenseRows, from: number): number {
    let sum = 0;
    for (let row = from; row < rows.count; row++) sum += lossOf(this.#forward(rows, row), rows.label(row));
    return sum / (rows.count - from);
  }

  #forward(rows: DenseRows, row: number): number {
    rows.write(row, this.#x);
    let given = this.#x;
    for (const { layer, values } of this.#layers) {
      weigh(layer, given, values);
      activate(layer.activation, values, layer.units);
      given = values;
    }
    return given[0] as number;
  }
}

/** The derivative of a ReLU layer, out of that of the layer above it. */
function backward(above: LearningLayer, values: Float64Array, delta: Float64Array): void {
  const { inputs, units, weights } = above.layer;
  delta.fill(0);
  for (let unit = 0, at = 0; unit < units; unit++) {
    const given = above.delta[unit] as number;
    if (given === 0) at += inputs;
    else for (let i = 0; i < inputs; i++) delta[i] = (delta[i] as number) + given * (weights[at++] as number);
  }
  for (let i = 0; i < inputs; i++) if ((values[i] as number) <= 0) delta[i] = 0;
}

function addGradient(
  { inputs, units }: DenseLayer,
  x: Float64Array,
  delta: Float64Array,
  weights: Moments,
  biases: Moments,
): void {
  const gradient = weights.gradient;
  for (let unit = 0; unit < units; unit++) {
    const given = delta[unit] as number;
    if (given === 0) continue;
    biases.gradient[unit] = (biases.gradient[unit] as number) + given;
    for (let i = 0, at = unit * inputs; i < inputs; i++, at++)
      gradient[at] = (gradient[at] as number) + given * (x[i] as number);
  }
}

function move(values: Float64Array, { gradient, mean, square }: Moments, batchRows: number, rate: number): void {
  for (let i = 0; i < values.length; i++) {
    const g = (gradient[i] as number) / batchRows;
    const m = beta1 * (mean[i] as number) + (1 - beta1) * g;
    const v = beta2 * (square[i] as number) + (1 - beta2) * g * g;
    mean[i] = m;
    square[i] = v;
    values[i] = (values[i] as number) - (rate * m) / (Math.sqrt(v) + epsilon);
    gradient[i] = 0;
  }
}

function lossOf(probability: number, label: number): number {
  return -Math.log(Math.max(label === 1 ? probability : 1 - probability, 1e-15));
}

function shuffle(order: Uint32Array, rng: Rng): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    const held = order[i] as number;
    order[i] = order[j] as number;
    order[j] = held;
  }
}

function momentsOf(length: number): Moments {
  return {
    gradient: new Float64Array(length),
    mean: new Float64Array(length),
    square: new Float64Array(length),
  };
}

function copied(layer: DenseLayer): DenseLayer {
  return { ...layer, weights: layer.weights.slice(), biases: layer.biases.slice() };
}
