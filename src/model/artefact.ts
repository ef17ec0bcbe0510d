import { type EpochMs, type Hasher, parseIsoTimeMs } from "../kernel/index.ts";
import {
  type ArtefactFiles,
  damaged,
  fileText,
  finiteNumbers,
  jsonFile,
  jsonObject,
  type VersionParts,
} from "./artefact-json.ts";
import { type Calibration, calibrationBytes, calibrationFile } from "./calibration.ts";
import { columnStarts, type Encoder } from "./encoder.ts";
import { isLearnerKind, type LearnerKind, learnerOf } from "./learners/catalogue.ts";
import type { LearnerModel } from "./learners/learner.ts";
import type { BinaryMetrics } from "./metrics.ts";
import type { Scaler } from "./scaler.ts";
import type { Signature } from "./scorer.ts";

/** What reads a version: the learner that made it, or TensorFlow.js a layers model that was made elsewhere. */
export type ModelKind = LearnerKind | "tfjs-layers";

/** What a version was made from: enough to find the same rows again. */
export interface Manifest {
  readonly topology: string;
  readonly planHash: string;
  readonly seed: number;
  /** The version that the fit went on from; absent where it began with nothing. */
  readonly warmFrom?: number;
  /** Half-open offset ranges read, per topic and partition. */
  readonly ranges: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly from: number;
    readonly to: number;
  }[];
  /** Bounds on the event time of the feature rows, ISO 8601, half open; versions made before it was kept have none. */
  readonly eventTimes?: { readonly from: string | null; readonly to: string | null };
  /** Registry ids of the schemas of the features and of the labels. */
  readonly schemaIds: readonly number[];
  readonly rows: {
    readonly train: number;
    readonly validation: number;
    /** Feature rows that no label was found for. */
    readonly unlabelled: number;
    /** Rows before the split that were left out because no label of theirs was known before it. */
    readonly labelledAfterSplit: number;
    /** Feature records passed over as repeats by event id, and how many of them had other features. */
    readonly repeats: number;
    readonly repeatsDiffering: number;
  };
  /** Labels passed over because their event time is after the bound that was given. */
  readonly labelsAfterBound: number;
  /** First event time of the validation rows, ISO 8601; null when none was held back. */
  readonly splitAt: string | null;
  /** Every row learned from lies before it, ISO 8601; absent where that is `splitAt`. */
  readonly learnedUntil?: string;
  readonly createdAt: string;
  /** What is odd about the rows, in sentences. */
  readonly warnings: readonly string[];
}

/** A trained model with everything that is stored beside its weights. */
export interface TrainedModel {
  readonly learner: LearnerKind;
  readonly signature: Signature;
  /** Of that learner. */
  readonly model: LearnerModel;
  readonly metrics: BinaryMetrics | null;
  /** Beside the metrics of this model those of the others that were fitted with it, when there were several. */
  readonly candidates?: readonly CandidateMetrics[];
  /** By what one of them was chosen. */
  readonly metric?: string;
  readonly manifest: Manifest;
  /** Of its scores, where rows were there to tell. */
  readonly calibration?: Calibration;
  /** What the gate said of it, as `gate.json`; versions that passed none have no such file. */
  readonly gate?: Readonly<Record<string, unknown>>;
}

/** What one of several learners came to on the same rows. */
export interface CandidateMetrics {
  readonly learner: LearnerKind;
  /** Null where the later rows lack one of the classes. */
  readonly metrics: BinaryMetrics | null;
  readonly isChosen: boolean;
}

/** A version as it was read back and verified. */
export interface ModelArtefact extends VersionParts {
  readonly kind: ModelKind;
}

/** Where model versions live. A version is written once and never changed. */
export interface ArtefactStore {
  /**
   * Makes sure that a version could be written, before anything long is begun, and clears away what trainings that
   * were killed have left.
   * @throws OperationError MR_IO when it could not
   */
  prepare(model: string, signal: AbortSignal): Promise<void>;
  /**
   * Writes a new version and answers its number: 1, 2, 3 ... The number is taken exclusively, and only after `check`
   * has had the files as they are read back: when it throws, nothing is left and no number is used.
   */
  write(
    model: string,
    files: ArtefactFiles,
    check: (readBack: ArtefactFiles) => Promise<void>,
    signal: AbortSignal,
  ): Promise<number>;
  /** Files of a version; undefined when there is no such version. Not yet verified. */
  read(model: string, version: number, signal: AbortSignal): Promise<ArtefactFiles | undefined>;
  /** Takes a version away, as a whole: nobody reads half of it. One that is not there is no fault. */
  remove(model: string, version: number, signal: AbortSignal): Promise<void>;
  /** Version numbers in ascending order. */
  versions(model: string, signal: AbortSignal): Promise<readonly number[]>;
}

/** The rows that a version was trained on, as its manifest says; undefined when it says nothing that can be read. */
export function trainingRowsOf(files: ArtefactFiles): Pick<Manifest, "ranges" | "eventTimes"> | undefined {
  try {
    const { ranges, eventTimes } = JSON.parse(decoder.decode(files.get("manifest.json"))) as Partial<Manifest>;
    if (!Array.isArray(ranges) || !ranges.every(isRange)) return undefined;
    return eventTimes === undefined ? { ranges } : { ranges, eventTimes };
  } catch {
    return undefined;
  }
}

/** The rows that a version was fitted on lie before this event time; undefined where its manifest does not say. */
export function learnedUntilOf(files: ArtefactFiles): EpochMs | undefined {
  try {
    const { learnedUntil, splitAt } = JSON.parse(decoder.decode(files.get("manifest.json"))) as Partial<Manifest>;
    const time = learnedUntil ?? splitAt;
    return typeof time === "string" ? parseIsoTimeMs(time) : undefined;
  } catch {
    return undefined;
  }
}

function isRange(range: Partial<Manifest["ranges"][number]> | null): boolean {
  if (typeof range !== "object" || range === null || typeof range.topic !== "string") return false;
  return [range.partition, range.from, range.to].every((number) => Number.isSafeInteger(number));
}

/** Lines `<hex>  <name>`, as `sha256sum --check` reads them. */
export const checksumsFile = "SHA256SUMS";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The files of a version: signature, the learner's own, scaler, encoder, metrics, manifest and their checksums. */
export function versionFiles(trained: TrainedModel, hasher: Hasher): ArtefactFiles {
  const { learner, signature, manifest, model, candidates, metric, calibration, gate } = trained;
  const { scaler, encoder } = model;
  const { repeats, repeatsDiffering } = manifest.rows;
  const compared = candidates === undefined ? {} : { metric, candidates };
  return withChecksums(
    new Map([
      ["signature.json", jsonFile({ kind: learner, ...signature, inputs: inputsOf(signature, encoder) })],
      ...learnerOf(learner).files(model),
      ["scaler.json", jsonFile(scaler)],
      ["encoder.json", jsonFile({ inputs: encoder.inputs.map((values) => (values === null ? null : { values })) })],
      ["metrics.json", jsonFile({ ...trained.metrics, repeats, repeatsDiffering, ...compared })],
      ["manifest.json", jsonFile(manifest)],
      ...(calibration === undefined ? [] : [[calibrationFile, calibrationBytes(calibration)] as const]),
      ...(gate === undefined ? [] : [["gate.json", jsonFile(gate)] as const]),
    ]),
    hasher,
  );
}

/** Adds the checksum file to the files of a version. */
export function withChecksums(files: ArtefactFiles, hasher: Hasher): ArtefactFiles {
  const names = [...files.keys()].filter((name) => name !== checksumsFile).sort();
  const lines = names.map((name) => `${hasher.sha256(files.get(name) ?? new Uint8Array())}  ${name}\n`);
  return new Map([...files, [checksumsFile, new TextEncoder().encode(lines.join(""))]]);
}

/**
 * Verifies every checksum and reads what all kinds share.
 *
 * @param where names the version in messages, such as `card-fraud/3`
 * @throws OperationError MR_MODEL when a file is missing, extra, changed or unreadable
 */
export function openArtefact(files: ArtefactFiles, where: string, hasher: Hasher): ModelArtefact {
  const sums = files.get(checksumsFile);
  if (sums === undefined) throw damaged(where, `${checksumsFile} is missing`);
  const listed = new Map<string, string>();
  for (const line of fileText(sums, where, checksumsFile).split("\n")) {
    const match = /^([0-9a-f]{64}) {2}([\w.-]+)$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) listed.set(match[2], match[1]);
    else if (line !== "") throw damaged(where, `${checksumsFile} has a line that is no checksum`);
  }
  for (const name of files.keys()) {
    if (name !== checksumsFile && !listed.has(name)) throw damaged(where, `${name} has no checksum`);
  }
  for (const [name, sum] of listed) {
    const bytes = files.get(name);
    if (bytes === undefined) throw damaged(where, `${name} is missing`);
    if (hasher.sha256(bytes) !== sum) throw damaged(where, `${name} was changed after it was written`);
  }
  const head = jsonObject(files, "signature.json", where);
  const kind = head["kind"];
  if (!isModelKind(kind)) throw damaged(where, "signature.json names no known kind of model");
  const signature = readSignature(head, where);
  const encoder = readEncoder(files, head, signature, where);
  return { kind, signature, encoder, scaler: readScaler(files, signature.inputs.length, where), files };
}

function isModelKind(kind: unknown): kind is ModelKind {
  return kind === "tfjs-layers" || isLearnerKind(kind);
}

function readSignature(head: Readonly<Record<string, unknown>>, where: string): Signature {
  const inputs = head["inputs"];
  if (head["task"] !== "binary" || !Array.isArray(inputs) || inputs.length === 0) {
    throw damaged(where, "signature.json has no task or no inputs");
  }
  return {
    task: "binary",
    inputs: inputs.map((input: unknown) => {
      const { name, kind } = (typeof input === "object" && input !== null ? input : {}) as Record<string, unknown>;
      if (typeof name !== "string" || (kind !== "number" && kind !== "boolean" && kind !== "category")) {
        throw damaged(where, "signature.json has an input without name or kind");
      }
      return { name, kind };
    }),
    ...readOutput(head["output"], where),
  };
}

function readOutput(output: unknown, where: string): Pick<Signature, "output"> {
  if (output === undefined) return {};
  if (output === "probability" || output === "logit") return { output };
  throw damaged(where, 'signature.json has an output that is neither "probability" nor "logit"');
}

/** The inputs with the number of columns that the encoder must give them. */
function inputsOf(signature: Signature, encoder: Encoder): readonly object[] {
  const starts = columnStarts(encoder);
  return signature.inputs.map((input, i) => ({ ...input, columns: (starts[i + 1] ?? 0) - (starts[i] ?? 0) }));
}

const booleanValues = ["false", "true"];

/** The encoder, held to the signature. A version without the file takes each input as one number. */
function readEncoder(
  files: ArtefactFiles,
  head: Readonly<Record<string, unknown>>,
  { inputs }: Signature,
  where: string,
): Encoder {
  const given = files.has("encoder.json") ? jsonObject(files, "encoder.json", where)["inputs"] : inputs.map(() => null);
  if (!Array.isArray(given) || given.length !== inputs.length)
    throw damaged(where, `encoder.json does not have ${inputs.length} inputs, as the signature has`);
  const encoder: Encoder = { inputs: given.map((entry: unknown) => readValues(entry, where)) };
  const starts = columnStarts(encoder);
  for (const [i, { name, kind }] of inputs.entries()) {
    const values = encoder.inputs[i] ?? null;
    const fits =
      kind === "category"
        ? values !== null
        : values === null || (kind === "boolean" && values.join() === booleanValues.join());
    if (!fits) throw damaged(where, `encoder.json does not encode ${name} as the ${kind} that the signature says`);
    const columns = (head["inputs"] as readonly Readonly<Record<string, unknown>>[])[i]?.["columns"];
    if (columns !== undefined && columns !== (starts[i + 1] ?? 0) - (starts[i] ?? 0))
      throw damaged(where, `encoder.json does not give ${name} the columns that the signature says`);
  }
  return encoder;
}

function readValues(entry: unknown, where: string): readonly string[] | null {
  if (entry === null) return null;
  const values = (Object(entry) as Readonly<Record<string, unknown>>)["values"];
  const isVocabulary =
    Array.isArray(values) &&
    values.every((value) => typeof value === "string") &&
    new Set(values).size === values.length;
  if (!isVocabulary) throw damaged(where, "encoder.json has an input that is neither null nor a list of values");
  return values as string[];
}

function readScaler(files: ArtefactFiles, width: number, where: string): Scaler {
  const scaler = jsonObject(files, "scaler.json", where);
  const column = (name: string): number[] => finiteNumbers(scaler[name], width, where, "scaler.json");
  return { mean: column("mean"), scale: column("scale"), low: column("low"), high: column("high") };
}
