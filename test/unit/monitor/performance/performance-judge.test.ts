import { describe, expect, test } from "vitest";
import {
  type DetectorState,
  defaultRules,
  Judge,
  type PartialRecord,
  type PerformanceReference,
  type PerformanceSpec,
  practicalDefaults,
  type VerdictRecord,
  type VersionPerformance,
  type WindowPerformance,
} from "../../../../src/monitor/index.ts";
import { modelFields } from "../../../../src/monitor/performance/index.ts";

const dayMs = 86_400_000;
const spec: PerformanceSpec = {
  name: "model",
  kind: "performance",
  severity: "page",
  join: "j",
  windowMs: dayMs,
  waitMs: 0,
  withinMs: undefined,
  isAbsenceNegative: false,
  lateMs: 0,
  metrics: ["accuracy"],
  practical: practicalDefaults,
  detectors: [],
  version: "v",
};

const judgeOf = (over: Partial<PerformanceSpec> = {}): Judge =>
  new Judge({
    topology: "shop",
    monitors: [],
    performance: [{ ...spec, ...over }],
    rules: { ...defaultRules, cooldownMs: 0 },
    budget: { pages: 1, perMs: 30 * dayMs },
    partitions: new Map(),
    stagesOf: new Map(),
    ageMaxMs: dayMs,
  });

const validation: PerformanceReference = { rows: 10_000, positives: 5_000, values: { accuracy: 0.8 } };

/** A window of 10,000 labelled rows in which so many are decided rightly: its error is 0.004. */
const versionOf = (accuracy: number, over: Partial<VersionPerformance> = {}): VersionPerformance => ({
  model: "fraud",
  version: 1,
  rows: 10_000,
  kept: 10_000,
  labelled: 10_000,
  positives: 5_000,
  metrics: [{ metric: "accuracy", value: accuracy, error: 0.004 }],
  detectors: [],
  reference: validation,
  ...over,
});

const windowOf = (
  day: number,
  versions: VersionPerformance[],
  over: Partial<WindowPerformance> = {},
): PartialRecord => ({
  monitor: "model",
  version: "v",
  stage: "labeller",
  partition: 0,
  fromMs: day * dayMs,
  baseline: "",
  rows: versions.reduce((sum, { rows }) => sum + rows, 0),
  late: 0,
  counts: [],
  offsetFrom: day,
  offsetNext: day + 1,
  schemas: [],
  recent: undefined,
  streamTimeMs: (day + 1) * dayMs,
  isClosed: true,
  plan: "p",
  model: undefined,
  performance: { versions, isOutage: false, late: 0, ...over },
});

/** Judges a window on the day after it. */
function judged(judge: Judge, record: PartialRecord) {
  judge.takePartial(record, record.fromMs + 2 * dayMs);
  return judge.judge();
}

const kinds = (verdicts: readonly VerdictRecord[]) =>
  verdicts.map(({ field, baseline, kind, reason }) => [field, baseline, kind, reason]);

describe("a metric", () => {
  test.each([
    // The threshold is 3.09 deviations of both errors together, 0.004 each: 0.0175, and so 0.02, which is of interest.
    [0.7801, "OK"],
    [0.7799, "DRIFT"],
    [0.95, "OK"],
  ])("of %d where it was 0.8 is %s", (accuracy, kind) => {
    const { verdicts } = judged(judgeOf(), windowOf(0, [versionOf(accuracy)]));
    expect(verdicts).toHaveLength(1);
    expect(verdicts[0]).toMatchObject({ kind, value: accuracy, reference: 0.8, unit: "metric", n: 10_000, m: 10_000 });
    expect(verdicts[0]).toMatchObject({ coverage: 1, sampled: 1, baseline: "fraud/1" });
    expect(verdicts[0]?.score).toBeCloseTo(0.8 - accuracy, 12);
    expect(verdicts[0]?.noiseFloor).toBeCloseTo(3.0902323 * 0.004 * Math.SQRT2, 8);
  });

  test("of few rows has to be worse by more than they can say", () => {
    // 400 rows: an error of 0.02, and by it one of 0.004 of the reference: 3.09 * 0.0204 = 0.063.
    const few = {
      rows: 400,
      kept: 400,
      labelled: 400,
      metrics: [{ metric: "accuracy" as const, value: 0.74, error: 0.02 }],
    };
    const { verdicts } = judged(judgeOf(), windowOf(0, [versionOf(0, few)]));
    expect(verdicts[0]?.threshold).toBeCloseTo(3.0902323 * Math.hypot(0.02, 0.004), 7);
    expect(verdicts[0]?.kind).toBe("OK");
  });

  test("of which less is better is worse when there is more of it", () => {
    const loss = (value: number) =>
      versionOf(0, {
        metrics: [{ metric: "log_loss", value, error: 0.001 }],
        reference: { ...validation, values: { log_loss: 0.4 } },
      });
    const kindOf = (value: number) =>
      judged(judgeOf({ metrics: ["log_loss"] }), windowOf(0, [loss(value)])).verdicts[0]?.kind;
    expect([kindOf(0.3), kindOf(0.44), kindOf(0.46)]).toEqual(["OK", "OK", "DRIFT"]);
  });

  test("says nothing below thirty labelled rows, and nothing in an outage of the labels", () => {
    const of = (labelled: number, isOutage: boolean) =>
      kinds(judged(judgeOf(), windowOf(0, [versionOf(0.1, { labelled })], { isOutage })).verdicts);
    expect(of(29, false)).toEqual([["accuracy", "fraud/1", "INSUFFICIENT", "rows"]]);
    expect(of(30, false)).toEqual([["accuracy", "fraud/1", "DRIFT", undefined]]);
    expect(of(10_000, true)).toEqual([["accuracy", "fraud/1", "INSUFFICIENT", "labels"]]);
  });

  test("of a version that nobody has measured is learnt from its first three windows with 500 rows", () => {
    const judge = judgeOf();
    const window = (day: number, accuracy: number, labelled = 200) =>
      judged(judge, windowOf(day, [versionOf(accuracy, { reference: undefined, labelled })])).verdicts[0];
    expect([0, 1, 2].map((day) => window(day, 0.6 + day / 10)?.kind)).toEqual(["LEARNING", "LEARNING", "LEARNING"]);
    expect(window(3, 0.7)).toMatchObject({ kind: "OK", n: 600 });
    expect(window(3, 0.7)).toBeUndefined();
    expect(window(4, 0.9)?.reference).toBeCloseTo(0.7, 12);
  });

  test("that its version's validation did not measure is learnt beside those that it did", () => {
    const judge = judgeOf({ metrics: ["auc", "accuracy"] });
    const window = (day: number, accuracy: number, auc = 0.9) => {
      const metrics = [
        { metric: "auc" as const, value: auc, error: 0.004 },
        { metric: "accuracy" as const, value: accuracy, error: 0.004 },
      ];
      const reference = { ...validation, values: { auc: 0.9 } };
      return judged(judge, windowOf(day, [versionOf(0, { metrics, reference })])).verdicts;
    };
    const [measured, unmeasured] = window(0, 0.79);
    expect(measured).toMatchObject({ field: "auc", kind: "OK", reference: 0.9, n: 10_000 });
    expect(unmeasured).toMatchObject({ field: "accuracy", kind: "LEARNING", n: 0 });
    // A window in which another metric is worse is no reference, and neither are more than the first three.
    expect(window(1, 0.1, 0.8).map(({ kind }) => kind)).toEqual(["DRIFT", "LEARNING"]);
    expect([window(2, 0.8), window(3, 0.81)].map((verdicts) => verdicts[1]?.kind)).toEqual(["LEARNING", "LEARNING"]);
    const learnt = window(4, 0.7)[1];
    expect(learnt).toMatchObject({ kind: "DRIFT", n: 30_000 });
    expect(learnt?.reference).toBeCloseTo(0.8, 12);
    expect(window(5, 0.95)[1]?.reference).toBeCloseTo(0.8, 12);
  });

  test("is learnt of windows that could be measured, and not of one that is old and worse", () => {
    const judge = judgeOf({ metrics: ["auc", "accuracy"] });
    const window = (day: number, accuracy: number, auc = 0.9, ageMs = 0) => {
      const metrics = [
        { metric: "auc" as const, value: auc, error: 0.004 },
        { metric: "accuracy" as const, value: accuracy, error: 0.004 },
      ];
      const record = windowOf(day, [versionOf(0, { metrics, reference: { ...validation, values: { auc: 0.9 } } })]);
      judge.takePartial(record, record.fromMs + 2 * dayMs + ageMs);
      return judge.judge().verdicts[1];
    };
    window(0, 0.1, 0.5, 1);
    window(2, Number.NaN);
    for (const day of [3, 4, 5]) expect(window(day, 0.8)?.kind).toBe("LEARNING");
    expect(window(6, 0.8)).toMatchObject({ kind: "OK", n: 30_000 });
  });
});

describe("an alert", () => {
  test("is about performance, fires with the third window of five, and ends with a better version", () => {
    const judge = judgeOf();
    const said = [0.7, 0.7, 0.7].map((accuracy, day) => judged(judge, windowOf(day, [versionOf(accuracy)])).events);
    expect(said.map((events) => events.map(({ type }) => type))).toEqual([
      [],
      [],
      ["millrace.incident.opened", "millrace.alert.firing"],
    ]);
    expect(said[2]?.[0]).toMatchObject({
      kind: "performance",
      isPage: true,
      incident: "shop/model/19700103T000000Z",
      summary: "model: accuracy is worse than it was.",
    });
    const next = [3, 4, 5].map((day) => judged(judge, windowOf(day, [versionOf(0.8, { version: 2 })])).events);
    expect(next.flat().map(({ type }) => type)).toEqual(["millrace.alert.resolved", "millrace.incident.closed"]);
    expect(judge.pagesSpent("model")).toBe(1);
  });

  test("takes note of the version with most predictions alone, and all are judged", () => {
    const judge = judgeOf();
    const [canary, champion] = [versionOf(0.1, { version: 2, rows: 1_000 }), versionOf(0.8)];
    const all = [0, 1, 2, 3].map((day) => judged(judge, windowOf(day, [canary, champion])));
    expect(all.flatMap(({ events }) => events)).toEqual([]);
    expect(kinds(all[3]!.verdicts)).toEqual([
      ["accuracy", "fraud/2", "DRIFT", undefined],
      ["accuracy", "fraud/1", "OK", undefined],
    ]);
  });

  const kindsAt = (nowMs: number, over: Partial<PerformanceSpec> = {}) => {
    const judge = judgeOf(over);
    judge.takePartial(windowOf(0, [versionOf(0.1)]), nowMs);
    return kinds(judge.judge().verdicts);
  };
  const [drift, old] = [[["accuracy", "fraud/1", "DRIFT", undefined]], [["accuracy", "fraud/1", "SUPPRESSED", "old"]]];

  test("of a window that ended long ago is judged and pages nobody", () => {
    expect(kindsAt(2 * dayMs)).toEqual(drift);
    expect(kindsAt(2 * dayMs + 1)).toEqual(old);
  });

  test("of a window whose labels were waited for is as old as the time since it could be mature", () => {
    const waiting = { waitMs: 7 * dayMs, lateMs: 2 * dayMs };
    expect(kindsAt(9 * dayMs, waiting)).toEqual(drift);
    expect(kindsAt(9 * dayMs + 1, waiting)).toEqual(old);
    // No window is done with while predictions for it may come.
    const late = { waitMs: 0, lateMs: 2 * dayMs };
    expect(kindsAt(4 * dayMs, late)).toEqual(drift);
    expect(kindsAt(4 * dayMs + 1, late)).toEqual(old);
  });
});

describe("a detector", () => {
  const state = (sinceRow: number | undefined, alarms = sinceRow === undefined ? 0 : 1): DetectorState => ({
    kind: "adwin",
    rows: 50,
    sinceRow,
    sinceMs: sinceRow === undefined ? undefined : 5,
    alarms,
  });
  const detecting = { metrics: [], detectors: [{ kind: "adwin", config: {} }] };
  const window = (day: number, sinceRow: number | undefined, version = 1, alarms?: number) =>
    windowOf(day, [versionOf(0.8, { metrics: [], detectors: [state(sinceRow, alarms)], version })]);

  test("fires with its first alarm, says since which row, and is over with the next version", () => {
    const judge = judgeOf(detecting);
    expect(judged(judge, window(0, undefined)).verdicts[0]).toMatchObject({
      field: "error.adwin",
      kind: "OK",
      score: 0,
    });
    const { verdicts, events } = judged(judge, window(1, 17));
    expect(verdicts[0]).toMatchObject({ kind: "DRIFT", score: 1, since: { row: 17, ms: 5 }, phase: "firing" });
    expect(events.map(({ type }) => type)).toEqual(["millrace.incident.opened", "millrace.alert.firing"]);
    expect(judged(judge, window(2, 17)).events).toEqual([]);
    const after = judged(judge, window(3, undefined, 2)).events;
    expect(after.map(({ type }) => type)).toEqual(["millrace.alert.resolved", "millrace.incident.closed"]);
  });

  test("that alarms again says so again, once, in the incident that is open", () => {
    const straight = judgeOf(detecting);
    const first = judged(straight, window(0, 17));
    const goesOn = judgeOf(detecting);
    for (const verdict of first.verdicts) goesOn.takeVerdict(verdict);
    judged(goesOn, window(0, 17));
    for (const judge of [straight, goesOn]) {
      const { verdicts, events } = judged(judge, window(1, 17, 1, 3));
      expect(verdicts.map(({ kind, phase }) => [kind, phase])).toEqual([["DRIFT", "firing"]]);
      expect(events).toMatchObject([
        { type: "millrace.alert.firing", field: "error.adwin", incident: first.events[0]!.incident, isPage: false },
      ]);
      expect(first.events.map(({ id }) => id)).not.toContain(events[0]!.id);
      expect(judged(judge, window(2, 17, 1, 3)).events).toEqual([]);
    }
    // Alarms of another version are no more of this one.
    const other = judgeOf(detecting);
    judged(other, window(0, 17, 1, 1));
    expect(judged(other, window(1, 17, 2, 2)).events.map(({ type }) => type)).toEqual([
      "millrace.alert.resolved",
      "millrace.incident.closed",
      "millrace.incident.opened",
      "millrace.alert.firing",
    ]);
  });

  test("of the next version is an alert of its own, however soon it alarms after one window that is well", () => {
    const judge = judgeOf(detecting);
    judged(judge, window(0, 17));
    judged(judge, window(1, undefined, 2));
    const { events } = judged(judge, window(2, 31, 2));
    expect(events.map(({ type }) => type)).toEqual(["millrace.incident.opened", "millrace.alert.firing"]);
  });

  test("of the next version that alarms in its first window ends the alert before and begins one of its own", () => {
    const straight = judgeOf(detecting);
    const first = judged(straight, window(0, 17));
    const second = judged(straight, window(1, 17));
    expect(second.events).toEqual([]);
    const goesOn = judgeOf(detecting);
    for (const verdict of [...first.verdicts, ...second.verdicts]) goesOn.takeVerdict(verdict);
    for (const judge of [straight, goesOn]) {
      const { verdicts, events } = judged(judge, window(2, 31, 2));
      expect(events.map(({ type, incident }) => [type, incident === first.events[0]?.incident])).toEqual([
        ["millrace.alert.resolved", true],
        ["millrace.incident.closed", true],
        ["millrace.incident.opened", false],
        ["millrace.alert.firing", false],
      ]);
      expect(new Set(events.map(({ id }) => id)).size).toBe(4);
      expect(verdicts.map(({ kind, phase }) => [kind, phase])).toEqual([["DRIFT", "firing"]]);
      expect(judged(judge, window(3, 31, 2)).events).toEqual([]);
    }
  });

  test("is no alarm by an outage, and an alarm is not taken back by one", () => {
    const out = (sinceRow: number | undefined) => {
      const record = window(0, sinceRow);
      return kinds(
        judged(judgeOf(detecting), { ...record, performance: { ...record.performance!, isOutage: true } }).verdicts,
      );
    };
    expect(out(undefined)).toEqual([["error.adwin", "fraud/1", "INSUFFICIENT", "labels"]]);
    expect(out(3)).toEqual([["error.adwin", "fraud/1", "DRIFT", undefined]]);
  });

  test("is a field behind the metrics", () => {
    expect(modelFields({ ...spec, ...detecting, metrics: ["auc"] })).toEqual(["auc", "error.adwin"]);
  });
});

test("windows that were joined as the file had it before are counted, of each monitor, and say nothing", () => {
  const judge = judgeOf();
  judge.takePartial({ ...windowOf(0, [versionOf(0.1)]), version: "before" }, 2 * dayMs);
  judge.takePartial({ ...windowOf(1, [versionOf(0.1)]), version: "before" }, 3 * dayMs);
  judge.takePartial({ ...windowOf(1, [versionOf(0.1)]), version: "before", monitor: "gone" }, 3 * dayMs);
  expect(judge.judge()).toEqual({ verdicts: [], events: [] });
  expect(judge.passedOver()).toEqual([{ monitor: "model", windows: 2 }]);
  expect(judge.passedOver()).toEqual([]);
  expect(judged(judge, windowOf(2, [versionOf(0.1)])).verdicts).toHaveLength(1);
  expect(judge.passedOver()).toEqual([]);
});

test("a judge that was told what was judged before goes on as one that judged it, wherever it stopped", () => {
  const accuracies = [0.8, 0.7, 0.7, 0.7, 0.7, 0.8, 0.8, 0.8, 0.7];
  const records = accuracies.map((accuracy, day) => windowOf(day, [versionOf(accuracy, { reference: undefined })]));
  const straight = judgeOf();
  const all = records.map((record) => judged(straight, record));
  for (let stop = 0; stop <= records.length; stop++) {
    const judge = judgeOf();
    for (const { verdicts } of all.slice(0, stop)) for (const verdict of verdicts) judge.takeVerdict(verdict);
    for (const record of records.slice(0, stop)) judge.takePartial(record, record.fromMs + 2 * dayMs);
    expect(judge.judge()).toEqual({ verdicts: [], events: [] });
    expect(records.slice(stop).map((record) => judged(judge, record))).toEqual(all.slice(stop));
  }
});
