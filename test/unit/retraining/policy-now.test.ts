import { expect, test } from "vitest";
import type { AlertEvent } from "../../../src/monitor/index.ts";
import { takeAlert } from "../../../src/retraining/policy-now.ts";
import { type PolicyAlert, RetrainingPolicy } from "../../../src/training/index.ts";

class Listening extends RetrainingPolicy {
  readonly taken: PolicyAlert[] = [];

  override takeAlert(alert: PolicyAlert): void {
    this.taken.push(alert);
  }
}

function taken(over: Partial<AlertEvent>): readonly PolicyAlert[] {
  const policy = new Listening([]);
  takeAlert(policy, {
    type: "millrace.alert.firing",
    id: "a",
    fingerprint: "t/m/x",
    topology: "t",
    monitor: "m",
    field: "x",
    kind: "drift",
    incident: "i",
    severity: "page",
    isPage: false,
    at: "2026-01-05T00:00:00.000Z",
    from: undefined,
    to: undefined,
    cause: undefined,
    score: undefined,
    threshold: undefined,
    n: undefined,
    m: undefined,
    summary: "",
    fields: [],
    ...over,
  });
  return policy.taken;
}

const isVeto = (over: Partial<AlertEvent>): boolean | undefined => taken(over)[0]?.isVeto;

test("a lag and broken rows hold back what would learn from them, and what may be the world does not", () => {
  expect(isVeto({ kind: "drift" })).toBe(false);
  expect(isVeto({ kind: "performance" })).toBe(false);
  expect(isVeto({ kind: "lag", field: "features/held" })).toBe(true);
  for (const field of ["x.missing", "quality.errors", "quality.freshness", "quality.arrival"])
    expect(isVeto({ kind: "quality", field })).toBe(true);
  for (const field of ["x.unseen", "x.out_of_range", "quality.rows"])
    expect(isVeto({ kind: "quality", field })).toBe(false);
});

test("an incident holds back when any of its fields does", () => {
  const opened = { type: "millrace.incident.opened", kind: "quality", field: undefined } as const;
  expect(isVeto({ ...opened, fields: ["x.unseen", "y.missing"] })).toBe(true);
  expect(isVeto({ ...opened, fields: ["x.unseen", "y.unseen"] })).toBe(false);
});

test("an alarm of a detector is one, whoever has seen the alert before; what windows say is none", () => {
  const alarm = { kind: "performance", field: "error.hddm-a" } as const;
  expect(taken(alarm)).toMatchObject([{ isAlarm: true, step: "begins" }]);
  expect(taken({ ...alarm, type: "millrace.alert.suppressed" })).toMatchObject([{ isAlarm: true, step: "begins" }]);
  const opened = { ...alarm, type: "millrace.incident.opened", field: undefined } as const;
  expect(taken({ ...opened, fields: ["error.hddm-a", "error.ddm"] })).toMatchObject([{ isAlarm: true }]);
  expect(taken({ ...opened, fields: ["error.hddm-a", "accuracy"] })).toMatchObject([{ isAlarm: false }]);
  expect(taken({ ...alarm, field: "accuracy" })).toMatchObject([{ isAlarm: false }]);
  expect(taken({ ...alarm, kind: "drift" })).toMatchObject([{ isAlarm: false }]);
});

test("what is suppressed, or of no incident, is nothing to act on", () => {
  expect(taken({ type: "millrace.alert.suppressed" })).toEqual([]);
  expect(taken({ incident: undefined })).toEqual([]);
  expect(taken({ type: "millrace.incident.closed" })).toMatchObject([
    { id: "a", step: "closes", incident: "i", timeMs: Date.UTC(2026, 0, 5) },
  ]);
});

test("a drift is our own doing where the judge says so", () => {
  expect(taken({ cause: "deployment" })[0]?.isDeployment).toBe(true);
  expect(taken({ cause: "world" })[0]?.isDeployment).toBe(false);
  expect(taken({})[0]?.isDeployment).toBe(false);
});
