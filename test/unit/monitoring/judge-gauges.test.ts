import { describe, expect, test } from "vitest";
import type { AlertEvent } from "../../../src/monitor/index.ts";
import { JudgeGauges } from "../../../src/monitoring/judge-gauges.ts";
import { verdictOf } from "./verdicts.ts";

const judge = { nowMs: 90_000, pagesSpent: (monitor: string) => (monitor === "inputs" ? 1 : undefined) };
const shown = { monitors: ["inputs", "behind"], pages: 2 };
const event = (type: AlertEvent["type"], more: Partial<AlertEvent> = {}): AlertEvent => ({
  ...{ type, id: "e", fingerprint: "shop/inputs/amount", topology: "shop", monitor: "inputs", field: "amount" },
  ...{ kind: "drift", severity: "page", incident: "i1", isPage: false, cause: undefined, at: "2026-01-01T00:00:00Z" },
  ...{ from: undefined, to: undefined, score: undefined, threshold: undefined, n: undefined, m: undefined },
  ...{ summary: "amount drifts.", fields: [] },
  ...more,
});

/** `metric{labels}` and its value, as a line. */
const lines = (gauges: JudgeGauges, of: RegExp): string[] =>
  gauges
    .readings(judge)
    .map(({ metric, labels, value }) => `${metric}{${Object.values(labels).join(",")}} ${value}`)
    .filter((line) => of.test(line));

describe("what the judge shows", () => {
  test("is the last verdict of each feature: score, threshold and state", () => {
    const gauges = new JudgeGauges(shown);
    gauges.takeVerdict(verdictOf({ monitor: "inputs", field: "amount", score: 0.1, threshold: 0.2, phase: "ok" }));
    gauges.takeVerdict(verdictOf({ monitor: "inputs", field: "amount", score: 0.7, threshold: 0.2, phase: "firing" }));
    gauges.takeVerdict(verdictOf({ monitor: "gone", field: "amount" }));
    expect(lines(gauges, /feature/)).toEqual([
      "millrace_feature_drift_score{inputs,amount,psi} 0.7",
      "millrace_feature_drift_threshold{inputs,amount,psi} 0.2",
      "millrace_feature_drift_state{inputs,amount,firing} 1",
    ]);
  });

  test("has no number where a window could not be judged, and of a metric how much worse it is", () => {
    const gauges = new JudgeGauges(shown);
    const none = { score: Number.NaN, threshold: Number.NaN };
    gauges.takeVerdict(verdictOf({ monitor: "inputs", field: "amount", ...none, phase: "insufficient" }));
    gauges.takeVerdict(verdictOf({ monitor: "inputs", field: "auc", unit: "metric", score: 0.01, threshold: 0.03 }));
    expect(lines(gauges, /feature|performance/)).toEqual([
      "millrace_feature_drift_state{inputs,amount,insufficient} 1",
      "millrace_model_performance_drop{inputs,auc} 0.01",
      "millrace_model_performance_drop_threshold{inputs,auc} 0.03",
      "millrace_feature_drift_state{inputs,auc,ok} 1",
    ]);
  });

  test("holds the two hundred features that were judged last", () => {
    const gauges = new JudgeGauges(shown);
    const judged = (i: number): void => gauges.takeVerdict(verdictOf({ monitor: "inputs", field: `f${i}` }));
    for (let i = 0; i < 200; i++) judged(i);
    judged(0);
    judged(200);
    const states = lines(gauges, /state/);
    expect([states.length, states[0]]).toEqual([200, "millrace_feature_drift_state{inputs,f2,ok} 1"]);
    expect(states).toContain("millrace_feature_drift_state{inputs,f0,ok} 1");
  });

  test("counts alerts and incidents until they end, and what of the budget is spent", () => {
    const gauges = new JudgeGauges(shown);
    const lag = { monitor: "behind", fingerprint: "shop/behind/ingest/page", incident: "i2" };
    gauges.takeEvent(event("millrace.incident.opened"));
    gauges.takeEvent(event("millrace.alert.firing"));
    gauges.takeEvent(event("millrace.alert.suppressed", { fingerprint: "shop/inputs/n" }));
    gauges.takeEvent(event("millrace.alert.firing", lag));
    gauges.takeEvent(event("millrace.alert.resolved", lag));
    gauges.takeEvent(event("millrace.incident.opened", lag));
    gauges.takeEvent(event("millrace.incident.closed", lag));
    expect(lines(gauges, /alert|incident|judge/)).toEqual([
      "millrace_alerts{inputs,firing} 1",
      "millrace_alerts{inputs,suppressed} 1",
      "millrace_incidents_open{inputs} 1",
      "millrace_alert_pages_spent{inputs} 1",
      "millrace_alerts{behind,firing} 0",
      "millrace_alerts{behind,suppressed} 0",
      "millrace_incidents_open{behind} 0",
      "millrace_alert_pages_budget{} 2",
      "millrace_judge_time_seconds{} 90",
    ]);
  });
});
