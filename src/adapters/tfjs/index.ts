/**
 * TensorFlow.js layers models as scorers.
 *
 * Backends in this order: `@tensorflow/tfjs-node` when somebody has installed it (an optional peer: its native
 * library is a download of its own), then WebAssembly, then plain JavaScript. Loaded only when a version of
 * this kind is served, because the import alone costs most of a second.
 *
 * A version holds `model.json` and one weights file as `model.save` writes them, beside signature, scaler and
 * checksums. Inputs reach the model standardised, and one-hot where `encoder.json` has a vocabulary for them. It must
 * answer one sigmoid output per row, or a linear one where the signature says `"output": "logit"`. A model of dense
 * layers alone is worked out here, once it has been seen to answer as TensorFlow.js does.
 */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { assert, type Logger, messageOf, OperationError, say } from "../../kernel/index.ts";
import {
  applyScaler,
  categoryCodes,
  columnCount,
  denseScorer,
  expandRows,
  type ModelArtefact,
  type Scorer,
} from "../../model/index.ts";
import { formatFault, modelFault } from "./check-model.ts";
import { denseDifference, denseLayersOf, differenceMax } from "./dense-model.ts";

type Tensorflow = typeof import("@tensorflow/tfjs-core");
type Layers = typeof import("@tensorflow/tfjs-layers");

export type TfjsBackend = "tensorflow" | "wasm" | "cpu";

interface Loaded {
  readonly tf: Tensorflow;
  readonly layers: Layers;
  readonly backend: TfjsBackend;
}

let loading: Promise<Loaded> | undefined;

/** Loads TensorFlow.js once per process and says which backend it runs on. */
export function loadTfjs(
  logger: Logger,
  backends: readonly TfjsBackend[] = ["tensorflow", "wasm", "cpu"],
): Promise<Loaded> {
  loading ??= load(logger, backends).catch((cause: unknown) => {
    loading = undefined;
    throw cause;
  });
  return loading;
}

async function load(logger: Logger, backends: readonly TfjsBackend[]): Promise<Loaded> {
  const tf = await import("@tensorflow/tfjs-core");
  const layers = await import("@tensorflow/tfjs-layers");
  for (const backend of backends) {
    try {
      await openBackend[backend]();
      if (await tf.setBackend(backend)) {
        await tf.ready();
        say(logger, "tfjsReady", { backend });
        return { tf, layers, backend };
      }
    } catch (cause) {
      say(logger, "tfjsBackendAbsent", { backend, reason: messageOf(cause) });
    }
  }
  throw new OperationError("MR_MODEL", `loading TensorFlow.js: none of the backends ${backends.join(", ")} works here`);
}

const openBackend: Readonly<Record<TfjsBackend, () => Promise<void>>> = {
  tensorflow: async () => {
    // Named by a variable, so that neither compiler nor bundler asks for a package that most do not have.
    const name: string = "@tensorflow/tfjs-node";
    await import(name);
  },
  wasm: async () => {
    const wasm = await import("@tensorflow/tfjs-backend-wasm");
    const entry = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm");
    wasm.setWasmPaths(`${dirname(entry)}/`);
  },
  cpu: async () => {
    await import("@tensorflow/tfjs-backend-cpu");
  },
};

/**
 * Opens a version of kind `tfjs-layers`.
 *
 * @param where names the version in messages, such as `card-fraud/3`
 * @throws OperationError MR_MODEL when the files are no layers model or do not fit the signature
 */
export async function openTfjsScorer(artefact: ModelArtefact, where: string, logger: Logger): Promise<Scorer> {
  assert(artefact.kind === "tfjs-layers", "a version that holds a layers model");
  const { tf, layers } = await loadTfjs(logger);
  const { signature, encoder, scaler } = artefact;
  const width = signature.inputs.length;
  const columns = columnCount(encoder);
  const model = await readModel(layers, artefact, where);
  const fault = modelFault(model, columns, signature);
  if (fault !== undefined) {
    model.dispose();
    throw new OperationError("MR_MODEL", `reading model ${where}: ${fault}`);
  }
  const isLogit = signature.output === "logit";
  const predict = (rows: Float64Array, rowCount: number): Float64Array => {
    const answers = tf.tidy(() => {
      const answer = model.predict(tf.tensor2d(Float32Array.from(rows), [rowCount, columns]));
      return (Array.isArray(answer) ? answer[0] : answer)?.dataSync();
    });
    return Float64Array.from({ length: rowCount }, (_, i) => {
      const score = answers?.[i] ?? Number.NaN;
      return isLogit ? 1 / (1 + Math.exp(-score)) : score;
    });
  };
  const dense = denseLayersOf(model);
  if (dense !== undefined) {
    const difference = denseDifference(dense, columns, signature.output, predict);
    if (difference <= differenceMax) {
      model.dispose();
      return denseScorer(dense, scaler, encoder, signature);
    }
    say(logger, "tfjsDenseDiffers", { version: where, difference });
  }
  return {
    signature,
    code: categoryCodes(encoder),
    score(rows, rowCount, into, intoAt) {
      const prepared = rows.slice(0, rowCount * width);
      applyScaler(scaler, prepared, rowCount, encoder);
      const expanded = new Float64Array(rowCount * columns);
      expandRows(encoder, prepared, rowCount, expanded);
      into.set(predict(expanded, rowCount), intoAt);
    },
  };
}

async function readModel(layers: Layers, artefact: ModelArtefact, where: string) {
  try {
    const file = artefact.files.get("model.json");
    if (file === undefined) throw new OperationError("MR_MODEL", "model.json is missing");
    const topology = JSON.parse(new TextDecoder().decode(file)) as {
      format?: unknown;
      modelTopology: object;
      weightsManifest: { paths: string[]; weights: import("@tensorflow/tfjs-core").io.WeightsManifestEntry[] }[];
    };
    const foreign = formatFault(topology);
    if (foreign !== undefined) throw new OperationError("MR_MODEL", foreign);
    const paths = topology.weightsManifest.flatMap((group) => group.paths).map((path) => path.replace(/^\.\//, ""));
    const parts = paths.map((path) => {
      const bytes = artefact.files.get(path);
      if (bytes === undefined) throw new OperationError("MR_MODEL", `${path} is missing`);
      return bytes;
    });
    const weightData = Buffer.concat(parts);
    return await layers.loadLayersModel({
      load: async () => ({
        modelTopology: topology.modelTopology,
        weightSpecs: topology.weightsManifest.flatMap((group) => group.weights),
        weightData: weightData.buffer.slice(weightData.byteOffset, weightData.byteOffset + weightData.byteLength),
      }),
    });
  } catch (cause) {
    throw new OperationError("MR_MODEL", `reading model ${where}: ${messageOf(cause)}`, { cause });
  }
}
