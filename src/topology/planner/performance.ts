import { formatDurationMs } from "../../kernel/index.ts";
import { estimatedDefaults, isEstimated, scoreCells } from "../../monitor/estimate/index.ts";
import { type PerformanceSpec, practicalDefaults, type SequenceDetector } from "../../monitor/index.ts";
import type { PlannedPerformance } from "../plan/monitoring.ts";
import type { PlannedModel } from "../plan/plan.ts";
import { defaults } from "../spec/defaults.ts";
import type { MonitorEntry } from "../spec/monitor-spec.ts";
import { ms } from "./alerts.ts";
import { detectorsOf } from "./detectors.ts";
import type { Findings } from "./findings.ts";
import { isOfLabels, isOfModel } from "./metric-names.ts";
import {
  checkOpenWindows,
  idleAfterMs,
  latenessBefore,
  type MonitorSurroundings,
  timeFieldOf,
  windowMinMs,
} from "./monitor.ts";
import { finishTopic, type TopicDraft } from "./topics.ts";

type Path = readonly (string | number)[];
type Labelled = PlannedModel & { readonly label: NonNullable<PlannedModel["label"]> };

/** What watches errors where the file says nothing. */
const byDefault: SequenceDetector = {
  kind: "adwin",
  config: { delta: 0.002, everySamples: 32, warmUpSamples: 10, partSamples: 5 },
};

/** Whether a monitor is of predictions beside what came true. */
export function isPerformance({ on }: MonitorEntry): boolean {
  return typeof on === "object" && on.labels !== undefined;
}

/** A monitor of predictions and labels; none when something is wrong with it, which is reported. */
export function planPerformance(
  spec: MonitorEntry,
  path: Path,
  surroundings: MonitorSurroundings,
  findings: Findings,
): PlannedPerformance[] {
  checkForeignKeys(spec, path, findings);
  const detectors = spec.detectors === undefined ? [byDefault] : detectorsOf(spec.detectors, path, findings);
  if (typeof spec.window === "object") {
    const message = "a window of labelled predictions is of event time, and this one is of rows";
    findings.problem("MR_CONFLICT", [...path, "window"], message, "write for example window: 1d");
  }
  const windowMs = ms(typeof spec.window === "string" ? spec.window : defaults.performance.window);
  if (windowMs < windowMinMs) {
    const message = `a window is at least ${formatDurationMs(windowMinMs)}, and this one is ${spec.window}`;
    findings.problem("MR_OUT_OF_RANGE", [...path, "window"], message, "write for example window: 1d");
  }
  const on = typeof spec.on === "object" ? spec.on : { predictions: spec.on, labels: undefined };
  const predictions = topicOf(on.predictions, [...path, "on", "predictions"], surroundings, findings);
  const labels = topicOf(on.labels ?? "", [...path, "on", "labels"], surroundings, findings);
  if (predictions === undefined) return [];
  const model = modelOf(predictions, [...path, "on"], labels, surroundings, findings);
  if (model === undefined || labels === undefined) return [];
  if (!hasEventId(labels, [...path, "on", "labels"], findings)) return [];
  const { label } = model;
  const lateMs = spec.late === undefined ? latenessBefore(predictions, surroundings.stages) : ms(spec.late);
  const { withinMs, matureAfterMs } = label;
  const waitMs = Math.max(matureAfterMs ?? 0, withinMs ?? 0) || lateMs;
  const join = [predictions.clusterName, labels.clusterName, label.on, label.field ?? ""].join("/");
  const joined = {
    join,
    windowMs,
    waitMs,
    withinMs,
    isAbsenceNegative: matureAfterMs !== undefined,
    lateMs,
    detectors,
  };
  const planned: PerformanceSpec = {
    ...joined,
    name: spec.name,
    kind: "performance",
    severity: spec.severity ?? defaults.monitor.severity,
    metrics: spec.metrics?.filter(isOfLabels) ?? defaults.performance.metrics,
    practical: { ...practicalDefaults, ...written(spec.thresholds ?? {}, isOfLabels) },
    // What metrics are measured of a window changes nothing of how it is joined.
    version: surroundings.hasher.sha256(JSON.stringify(joined)).slice(0, 16),
  };
  const estimate = planEstimate(spec, path, { predictions, windowMs, lateMs }, surroundings, findings);
  return [
    { ...planned, model: model.name, predictions: finishTopic(predictions), labels: finishTopic(labels), estimate },
  ];
}

/** What is written of metrics of one kind. */
function written<M extends string>(
  thresholds: NonNullable<MonitorEntry["thresholds"]>,
  isOfKind: (metric: string) => metric is M,
): Partial<Record<M, number>> {
  const own = Object.entries(thresholds).filter(([metric, value]) => isOfKind(metric) && value !== undefined);
  return Object.fromEntries(own) as Partial<Record<M, number>>;
}

/** What is estimated of the predictions, counted by the stages that write them; undefined where nothing is asked for. */
function planEstimate(
  { name, metrics = [], thresholds = {}, late, severity = defaults.monitor.severity }: MonitorEntry,
  path: Path,
  of: { readonly predictions: TopicDraft; readonly windowMs: number; readonly lateMs: number },
  { hasher }: MonitorSurroundings,
  findings: Findings,
): PlannedPerformance["estimate"] {
  const asked = metrics.filter(isEstimated);
  const practical = written(thresholds, isEstimated);
  for (const metric of Object.keys(practical).filter(isEstimated)) {
    if (asked.includes(metric)) continue;
    const message = `this monitor says nothing of ${metric}, so its threshold does nothing`;
    const hint = `write metrics: [${[...metrics, metric].join(", ")}], or remove it`;
    findings.problem("MR_CONFLICT", [...path, "thresholds", metric], message, hint);
  }
  if (asked.length === 0) return undefined;
  const { predictions, windowMs, lateMs } = of;
  const timeField = timeFieldOf(predictions, path, findings);
  const isHeld = checkOpenWindows(windowMs, lateMs, [...path, late === undefined ? "window" : "late"], findings);
  if (timeField === undefined || !isHeld) return undefined;
  const field = { name: "score", kind: "numbers", isSensitive: false } as const;
  const counted = { topic: predictions.clusterName, timeField, windowMs, scores: scoreCells.count };
  return {
    metrics: [...new Set(asked)],
    practical: { ...estimatedDefaults, ...practical },
    counted: {
      name,
      fields: [field],
      cells: "scores",
      windowMs,
      lateMs,
      idleAfterMs,
      season: "none",
      practical: 0,
      kind: "estimate",
      severity,
      version: hasher.sha256(JSON.stringify(counted)).slice(0, 16),
      stages: [...predictions.writers],
      timeField,
    },
  };
}

/** Keys of monitors that count values. */
function checkForeignKeys(spec: MonitorEntry, path: Path, findings: Findings): void {
  for (const key of ["fields", "baseline", "season"] as const) {
    if (spec[key] === undefined) continue;
    const message = `${key} belongs to monitors that count values, and this one measures a model by its labels`;
    findings.problem("MR_CONFLICT", [...path, key], message, "remove it, or watch the values with another monitor");
  }
  const asked = (spec.metrics ?? []).map((metric, index) => [metric, "metrics", index] as const);
  const bounds = Object.keys(spec.thresholds ?? {}).map((metric) => [metric, "thresholds", metric] as const);
  for (const [metric, key, at] of [...asked, ...bounds]) {
    if (metric === "psi" || isOfModel(metric)) continue;
    const message = `${metric} is of the rows of a topic, and this monitor measures a model by its labels`;
    findings.problem("MR_CONFLICT", [...path, key, at], message, "remove it, or watch the topic with another monitor");
  }
  if (spec.thresholds?.psi === undefined) return;
  const message = "psi is of values, and this monitor measures a model by its labels";
  findings.problem("MR_CONFLICT", [...path, "thresholds", "psi"], message, "write for example auc: 0.03");
}

/** Of monitors of values: keys of this one are refused there. */
export function checkPerformanceKeys(spec: MonitorEntry, path: Path, findings: Findings): void {
  const hint = "write on: { predictions: TOPIC, labels: TOPIC }, or remove it";
  for (const [index, metric] of (spec.metrics ?? []).entries()) {
    if (!isOfModel(metric)) continue;
    const message = isEstimated(metric)
      ? `${metric} is of a model that has labels, and this monitor names none`
      : `${metric} measures a model by its labels, and this monitor names none`;
    findings.problem("MR_CONFLICT", [...path, "metrics", index], message, hint);
  }
  for (const metric of Object.keys(written(spec.thresholds ?? {}, isOfModel))) {
    const message = `${metric} ${isEstimated(metric) ? "is of a model that has labels" : "is measured by labels"}, and this monitor names none`;
    findings.problem("MR_CONFLICT", [...path, "thresholds", metric], message, "remove it");
  }
}

function topicOf(
  name: string,
  at: Path,
  { topics, outline }: MonitorSurroundings,
  findings: Findings,
): TopicDraft | undefined {
  const topic = topics.get(name);
  if (topic === undefined && outline.has.topics) findings.dangling(at, "topic", name, topics.keys());
  return topic?.isBroken === true || topic?.schema === undefined ? undefined : topic;
}

/** The model whose predictions are on the topic, when its labels are those that the monitor names. */
function modelOf(
  predictions: TopicDraft,
  on: Path,
  labels: TopicDraft | undefined,
  { stages, models, mayBeWritten }: MonitorSurroundings,
  findings: Findings,
): Labelled | undefined {
  const writers = predictions.writers.map((writer) => stages.get(writer));
  if (writers.includes(undefined) || (writers.length === 0 && mayBeWritten)) return undefined;
  const asked = new Set(writers.flatMap((stage) => stage?.infer?.model ?? []));
  const [name] = asked;
  if (name === undefined || asked.size > 1) {
    const why = name === undefined ? "holds no predictions of this file" : "holds predictions of several models";
    const message = `topic ${predictions.name} ${why}`;
    findings.problem("MR_CONFLICT", [...on, "predictions"], message, "name a topic that one infer stage writes");
    return undefined;
  }
  const model = models.get(name);
  if (model === undefined) return undefined;
  const { label } = model;
  if (label === undefined || (labels !== undefined && label.topic !== labels.name)) {
    const has = label === undefined ? "has no label" : `has its labels on topic ${label.topic}`;
    const message = `model ${name}, which makes these predictions, ${has}`;
    const hint =
      label === undefined
        ? `write models.${name}.label: { topic: TOPIC, on: FIELD, field: FIELD }`
        : `write labels: ${label.topic}`;
    findings.problem("MR_CONFLICT", [...on, "labels"], message, hint);
    return undefined;
  }
  return { ...model, label };
}

function hasEventId({ schema, name, time }: TopicDraft, at: Path, findings: Findings): boolean {
  if (time === undefined) return false;
  if (schema?.shape.some((field) => field.name === "event_id" && field.type.kind === "string") === true) return true;
  const message = `labels are told apart by event_id, and topic ${name} has none`;
  findings.problem("MR_EVENT_ID", at, message, "let a stage read it, and name the topic that the stage writes");
  return false;
}
