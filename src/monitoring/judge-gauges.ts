import type { GaugeName } from "../kernel/index.ts";
import type { AlertEvent, VerdictRecord } from "../monitor/index.ts";
import type { GaugeReading } from "../runtime/index.ts";

/** Features that are shown at most, those that were judged last; a metric has no more sets of label values. */
const featuresMax = 200;

/** What the judge is asked for, beside what it has written. */
export interface JudgedNow {
  /** Kafka's time of the last record that was taken; -Infinity before there was one. */
  readonly nowMs: number;
  pagesSpent(monitor: string): number | undefined;
}

export interface JudgeGaugesOptions {
  /** Of all kinds. What is read of others, which the file does not have any more, is passed over. */
  readonly monitors: readonly string[];
  /** Pages that chance may cause in the period of the budget. */
  readonly pages: number;
}

/** The last verdicts, and the alerts and incidents that go on, as `/metrics` shows them. Read back like the judge's state. */
export class JudgeGauges {
  readonly #options: JudgeGaugesOptions;
  readonly #monitors: ReadonlySet<string>;
  /** By monitor and field, the one that was judged last at the end. */
  readonly #verdicts = new Map<string, VerdictRecord>();
  /** By fingerprint. */
  readonly #alerts = new Map<string, { readonly monitor: string; readonly state: "firing" | "suppressed" }>();
  /** Monitor by incident. */
  readonly #incidents = new Map<string, string>();

  constructor(options: JudgeGaugesOptions) {
    this.#options = options;
    this.#monitors = new Set(options.monitors);
  }

  takeVerdict(verdict: VerdictRecord): void {
    if (!this.#monitors.has(verdict.monitor)) return;
    const key = `${verdict.monitor}/${verdict.field}`;
    this.#verdicts.delete(key);
    this.#verdicts.set(key, verdict);
    const [oldest] = this.#verdicts.keys();
    if (this.#verdicts.size > featuresMax && oldest !== undefined) this.#verdicts.delete(oldest);
  }

  takeEvent({ type, fingerprint, monitor, incident }: AlertEvent): void {
    switch (type) {
      case "millrace.alert.firing":
      case "millrace.alert.suppressed":
        this.#alerts.set(fingerprint, { monitor, state: type === "millrace.alert.firing" ? "firing" : "suppressed" });
        return;
      case "millrace.alert.resolved":
        this.#alerts.delete(fingerprint);
        return;
      case "millrace.incident.opened":
        this.#incidents.set(incident ?? fingerprint, monitor);
        return;
      case "millrace.incident.closed":
        this.#incidents.delete(incident ?? fingerprint);
    }
  }

  readings(judge: JudgedNow): readonly GaugeReading[] {
    const verdicts = [...this.#verdicts.values()].flatMap(verdictReadings);
    const { monitors, pages } = this.#options;
    const readings = monitors.flatMap((monitor): GaugeReading[] => {
      const alerts = [...this.#alerts.values()].filter((alert) => alert.monitor === monitor);
      const incidents = [...this.#incidents.values()].filter((of) => of === monitor);
      const pagesSpent = judge.pagesSpent(monitor);
      return [
        ...(["firing", "suppressed"] as const).map((state) => {
          const value = alerts.filter((alert) => alert.state === state).length;
          return reading("millrace_alerts", { monitor, state }, value);
        }),
        reading("millrace_incidents_open", { monitor }, incidents.length),
        ...(pagesSpent === undefined ? [] : [reading("millrace_alert_pages_spent", { monitor }, pagesSpent)]),
      ];
    });
    const time = Number.isFinite(judge.nowMs) ? [reading("millrace_judge_time_seconds", {}, judge.nowMs / 1_000)] : [];
    return [...verdicts, ...readings, reading("millrace_alert_pages_budget", {}, pages), ...time];
  }
}

function verdictReadings({ monitor, field, unit, score, threshold, phase }: VerdictRecord): GaugeReading[] {
  const isPerformance = unit === "metric";
  const labels = isPerformance ? { monitor, metric: field } : { monitor, feature: field, method: unit };
  const names: readonly [GaugeName, GaugeName] = isPerformance
    ? ["millrace_model_performance_drop", "millrace_model_performance_drop_threshold"]
    : ["millrace_feature_drift_score", "millrace_feature_drift_threshold"];
  return [
    ...(Number.isNaN(score) ? [] : [reading(names[0], labels, score)]),
    ...(Number.isNaN(threshold) ? [] : [reading(names[1], labels, threshold)]),
    reading("millrace_feature_drift_state", { monitor, feature: field, state: phase }, 1),
  ];
}

function reading(metric: GaugeName, labels: GaugeReading["labels"], value: number): GaugeReading {
  return { metric, labels, value };
}
