import { type ArtefactFiles, damaged, jsonFile, jsonObject } from "../artefact-json.ts";
import { type DenseActivation, type DenseLayer, denseActivations } from "./dense-layer.ts";

const topologyFile = "model.json";
const weightsFile = "weights.bin";
const bytesPerWeight = 4;

/**
 * Dense layers as TensorFlow.js writes a layers model: `model.json` and one file of 32-bit weights, which
 * `tf.loadLayersModel` opens. Weights must be exact in 32 bits already, or what is read back is another model.
 */
export function layersModelFiles(layers: readonly DenseLayer[]): ArtefactFiles {
  const names = layers.map((_, i) => `dense_${i + 1}`);
  const file = {
    format: "layers-model",
    generatedBy: "Millrace",
    convertedBy: null,
    modelTopology: {
      class_name: "Sequential",
      config: {
        name: "mlp",
        layers: layers.map(({ inputs, units, activation }, i) => ({
          class_name: "Dense",
          config: {
            name: names[i],
            trainable: true,
            ...(i === 0 ? { batch_input_shape: [null, inputs] } : {}),
            dtype: "float32",
            units,
            activation,
            use_bias: true,
          },
        })),
      },
    },
    weightsManifest: [
      {
        paths: [weightsFile],
        weights: layers.flatMap(({ inputs, units }, i) => [
          { name: `${names[i]}/kernel`, shape: [inputs, units], dtype: "float32" },
          { name: `${names[i]}/bias`, shape: [units], dtype: "float32" },
        ]),
      },
    ],
  };
  return new Map([
    [topologyFile, jsonFile(file)],
    [weightsFile, weightBytes(layers)],
  ]);
}

/**
 * The dense layers of a version whose files {@link layersModelFiles} has written.
 *
 * @param columns inputs of the first layer; the last one has a single unit, and its activation is sigmoid
 * @throws OperationError MR_MODEL when the files hold anything else, or a weight that is not finite
 */
export function readLayersModel(files: ArtefactFiles, columns: number, where: string): DenseLayer[] {
  const shapes = shapesOf(jsonObject(files, topologyFile, where), where);
  if (shapes.at(-1)?.units !== 1 || shapes.at(-1)?.activation !== "sigmoid")
    throw damaged(where, `${topologyFile} does not end in one sigmoid output`);
  const bytes = files.get(weightsFile);
  if (bytes === undefined) throw damaged(where, `${weightsFile} is missing`);
  let inputs = columns;
  let expected = 0;
  for (const { units } of shapes) {
    expected += (inputs + 1) * units;
    inputs = units;
  }
  if (bytes.length !== expected * bytesPerWeight)
    throw damaged(where, `${weightsFile} has ${bytes.length} bytes, and its layers ${expected * bytesPerWeight}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  inputs = columns;
  const next = (): number => view.getFloat32(bytesPerWeight * at++, true);
  return shapes.map(({ units, activation }) => {
    const weights = new Float64Array(inputs * units);
    // Keras lays a kernel out input by input, a forward pass wants it unit by unit.
    for (let i = 0; i < inputs; i++) for (let unit = 0; unit < units; unit++) weights[unit * inputs + i] = next();
    const layer = { inputs, units, activation, weights, biases: Float64Array.from({ length: units }, next) };
    if (![...weights, ...layer.biases].every(Number.isFinite))
      throw damaged(where, `${weightsFile} holds a number that is not finite`);
    inputs = units;
    return layer;
  });
}

function weightBytes(layers: readonly DenseLayer[]): Uint8Array {
  const count = layers.reduce((sum, { inputs, units }) => sum + (inputs + 1) * units, 0);
  const view = new DataView(new ArrayBuffer(count * bytesPerWeight));
  let at = 0;
  const put = (value: number): void => view.setFloat32(bytesPerWeight * at++, value, true);
  for (const { inputs, units, weights, biases } of layers) {
    for (let i = 0; i < inputs; i++) for (let unit = 0; unit < units; unit++) put(weights[unit * inputs + i] as number);
    for (const bias of biases) put(bias);
  }
  return new Uint8Array(view.buffer);
}

interface Shape {
  readonly units: number;
  readonly activation: DenseActivation;
}

function shapesOf(file: Readonly<Record<string, unknown>>, where: string): readonly Shape[] {
  const topology = entry(file["modelTopology"]);
  const layers = entry(topology["config"])["layers"];
  if (topology["class_name"] !== "Sequential" || !Array.isArray(layers))
    throw damaged(where, `${topologyFile} is no sequence of layers`);
  return layers.map((given: unknown) => {
    const layer = entry(given);
    const { units, activation } = entry(layer["config"]) as { readonly units?: unknown; readonly activation?: unknown };
    const known = denseActivations.find((each) => each === activation);
    if (layer["class_name"] !== "Dense" || known === undefined || !Number.isSafeInteger(units) || Number(units) < 1)
      throw damaged(
        where,
        `${topologyFile} has a layer that is not dense, or of which units or activation are unknown`,
      );
    return { units: Number(units), activation: known };
  });
}

function entry(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
