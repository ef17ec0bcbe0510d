/** What the models directory and the control topic say of the versions of a model. */
import { nodeHasher } from "../adapters/node/index.ts";
import { messageOf } from "../kernel/index.ts";
import { type ArtefactFiles, type ArtefactStore, type BinaryMetrics, openArtefact } from "../model/index.ts";
import type { Alias } from "../runtime/control/index.ts";

/** A version as `models list` prints it. */
export interface VersionSummary {
  readonly model: string;
  readonly version: number;
  readonly aliases: readonly string[];
  /** When it was trained, ISO 8601; null where its files do not say. */
  readonly created: string | null;
  readonly learner: string | null;
  /** Rows that it was fitted on, and rows that it was measured on. */
  readonly trainRows: number | null;
  readonly validationRows: number | null;
  readonly metrics: BinaryMetrics | null;
  /** Of all its files. */
  readonly bytes: number;
  /** What is wrong with it, so that it could not be served; null of a sound one. */
  readonly fault: string | null;
}

/** All versions that the models directory has of a model, the latest first. */
export async function versionSummaries(
  artefacts: Pick<ArtefactStore, "read" | "versions">,
  model: string,
  aliases: readonly Alias[],
  signal: AbortSignal,
): Promise<readonly VersionSummary[]> {
  const found: VersionSummary[] = [];
  for (const version of (await artefacts.versions(model, signal)).toReversed()) {
    const files = await artefacts.read(model, version, signal);
    // One that was removed in the meantime is none.
    if (files !== undefined) found.push(versionSummary(model, version, files, aliases));
  }
  return found;
}

export function versionSummary(
  model: string,
  version: number,
  files: ArtefactFiles,
  aliases: readonly Alias[],
): VersionSummary {
  const [metrics, manifest] = [parsed(files, "metrics.json"), parsed(files, "manifest.json")];
  const rows = parsedObject(manifest["rows"]);
  return {
    model,
    version,
    aliases: aliases.flatMap((known) => (known.model === model && known.version === version ? [known.alias] : [])),
    created: textOf(manifest["createdAt"]),
    learner: textOf(parsed(files, "signature.json")["kind"]),
    trainRows: numberOf(rows["train"]),
    validationRows: numberOf(rows["validation"]),
    metrics: numberOf(metrics["auc"]) === null ? null : (metrics as unknown as BinaryMetrics),
    bytes: [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0),
    fault: faultOf(files, `${model}/${version}`),
  };
}

/** The object that a JSON file of a version holds; an empty one where it holds none. */
export function parsed(files: ArtefactFiles, name: string): Readonly<Record<string, unknown>> {
  try {
    return parsedObject(JSON.parse(new TextDecoder().decode(files.get(name))));
  } catch {
    return {};
  }
}

function parsedObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function faultOf(files: ArtefactFiles, where: string): string | null {
  try {
    openArtefact(files, where, nodeHasher);
    return null;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
