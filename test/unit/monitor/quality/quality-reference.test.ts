import { expect, test } from "vitest";
import {
  Baseline,
  type CountedWindow,
  defaultRules,
  type MonitorSpec,
  qualityDefaults,
} from "../../../../src/monitor/index.ts";
import { QualityReference } from "../../../../src/monitor/quality/quality-reference.ts";
import { qualityLines } from "../../../../src/monitor/quality/quality-spec.ts";

const hourMs = 3_600_000;
const budget = { pages: 1, perMs: 720 * hourMs };
const spec: Pick<MonitorSpec, "fields" | "quality" | "windowMs"> = {
  fields: [
    { name: "x", kind: "numbers", isSensitive: false },
    { name: "c", kind: "categories", isSensitive: false },
  ],
  windowMs: hourMs,
  quality: { metrics: ["missing", "unseen", "out_of_range", "rows"], practical: qualityDefaults },
};
const lines = qualityLines(spec.fields, spec.quality);
const lineOf = (name: string) => lines.find((line) => line.name === name)!;

interface Said {
  readonly missing?: number;
  readonly above?: number;
  readonly unseen?: number;
}

/** A window with so many rows, of which some are null, above or unseen. */
function window(hour: number, rows: number, { missing = 0, above = 0, unseen = 0 }: Said = {}): CountedWindow {
  const ofX = Float64Array.of(missing, 0, 0, 0, 0, rows - missing - above, 0, above);
  return { fromMs: hour * hourMs, partial: { rows, counts: [ofX, Float64Array.of(0, 0, unseen, rows - unseen)] } };
}

function referenceOf(
  windows: readonly CountedWindow[],
  season: "none" | "hour-of-day" = "none",
  of = 8,
): QualityReference {
  const baseline = new Baseline(windows, season);
  return new QualityReference({ spec, baseline, windows, lines: of, rules: defaultRules, budget });
}
const steady = Array.from({ length: 30 }, (_, hour) => window(hour, 1_000, { missing: 20 }));

test("each field has a line for what it can have, the topic one for its rows", () => {
  expect(lines.map(({ name }) => name)).toEqual([
    "x.missing",
    "c.missing",
    "c.unseen",
    "x.out_of_range",
    "quality.rows",
  ]);
});

test("a share is compared with the reference's: what the reference holds is no fault", () => {
  const reference = referenceOf(steady);
  const same = reference.scoreOf(lineOf("x.missing"), window(99, 1_000, { missing: 20 }));
  expect(same).toMatchObject({ value: 0.02, reference: 0.02, score: 0, n: 30_000, m: 1_000, lack: undefined });
  const more = reference.scoreOf(lineOf("x.missing"), window(99, 1_000, { missing: 60 }));
  expect(more.score).toBeCloseTo(0.04, 12);
  expect(more.score).toBeGreaterThan(more.threshold);
  // Chance reaches further than what is of interest, with so few rows.
  expect(more.noiseFloor).toBeGreaterThan(0.01);
  expect(more.threshold).toBe(more.noiseFloor);
  expect(reference.scoreOf(lineOf("x.missing"), window(99, 100_000, { missing: 2_900 })).threshold).toBe(0.01);
  expect(reference.scoreOf(lineOf("c.unseen"), window(99, 1_000, { unseen: 30 }))).toMatchObject({
    value: 0.03,
    reference: 0,
    threshold: 0.01,
  });
  expect(reference.scoreOf(lineOf("x.out_of_range"), window(99, 1_000, { above: 7 })).value).toBe(0.007);
});

test("few rows say nothing of a share", () => {
  const reference = referenceOf(steady);
  expect(reference.scoreOf(lineOf("x.missing"), window(99, 499)).lack).toBe("rows");
  expect(reference.scoreOf(lineOf("x.missing"), window(99, 500)).lack).toBeUndefined();
});

test("where the share of the reference comes in bursts, chance reaches further", () => {
  // The same two in a hundred, all of them in every third window.
  const bursts = Array.from({ length: 30 }, (_, hour) => window(hour, 1_000, { missing: hour % 3 === 0 ? 60 : 0 }));
  const asked = window(99, 1_000, { missing: 60 });
  const [calm, burst] = [referenceOf(steady), referenceOf(bursts)].map((one) =>
    one.scoreOf(lineOf("x.missing"), asked, 0.001),
  );
  expect(calm!.score).toBeGreaterThan(calm!.threshold);
  expect(burst!.reference).toBe(0.02);
  expect(burst!.score).toBeLessThan(burst!.threshold);
});

test("half as many rows as usual are 0.5, and so are twice as many", () => {
  const reference = referenceOf(steady);
  const scores = [500, 2_000, 1_000, 250].map(
    (rows) => reference.scoreOf(lineOf("quality.rows"), window(99, rows)).score,
  );
  expect(scores.map((score) => Number(score.toFixed(12)))).toEqual([0.5, 0.5, 0, 0.75]);
  const { threshold, n, reference: usual } = reference.scoreOf(lineOf("quality.rows"), window(99, 500));
  expect({ threshold, n, usual }).toEqual({ threshold: 0.5, n: 30_000, usual: 1_000 });
});

test("rows are compared with those of the same hour; a window of the reference that was cut short changes nothing", () => {
  const days = Array.from({ length: 240 }, (_, hour) => window(hour, hour === 0 ? 10 : hour % 24 < 8 ? 600 : 6_000));
  const reference = referenceOf(days, "hour-of-day");
  const night = reference.scoreOf(lineOf("quality.rows"), window(240, 600));
  expect(night).toMatchObject({ reference: 600, score: 0, threshold: 0.5 });
  expect(reference.scoreOf(lineOf("quality.rows"), window(252, 600))).toMatchObject({ reference: 6_000 });
  expect(reference.scoreOf(lineOf("quality.rows"), window(252, 600)).score).toBeCloseTo(0.9, 12);
});

test("too few windows say nothing of how many rows are usual", () => {
  expect(referenceOf(steady.slice(0, 3)).scoreOf(lineOf("quality.rows"), window(99, 10)).lack).toBe("baseline");
  expect(referenceOf(steady.slice(0, 4)).scoreOf(lineOf("quality.rows"), window(99, 10)).lack).toBeUndefined();
});

test("the probability is what the budget of all lines allows, lowered until the reference itself would not have paged", () => {
  // 6 . 8,000 . 720 . p^3 = 1, by hand; of fewer lines one in fifty at most.
  expect(referenceOf(steady, "none", 8_000).probability).toBeCloseTo((1 / 34_560_000) ** (1 / 3), 12);
  expect(referenceOf(steady).probability).toBe(0.02);
  // Once, for four hours, twice as many nulls: that is 3.7 deviates, and would be a page.
  const once = Array.from({ length: 300 }, (_, hour) => {
    return window(hour, 1_000, { missing: hour >= 100 && hour < 104 ? 40 : 20 });
  });
  const reference = referenceOf(once);
  expect(reference.probability).toBeLessThan(2e-4);
  const { score, threshold } = reference.scoreOf(lineOf("x.missing"), once[101]!);
  expect(score).toBeLessThan(threshold);
});
