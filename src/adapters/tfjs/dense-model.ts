/** A TensorFlow.js layers model whose layers are all dense, as layers that are worked out here, which is faster. */
import { seededRng } from "../../kernel/index.ts";
import {
  type DenseLayer,
  type DirectScorer,
  denseActivations,
  denseScorer,
  numbersEncoder,
  type Signature,
} from "../../model/index.ts";

type Model = import("@tensorflow/tfjs-layers").LayersModel;
type Layer = Model["layers"][number];

/** How far the two answers may lie apart: TensorFlow.js works in 32 bits. */
export const differenceMax = 1e-6;
const probeRows = 64;

/** The layers in order; undefined when the model is anything but one dense layer after the other. */
export function denseLayersOf(model: Model): DenseLayer[] | undefined {
  const layers: DenseLayer[] = [];
  let layer: Layer | undefined = model.outputs[0]?.sourceLayer;
  while (layer !== undefined && layer.getClassName() !== "InputLayer") {
    const [node, another] = layer.inboundNodes;
    if (node === undefined || another !== undefined || node.inboundLayers.length > 1) return undefined;
    // What is dropped out in training is handed on as it is when rows are scored.
    if (layer.getClassName() !== "Dropout") {
      const dense = denseLayerOf(layer);
      if (dense === undefined) return undefined;
      layers.unshift(dense);
    }
    layer = node.inboundLayers[0];
  }
  return layers.length === 0 ? undefined : layers;
}

function denseLayerOf(layer: Layer): DenseLayer | undefined {
  const name = layer.getConfig()["activation"];
  const activation = denseActivations.find((each) => each === name);
  const [kernel, bias] = layer.getWeights();
  const [inputs, units] = kernel?.shape ?? [];
  if (layer.getClassName() !== "Dense" || activation === undefined || kernel === undefined) return undefined;
  if (inputs === undefined || units === undefined || kernel.rank !== 2) return undefined;
  const given = kernel.dataSync();
  const weights = Float64Array.from(given, (_, at) => given[(at % inputs) * units + Math.floor(at / inputs)] as number);
  const biases = bias === undefined ? new Float64Array(units) : Float64Array.from(bias.dataSync());
  return { inputs, units, activation, weights, biases };
}

/**
 * By how much the layers answer otherwise than the model, at most, on rows as standardised inputs are.
 *
 * @param predict scores of rows of columns by the model itself
 */
export function denseDifference(
  layers: readonly DenseLayer[],
  columns: number,
  output: Signature["output"],
  predict: (rows: Float64Array, rowCount: number) => ArrayLike<number>,
): number {
  const rng = seededRng(0);
  const rows = Float64Array.from({ length: probeRows * columns }, () => 2 * rng.normal());
  const ours = new Float64Array(probeRows);
  asTheyAre(layers, columns, output).score(rows, probeRows, ours, 0);
  const theirs = predict(rows, probeRows);
  return ours.reduce((most, score, i) => Math.max(most, Math.abs(score - (theirs[i] ?? Number.NaN))), 0);
}

/** A scorer of columns, to which nothing is done before. */
function asTheyAre(layers: readonly DenseLayer[], columns: number, output: Signature["output"]): DirectScorer {
  const all = (value: number): number[] => Array.from({ length: columns }, () => value);
  const [low, high] = [all(-Number.MAX_VALUE), all(Number.MAX_VALUE)];
  const inputs = all(0).map((_, i) => ({ name: `c${i}`, kind: "number" as const }));
  const signature: Signature = { task: "binary", inputs, ...(output === undefined ? {} : { output }) };
  return denseScorer(layers, { mean: all(0), scale: all(1), low, high }, numbersEncoder(columns), signature);
}
