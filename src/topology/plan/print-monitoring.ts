import { formatDurationMs, formatIsoTime } from "../../kernel/index.ts";
import type { LagLevel, LagMonitorSpec } from "../../monitor/index.ts";
import type {
  BaselineOrigin,
  PlannedAlerts,
  PlannedMonitor,
  PlannedMonitoring,
  PlannedPerformance,
} from "./monitoring.ts";
import { countOf, wrapped } from "./text.ts";

/** Monitors and alerts as the printed plan shows them, a part for each; addresses and keys are left out. */
export function monitoringTexts({
  monitors,
  lag,
  performance,
  labelled,
  alerts,
  judgeGroup,
  notifierGroup,
}: PlannedMonitoring): string[] {
  return [
    ...monitors.map(monitorText),
    ...lag.map(lagText),
    ...performance.map(performanceText),
    ...(labelled === undefined ? [] : [`labeller, group ${labelled.group}, reads ${labelled.clusterName}`]),
    [`judge, group ${judgeGroup}`, `notifier, group ${notifierGroup}`, ...alertLines(alerts)].join("\n"),
  ];
}

/** Lines for Millrace's own topics of monitoring. */
export function monitoringTopicLines({ topics }: PlannedMonitoring): string[] {
  return [
    `partials ${topics.partials.clusterName}, 1 partition, compacted, retention 90d`,
    `baselines ${topics.baselines.clusterName}, 1 partition, compacted`,
    `verdicts ${topics.verdicts.clusterName}, 1 partition, retention 90d`,
    `alerts ${topics.alerts.clusterName}, 1 partition, retention 90d`,
  ];
}

function monitorText(monitor: PlannedMonitor): string {
  const { name, topic, stages, windowMs, windowRows, lateMs, idleAfterMs, season, practical, severity } = monitor;
  const fields = monitor.fields.map((field) => `${field.name}${field.kind === "categories" ? " (category)" : ""}`);
  return [
    `monitor ${name} of ${topic.name}, counted by ${stages.join(", ")}`,
    `  windows of ${windowRows === undefined ? "" : `${countOf(windowRows, "row")} or more, in slices of `}${formatDurationMs(windowMs)} by ${monitor.timeField}, open for ${formatDurationMs(lateMs)} more, without partitions idle for ${formatDurationMs(idleAfterMs)}`,
    ...wrapped("  fields ", fields),
    `  baseline ${originText(monitor.baseline)}${season === "none" ? "" : `, by ${season}`}`,
    `  drift from ${practical} on, ${severity}`,
    ...qualityLinesOf(monitor),
    ...detectorLinesOf(monitor),
    `  version ${monitor.version}`,
  ].join("\n");
}

function qualityLinesOf({ quality }: PlannedMonitor): string[] {
  if (quality === undefined) return [];
  const { metrics, practical } = quality;
  const shown = metrics.map((metric) => {
    const from = metric === "freshness" ? formatDurationMs(practical[metric] * 1_000) : practical[metric];
    return `${metric} (from ${from} on)`;
  });
  return wrapped("  quality ", shown);
}

function detectorLinesOf({ detectors }: PlannedMonitor): string[] {
  if (detectors === undefined) return [];
  const shown = detectors.detectors.map(({ kind, config }) => `${kind} ${JSON.stringify(config)}`);
  return [...wrapped("  levels watched by ", shown), ...wrapped("  levels of ", detectors.fields)];
}

function performanceText(monitor: PlannedPerformance): string {
  const { name, model, predictions, labels, windowMs, waitMs, withinMs, isAbsenceNegative, severity } = monitor;
  const thresholds = monitor.metrics.map((metric) => `${metric} (from ${monitor.practical[metric]} on)`);
  const detectors = monitor.detectors.map(({ kind, config }) => `${kind} ${JSON.stringify(config)}`);
  return [
    `monitor ${name} of model ${model}: ${predictions.name} beside ${labels.name}`,
    `  windows of ${formatDurationMs(windowMs)} by ${predictions.time ?? ""}, mature ${formatDurationMs(waitMs)} behind their end by ${labels.time ?? ""}`,
    ...(withinMs === undefined ? [] : [`  a label counts for events at most ${formatDurationMs(withinMs)} before it`]),
    ...(isAbsenceNegative ? ["  no label means false in a mature window"] : []),
    ...wrapped("  metrics ", thresholds),
    ...(detectors.length === 0 ? [] : wrapped("  errors watched by ", detectors)),
    ...estimateLinesOf(monitor),
    `  ${severity}, version ${monitor.version}`,
  ].join("\n");
}

function estimateLinesOf({ estimate }: PlannedPerformance): string[] {
  if (estimate === undefined) return [];
  const { metrics, practical, counted } = estimate;
  const thresholds = metrics.map((metric) => `${metric} (from ${practical[metric]} on)`);
  return [
    `  estimated before labels are there, by scores that ${counted.stages.join(", ")} counts`,
    ...wrapped("  estimates ", thresholds),
  ];
}

function originText(origin: BaselineOrigin): string {
  if (origin.kind === "model") return `what model ${origin.model} learnt from`;
  if (origin.kind === "first") return `the first ${countOf(origin.windows, "window")}`;
  return `the rows from ${formatIsoTime(origin.fromMs)} to ${formatIsoTime(origin.toMs)}`;
}

function lagText({ name, warn, page, heldSeconds }: LagMonitorSpec): string {
  const lines = [`monitor ${name} of the lag`];
  if (warn !== undefined) lines.push(`  ticket ${levelText(warn)}`);
  if (page !== undefined) lines.push(`  page ${levelText(page)}`);
  if (heldSeconds !== undefined) {
    const severity = page === undefined ? "ticket" : "page";
    lines.push(`  ${severity} when a transaction holds records back for ${formatDurationMs(heldSeconds * 1_000)}`);
  }
  return lines.join("\n");
}

function levelText({ records, seconds, isGrowing }: LagLevel): string {
  const bounds = [
    ...(records === undefined ? [] : [countOf(records, "record")]),
    ...(seconds === undefined ? [] : [countOf(seconds, "second")]),
  ];
  return `from ${bounds.join(" or ")} on${isGrowing ? ", while it grows" : ""}`;
}

function alertLines({ budget, rules, ageMaxMs, perMinute, notify }: PlannedAlerts): string[] {
  const { fire, clear, cooldownMs } = rules;
  return [
    `  ${countOf(budget.pages, "page")} by chance in ${formatDurationMs(budget.perMs)}`,
    `  fires at ${fire.windows} of ${countOf(fire.of, "window")}, ends with ${clear.windows} below ${clear.below} of the threshold, cool-down ${formatDurationMs(cooldownMs)}`,
    `  tells ${ageMaxMs === Number.MAX_SAFE_INTEGER ? "of windows of any age" : `nobody of windows older than ${formatDurationMs(ageMaxMs)}`}, and at most ${perMinute} a minute`,
    ...notify.map((target) => `  tells ${target.kind} at ***`),
  ];
}
