import { describe, expect, test } from "vitest";
import { seededRng } from "../../../src/kernel/index.ts";
import {
  Baseline,
  budgetProbability,
  type CountedWindow,
  defaultRules,
  judge,
  numberCells,
  type Partial,
  PartialCounter,
} from "../../../src/monitor/index.ts";
import { learnNulls, nullOfRows, nullPoint, nullProbability } from "../../../src/monitor/null-score.ts";

const hourMs = 3_600_000;

/** One field of two bins, filled as told. */
function partial(left: number, right: number): Partial {
  const counter = new PartialCounter([numberCells([0, 1, 2])]);
  for (let i = 0; i < left; i++) counter.absorb([0.5]);
  for (let i = 0; i < right; i++) counter.absorb([1.5]);
  return counter;
}

const windows = (count: number, of: (i: number) => Partial): CountedWindow[] =>
  Array.from({ length: count }, (_, i) => ({ fromMs: i * hourMs, partial: of(i) }));

const even = (): Partial => partial(500, 500);

describe("a verdict", () => {
  const baseline = new Baseline(windows(30, even), "none");
  const thresholds = { practical: 0.1, probability: 0.001 };
  const on = (left: number, right: number, at = thresholds) =>
    judge(["x"], baseline, { fromMs: 99 * hourMs, partial: partial(left, right) }, at)[0]!;

  test("says drift at the threshold and well below it, with rows, cells and culprits", () => {
    // (0.7 - 0.5) ln 1.4 + (0.3 - 0.5) ln 0.6 = 0.16946, by hand.
    const verdict = on(700, 300);
    expect(verdict).toMatchObject({ kind: "drift", threshold: 0.1, cells: 2, n: 30_000, m: 1_000, season: "none" });
    expect(verdict.score).toBeCloseTo(0.2 * Math.log(1.4) - 0.2 * Math.log(0.6), 12);
    expect(verdict.ks).toBeCloseTo(0.2, 12);
    expect(verdict.culprits.map(({ cell }) => cell)).toEqual([6, 5]);
    expect(on(600, 400)).toMatchObject({ kind: "ok", culprits: [] });
  });

  test("asks for more than chance gives where that is more than what is of interest", () => {
    // One degree of freedom: 10.828 passes one in a thousand.
    const { threshold, kind, score } = on(550, 450, { practical: 0.001, probability: 0.001 });
    expect(threshold).toBeCloseTo(10.828 * (1 / 30_000 + 1 / 1_000), 5);
    expect([kind, score < threshold]).toEqual(["ok", true]);
    expect(on(560, 440, { practical: 0.001, probability: 0.001 }).kind).toBe("drift");
  });

  test("says nothing of fewer rows than 500, nor of fewer than 20 a cell", () => {
    const few = on(499, 0);
    expect([few.kind, few.probability, few.falseDiscoveryRate]).toEqual(["insufficient", Number.NaN, Number.NaN]);
    expect(on(500, 0).kind).toBe("drift");
    const cells = numberCells(Array.from({ length: 31 }, (_, i) => i));
    const spread = (rows: number): Partial => {
      const counter = new PartialCounter([cells]);
      for (let i = 0; i < rows; i++) counter.absorb([i % 30]);
      return counter;
    };
    const many = new Baseline(
      windows(30, () => spread(3_000)),
      "none",
    );
    const kinds = [599, 600].map(
      (rows) => judge(["x"], many, { fromMs: 0, partial: spread(rows) }, thresholds)[0]?.kind,
    );
    expect(kinds).toEqual(["insufficient", "ok"]);
  });

  test("tells how rare its score is among all fields of the window", () => {
    const counter = new PartialCounter([numberCells([0, 1, 2]), numberCells([0, 1, 2])]);
    for (let i = 0; i < 1_000; i++) counter.absorb([i % 2, i < 530 ? 0.5 : 1.5]);
    const two = new Baseline(
      windows(30, () => {
        const own = new PartialCounter([numberCells([0, 1, 2]), numberCells([0, 1, 2])]);
        for (let i = 0; i < 1_000; i++) own.absorb([i % 2, i % 2]);
        return own;
      }),
      "none",
    );
    const [same, moved] = judge(["x", "y"], two, { fromMs: 0, partial: counter }, thresholds);
    expect(same).toMatchObject({ probability: 1, falseDiscoveryRate: 1 });
    expect(moved?.falseDiscoveryRate).toBeCloseTo(2 * moved!.probability, 12);
  });
});

describe("a reference by season", () => {
  // By day the left bin, by night the right one.
  const byHour = (hour: number): Partial => (hour % 24 < 12 ? partial(900, 100) : partial(100, 900));
  const at = (baseline: Baseline, hour: number) =>
    judge(
      ["x"],
      baseline,
      { fromMs: hour * hourMs, partial: byHour(hour) },
      { practical: 0.1, probability: 0.001 },
    )[0]!;

  test("is the same hour of the week once it has four windows, else that of the day, else everything", () => {
    const weeks = (count: number, season: "none" | "hour-of-day" | "hour-of-week") =>
      at(new Baseline(windows(count * 168, byHour), season), 168 * 10 + 30);
    expect(weeks(4, "hour-of-week")).toMatchObject({ season: "hour-of-week", kind: "ok", n: 4_000, score: 0 });
    expect(weeks(3, "hour-of-week")).toMatchObject({ season: "hour-of-day", kind: "ok", n: 21_000 });
    expect(weeks(4, "hour-of-day")).toMatchObject({ season: "hour-of-day", n: 28_000 });
    // A reference that swings so has taught the null that a swing is nothing.
    expect(weeks(1, "none")).toMatchObject({ season: "none", kind: "ok", n: 168_000 });
    const threeDays = new Baseline(windows(72, byHour), "hour-of-day");
    expect(at(threeDays, 99).season).toBe("none");
  });

  test("holds for times before 1970 too", () => {
    const baseline = new Baseline(windows(4 * 168, byHour), "hour-of-week");
    expect(at(baseline, -168 + 3).season).toBe("hour-of-week");
  });
});

describe("the null of a score", () => {
  test("of independent windows is chi-square of cells - 1", () => {
    const rng = seededRng(7);
    const chi = (freedom: number): number => {
      let sum = 0;
      for (let i = 0; i < freedom; i++) sum += rng.normal() ** 2;
      return sum;
    };
    const fields = Array.from({ length: 20 }, () => ({
      scores: Array.from({ length: 200 }, () => chi(9)),
      freedomMax: 9,
    }));
    for (const { freedom, scale } of learnNulls(fields)) {
      expect(freedom * scale).toBeGreaterThan(9 - 1e-9);
      expect(freedom * scale).toBeLessThan(9.9);
      expect(freedom).toBeGreaterThan(7);
    }
  });

  test("of windows whose rows are alike has fewer degrees of freedom and a greater scale", () => {
    // Means and variances by hand: scores 10 and 30 have the mean 20 and the variance 200, so 2 * 400 / 200 = 4 degrees.
    const [one] = learnNulls([
      { scores: Array.from({ length: 200_000 }, (_, i) => (i % 2 === 0 ? 10 : 30)), freedomMax: 9 },
    ]);
    expect(one!.freedom).toBeCloseTo(8, 1);
    const [, drawn] = learnNulls([
      { scores: [90, 90.001], freedomMax: 9 },
      { scores: Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? 9 : 9.1)), freedomMax: 9 },
      { scores: Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? 9 : 9.1)), freedomMax: 9 },
    ]);
    expect(drawn!.freedom * drawn!.scale).toBeCloseTo(9.05, 6);
  });

  test("promises no less noise than independent rows have, also where nothing was learnt", () => {
    expect(learnNulls([{ scores: [], freedomMax: 4 }])).toEqual([nullOfRows(4)]);
    expect(learnNulls([{ scores: [0, 0, 0], freedomMax: 4 }])).toEqual([nullOfRows(4)]);
    // Thirty windows beside the worth of thirty: halfway to five times the noise, of which nothing says how it varies.
    const [same] = learnNulls([{ scores: Array(30).fill(20), freedomMax: 4 }]);
    expect(same).toEqual({ ...nullOfRows(4), scale: 5 });
    const [quiet] = learnNulls([{ scores: Array.from({ length: 99 }, (_, i) => 0.1 + 0.1 * (i % 2)), freedomMax: 4 }]);
    expect(quiet!.freedom * quiet!.scale).toBe(4);
    expect(learnNulls([])).toEqual([]);
  });

  test("point and probability are inverse, and grow with the noise of few rows", () => {
    const nullScore = { ...nullOfRows(3.5), scale: 2, unit: 0.002, apart: 0.01 };
    const point = nullPoint(nullScore, 0.01, 10_000, 500);
    expect(nullProbability(nullScore, point, 10_000, 500)).toBeCloseTo(0.01, 9);
    expect(nullPoint(nullScore, 0.01, 10_000, 250)).toBeGreaterThan(point);
  });
});

describe("what windows differ by beyond independent rows", () => {
  // 20 of independent rows and 60 of the windows; the point of chi-square is what five per cent pass, 31.410.
  const nullScore = { freedom: 20, scale: 4, scaleOfRows: 1, unit: 1 / 1_000, apart: 0 };
  const everything = Number.POSITIVE_INFINITY;
  const at = (m: number): number => nullPoint(nullScore, 0.05, everything, m) / 31.41;

  test("does not shrink with more rows than it was learnt from, and grows with fewer", () => {
    expect(at(1_000)).toBeCloseTo(0.004, 6);
    expect(at(4_000)).toBeCloseTo(0.25 / 1_000 + 0.003, 6);
    expect(at(1_000_000)).toBeCloseTo(0.003_001, 6);
    expect(at(500)).toBeCloseTo(0.008, 6);
  });

  test("is not less in a window of many rows of a reference whose windows differ by themselves", () => {
    // Each window leans its own way, in thousands of rows: 0.5 +- 0.05, a stability index of about 0.04 against all.
    const lean = (i: number): Partial => (i % 2 === 0 ? partial(550, 450) : partial(450, 550));
    const baseline = new Baseline(windows(60, lean), "none");
    const threshold = (rows: number): number => {
      const current = { rows, counts: [Float64Array.of(0, 0, 0, 0, 0, rows / 2, rows / 2, 0)] };
      const question = { fromMs: 99 * hourMs, partial: current };
      return judge(["x"], baseline, question, { practical: 0, probability: 0.05 })[0]?.threshold ?? 0;
    };
    expect(threshold(100_000)).toBeGreaterThan(0.8 * threshold(1_000));
    // The same lean in a hundred thousand rows is no drift, which it would be if it were all of the rows.
    const same = { rows: 100_000, counts: [Float64Array.of(0, 0, 0, 0, 0, 55_000, 45_000, 0)] };
    const kinds = judge(["x"], baseline, { fromMs: 0, partial: same }, { practical: 0, probability: 0.05 });
    expect(kinds[0]?.kind).toBe("ok");
  });
});

describe("a season that nobody asked for", () => {
  const many = { practical: 0.01, probability: 0.001 };
  /** Eighteen days of which some hours lean to the left: by 0.9 of the rows and not a half. */
  const nights = (hours: readonly number[]): CountedWindow[] =>
    windows(18 * 24, (i) => (hours.includes(i % 24) ? partial(900, 100) : partial(500, 500)));
  const at = (baseline: Baseline, left: number, hour = 12) =>
    judge(["x"], baseline, { fromMs: (99 * 24 + hour) * hourMs, partial: partial(left, 1_000 - left) }, many)[0]!;

  test("does not hide a drift as large as it where few hours have it", () => {
    const baseline = new Baseline(nights([1, 2, 3, 4]), "none");
    expect([at(baseline, 900).kind, at(baseline, 500).kind]).toEqual(["drift", "ok"]);
    // One of two bins: of 72,000 + 144,000 left, 0.567; (0.5 - 0.567) ln(0.5 / 0.567) + ... = 0.018 of every day's hour.
    expect(baseline.nulls[0]?.apart).toBeCloseTo(0.018, 3);
  });

  test("is what chance gives where so many hours have it that none stands out", () => {
    const half = new Baseline(nights([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), "none");
    expect([at(half, 900, 3).kind, at(half, 500, 15).kind]).toEqual(["ok", "ok"]);
  });

  test("teaches no noise: windows of one hour that are alike have that of their rows", () => {
    const [one] = new Baseline(nights([1, 2, 3, 4]), "none").nulls;
    expect(one).toMatchObject({ freedom: 1, scale: 1, scaleOfRows: 1 });
    // In three days no hour has come four times: then what windows differ by is all that is known.
    const [early] = new Baseline(nights([1, 2, 3, 4]).slice(0, 72), "none").nulls;
    expect(early!.scale).toBeGreaterThan(10);
    expect(early!.apart).toBe(0);
  });

  test("spends nothing of the budget of pages, and its probability stays", () => {
    const reference = nights([1, 2, 3, 4]);
    const budget = { pages: 1, perMs: 720 * hourMs };
    const question = { fields: ["x"], windows: reference, windowMs: hourMs, practical: 0, rules: defaultRules, budget };
    expect(budgetProbability({ ...question, baseline: new Baseline(reference, "none") })).toBe(0.02);
    // The same nights once in eighteen days are no season.
    const once = windows(18 * 24, (i) => (i > 24 && i < 29 ? partial(900, 100) : partial(500, 500)));
    expect(budgetProbability({ ...question, windows: once, baseline: new Baseline(once, "none") })).toBeLessThan(0.02);
  });
});

describe("the page budget", () => {
  const question = (count: number, of: (i: number) => Partial) => {
    const reference = windows(count, of);
    return {
      fields: ["x"],
      baseline: new Baseline(reference, "none"),
      windows: reference,
      windowMs: hourMs,
      practical: 0,
      rules: defaultRules,
      budget: { pages: 1, perMs: 720 * hourMs },
    };
  };

  test("allows a window what three of five make of a page a month", () => {
    // 6 ways, one field, 50 x 720 windows: (1 / 216,000)^(1/3).
    const budget = { pages: 1, perMs: 50 * 720 * hourMs };
    expect(budgetProbability({ ...question(800, even), budget })).toBeCloseTo(1 / 60, 9);
  });

  test("lets no more than one window of fifty say drift by chance, however much it allows", () => {
    expect(budgetProbability(question(800, even))).toBe(0.02);
  });

  test("is halved until the reference, judged again, keeps to three quarters of it", () => {
    // Stretches of twelve windows that differ, a month apart: at the first probability each of the first three pages.
    const odd = (i: number): Partial => (i % 720 < 12 ? partial(540, 460) : even());
    const asked = question(2_160, odd);
    const probability = budgetProbability(asked);
    expect(probability).toBeLessThan(0.02);
    const halvings = Math.log2(0.02 / probability);
    expect(halvings).toBeCloseTo(Math.round(halvings), 3);
    expect(budgetProbability({ ...asked, budget: { pages: 3, perMs: 720 * hourMs } })).toBeGreaterThan(probability);
  });

  test("is halved thirty times at most, where the reference pages at whatever probability", () => {
    const odd = (i: number): Partial => (i % 720 < 12 ? partial(100_000, 0) : partial(50_000, 50_000));
    expect(budgetProbability(question(2_160, odd))).toBe(0.02 / 2 ** 30);
  });
});
