import { formatDurationMs, type Hasher } from "../../kernel/index.ts";
import { type MonitoredField, type MonitorSpec, qualityDefaults, qualityMetrics } from "../../monitor/index.ts";
import type { PlannedMonitor } from "../plan/monitoring.ts";
import type { PlannedModel, PlannedStage } from "../plan/plan.ts";
import { defaults } from "../spec/defaults.ts";
import type { MonitorEntry } from "../spec/monitor-spec.ts";
import type { Outline } from "../spec/shape.ts";
import { ms } from "./alerts.ts";
import { fieldDetectors } from "./detectors.ts";
import type { Findings } from "./findings.ts";
import { isOfModel } from "./metric-names.ts";
import { baselineOrigin } from "./monitor-baseline.ts";
import { monitoredFields } from "./monitor-fields.ts";
import { finishTopic, type TopicDraft, type TopicNames } from "./topics.ts";

type Path = readonly (string | number)[];

/** What monitors are planned over: everything else of the file, planned. */
export interface MonitorSurroundings {
  readonly outline: Outline;
  readonly names: Pick<TopicNames, "topology" | "namespace">;
  readonly topics: ReadonlyMap<string, TopicDraft>;
  /** By name; undefined for those that are broken. */
  readonly stages: ReadonlyMap<string, PlannedStage | undefined>;
  readonly models: ReadonlyMap<string, PlannedModel | undefined>;
  /** A stage is broken, and may be the one that writes a topic that nobody seems to write. */
  readonly mayBeWritten: boolean;
  readonly hasher: Hasher;
}

export const windowMinMs = 60_000;
/** Windows that a task may hold open at once. */
const openWindowsMax = 48;
/** How long a partition may say nothing before windows close without it. */
export const idleAfterMs = 60_000;
/** How long a window is kept open where no stage says how late a row may be. */
const lateDefaultMs = 60_000;

/** A monitor of a topic; none when something is wrong with it, which is reported. */
export function planMonitor(
  spec: MonitorEntry,
  path: Path,
  surroundings: MonitorSurroundings,
  findings: Findings,
): PlannedMonitor[] {
  const { outline, stages, models, hasher } = surroundings;
  for (const key of ["warn", "page", "held"] as const) {
    if (spec[key] === undefined) continue;
    const message = `${key} belongs to a monitor of the lag, and this one is of a topic`;
    findings.problem("MR_CONFLICT", [...path, key], message, "remove it, or write on: lag");
  }
  const { windowRows, writtenMs } = windowOf(spec, path, findings);
  const topic = topicOf(spec, path, surroundings, findings);
  if (topic === undefined) return [];
  const baseline = baselineOrigin(spec.baseline, topic.name, [...path, "baseline"], outline, findings);
  const timeField = timeFieldOf(topic, path, findings);
  const model = baseline?.kind === "model" ? models.get(baseline.model) : undefined;
  const isPredictions = typeof spec.on === "object";
  // Which fields follow from a model or a baseline that are broken is not known.
  const isOpen = spec.fields === undefined && (baseline === undefined || (baseline.kind === "model" && !model));
  if (topic.schema === undefined || isOpen) return [];
  const asked = { fields: spec.fields, path: [...path, "fields"], isPredictions, model };
  const fields = monitoredFields(asked, topic, topic.schema.shape, findings);
  const knownMs = spec.late === undefined ? latenessBefore(topic, stages) : ms(spec.late);
  const windowMs = windowRows === undefined ? writtenMs : sliceOf(knownMs);
  const lateMs = latenessOf(spec, windowMs, knownMs, path, findings);
  // A stage that is broken has been reported.
  if (baseline === undefined || timeField === undefined || lateMs === undefined) return [];
  if (topic.writers.some((writer) => stages.get(writer) === undefined)) return [];
  const counted = {
    topic: topic.clusterName,
    timeField,
    windowMs,
    fields: fields.map(({ name, kind }) => [name, kind]),
    ...(windowRows === undefined ? {} : { windowRows }),
  };
  const monitor: MonitorSpec = {
    name: spec.name,
    fields,
    windowMs,
    windowRows,
    lateMs,
    idleAfterMs,
    season: spec.season ?? defaults.monitor.season,
    practical: spec.thresholds?.psi ?? defaults.monitor.psi,
    kind: "drift",
    severity: spec.severity ?? defaults.monitor.severity,
    quality: qualityOf(spec, fields, path, findings),
    detectors: fieldDetectors(spec, path, fields, topic.schema.shape, findings),
    version: hasher.sha256(JSON.stringify(counted)).slice(0, 16),
  };
  return [{ ...monitor, topic: finishTopic(topic), stages: [...topic.writers], timeField, baseline }];
}

/** What is said of the rows, where anything is asked for that these fields can have. */
function qualityOf(
  { metrics = [], thresholds = {} }: MonitorEntry,
  fields: readonly MonitoredField[],
  path: Path,
  findings: Findings,
): MonitorSpec["quality"] {
  const { freshness = defaults.monitor.freshness, ...bounds } = thresholds;
  const asked: (typeof qualityMetrics)[number][] = [];
  for (const [index, metric] of metrics.entries()) {
    if (isOfModel(metric)) continue;
    if (asked.includes(metric)) {
      findings.problem("MR_CONFLICT", [...path, "metrics", index], `${metric} is named twice`, "remove it");
      continue;
    }
    asked.push(metric);
    const needs = { unseen: "categories", out_of_range: "numbers" }[metric as string];
    if (needs === undefined || fields.length === 0 || fields.some(({ kind }) => kind === needs)) continue;
    const [has, of] = metric === "unseen" ? ["a vocabulary", "category"] : ["a range", "number"];
    const message = `${metric} is of fields that have ${has}, and this monitor counts no ${of}`;
    findings.problem("MR_CONFLICT", [...path, "metrics", index], message, "remove it, or name such a field");
  }
  for (const metric of qualityMetrics) {
    if (thresholds[metric] === undefined || asked.includes(metric)) continue;
    const message = `this monitor says nothing of ${metric}, so its threshold does nothing`;
    const hint = `write metrics: [${[...asked, metric].join(", ")}], or remove it`;
    findings.problem("MR_CONFLICT", [...path, "thresholds", metric], message, hint);
  }
  if (asked.length === 0) return undefined;
  const written = Object.fromEntries(
    qualityMetrics.flatMap((metric) => {
      const bound = metric === "freshness" ? ms(freshness) / 1_000 : bounds[metric];
      return bound === undefined ? [] : [[metric, bound]];
    }),
  );
  return { metrics: asked, practical: { ...qualityDefaults, ...written } };
}

/** The topic, when a stage writes it and its rows can be counted. */
function topicOf(
  { on }: MonitorEntry,
  path: Path,
  { topics, stages, mayBeWritten }: MonitorSurroundings,
  findings: Findings,
): TopicDraft | undefined {
  const name = typeof on === "string" ? on : on.predictions;
  const at = typeof on === "string" ? [...path, "on"] : [...path, "on", "predictions"];
  const topic = topics.get(name);
  if (topic === undefined) {
    const known = typeof on === "string" ? [...topics.keys(), "lag"] : topics.keys();
    findings.dangling(at, "topic", name, known);
    return undefined;
  }
  if (topic.isBroken) return undefined;
  const [writer] = topic.writers;
  if (writer === undefined) {
    if (mayBeWritten) return undefined;
    const message = `no stage of this file writes topic ${name}, and this version counts what its stages write`;
    findings.problem("MR_UNSUPPORTED", at, message, "watch a topic that a stage writes");
    return undefined;
  }
  if (topic.format === "json") {
    const message = `topic ${name} is written as JSON, and this version counts what is written as Avro`;
    findings.problem("MR_UNSUPPORTED", at, message, "watch a topic before it that is Avro");
    return undefined;
  }
  const stage = stages.get(writer);
  if (typeof on === "object" && stage !== undefined && stage.infer === undefined) {
    const message = `topic ${name} holds no predictions: stage ${writer}, which writes it, has no infer step`;
    findings.problem("MR_CONFLICT", at, message, `write on: ${name}`);
    return undefined;
  }
  return topic;
}

/** Field of the rows that holds their event time, when every row has one. */
export function timeFieldOf(topic: TopicDraft, path: Path, findings: Findings): string | undefined {
  if (topic.timeIsWrong) return undefined;
  const field = topic.schema?.shape.find(({ name }) => name === topic.time);
  if (field === undefined) {
    const message = `windows are of event time, and topic ${topic.name} has none`;
    findings.problem(
      "MR_TIME",
      [...path, "on"],
      message,
      `name a timestamp-millis field under topics.${topic.name}.time`,
    );
    return undefined;
  }
  if (!field.type.nullable) return field.name;
  const message = `windows are of event time, and ${field.name} of topic ${topic.name} may be null`;
  findings.problem("MR_TIME", [...path, "on"], message, `do not let ${field.name} be null in the schema`);
  return undefined;
}

/** As the file has it: so much event time, or so many rows. */
function windowOf(spec: MonitorEntry, path: Path, findings: Findings) {
  const { window = defaults.monitor.window } = spec;
  if (typeof window === "object") {
    checkRowKeys(spec, path, findings);
    return { windowRows: window.rows, writtenMs: 0 };
  }
  const writtenMs = ms(window);
  if (writtenMs < windowMinMs) {
    const message = `a window is at least ${formatDurationMs(windowMinMs)}, and this one is ${window}`;
    findings.problem("MR_OUT_OF_RANGE", [...path, "window"], message, "write for example window: 1h");
  }
  return { windowRows: undefined, writtenMs };
}

/** What a window of so many rows cannot have. */
function checkRowKeys({ season = "none", metrics = [] }: MonitorEntry, path: Path, findings: Findings): void {
  if (season !== "none") {
    const message = "windows of so many rows begin at no hour, and so have no season";
    findings.problem("MR_CONFLICT", [...path, "season"], message, "remove it, or write for example window: 1h");
  }
  for (const [index, metric] of metrics.entries()) {
    if (metric !== "rows") continue;
    const message = "how many rows a window has is what this monitor's windows are made by";
    findings.problem("MR_CONFLICT", [...path, "metrics", index], message, "remove it, or write for example window: 1h");
  }
}

/** Whole minutes, and no more of them open at once than may be. */
function sliceOf(lateMs: number): number {
  return windowMinMs * Math.max(1, Math.ceil(lateMs / openWindowsMax / windowMinMs));
}

/** How long a window stays open behind its end; undefined when a stage that may say so is broken, or it is too long. */
function latenessOf(
  spec: MonitorEntry,
  windowMs: number,
  lateMs: number,
  path: Path,
  findings: Findings,
): number | undefined {
  const at = [...path, spec.late === undefined ? "window" : "late"];
  return checkOpenWindows(windowMs, lateMs, at, findings) ? lateMs : undefined;
}

/** Whether a task can hold open as many windows as are open at once; else it is reported. */
export function checkOpenWindows(windowMs: number, lateMs: number, at: Path, findings: Findings): boolean {
  // A window that is too small has been reported.
  if (lateMs <= openWindowsMax * windowMs || windowMs < windowMinMs) return true;
  const message = `windows of ${formatDurationMs(windowMs)} kept open for ${formatDurationMs(lateMs)} are more than ${openWindowsMax} at once`;
  const atLeast = Math.ceil(lateMs / openWindowsMax / windowMinMs);
  const hint = `write window: ${formatDurationMs(atLeast * windowMinMs)} or more, or late: with a shorter time`;
  findings.problem("MR_OUT_OF_RANGE", at, message, hint);
  return false;
}

/** Of the stage that writes the topic, or of the nearest before it that says how late a record may be. */
export function latenessBefore({ writers }: TopicDraft, stages: MonitorSurroundings["stages"]): number {
  const seen = new Set<string>();
  for (let [writer] = writers; writer !== undefined && !seen.has(writer); ) {
    seen.add(writer);
    const stage = stages.get(writer);
    if (stage?.lateWithinMs !== undefined) return stage.lateWithinMs;
    [writer] = stage?.from.writers ?? [];
  }
  return lateDefaultMs;
}
