import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createTrainingRows, type LabelRules, train } from "../../../src/training/index.ts";
import { findOutages } from "../../../src/training/label-outage.ts";
import { RowByRow } from "../../support/training-rows.ts";

const hour = 3_600_000;

/** Rows are (time, key), labels (time, key, value); answers `time:label` of all rows that have one. */
function joined(
  rows: readonly (readonly [number, string])[],
  labels: readonly (readonly [number, string, 0 | 1])[],
  rules: LabelRules,
) {
  const given = new RowByRow(createTrainingRows(["number"]));
  for (const [i, [at, key]] of rows.entries()) given.addFeatures(`t-0-${String(i).padStart(6, "0")}`, at, key, [at]);
  for (const [i, [at, key, label]] of labels.entries()) given.addLabel(`l-0-${i}`, at, key, label);
  return given.joinWhole(rules);
}
const labelled = (...given: Parameters<typeof joined>) => {
  const { timesMs, labels } = joined(...given);
  return [...timesMs].map((at, i) => `${at}:${labels[i]}`);
};

describe("labels by key and time", () => {
  const rules = { withinMs: 10 };

  test("count for the events of their key that lie at most so long before them, both ends included", () => {
    const rows = [89, 90, 95, 100, 101].map((at) => [at, "a"] as const);
    expect(labelled([...rows, [95, "b"]], [[100, "a", 1]], rules)).toEqual(["90:1", "95:1", "100:1"]);
  });

  test("of several in that time the last one counts", () => {
    const labels = [
      [92, "a", 1],
      [97, "a", 0],
      [103, "a", 1],
    ] as const;
    expect(
      labelled(
        [
          [85, "a"],
          [90, "a"],
          [95, "a"],
          [98, "a"],
        ],
        labels,
        rules,
      ),
    ).toEqual(["85:1", "90:0", "95:1", "98:1"]);
  });

  test("the absence of one is 0 once the labels' own time has passed, and before that it is nothing", () => {
    const rows = [79, 80, 89, 90, 95].map((at) => [at, "a"] as const);
    const known = (labelTimeMs: number, more: LabelRules = {}) =>
      labelled(rows, [[100, "a", 1]], { ...rules, ...more, labelTimeMs });
    expect(known(100)).toEqual(["90:1", "95:1"]);
    expect(known(100, { matureAfterMs: 20 })).toEqual(["79:0", "90:1", "95:1"]);
    // What is absent cannot be known before what is late may come.
    expect(known(100, { matureAfterMs: 0 })).toEqual(["79:0", "80:0", "89:0", "90:1", "95:1"]);
    expect(known(Number.NEGATIVE_INFINITY, { matureAfterMs: 0 })).toEqual(["90:1", "95:1"]);
  });

  test("a label that names its event by id is waited for as long", () => {
    const rows = [
      [10, "a"],
      [11, "b"],
      [50, "c"],
      [51, "d"],
    ] as const;
    const rulesOf = { matureAfterMs: 50, labelTimeMs: 101 };
    expect(
      labelled(
        rows,
        [
          [60, "a", 1],
          [101, "d", 0],
        ],
        rulesOf,
      ),
    ).toEqual(["10:1", "11:0", "50:0", "51:0"]);
    expect(labelled(rows, [[60, "a", 1]], { ...rulesOf, labelTimeMs: 100 })).toEqual(["10:1", "11:0"]);
  });

  test("what was not known at the split, present or absent, reaches no row to learn from", () => {
    const rows = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map((at) => [at, `k${at}`] as const);
    const given = new RowByRow(createTrainingRows(["number"]));
    for (const [i, [at, key]] of rows.entries()) given.addFeatures(`t-0-${i}`, at, key, [at]);
    given.addLabel("l-0", 95, "k20", 1);
    given.addLabel("l-1", 35, "k30", 1);
    const set = given.join({ matureAfterMs: 25, labelTimeMs: 1_000 });
    // The split is at 90: 64 and earlier are ripe then, and that 20 is positive was not known.
    expect(set.split).toEqual({ trainCount: 6, validationCount: 2, splitAtMs: 90 });
    expect([...set.timesMs]).toEqual([10, 20, 30, 40, 50, 60, 90, 100]);
    expect([...set.labels]).toEqual([0, 0, 1, 0, 0, 0, 0, 0]);
    expect(set.counts.labelledAfterSplit).toBe(2);
  });

  test("are what a search through all labels gives", () => {
    const key = fc.constantFrom("a", "b");
    const rows = fc.array(fc.tuple(fc.nat(30), key), { maxLength: 12 });
    const labels = fc.array(fc.tuple(fc.nat(40), key, fc.constantFrom(0 as const, 1 as const)), { maxLength: 12 });
    const span = fc.option(fc.nat(12), { nil: undefined });
    fc.assert(
      fc.property(rows, labels, span, span, fc.nat(45), (events, known, withinMs, matureAfterMs, beforeMs) => {
        const labelTimeMs = known.reduce((max, [at]) => Math.max(max, at), -1);
        const whole = joined(events, known, { withinMs, matureAfterMs, labelTimeMs });
        const oracle = (at: number, of: string, before: number): number | undefined => {
          const isInside = (when: number) => withinMs === undefined || (when >= at && when <= at + withinMs);
          const own = known.filter(([when, whose]) => whose === of && when < before && isInside(when));
          const last = own.sort(([a], [b]) => a - b).at(-1);
          if (last !== undefined) return last[2];
          const ripe = at + Math.max(matureAfterMs ?? Number.POSITIVE_INFINITY, withinMs ?? 0);
          return ripe < before && ripe < labelTimeMs ? 0 : undefined;
        };
        const wanted = events
          .map(([at, of]) => [at, oracle(at, of, Number.POSITIVE_INFINITY), oracle(at, of, beforeMs)] as const)
          .filter(([, label]) => label !== undefined)
          .sort(([a], [b]) => a - b);
        expect([...whole.timesMs].map((at, i) => [at, whole.labels[i], whole.labelBefore(i, beforeMs)])).toEqual(
          wanted,
        );
      }),
    );
  });
});

describe("an outage of labels", () => {
  /** One positive in ten, but for places from `from` to `to`. */
  const labelsOf = (count: number, from: number, to: number) =>
    Array.from({ length: count }, (_, i) => (i % 10 === 0 && !(i >= from && i < to) ? 1 : 0));

  test("is a stretch with improbably few positives, up to the next positive on either side", () => {
    expect(findOutages(labelsOf(1_000, 0, 0))).toEqual([]);
    // 90 of the first 900 are usual: of the newest 100 rows ten, and none has the probability exp(-10). The last
    // positive before stands at 890, and the next one behind the second outage at 400. What is found says nothing of
    // what is usual, so that rates are a little above a tenth, or at it.
    expect(findOutages(labelsOf(1_000, 900, 1_000), 900)).toEqual([
      { from: 891, to: 1_000, positives: 0, expected: expect.closeTo(11, 0) },
    ]);
    expect(findOutages(labelsOf(1_000, 300, 400), 300)).toEqual([
      { from: 291, to: 400, positives: 0, expected: expect.closeTo(11, 0) },
    ]);
  });

  test("is believed below a probability of 0.001: one of ten is, and two are not", () => {
    // Poisson, mean 10: P(X <= 1) = 0.0005, P(X <= 2) = 0.0028.
    const few = (left: number) => labelsOf(1_000, 900 + 10 * left, 1_000);
    expect(findOutages(few(1), 900)).toEqual([{ from: 891, to: 1_000, positives: 1, expected: 10.9 }]);
    expect(findOutages(few(2), 900)).toEqual([]);
  });

  test("does not hide in its own length: a fifth, a half of all rows are found, without a word on what is usual", () => {
    for (const from of [2_000, 3_200]) {
      const found = findOutages(labelsOf(4_000, from, 4_000));
      expect(found.at(-1)?.to).toBe(4_000);
      const taken = found.reduce((sum, outage) => sum + outage.to - outage.from, 0);
      expect(taken).toBeGreaterThanOrEqual(4_000 - from);
      expect(taken).toBeLessThan(4_000 - from + 120);
    }
  });

  test("is measured by the rows that say what is usual, where there are enough positives among them", () => {
    const found = findOutages(labelsOf(1_000, 200, 1_000), 200);
    expect([found[0]?.from, found.at(-1)?.to]).toEqual([191, 1_000]);
    expect(found.every(({ from }, i) => i === 0 || from === found[i - 1]?.to)).toBe(true);
    expect(findOutages(labelsOf(1_000, 100, 1_000), 80)).toEqual([]);
  });

  test("is not looked for with fewer than ten positives in all", () => {
    expect(findOutages([...labelsOf(90, 0, 0), ...Array.from({ length: 1_000 }, () => 0)])).toEqual([]);
    expect(findOutages([])).toEqual([]);
  });

  const rules = { withinMs: hour, matureAfterMs: hour, labelTimeMs: 2_000 * hour };
  const rows = Array.from({ length: 1_000 }, (_, i) => [i * hour, `k${i}`] as const);
  const positives = rows.filter((_, i) => i % 10 === 0 && i < 800).map(([at, key]) => [at + 1, key, 1] as const);

  test("leaves its rows out of the set, and the training says so", () => {
    const given = new RowByRow(createTrainingRows(["number"]));
    for (const [i, [at, key]] of rows.entries()) given.addFeatures(`t-0-${i}`, at, key, [i % 10]);
    for (const [i, [at, key, label]] of positives.entries()) given.addLabel(`l-0-${i}`, at, key, label);
    const set = given.join({ ...rules, referenceUntilMs: 791 * hour });
    // The split is at 633 h, and of the event an hour before it nothing was known yet.
    expect([set.timesMs.length, set.timesMs.at(-1)]).toEqual([790, 790 * hour]);
    expect(set.counts).toMatchObject({ features: 1_000, unlabelled: 0, labelledAfterSplit: 1 });
    const { warnings } = train(set, { task: "binary", inputs: [{ name: "x", kind: "number" }] });
    expect(warnings).toEqual([
      "INSUFFICIENT(labels): of 209 rows from 1970-02-02T23:00:00.000Z to 1970-02-11T15:00:00.000Z only 0 are positive where 21.1 are usual, as when labels are missing; they are not learned from",
    ]);
  });

  test("is none where labels say 0 themselves", () => {
    const { outages, timesMs } = joined(
      rows,
      rows.map(([at, key], i) => [at + 1, key, i % 10 === 0 && i < 800 ? 1 : 0] as const),
      {
        withinMs: hour,
      },
    );
    expect([outages, timesMs.length]).toEqual([[], 1_000]);
  });

  test("is told with its times, and whether labels may be out still", () => {
    const back = [
      ...positives,
      ...rows.filter((_, i) => i % 10 === 0 && i >= 900).map(([at, key]) => [at + 1, key, 1] as const),
    ];
    const told = (given: typeof positives) => joined(rows, given, { ...rules, referenceUntilMs: 791 * hour }).outages;
    const outage = { fromMs: 791 * hour, positives: 0 };
    expect(told(positives)).toEqual([
      { ...outage, rows: 209, lastMs: 999 * hour, isNewest: true, expected: 209 * (80 / 791) },
    ]);
    // That the first positive after it is taken along is the stretch's own end.
    expect(told(back)).toMatchObject([{ fromMs: 791 * hour, isNewest: false }]);
  });
});
