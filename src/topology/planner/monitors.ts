import type { LagLevel, LagMonitorSpec } from "../../monitor/index.ts";
import type { StoreSpec } from "../../state/index.ts";
import {
  countedMonitors,
  type PlannedMonitor,
  type PlannedMonitoring,
  type PlannedPerformance,
  type PlannedTap,
} from "../plan/monitoring.ts";
import type { PlannedStage } from "../plan/plan.ts";
import { defaults } from "../spec/defaults.ts";
import type { LagLevelEntry, MonitorEntry } from "../spec/monitor-spec.ts";
import type { Outline } from "../spec/shape.ts";
import { ms, planAlerts } from "./alerts.ts";
import type { Findings } from "./findings.ts";
import { labelledPrefix } from "./label-stages.ts";
import { type MonitorSurroundings, planMonitor } from "./monitor.ts";
import { checkPerformanceKeys, isPerformance, planPerformance } from "./performance.ts";
import { inNamespace, labelledSuffix } from "./topics.ts";

type Path = readonly (string | number)[];

/** Fields that the monitors of one stage count together: each costs every row of it. */
const fieldsOfStageMax = 500;

/** Plans monitors and alerts; undefined without monitors. */
export function planMonitoring(surroundings: MonitorSurroundings, findings: Findings): PlannedMonitoring | undefined {
  const { outline, names } = surroundings;
  const alerts = planAlerts(outline.head.alerts, findings);
  if (outline.monitors.length === 0) {
    // One that is no list was reported, and what it holds is not known.
    if (outline.head.alerts !== undefined && outline.has.monitors)
      findings.problems.push({
        code: "MR_CONFLICT",
        path: ["alerts"],
        message: "there are no monitors, so there is nothing to tell",
        hint: "remove it",
        on: "key",
      });
    return undefined;
  }
  checkNames(outline, findings);
  const monitors: PlannedMonitor[] = [];
  const lag: LagMonitorSpec[] = [];
  const performance: PlannedPerformance[] = [];
  for (const { path, spec } of outline.monitors) {
    if (spec === undefined) continue;
    if (!isPerformance(spec) && spec.on !== "lag") checkPerformanceKeys(spec, path, findings);
    if (spec.on === "lag") lag.push(planLag(spec, path, surroundings, findings));
    else if (isPerformance(spec)) performance.push(...planPerformance(spec, path, surroundings, findings));
    else monitors.push(...planMonitor(spec, path, surroundings, findings));
  }
  checkFieldCounts(monitors, outline, findings);
  const named = (suffix: string): string => inNamespace(names.namespace, `${names.topology}.${suffix}`);
  return {
    monitors,
    lag,
    performance,
    labelled: performance.length === 0 ? undefined : { clusterName: named(labelledSuffix), group: named("labeller") },
    alerts,
    workHash: "",
    topics: {
      partials: { clusterName: named("partials") },
      baselines: { clusterName: named("baselines") },
      verdicts: { clusterName: named("verdicts") },
      alerts: { clusterName: named("alerts") },
    },
    judgeGroup: named("monitor"),
    notifierGroup: named("notifier"),
  };
}

/** Gives each stage the taps that its tasks count with. */
export function addTaps(
  stages: Map<string, PlannedStage | undefined>,
  monitoring: PlannedMonitoring | undefined,
): void {
  for (const [name, stage] of stages)
    if (stage !== undefined) stages.set(name, { ...stage, taps: tapsOf(stage, monitoring) });
}

/** The monitors of a stage as its tasks count them. */
function tapsOf({ name, group, from }: PlannedStage, monitoring: PlannedMonitoring | undefined): PlannedTap[] {
  const counted = monitoring === undefined ? [] : countedMonitors(monitoring);
  const own = counted.filter(({ stages }) => stages.includes(name));
  return own.map((monitor) => {
    const store: StoreSpec = { name: `monitor.${monitor.name}`, kind: "counts", version: 1 };
    const clusterName = `${group}.${store.name}.changelog`;
    return { monitor: monitor.name, store, changelog: { clusterName, partitions: from.partitions } };
  });
}

/** Groups of the judge and of the notifier are named like stages. */
const reservedStages: readonly string[] = ["monitor", "notifier", "labeller"];

function checkNames(outline: Outline, findings: Findings): void {
  const seen = new Set<string>();
  for (const { path, spec } of outline.monitors) {
    if (spec === undefined) continue;
    if (seen.has(spec.name)) {
      const message = `two monitors are named ${spec.name}; a name makes one store, and one record per window`;
      findings.problem("MR_CONFLICT", [...path, "name"], message, "give one of them another name");
    }
    seen.add(spec.name);
  }
  for (const { name, path } of outline.stages) {
    if (name === undefined || !(reservedStages.includes(name) || name.startsWith(labelledPrefix))) continue;
    const message = `a topology with monitors has a group of the name ${name} of its own`;
    findings.problem("MR_CONFLICT", [...path, "name"], message, "give the stage another name");
  }
}

function checkFieldCounts(monitors: readonly PlannedMonitor[], outline: Outline, findings: Findings): void {
  const counts = new Map<string, number>();
  for (const { name, stages, fields } of monitors) {
    for (const stage of stages) {
      const count = (counts.get(stage) ?? 0) + fields.length;
      counts.set(stage, count);
      if (count <= fieldsOfStageMax) continue;
      const path = outline.monitors.find(({ spec }) => spec?.name === name)?.path ?? [];
      const message = `the monitors of stage ${stage} count ${count} fields together, and it may be ${fieldsOfStageMax}`;
      findings.problem("MR_OUT_OF_RANGE", [...path, "fields"], message, "name fewer fields");
    }
  }
}

/** Keys that say something of rows. */
const rowKeys = [
  "fields",
  "window",
  "late",
  "baseline",
  "season",
  "thresholds",
  "severity",
  "metrics",
  "detectors",
] as const;

function planLag(spec: MonitorEntry, path: Path, { topics }: MonitorSurroundings, findings: Findings): LagMonitorSpec {
  if (topics.has("lag")) {
    const message = "lag is how far the stages are behind, and there is a topic of that name too";
    const hint = "give the topic another name in this file, with name: lag where it is described";
    findings.problem("MR_AMBIGUOUS", [...path, "on"], message, hint);
  }
  for (const key of rowKeys) {
    if (spec[key] === undefined) continue;
    const message = `${key} belongs to monitors of a topic, and this one is of the lag`;
    findings.problem("MR_CONFLICT", [...path, key], message, "remove it");
  }
  if (spec.warn === undefined && spec.page === undefined && (spec.held ?? "none") === "none") {
    const message = "nothing says how much lag is too much";
    findings.problem("MR_MISSING_KEY", path, message, "write for example warn: { seconds: 30 }");
  }
  const held = spec.held ?? defaults.monitor.held;
  const heldSeconds = held === "none" ? undefined : ms(held) / 1_000;
  return { name: spec.name, warn: levelOf(spec.warn), page: levelOf(spec.page), heldSeconds };
}

function levelOf(level: LagLevelEntry | undefined): LagLevel | undefined {
  if (level === undefined) return undefined;
  const { records, seconds, growing } = level;
  return { records, seconds, isGrowing: growing ?? defaults.monitor.growing };
}
