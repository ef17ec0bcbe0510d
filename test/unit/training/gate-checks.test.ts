import { describe, expect, test } from "vitest";
import { setOf, spansOf } from "../../../src/training/challenge-rows.ts";
import { checkLatency, checkSize, checkSlice } from "../../../src/training/gate-checks.ts";
import { gateDefaults, splitByTime, type WholeSet } from "../../../src/training/index.ts";
import { foldsByTime } from "../../../src/training/time-split.ts";
import { byX, byZ, challenged, championBy, rowsOf, scoreBy } from "../../support/challenges.ts";

describe("the rows of a challenge", () => {
  /** Rows at the given times, whose labels are known `delay` later. */
  const wholeOf = (timesMs: readonly number[], delay = 0): WholeSet => ({
    inputs: Float64Array.from(timesMs),
    labels: Float64Array.from(timesMs, (_, i) => i % 2),
    timesMs: Float64Array.from(timesMs),
    width: 1,
    texts: [null],
    counts: { features: timesMs.length, unlabelled: 0, repeats: 0, repeatsDiffering: 0 },
    outages: [],
    labelBefore: (row, beforeMs) => (timesMs[row]! + delay < beforeMs ? row % 2 : undefined),
  });
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

  test("are recent in the newest half of what is new, and before it as many", () => {
    expect(spansOf(wholeOf(upTo(100)), 40, { rowsMin: 10, rowsMax: 50 })).toEqual({
      unseenFrom: 40,
      recentFrom: 70,
      before: { from: 10, to: 40 },
    });
    expect(spansOf(wholeOf(upTo(100)), 95, { rowsMin: 5, rowsMax: 50 })).toMatchObject({
      unseenFrom: 95,
      recentFrom: 95,
    });
    expect(spansOf(wholeOf(upTo(100)), 95.5, { rowsMin: 5, rowsMax: 50 })).toBeUndefined();
  });

  test("of one event time are all recent or none", () => {
    const times = [...upTo(60), ...Array.from({ length: 20 }, () => 60), ...upTo(20).map((i) => 61 + i)];
    expect(spansOf(wholeOf(times), 40, { rowsMin: 10, rowsMax: 50 })).toMatchObject({ recentFrom: 60 });
  });

  test("are the latest fifth where nothing stands beside", () => {
    expect(spansOf(wholeOf(upTo(100)), undefined, undefined)).toMatchObject({ unseenFrom: 0, recentFrom: 80 });
  });

  test("are a set of their own: as known at a time to learn from, as known now to measure on", () => {
    const whole = wholeOf(upTo(10), 2);
    const set = setOf(whole, { learn: { from: 3, to: 8, beforeMs: 8 }, measure: { from: 8, to: 10 } });
    expect([...set.inputs]).toEqual([3, 4, 5, 8, 9]);
    expect([...set.labels]).toEqual([1, 0, 1, 0, 1]);
    expect(set.split).toEqual({ trainCount: 3, validationCount: 2, splitAtMs: 8 });
    expect(set.counts.labelledAfterSplit).toBe(2);
    set.inputs.fill(0);
    expect([...whole.inputs]).toEqual(upTo(10));
  });
});

describe("folds in the order of time", () => {
  const times = Array.from({ length: 100 }, (_, i) => i);

  test("are the one split where one is asked for", () => {
    expect(foldsByTime(times, 1, 0.2)).toEqual([splitByTime(times, 0.2)]);
  });

  test("move back by the length of the later part, and measure each row once at most", () => {
    expect(foldsByTime(times, 3, 0.2)).toEqual([
      { trainCount: 40, validationCount: 20, splitAtMs: 40 },
      { trainCount: 60, validationCount: 20, splitAtMs: 60 },
      { trainCount: 80, validationCount: 20, splitAtMs: 80 },
    ]);
  });

  test("are fewer where the earlier part would be empty, and keep rows of one time together", () => {
    expect(foldsByTime(times, 9, 0.4).map(({ trainCount }) => trainCount)).toEqual([20, 60]);
    const tied = times.map((i) => (i >= 55 && i < 70 ? 55 : i));
    expect(foldsByTime(tied, 2, 0.2).map(({ trainCount, validationCount }) => [trainCount, validationCount])).toEqual([
      [55, 25],
      [80, 20],
    ]);
    expect(foldsByTime([1, 2], 3, 0.2)).toEqual([{ trainCount: 2, validationCount: 0, splitAtMs: undefined }]);
  });
});

describe("a slice", () => {
  const slice = { field: "shop", codeOf: (row: number) => row % 2, nameOf: (value: number) => `= ${value}` };
  const lossesOf = (rows: number, even: number, odd: number) => ({
    challenger: Float64Array.from({ length: rows }, (_, i) => (i % 2 === 0 ? even : odd)),
    other: new Float64Array(rows).fill(1),
  });

  test("fails above the floor and not at it", () => {
    expect(checkSlice(slice, lossesOf(400, 1.5, 0), 0.5)).toMatchObject({ outcome: "passed" });
    expect(checkSlice(slice, lossesOf(400, 1.5, 0), 0.499)).toEqual({
      name: "slice",
      outcome: "failed",
      text: "shop = 0: mean loss grew by 0.5000 on 200 rows, the worst of 2 values; 0.499 is the most",
      numbers: { values: 2, largeValues: 2, rows: 200, lost: 0.5, floor: 0.499 },
    });
  });

  test("with fewer than 200 rows is not looked at", () => {
    expect(checkSlice(slice, lossesOf(399, 1, 9), 0.5)).toMatchObject({
      outcome: "passed",
      numbers: { largeValues: 1 },
    });
    expect(checkSlice(slice, lossesOf(398, 9, 9), 0.5)).toMatchObject({ outcome: "skipped" });
  });
});

describe("latency and size", () => {
  test("are over budget above it and not at it", () => {
    expect(checkSize(10, 10).outcome).toBe("passed");
    expect(checkSize(11, 10).outcome).toBe("failed");
  });

  test("99 of 100 rows have to be in time, by the clock that is given", () => {
    const timed = (slow: number, ms: number) => {
      let [now, calls] = [0, 0];
      const scoreRow = (): void => {
        // After 200 that warm up, one in a hundred or more takes long.
        now += ++calls > 200 && calls % 1_000 < slow ? ms : 1;
      };
      return checkLatency(scoreRow, 10, 5, () => now);
    };
    expect(timed(10, 50)).toMatchObject({ outcome: "passed", numbers: { p99Ms: 1, msMax: 5 } });
    expect(timed(11, 50)).toMatchObject({ outcome: "failed", numbers: { p99Ms: 50 } });
    expect(
      checkLatency(
        () => undefined,
        0,
        5,
        () => 0,
      ).outcome,
    ).toBe("skipped");
  });
});

describe("what is switched off", () => {
  const champion = championBy([3, 0], 1_000);
  const off = { ...gateDefaults, recent: false, before: false, latencyP99Ms: false, sizeBytes: false } as const;

  test("is not looked at: a challenger that is worse passes", () => {
    const lied = rowsOf(2_000, 1, (x, z, row) => (row < 1_500 ? 1 - byX(x, z, row) : byX(x, z, row)));
    const plan = { champion, newestRows: 400 };
    expect(challenged(lied, plan).decision.kind).toBe("rejected");
    expect(challenged(lied, { ...plan, gate: off }).decision).toEqual({
      kind: "accepted",
      reason: "no check was asked for",
      checks: [],
    });
  });

  test("latency and size are budgets of their own", () => {
    const gate = { ...gateDefaults, sizeBytes: 10 };
    const { decision } = challenged(rowsOf(2_000, 1, byX), { champion: championBy([0, 0], 1_000), gate });
    expect(decision.kind).toBe("rejected");
    expect(decision.reason).toMatch(/^size: its files have \d+ bytes; 10 is the most$/);
  });
});

describe("a fit on all rows", () => {
  test("that comes out worse than the champion on those very rows is refused", () => {
    const whole = rowsOf(2_000, 1, byX);
    // What is known at the end is turned, as by a fit that went wrong; what was known before is not.
    const turned: WholeSet = {
      ...whole,
      labelBefore: (row, beforeMs) =>
        beforeMs === Number.POSITIVE_INFINITY ? 1 - whole.labels[row]! : whole.labelBefore(row, beforeMs),
    };
    const champion = championBy([2, 0], 1_000);
    expect(challenged(whole, { champion }).decision.kind).toBe("accepted");
    const { decision, accepted } = challenged(turned, { champion });
    expect([decision.kind, accepted]).toEqual(["rejected", undefined]);
    const unasked = { champion, gate: { ...gateDefaults, recent: false } } as const;
    expect(challenged(turned, unasked).decision.kind).toBe("accepted");
    expect(decision.reason).toMatch(/^fitted on all rows it came out worse than without the newest: /);
  });
});

describe("several candidates", () => {
  test("are chosen between on rows before those of the gate", () => {
    // A ring, which no line tells, until the gate's rows: there it is a line.
    const ring = (x: number, z: number): number => (x * x + z * z > 0.6 ? 0.95 : 0.05);
    const champion = championBy([0, 0], 1_000);
    const result = challenged(rowsOf(2_000, 2, ring), { champion, candidates: ["logistic", "mlp"] });
    expect(result.accepted?.learner).toBe("mlp");
    const line = challenged(rowsOf(2_000, 2, byX), { champion, candidates: ["logistic", "mlp"], metric: "brier" });
    expect(line.decision.checks[0]?.text).toMatch(/^Brier score /);
    expect(line.accepted?.learner).toBe("logistic");
  });
});

describe("a warm start", () => {
  const grown = (learner: "mlp" | "logistic") => {
    const first = challenged(rowsOf(1_000, 9, byX), { candidates: [learner] }).accepted!;
    return { kind: "opened", version: 1, ...first, learnedUntilMs: 1_000_001 } as const;
  };

  test("goes on from the champion over what is new", () => {
    const champion = grown("mlp");
    const result = challenged(rowsOf(2_000, 9, byX), { champion, mode: "warm", candidates: ["logistic"] });
    expect(result.accepted).toMatchObject({ learner: "mlp", isWarm: true, trainRows: 1_000 });
    expect(result.split.trainCount).toBe(500);
    expect(result.accepted?.model.scaler).toEqual(champion.model.scaler);
    expect(result.warnings).toEqual([]);
  });

  test("is a full fit, and says so, where the learner has none or nothing is there", () => {
    const result = challenged(rowsOf(2_000, 9, byX), { champion: grown("logistic"), mode: "warm" });
    expect(result.accepted).toMatchObject({ isWarm: false, trainRows: 2_000 });
    expect(result.warnings).toEqual([
      "fitted from nothing and not on from the champion: a logistic learns from nothing only",
    ]);
    expect(challenged(rowsOf(1_000, 9, byX), { mode: "warm" }).warnings).toEqual([
      "fitted from nothing and not on from the champion: there is no version to go on from",
    ]);
  });

  test("learns what a change brought", () => {
    const changed = rowsOf(3_000, 9, (x, z, row) => (row < 1_000 ? byX(x, z, row) : byZ(x, z, row)));
    const result = challenged(changed, { champion: grown("mlp"), mode: "warm", cause: "performance" });
    expect(scoreBy(result, [-0.5, 0.9])).toBeGreaterThan(0.6);
  });
});
