import type { ArtefactStore } from "../../model/index.ts";
import type { PerformanceMetric, PerformanceReference } from "../../monitor/index.ts";

/** How metrics are called in `metrics.json` of a version. */
const names = { auc: "auc", averagePrecision: "average_precision", logLoss: "log_loss", brier: "brier" } as const;
const decoder = new TextDecoder();

/**
 * What a version came to on its validation rows; undefined where none were held back, where the version is not there, or
 * says nothing that can be read: it is compared with its own first windows then.
 * @throws what the store throws
 */
export async function readReference(
  artefacts: Pick<ArtefactStore, "read"> | undefined,
  model: string,
  version: number,
  signal: AbortSignal,
): Promise<PerformanceReference | undefined> {
  const files = await artefacts?.read(model, version, signal);
  let found: Readonly<Record<string, unknown>>;
  try {
    found = JSON.parse(decoder.decode(files?.get("metrics.json")));
  } catch {
    return undefined;
  }
  const { rows, positives } = found;
  if (typeof rows !== "number" || typeof positives !== "number" || rows <= 0) return undefined;
  const values: Partial<Record<PerformanceMetric, number>> = {};
  for (const [name, metric] of Object.entries(names)) {
    const value = found[name];
    if (typeof value === "number" && Number.isFinite(value)) values[metric] = value;
  }
  return { rows, positives, values };
}
