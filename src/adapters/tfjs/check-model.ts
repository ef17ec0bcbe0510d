/** Whether a TensorFlow.js layers model is what a version's signature says: one row of inputs to one probability. */
import type { Signature } from "../../model/index.ts";

type Model = import("@tensorflow/tfjs-layers").LayersModel;
type Layer = Model["layers"][number];

/** Layers that hand on at inference what they are given, whatever its shape: the layer before them decides. */
const passing: ReadonlySet<string> = new Set([
  "Dropout",
  "SpatialDropout1D",
  "GaussianNoise",
  "GaussianDropout",
  "AlphaDropout",
  "Flatten",
  "Reshape",
  "ActivityRegularization",
]);
/** Layers behind layers that are looked through; a model deeper than that at its very end is none we know. */
const depthMax = 32;

/**
 * What does not fit; undefined when everything does.
 *
 * @param width columns that the encoder makes of a row
 */
export function modelFault(model: Model, width: number, signature: Signature): string | undefined {
  const [input, output] = [model.inputs[0]?.shape, model.outputs[0]?.shape];
  const fits = model.inputs.length === 1 && model.outputs.length === 1 && isShape(input, width) && isShape(output, 1);
  if (!fits) {
    const all = (tensors: readonly { readonly shape: unknown }[]): string =>
      tensors.map(({ shape }) => JSON.stringify(shape)).join(", ");
    return `takes ${all(model.inputs)} and answers ${all(model.outputs)}; wanted [null,${width}] and [null,1]`;
  }
  const activation = lastActivation(model);
  const wanted = signature.output === "logit" ? "linear" : "sigmoid";
  if (activation === wanted) return undefined;
  const found = activation === undefined ? "no layer whose activation is known" : `activation ${activation}`;
  if (activation === "linear")
    return 'its last layer has activation linear, so its answer is no probability; train it with a sigmoid at the end, or declare "output": "logit" in signature.json and it is squashed here';
  if (activation === "sigmoid")
    return 'its last layer has activation sigmoid, and signature.json declares "output": "logit"; remove that line, or it would be squashed twice';
  return `its last layer has ${found}; wanted is one sigmoid output, or a linear one with "output": "logit" in signature.json`;
}

/** Rows of any number, each of `width` numbers; a model for rows of a fixed number would fail on the first batch. */
function isShape(shape: readonly (number | null)[] | undefined, width: number): boolean {
  return shape?.length === 2 && shape[0] === null && shape[1] === width;
}

/** The activation that the output went through last; undefined when the last layer says none. */
function lastActivation(model: Model): string | undefined {
  let layer: Layer | undefined = model.outputs[0]?.sourceLayer;
  for (let depth = 0; depth < depthMax && layer !== undefined; depth++) {
    const name = layer.getClassName();
    if (isModel(layer)) {
      layer = layer.outputs[0]?.sourceLayer;
      continue;
    }
    const { activation } = layer.getConfig();
    const isNothing = name === "Activation" && activation === "linear";
    if (!isNothing && !passing.has(name)) return typeof activation === "string" ? activation : undefined;
    layer = layer.inboundNodes[0]?.inboundLayers[0];
  }
  return undefined;
}

/** A model inside a model is a layer with outputs of its own. */
function isModel(layer: Layer): layer is Layer & Model {
  return "outputs" in layer && Array.isArray(layer.outputs);
}

/**
 * Why a `model.json` is of a kind that cannot be read here, with the cure; undefined when it may be read.
 *
 * Keras 3 writes other layer configurations than TensorFlow.js reads (`batch_shape` for `batch_input_shape`, objects
 * for dtypes), and what the reader says of them names neither.
 */
export function formatFault(file: { readonly format?: unknown; readonly modelTopology?: unknown }): string | undefined {
  if (file.format === "graph-model")
    return "it is a graph model; export a layers model: tensorflowjs_converter --input_format=keras --output_format=tfjs_layers_model";
  const topology = JSON.stringify(file.modelTopology ?? null);
  const version = /"keras_version":"(\d+)\./.exec(topology)?.[1];
  const isKeras3 = version === undefined ? /"batch_shape":|"DTypePolicy"/.test(topology) : Number(version) >= 3;
  if (!isKeras3) return undefined;
  return "it was exported by Keras 3, whose layers TensorFlow.js does not read; export it with Keras 2: pip install tf_keras, set TF_USE_LEGACY_KERAS=1 before importing tensorflow, save as .h5, and run tensorflowjs_converter --input_format=keras";
}
