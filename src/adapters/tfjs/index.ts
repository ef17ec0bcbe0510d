/**
 * TensorFlow.js layers models as scorers.
 *
 * Backends in this order: `@tensorflow/tfjs-node` when somebody has installed it (an optional peer: its native
 * library is a download of its own), then WebAssembly, then plain JavaScript. Loaded only when a version of
 * this kind is served, because the import alone costs most of a second.
 *
 * A version holds `model.json` and one weights file as `model.save` writes them, beside signature, scaler and
 * checksums. Inputs reach the model standardised; it must answer one sigmoid output per row.
 */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { assert, type Logger, messageOf, OperationError } from "../../kernel/index.ts";
import { applyScaler, type ModelArtefact, type Scorer } from "../../model/index.ts";

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
        logger.info({ backend }, "TensorFlow.js is ready.");
        return { tf, layers, backend };
      }
    } catch (cause) {
      logger.debug({ backend, reason: messageOf(cause) }, "A TensorFlow.js backend is absent.");
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
  const width = artefact.signature.inputs.length;
  const model = await readModel(layers, artefact, where);
  const [input, output] = [model.inputs[0]?.shape, model.outputs[0]?.shape];
  const fits =
    model.inputs.length === 1 && model.outputs.length === 1 && input?.at(-1) === width && output?.at(-1) === 1;
  if (!fits) {
    model.dispose();
    throw new OperationError(
      "MR_MODEL",
      `reading model ${where}: takes ${JSON.stringify(input)} and answers ${JSON.stringify(output)}; wanted [null,${width}] and [null,1]`,
    );
  }
  return {
    signature: artefact.signature,
    score(rows, rowCount, into, intoAt) {
      const standardised = rows.slice(0, rowCount * width);
      applyScaler(artefact.scaler, standardised, rowCount);
      const scores = tf.tidy(() => {
        const answer = model.predict(tf.tensor2d(Float32Array.from(standardised), [rowCount, width]));
        return (Array.isArray(answer) ? answer[0] : answer)?.dataSync();
      });
      for (let i = 0; i < rowCount; i++) into[intoAt + i] = scores?.[i] ?? Number.NaN;
    },
  };
}

async function readModel(layers: Layers, artefact: ModelArtefact, where: string) {
  try {
    const topology = JSON.parse(new TextDecoder().decode(artefact.files.get("model.json"))) as {
      modelTopology: object;
      weightsManifest: { paths: string[]; weights: import("@tensorflow/tfjs-core").io.WeightsManifestEntry[] }[];
    };
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
