/** What stands behind a prediction: which version made it, from what that was trained, and why it was in service. */
import { formatIsoTime, OperationError } from "../kernel/index.ts";
import { readRetrainings } from "../retraining/index.ts";
import { type Alias, previousAlias } from "../runtime/control/index.ts";
import type { Plan } from "../topology/index.ts";
import type { RetrainingEvent } from "../training/index.ts";
import { adoptionsOf } from "./adoptions.ts";
import { usageError } from "./exit.ts";
import { parsed } from "./model-versions.ts";
import type { Reach } from "./reach.ts";
import { createValueReader } from "./record-values.ts";

export interface PredictionPlace {
  /** As the topology or the cluster calls it. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface PredictionOrigin {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Of the event that it was made from. */
  readonly event_id: string | null;
  readonly score: unknown;
  /** The stage that wrote it. */
  readonly stage: string;
  readonly model: string;
  readonly version: number;
  /** When the version was trained, on which records and from which schemas, by which plan; null where it is gone. */
  readonly trained: string | null;
  readonly ranges: unknown;
  readonly eventTimes: unknown;
  readonly schemaIds: unknown;
  readonly planHash: string | null;
  /** Of the alias record that puts it in service; else of its adoptions, which stay, or of the retraining that made it. */
  readonly incident: string | null;
  /** What the alias record that puts it in service says of why; of a version that served before, the retraining's word. */
  readonly request: string | null;
  readonly promotedBy: string | null;
  readonly reason: string | null;
  /** Aliases that name it now. */
  readonly aliases: readonly string[];
  /** From which offsets of the stage's input on its tasks have scored with it. */
  readonly adopted: readonly AdoptedFrom[];
}

/** A task's word that it scores with the version from an offset on. */
export interface AdoptedFrom {
  readonly partition: number;
  readonly fromOffset: number;
  readonly at: string;
}

export interface OriginRequest {
  readonly plan: Plan;
  readonly reach: Pick<Reach, "broker" | "registry" | "artefacts">;
  readonly at: PredictionPlace;
  readonly aliases: readonly Alias[];
}

/** @throws ExitError 64 for a topic without predictions; OperationError MR_OFFSET_RANGE where no record is there */
export async function predictionOrigin(
  { plan, reach, at, aliases }: OriginRequest,
  signal: AbortSignal,
): Promise<PredictionOrigin> {
  const stage = plan.stages.find(
    ({ infer, to }) => infer !== undefined && (to.name === at.topic || to.clusterName === at.topic),
  );
  if (stage === undefined) {
    const topics = plan.stages.flatMap(({ infer, to }) => (infer === undefined ? [] : [to.name]));
    throw usageError(
      `no stage writes predictions to ${at.topic}`,
      `predictions are in ${topics.join(", ") || "no topic"}`,
    );
  }
  const { partition, offset } = at;
  const record = await recordAt(reach, { topic: stage.to.clusterName, partition, offset }, signal);
  const { model, model_version: version, event_id, score = null } = record;
  if (typeof model !== "string" || typeof version !== "number")
    throw new OperationError("MR_MODEL", `reading ${placeText(at)}: the record does not say which version made it`);
  const files = (await reach.artefacts.read(model, version, signal)) ?? new Map<string, Uint8Array>();
  const manifest = parsed(files, "manifest.json");
  const naming = aliases.filter((alias) => alias.model === model && alias.version === version);
  const adoptions = (await adoptionsOf(model, version, { plan, reach }, signal)).filter(
    (adoption) => adoption.stage === stage.name,
  );
  // What `previous` says is why the version after it came.
  const pointed = naming.find(({ alias }) => alias !== previousAlias);
  const made = await promotionOf(model, version, plan, reach, signal);
  const why = pointed ?? made;
  return {
    topic: stage.to.clusterName,
    partition,
    offset,
    event_id: textOf(event_id),
    score,
    stage: stage.name,
    model,
    version,
    trained: textOf(manifest["createdAt"]),
    ranges: manifest["ranges"] ?? null,
    eventTimes: manifest["eventTimes"] ?? null,
    schemaIds: manifest["schemaIds"] ?? null,
    planHash: textOf(manifest["planHash"]),
    incident:
      pointed?.incident ??
      adoptions.findLast((adoption) => adoption.incident !== null)?.incident ??
      made?.incident ??
      null,
    request: why?.request ?? null,
    promotedBy: why?.by ?? null,
    reason: why?.reason ?? null,
    aliases: naming.map(({ alias }) => alias),
    adopted: adoptions.map((adoption) => ({
      partition: adoption.partition,
      fromOffset: adoption.fromOffset,
      at: formatIsoTime(adoption.atMs),
    })),
  };
}

/** The retraining that put a version in service first; undefined for one that a person promoted, or after its events. */
async function promotionOf(
  model: string,
  version: number,
  { retraining }: Plan,
  { broker }: OriginRequest["reach"],
  signal: AbortSignal,
): Promise<RetrainingEvent | undefined> {
  if (retraining === undefined) return undefined;
  const events = await readRetrainings(broker, retraining.clusterName, signal);
  return events.find((event) => event.type === "promoted" && event.model === model && event.version === version);
}

async function recordAt(
  { broker, registry }: OriginRequest["reach"],
  at: PredictionPlace,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const { topic, partition, offset } = at;
  const watermark = (await broker.admin.watermarks(topic, signal)).find((found) => found.partition === partition);
  if (watermark === undefined)
    throw new OperationError("MR_TOPIC_MISSING", `reading ${placeText(at)}: no such partition`);
  const { low, end } = watermark;
  if (offset < low || offset >= end)
    throw new OperationError("MR_OFFSET_RANGE", `reading ${placeText(at)}: the log holds offsets ${low} to ${end - 1}`);
  const values = createValueReader(registry, signal);
  for await (const batch of broker.read({ topic, partition, from: offset, to: offset + 1 }, signal)) {
    const index = batch.offsets.subarray(0, batch.count).indexOf(offset);
    const from = batch.valueFrom[index] ?? -1;
    if (from < 0) continue;
    const value = await values.read(batch.bytes.subarray(from, batch.valueTo[index]));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  }
  throw new OperationError(
    "MR_OFFSET_RANGE",
    `reading ${placeText(at)}: no record is there, as where a transaction ends; try the offset before`,
  );
}

function placeText({ topic, partition, offset }: PredictionPlace): string {
  return `offset ${offset} of ${topic}-${partition}`;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
