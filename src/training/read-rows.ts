import { assert, type EpochMs, OperationError } from "../kernel/index.ts";
import type { ModelInput } from "../model/index.ts";
import type { RecordSchema, Row } from "../schema/index.ts";
import { FeatureBuffer, LabelBuffer } from "./chunks.ts";
import type { RowSource, RowVisitor, TopicRowsResult, TrainingTopic } from "./row-source.ts";
import type { Trainer } from "./trainer.ts";

/** Rows that cross to the trainer at once. */
const chunkRows = 1024;

/** Where labels come from: the field of a topic that holds them, and the one that joins them to features. */
export interface LabelSource {
  readonly topic: string;
  readonly on: string;
  /** Undefined: that a record is there says "true". */
  readonly field: string | undefined;
  /** A label counts for the events of its key that lie at most so long before it; undefined: for all of its key. */
  readonly withinMs?: number | undefined;
  /** How long after an event the absence of a label means "false"; undefined: it never does. */
  readonly matureAfterMs?: number | undefined;
}

/** What is read to learn from. */
export interface TrainingSource {
  readonly topics: readonly TrainingTopic[];
  readonly featuresFrom: string;
  readonly features: readonly ModelInput[];
  readonly rows: RowSource;
  /** Feature rows are read from so many offsets at the end of their topic; absent: from all. */
  readonly newestRecords?: number | undefined;
  /** Bounds on the event time of feature rows, half open; a label counts up to and including `toMs`. */
  readonly fromMs?: EpochMs;
  readonly toMs?: EpochMs;
  readonly progress: (phase: "features" | "labels", done: number, total: number) => void;
  /** Lets others run while rows are read: a process that reads may serve too. */
  readonly yieldToLoop?: () => Promise<void>;
}

export interface FeaturesRead extends TopicRowsResult {
  /** Rows that went to the trainer. */
  readonly taken: number;
  /** Rows passed over because their event time is null. */
  readonly untimed: number;
  /** Rows passed over because a feature is a whole number beyond 2^53 - 1, which no double holds exactly. */
  readonly inexact: number;
}

export interface LabelsRead extends TopicRowsResult {
  readonly untimed: number;
  /** Labels passed over because their event time is after `toMs`. */
  readonly afterBound: number;
  /** The largest event time up to `toMs`; undefined when there is none. */
  readonly labelTimeMs: EpochMs | undefined;
}

/** Sends the feature rows whose event time is inside the range; one without a time has no place in the order. */
export async function readFeatures(
  source: TrainingSource,
  on: string,
  trainer: Trainer,
  signal: AbortSignal,
): Promise<FeaturesRead> {
  const { features, rows, progress } = source;
  const topic = topicOf(source, source.featuresFrom);
  const timeField = timeOf(topic);
  const chunk = new FeatureBuffer();
  const from = source.fromMs ?? Number.NEGATIVE_INFINITY;
  const to = source.toMs ?? Number.POSITIVE_INFINITY;
  let taken = 0;
  let untimed = 0;
  let inexact = 0;
  const row = (read: Row): void => {
    const timeMs = read[timeField];
    const joinKey = read[on];
    if (typeof timeMs !== "number") {
      untimed++;
      return;
    }
    if (timeMs < from || timeMs >= to || joinKey === null || joinKey === undefined) return;
    if (features.some(({ name, kind }) => kind === "number" && typeof read[name] === "bigint")) {
      inexact++;
      return;
    }
    chunk.add(String(read["event_id"]), timeMs, String(joinKey));
    for (const input of features) addInput(chunk, input, read);
    taken++;
    if (chunk.count >= chunkRows) trainer.addFeatures(chunk.taken());
  };
  const visitor: RowVisitor = {
    begin: (total) => trainer.expect("features", total),
    row,
    progress: (done, total) => progress("features", done, total),
    ...(source.yieldToLoop === undefined ? {} : { pause: source.yieldToLoop }),
  };
  const result = await rows(topic.clusterName, schemaOf(topic), visitor, signal, source.newestRecords);
  if (chunk.count > 0) trainer.addFeatures(chunk.taken());
  return { ...result, taken, untimed, inexact };
}

/** Sends the labels up to the bound; a null label says nothing, and one without a time cannot be the last. */
export async function readLabels(
  source: TrainingSource,
  label: LabelSource,
  trainer: Trainer,
  signal: AbortSignal,
): Promise<LabelsRead> {
  const { rows, progress } = source;
  const topic = topicOf(source, label.topic);
  const timeField = timeOf(topic);
  const to = source.toMs ?? Number.POSITIVE_INFINITY;
  const chunk = new LabelBuffer();
  let untimed = 0;
  let afterBound = 0;
  let labelTimeMs: EpochMs | undefined;
  const row = (read: Row): void => {
    const timeMs = read[timeField];
    const joinKey = read[label.on];
    if (typeof timeMs !== "number") {
      untimed++;
      return;
    }
    if (timeMs > to) {
      afterBound++;
      return;
    }
    if (labelTimeMs === undefined || timeMs > labelTimeMs) labelTimeMs = timeMs;
    const value = label.field === undefined ? true : read[label.field];
    if (value === null || value === undefined || joinKey === null || joinKey === undefined) return;
    const eventId = String(read["event_id"]);
    chunk.add(eventId, timeMs, String(joinKey), labelOf(value, label, eventId));
    if (chunk.count >= chunkRows) trainer.addLabels(chunk.taken());
  };
  const visitor: RowVisitor = {
    begin: (total) => trainer.expect("labels", total),
    row,
    progress: (done, total) => progress("labels", done, total),
    ...(source.yieldToLoop === undefined ? {} : { pause: source.yieldToLoop }),
  };
  const result = await rows(topic.clusterName, schemaOf(topic), visitor, signal);
  if (chunk.count > 0) trainer.addLabels(chunk.taken());
  return { ...result, untimed, afterBound, labelTimeMs };
}

/** 3 stars, a probability or a code are no truth to learn from: a rule above 0 would turn them into one silently. */
function labelOf(value: unknown, label: LabelSource, eventId: string): 0 | 1 {
  if (value === 1 || value === true) return 1;
  if (value === 0 || value === false) return 0;
  throw new OperationError(
    "MR_TRAINING",
    `reading labels from topic ${label.topic}: ${label.field} of event ${eventId} is ${String(value)}, and a label is 0, 1, true or false; derive a boolean from it in the stage that writes the labels`,
  );
}

function addInput(chunk: FeatureBuffer, { name, kind }: ModelInput, row: Row): void {
  const value = row[name];
  if (kind === "category") chunk.addText(typeof value === "string" ? value : null);
  chunk.addInput(toNumber(value));
}

/** Numbers as they are, booleans as 1 and 0, null and everything else as NaN. */
function toNumber(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "boolean" ? Number(value) : Number.NaN;
}

function topicOf({ topics }: TrainingSource, name: string): TrainingTopic {
  const topic = topics.find((candidate) => candidate.name === name);
  assert(topic !== undefined, "a plan whose models name its own topics");
  return topic;
}

function timeOf(topic: TrainingTopic): string {
  if (topic.time !== undefined) return topic.time;
  throw new OperationError(
    "MR_TRAINING",
    `training from topic ${topic.name}: it has no event time; name the field under \`time:\``,
  );
}

function schemaOf(topic: TrainingTopic): RecordSchema {
  if (topic.schema !== undefined && topic.format === "avro") return topic.schema;
  throw new OperationError("MR_TRAINING", `training from topic ${topic.name}: it holds no Avro`);
}
