import { describe, expect, test } from "vitest";
import {
  cellScores,
  countScores,
  type EstimatedMetric,
  type EstimateSpec,
  type Expectation,
  estimatedDefaults,
  scoreCells,
} from "../../../../src/monitor/estimate/index.ts";
import {
  commandRecord,
  defaultRules,
  Judge,
  type JudgeOptions,
  type MonitorSpec,
  type PartialRecord,
  type PerformanceSpec,
  practicalDefaults,
  qualityDefaults,
  type VerdictRecord,
} from "../../../../src/monitor/index.ts";

const hourMs = 3_600_000;
const counted: MonitorSpec = {
  name: "model",
  fields: [{ name: "score", kind: "numbers", isSensitive: false }],
  cells: "scores",
  windowMs: hourMs,
  lateMs: 0,
  idleAfterMs: 60_000,
  season: "none",
  practical: 0,
  kind: "estimate",
  severity: "page",
  version: "v",
};

const estimateOn = (...metrics: EstimatedMetric[]): EstimateSpec => ({
  metrics,
  practical: estimatedDefaults,
  counted,
});

const specOf = (estimate: EstimateSpec): PerformanceSpec => ({
  name: "model",
  kind: "performance",
  severity: "page",
  join: "j",
  windowMs: hourMs,
  waitMs: 0,
  withinMs: undefined,
  isAbsenceNegative: false,
  lateMs: 0,
  metrics: ["accuracy"],
  practical: practicalDefaults,
  detectors: [],
  estimate,
  version: "w",
});

const judgeOf = (metrics: readonly EstimatedMetric[] = ["estimated_accuracy"], over: Partial<JudgeOptions> = {}) => {
  const judge = new Judge({
    topology: "shop",
    monitors: [],
    performance: [specOf(estimateOn(...metrics))],
    rules: { ...defaultRules, cooldownMs: 0 },
    budget: { pages: 1, perMs: 720 * hourMs },
    partitions: new Map([["infer", 2]]),
    stagesOf: new Map([["model", ["infer"]]]),
    ageMaxMs: 6 * hourMs,
    ...over,
  });
  return judge;
};

/** So many rows with the score in the middle of the cell of each. */
const scoresOf = (...rows: readonly (readonly [score: number, rows: number])[]): Float64Array =>
  countScores(Float64Array.from(rows.flatMap(([score, count]) => Array.from({ length: count }, () => score))));

/** What a cell is read as, in the middle of it. */
const read = (score: number): number => cellScores[scoreCells.cellOf(score)] ?? Number.NaN;

/** Scores are probabilities, and the rows of validation had a score of 0.9. */
const sure: Expectation = { probabilities: cellScores, counts: scoresOf([0.9, 10_000]) };

const partialOf = (hour: number, counts: Float64Array, over: Partial<PartialRecord> = {}): PartialRecord => ({
  monitor: "model",
  version: "v",
  stage: "infer",
  partition: 0,
  fromMs: hour * hourMs,
  baseline: "fraud/1",
  rows: counts.reduce((a, b) => a + b, 0),
  late: 0,
  counts: [counts],
  offsetFrom: hour,
  offsetNext: hour + 1,
  schemas: [],
  recent: undefined,
  streamTimeMs: (hour + 1) * hourMs,
  isClosed: true,
  plan: "p",
  model: "fraud/1",
  ...over,
});

/** The same time on the other partition, which has counted nothing. */
const passed = (hour: number) => ({ stage: "infer", partition: 1, streamTimeMs: (hour + 1) * hourMs, isIdle: false });

function judged(judge: Judge, ...records: readonly PartialRecord[]) {
  for (const record of records) judge.takePartial(record, record.fromMs + hourMs);
  const [first] = records;
  if (first !== undefined && !records.some(({ partition }) => partition === 1))
    judge.takeHeartbeat(passed(first.fromMs / hourMs), first.fromMs + hourMs);
  return judge.judge();
}

const told = (verdicts: readonly VerdictRecord[]) =>
  verdicts.map(({ field, baseline, kind, reason }) => [field, baseline, kind, reason]);

describe("an estimate of a window", () => {
  test("is compared with that of the validation rows of its version, and says so", () => {
    const judge = judgeOf();
    judge.takeExpectation("fraud/1", sure);
    // Half of the rows are decided with 0.9, half with 0.7: 0.8, a tenth less than all with 0.9.
    const { verdicts } = judged(judge, partialOf(0, scoresOf([0.9, 500], [0.7, 500])));
    expect(told(verdicts)).toEqual([["estimated_accuracy", "fraud/1", "DRIFT", undefined]]);
    const [value, reference] = [(read(0.9) + read(0.7)) / 2, read(0.9)];
    const error = (read(0.9) - read(0.7)) / 2 / Math.sqrt(1_000);
    const [verdict] = verdicts;
    expect(verdict).toMatchObject({ n: 10_000, m: 1_000, unit: "metric", practical: 0.02, sampled: 1 });
    expect(verdict?.coverage).toBeUndefined();
    expect(verdict?.value).toBeCloseTo(value, 12);
    expect(verdict?.reference).toBeCloseTo(reference, 12);
    expect(verdict?.score).toBeCloseTo(reference - value, 12);
    // All rows of the validation are alike: they have no error of their own.
    expect(verdict?.noiseFloor).toBeCloseTo(3.0902323 * error, 7);
    expect(verdict?.threshold).toBe(0.02);
    expect(verdict?.eventId).toBe("model/estimated_accuracy/0/fraud/1");
    expect(verdict?.partitions).toMatchObject([{ stage: "infer", partition: 0, rows: 1_000 }]);
  });

  test("goes by probabilities and not by scores", () => {
    const judge = judgeOf(["estimated_accuracy", "estimated_log_loss"]);
    // Whatever is scored, one row in four is a positive.
    judge.takeExpectation("fraud/1", { probabilities: cellScores.map(() => 0.25), counts: sure.counts });
    const { verdicts } = judged(judge, partialOf(0, scoresOf([0.9, 500], [0.2, 500])));
    const [accuracy, loss] = verdicts;
    expect(accuracy?.value).toBeCloseTo(0.5, 12);
    expect(accuracy?.reference).toBeCloseTo(0.25, 12);
    // Better than it was is no drift, and of a loss less is better.
    expect(accuracy).toMatchObject({ kind: "OK" });
    expect(accuracy?.score).toBeCloseTo(-0.25, 12);
    expect(loss?.score).toBeCloseTo((loss?.value ?? 0) - (loss?.reference ?? 0), 12);
    expect(loss).toMatchObject({ kind: "OK", practical: 0.05 });
  });

  test("is the same however rows are shared out among tasks", () => {
    const whole = judgeOf(["estimated_accuracy", "estimated_auc", "estimated_log_loss", "estimated_brier"]);
    const shared = judgeOf(["estimated_accuracy", "estimated_auc", "estimated_log_loss", "estimated_brier"]);
    for (const judge of [whole, shared]) judge.takeExpectation("fraud/1", sure);
    const rows = scoresOf([0.1, 301], [0.6, 200], [0.95, 99]);
    const part = scoresOf([0.1, 300], [0.95, 1]);
    const one = judged(whole, partialOf(0, rows)).verdicts;
    const two = judged(
      shared,
      partialOf(0, part),
      partialOf(
        0,
        rows.map((n, i) => n - part[i]!),
        { partition: 1 },
      ),
    ).verdicts;
    expect(two.map(({ field, value, threshold, m }) => [field, value, threshold, m])).toEqual(
      one.map(({ field, value, threshold, m }) => [field, value, threshold, m]),
    );
    expect(one).toHaveLength(4);
  });

  test("is judged once all tasks are through with it", () => {
    const judge = judgeOf();
    judge.takeExpectation("fraud/1", sure);
    judge.takePartial(partialOf(0, sure.counts), hourMs);
    expect(judge.judge().verdicts).toEqual([]);
    judge.takeHeartbeat(passed(0), hourMs);
    expect(judge.judge().verdicts).toHaveLength(1);
    expect(judge.judge().verdicts).toEqual([]);
  });

  test("waits for no stage that writes something else", () => {
    const judge = judgeOf();
    judge.takeExpectation("fraud/1", sure);
    judge.takeHeartbeat({ stage: "features", partition: 0, streamTimeMs: 0, isIdle: false }, hourMs);
    expect(judged(judge, partialOf(0, sure.counts)).verdicts).toHaveLength(1);
  });

  test("is of each version for itself, that with most rows last", () => {
    const judge = judgeOf();
    judge.takeExpectation("fraud/1", sure);
    judge.takeExpectation("fraud/2", { probabilities: cellScores.map(() => 1), counts: sure.counts });
    const window = [
      partialOf(0, scoresOf([0.7, 1_000])),
      partialOf(0, scoresOf([0.7, 200]), { version: "v", baseline: "fraud/2" }),
    ];
    const { verdicts } = judged(judge, ...window);
    expect(told(verdicts)).toEqual([
      ["estimated_accuracy", "fraud/2", "OK", undefined],
      ["estimated_accuracy", "fraud/1", "DRIFT", undefined],
    ]);
  });

  test("has to be worse by more than rows that come by chance make it", () => {
    const judge = judgeOf();
    judge.takeExpectation("fraud/1", { probabilities: cellScores, counts: scoresOf([0.99, 500], [0.6, 500]) });
    // Of 100 rows the error is near 0.02: three of them are more than the 0.0195 by which it is worse.
    const { verdicts } = judged(judge, partialOf(0, scoresOf([0.99, 40], [0.6, 60])));
    expect(verdicts[0]?.score).toBeGreaterThan(0.02);
    // Of two values the spread is their distance by the root of both shares.
    const apart = read(0.99) - read(0.6);
    const [now, was] = [(apart * Math.sqrt(0.4 * 0.6)) / 10, (apart * 0.5) / Math.sqrt(1_000)];
    expect(verdicts[0]?.noiseFloor).toBeCloseTo(3.0902323 * Math.hypot(now, was), 7);
    expect(verdicts[0]).toMatchObject({ kind: "OK", threshold: verdicts[0]?.noiseFloor });
  });
});

describe("nothing is estimated", () => {
  const say = (expectation: Expectation | undefined, counts: Float64Array, over: Partial<PartialRecord> = {}) => {
    const judge = judgeOf(["estimated_accuracy", "estimated_auc"]);
    judge.takeExpectation("fraud/1", expectation);
    return told(judged(judge, partialOf(0, counts, over)).verdicts).map(([, , kind, reason]) => [kind, reason]);
  };
  const both = (kind: string, reason: string | undefined) => [
    [kind, reason],
    [kind, reason],
  ];
  const wide = { probabilities: cellScores, counts: scoresOf([0.9, 500], [0.2, 500]) };

  test("of a version whose scores nobody has calibrated", () => {
    expect(say(undefined, scoresOf([0.9, 1_000]))).toEqual(both("INSUFFICIENT", "calibration"));
  });

  test("where nothing is there to compare with", () => {
    const none = { probabilities: cellScores, counts: new Float64Array(scoreCells.count) };
    expect(say(none, scoresOf([0.9, 1_000]))).toEqual(both("INSUFFICIENT", "calibration"));
  });

  test("of fewer than a hundred rows", () => {
    expect(say(wide, scoresOf([0.9, 99]))).toEqual(both("INSUFFICIENT", "rows"));
    expect(say(wide, scoresOf([0.9, 100]))).toEqual(
      both("OK", undefined).map((one, i) => (i === 0 ? one : ["DRIFT", undefined])),
    );
  });

  test("of rows that have no score, which are in no estimate", () => {
    const counts = scoresOf([0.9, 99]);
    counts[1] = 901;
    expect(say(wide, counts)).toEqual(both("INSUFFICIENT", "rows"));
  });

  test("of a monitor that has counted otherwise before", () => {
    expect(say(wide, scoresOf([0.9, 1_000]), { version: "u" })).toEqual(both("INSUFFICIENT", "config"));
  });

  test("of counts in other cells", () => {
    expect(say(wide, new Float64Array(3).fill(500))).toEqual(both("INSUFFICIENT", "calibration"));
  });

  test("of a window without rows, and it is said", () => {
    const judge = judgeOf();
    judge.takeExpectation("fraud/1", sure);
    judged(judge, partialOf(0, sure.counts));
    judge.takeHeartbeat({ stage: "infer", partition: 0, streamTimeMs: 2 * hourMs, isIdle: false }, 2 * hourMs);
    judge.takeHeartbeat(passed(1), 2 * hourMs);
    expect(told(judge.judge().verdicts)).toEqual([["estimated_accuracy", "", "NO_DATA", undefined]]);
  });
});

describe("what to expect of a version", () => {
  test("is lacked until it is told, once for all that follow", () => {
    const judge = judgeOf();
    const record = partialOf(0, sure.counts);
    expect(judge.lacks(record)).toBe("fraud/1");
    judge.takeExpectation("fraud/1", undefined);
    expect(judge.lacks(record)).toBeUndefined();
    expect(judge.lacks({ ...record, monitor: "other" })).toBeUndefined();
    expect(judge.lacks({ ...record, baseline: "" })).toBeUndefined();
  });
});

describe("alerts of estimates", () => {
  const worse = scoresOf([0.7, 1_000]);
  const run = (judge: Judge, ...hours: readonly number[]) => hours.map((hour) => judged(judge, partialOf(hour, worse)));

  test("are of a kind of their own, with an incident of their own", () => {
    const judge = judgeOf();
    judge.takeExpectation("fraud/1", sure);
    const events = run(judge, 0, 1, 2).flatMap((one) => one.events);
    expect(events.map(({ type, kind, monitor, isPage }) => [type, kind, monitor, isPage])).toEqual([
      ["millrace.incident.opened", "estimate", "model", true],
      ["millrace.alert.firing", "estimate", "model", false],
    ]);
    expect(events[0]?.incident).toBe("shop/model.estimate/19700101T020000Z");
    expect(events[0]?.summary).toBe("model: estimated_accuracy is worse than on the validation rows.");
    expect(judge.pagesSpent("model")).toBe(1);
  });

  test("go on where another judge has left off, and nothing is said twice", () => {
    const first = judgeOf();
    first.takeExpectation("fraud/1", sure);
    const before = run(first, 0, 1).flatMap(({ verdicts }) => verdicts);
    const second = judgeOf();
    for (const verdict of before) second.takeVerdict(verdict);
    second.takeExpectation("fraud/1", sure);
    for (const hour of [0, 1]) second.takePartial(partialOf(hour, worse), (hour + 1) * hourMs);
    second.begin();
    second.takeHeartbeat(passed(1), 2 * hourMs);
    expect(second.judge()).toEqual({ verdicts: [], events: [] });
    const third = judged(second, partialOf(2, worse));
    expect(third.verdicts).toHaveLength(1);
    expect(third.verdicts[0]?.phase).toBe("firing");
    expect(third.events.map(({ type }) => type)).toEqual(["millrace.incident.opened", "millrace.alert.firing"]);
  });

  test("of a metric that nobody asks for any more end", () => {
    const first = judgeOf(["estimated_accuracy", "estimated_brier"]);
    first.takeExpectation("fraud/1", sure);
    const before = run(first, 0, 1, 2).flatMap(({ verdicts }) => verdicts);
    const second = judgeOf(["estimated_brier"]);
    for (const verdict of before) second.takeVerdict(verdict);
    second.begin();
    expect(second.judge().events.map(({ type, field }) => [type, field])).toEqual([
      ["millrace.alert.resolved", "estimated_accuracy"],
    ]);
  });

  test("come of no window that is old, and of none of a stage that catches up", () => {
    const kindOf = (over: Partial<JudgeOptions>, nowMs: number, behindMs = 0) => {
      const judge = judgeOf(["estimated_accuracy"], over);
      judge.takeExpectation("fraud/1", sure);
      judge.lagging("infer", behindMs);
      judge.takePartial(partialOf(0, worse), nowMs);
      judge.takeHeartbeat(passed(0), nowMs);
      return told(judge.judge().verdicts).map(([, , kind, reason]) => [kind, reason])[0];
    };
    expect(kindOf({}, 7 * hourMs)).toEqual(["DRIFT", undefined]);
    expect(kindOf({}, 7 * hourMs + 1)).toEqual(["SUPPRESSED", "old"]);
    expect(kindOf({}, hourMs, hourMs + 1)).toEqual(["SUPPRESSED", "catching-up"]);
    expect(kindOf({}, hourMs, hourMs)).toEqual(["DRIFT", undefined]);
  });

  test("are silenced like others", () => {
    const judge = judgeOf();
    judge.takeExpectation("fraud/1", sure);
    const told = { who: "ann", reason: "known", untilMs: 100 * hourMs, requestId: "r" };
    judge.takeCommand(
      commandRecord({ kind: "silence", id: "1", monitor: "model", field: "estimated_accuracy", ...told }),
    );
    const events = run(judge, 0, 1, 2).flatMap((one) => one.events);
    expect(events.map(({ type, isPage }) => [type, isPage])).toEqual([
      ["millrace.incident.opened", false],
      ["millrace.alert.suppressed", false],
    ]);
    expect(judge.pagesSpent("model")).toBe(0);
  });

  test("that woke somebody count as pages after a restart", () => {
    const first = judgeOf();
    first.takeExpectation("fraud/1", sure);
    const events = run(first, 0, 1, 2).flatMap((one) => one.events);
    const second = judgeOf();
    for (const event of events) second.takeEvent(event);
    second.takePartial(partialOf(3, worse), 4 * hourMs);
    expect(second.pagesSpent("model")).toBe(1);
  });

  test("are none while rows are broken on a topic before the predictions", () => {
    const quality = { metrics: ["errors"] as const, practical: qualityDefaults };
    const inputs: MonitorSpec = { ...counted, name: "inputs", cells: undefined, kind: "drift", version: "i", quality };
    const judge = judgeOf(["estimated_accuracy"], {
      monitors: [inputs],
      partitions: new Map([
        ["infer", 2],
        ["features", 1],
      ]),
      stagesOf: new Map([
        ["model", ["infer"]],
        ["inputs", ["features"]],
      ]),
      upstreamOf: new Map([["model", ["inputs"]]]),
    });
    judge.takeExpectation("fraud/1", sure);
    const before = { monitor: "inputs", version: "i", stage: "features", rows: 1_000, baseline: "", counts: [] };
    const said = [0, 500].map((failed, hour) => {
      judge.takePartial(partialOf(hour, worse, { ...before, failed }), (hour + 1) * hourMs);
      const { verdicts } = judged(judge, partialOf(hour, worse));
      return told(verdicts.filter(({ monitor }) => monitor === "model"));
    });
    expect(said).toEqual([
      [["estimated_accuracy", "fraud/1", "DRIFT", undefined]],
      [["estimated_accuracy", "fraud/1", "SUPPRESSED", "quality"]],
    ]);
  });
});

describe("measured performance", () => {
  test("is not touched by what was estimated", () => {
    const judge = judgeOf();
    judge.takeExpectation("fraud/1", sure);
    const [verdict] = judged(judge, partialOf(9, sure.counts)).verdicts;
    const restored = judgeOf();
    restored.takeVerdict(verdict!);
    // Labels of an earlier window come behind it.
    const version = { model: "fraud", version: 1, rows: 1_000, kept: 1_000, labelled: 1_000, positives: 500 };
    const metrics = [{ metric: "accuracy" as const, value: 0.5, error: 0.001 }];
    const reference = { rows: 1_000, positives: 500, values: { accuracy: 0.9 } };
    const performance = {
      versions: [{ ...version, metrics, detectors: [], reference }],
      isOutage: false,
      late: 0,
    };
    const record = { ...partialOf(3, new Float64Array(0)), stage: "labeller", version: "w", baseline: "", performance };
    restored.takePartial(record, 5 * hourMs);
    expect(told(restored.judge().verdicts)).toEqual([["accuracy", "fraud/1", "DRIFT", undefined]]);
  });
});
