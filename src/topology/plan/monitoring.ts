import type { EpochMs } from "../../kernel/index.ts";
import type { EstimateSpec } from "../../monitor/estimate/index.ts";
import type { AlertRules, LagMonitorSpec, MonitorSpec, PageBudget, PerformanceSpec } from "../../monitor/index.ts";
import type { StoreSpec } from "../../state/index.ts";
import type { PlannedChangelog, PlannedTopic } from "./planned-topic.ts";

/** What the windows of a monitor are compared with. */
export type BaselineOrigin =
  /** The rows that the version in service was trained on. */
  | { readonly kind: "model"; readonly model: string }
  /** Rows by event time: the start belongs to them, the end does not. */
  | { readonly kind: "range"; readonly fromMs: EpochMs; readonly toMs: EpochMs }
  /** The first windows with rows enough. */
  | { readonly kind: "first"; readonly windows: number };

/** What stages count of the rows that they write. */
export interface CountedMonitor extends MonitorSpec {
  /** That write the topic. */
  readonly stages: readonly string[];
  /** Field of the rows that says which window they belong to; never null. */
  readonly timeField: string;
}

/** A monitor of what stages write, resolved. */
export interface PlannedMonitor extends CountedMonitor {
  readonly topic: PlannedTopic;
  readonly baseline: BaselineOrigin;
}

/** A monitor of predictions beside what came true, resolved. */
export interface PlannedPerformance extends PerformanceSpec {
  /** That makes the predictions. */
  readonly model: string;
  readonly predictions: PlannedTopic;
  readonly labels: PlannedTopic;
  readonly estimate?: (EstimateSpec & { readonly counted: CountedMonitor }) | undefined;
}

/** Whom to tell. Address and key are secrets: they stand in no log, no plan and no error. */
export type NotifyTarget =
  | { readonly kind: "webhook" | "alertmanager" | "slack"; readonly url: string }
  /** `url`: where its events go, where that is not its own address. */
  | { readonly kind: "pagerduty"; readonly key: string; readonly url?: string };

/** When somebody is told of what monitors find, and whom. */
export interface PlannedAlerts {
  readonly budget: PageBudget;
  readonly rules: AlertRules;
  /** A window that ended so long ago is judged, and nobody is told. */
  readonly ageMaxMs: number;
  /** Notifications a minute; the rest is told in a summary. */
  readonly perMinute: number;
  readonly notify: readonly NotifyTarget[];
}

/** Millrace's own topics of monitoring, of one partition each. */
export type MonitoringTopic = "partials" | "baselines" | "verdicts" | "alerts";

/** All that a topology's monitors need beside the taps of its stages. */
export interface PlannedMonitoring {
  readonly monitors: readonly PlannedMonitor[];
  readonly lag: readonly LagMonitorSpec[];
  readonly performance: readonly PlannedPerformance[];
  /** Where predictions and labels meet, and who joins them; undefined without monitors of performance. */
  readonly labelled: { readonly clusterName: string; readonly group: string } | undefined;
  readonly alerts: PlannedAlerts;
  /**
   * Hash of what the stages do, of the plan without monitors and alerts: another one is a deployment of ours, and another
   * threshold is none.
   */
  readonly workHash: string;
  readonly topics: Readonly<Record<MonitoringTopic, { readonly clusterName: string }>>;
  /** `<namespace.><topology>.monitor`. */
  readonly judgeGroup: string;
  /** `<namespace.><topology>.notifier`. */
  readonly notifierGroup: string;
}

/** All that is counted where rows are written: values of monitors of topics, and scores of what is estimated. */
export function countedMonitors({
  monitors,
  performance,
}: Pick<PlannedMonitoring, "monitors" | "performance">): readonly CountedMonitor[] {
  return [...monitors, ...performance.flatMap(({ estimate }) => estimate?.counted ?? [])];
}

/** What a task counts for one monitor, and where that is written down. */
export interface PlannedTap {
  /** Name of the monitor. */
  readonly monitor: string;
  readonly store: StoreSpec;
  readonly changelog: PlannedChangelog;
}
