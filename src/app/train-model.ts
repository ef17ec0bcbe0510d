import { assert, type Clock, formatIsoTime, type Hasher, OperationError } from "../kernel/index.ts";
import { type ArtefactStore, type BinaryMetrics, logisticArtefact, type Signature } from "../model/index.ts";
import type { Broker } from "../runtime/index.ts";
import type { Row, SchemaRegistry } from "../schema/index.ts";
import type { Plan, PlannedModel, PlannedTopic } from "../topology/index.ts";
import { createTrainingRows, type TrainingRows, train } from "../training/index.ts";
import { writeAlias } from "./aliases.ts";
import { readTopicRows, type TopicRowsResult } from "./topic-rows.ts";

/** The alias that training points at its result until a gate decides. */
export const trainedAlias = "champion";

export interface TrainingOptions {
  readonly plan: Plan;
  readonly model: PlannedModel;
  /** Bounds on the event time of feature rows, half open; labels are read whole. */
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly seed: number;
  readonly broker: Broker;
  readonly registry: SchemaRegistry;
  readonly artefacts: ArtefactStore;
  readonly clock: Clock;
  readonly hasher: Hasher;
  readonly progress: (phase: "features" | "labels" | "fit", done: number, total: number, loss?: number) => void;
}

export interface TrainingOutcome {
  readonly version: number;
  readonly trainRows: number;
  readonly validationRows: number;
  readonly splitAt: string | null;
  readonly unlabelled: number;
  readonly undecodable: number;
  /** Feature rows and labels passed over because their event time is null. */
  readonly untimed: number;
  readonly metrics: BinaryMetrics | null;
}

/**
 * Reads features and labels up to now, joins, splits by time, fits, measures, writes the version and points
 * `champion` at it. Nothing is written before the fit has succeeded.
 */
export async function trainModel(options: TrainingOptions, signal: AbortSignal): Promise<TrainingOutcome> {
  const { plan, model, broker, artefacts, clock, hasher, progress } = options;
  const { label } = model;
  if (label === undefined) {
    throw new OperationError("MR_TRAINING", `training ${model.name}: the topology gives it no label`);
  }
  const signature: Signature = { task: model.task, inputs: model.features };
  const rows = createTrainingRows(model.features.length);
  const features = await readFeatures(options, label.on, rows, signal);
  const labels = await readLabels(options, label, rows, signal);

  const set = rows.join();
  const result = train(set, signature, (iteration, loss) => progress("fit", iteration, iteration, loss));
  const splitAt = result.split.splitAtMs === undefined ? null : formatIsoTime(result.split.splitAtMs);
  const files = logisticArtefact(
    {
      signature,
      model: result.model,
      metrics: result.metrics,
      manifest: {
        topology: plan.topology,
        planHash: plan.hash,
        seed: options.seed,
        ranges: [...features.ranges, ...labels.ranges],
        schemaIds: [...new Set([...features.schemaIds, ...labels.schemaIds])],
        rows: { train: result.split.trainCount, validation: result.split.validationCount },
        splitAt,
        createdAt: formatIsoTime(clock.now()),
      },
    },
    hasher,
  );
  const version = await artefacts.write(model.name, files, signal);
  const alias = { model: model.name, alias: trainedAlias, version };
  await writeAlias(broker, plan.control.clusterName, alias, clock.now(), signal);
  return {
    version,
    trainRows: result.split.trainCount,
    validationRows: result.split.validationCount,
    splitAt,
    unlabelled: set.unlabelledCount,
    undecodable: features.undecodable + labels.undecodable,
    untimed: features.untimed + labels.untimed,
    metrics: result.metrics,
  };
}

interface RowsRead extends TopicRowsResult {
  readonly untimed: number;
}

/** Adds the feature rows whose event time is inside the range; one without a time has no place in the order. */
async function readFeatures(
  options: TrainingOptions,
  on: string,
  into: TrainingRows,
  signal: AbortSignal,
): Promise<RowsRead> {
  const { plan, model, broker, registry, progress } = options;
  const topic = topicOf(plan, model.featuresFrom);
  const timeField = timeOf(topic);
  const names = model.features.map((feature) => feature.name);
  const inputs = new Float64Array(names.length);
  const from = options.fromMs ?? Number.NEGATIVE_INFINITY;
  const to = options.toMs ?? Number.POSITIVE_INFINITY;
  let untimed = 0;
  const row = (read: Row): void => {
    const timeMs = read[timeField];
    const joinKey = read[on];
    if (typeof timeMs !== "number") {
      untimed++;
      return;
    }
    if (timeMs < from || timeMs >= to || joinKey === null || joinKey === undefined) return;
    for (let i = 0; i < names.length; i++) inputs[i] = toNumber(read[names[i] ?? ""]);
    into.addFeatures(String(read["event_id"]), timeMs, String(joinKey), inputs);
  };
  const visitor = { row, progress: (done: number, total: number): void => progress("features", done, total) };
  const result = await readTopicRows(broker, registry, topic.clusterName, schemaOf(topic), visitor, signal);
  return { ...result, untimed };
}

/** Adds every label of the label topic; a null label says nothing, and one without a time cannot be the last. */
async function readLabels(
  options: TrainingOptions,
  label: NonNullable<PlannedModel["label"]>,
  into: TrainingRows,
  signal: AbortSignal,
): Promise<RowsRead> {
  const { plan, broker, registry, progress } = options;
  const topic = topicOf(plan, label.topic);
  const timeField = timeOf(topic);
  let untimed = 0;
  const row = (read: Row): void => {
    const timeMs = read[timeField];
    const value = toNumber(read[label.field]);
    const joinKey = read[label.on];
    if (typeof timeMs !== "number") untimed++;
    else if (!Number.isNaN(value) && joinKey !== null && joinKey !== undefined)
      into.addLabel(String(read["event_id"]), timeMs, String(joinKey), value > 0 ? 1 : 0);
  };
  const visitor = { row, progress: (done: number, total: number): void => progress("labels", done, total) };
  const result = await readTopicRows(broker, registry, topic.clusterName, schemaOf(topic), visitor, signal);
  return { ...result, untimed };
}

/** Numbers as they are, booleans as 1 and 0, null and everything else as NaN. */
function toNumber(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "boolean" ? Number(value) : Number.NaN;
}

function topicOf(plan: Plan, name: string): PlannedTopic {
  const topic = plan.topics.find((planned) => planned.name === name);
  assert(topic !== undefined, "a plan whose models name its own topics");
  return topic;
}

function timeOf(topic: PlannedTopic): string {
  if (topic.time !== undefined) return topic.time;
  throw new OperationError(
    "MR_TRAINING",
    `training from topic ${topic.name}: it has no event time; name the field under \`time:\``,
  );
}

function schemaOf(topic: PlannedTopic) {
  if (topic.schema !== undefined && topic.format === "avro") return topic.schema;
  throw new OperationError("MR_TRAINING", `training from topic ${topic.name}: it holds no Avro`);
}
