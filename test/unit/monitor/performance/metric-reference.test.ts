import { expect, test } from "vitest";
import type { VersionPerformance } from "../../../../src/monitor/index.ts";
import { VersionReferences } from "../../../../src/monitor/performance/metric-reference.ts";

const auc = (value: number) => ({ metric: "auc", value, error: 0.02 }) as const;
const version = (labelled: number, value = 0.8, given: Partial<VersionPerformance> = {}): VersionPerformance => ({
  model: "fraud",
  version: 1,
  rows: labelled,
  kept: labelled,
  labelled,
  positives: 10,
  metrics: [auc(value)],
  detectors: [],
  reference: undefined,
  ...given,
});
const of = (references: VersionReferences, labelled = 200) => references.of(version(labelled), auc(0.5));

test("a metric that nobody has measured is like its first three windows of together 500 rows, by their rows", () => {
  const references = new VersionReferences(100);
  references.add(version(200, 0.6), true);
  references.add(version(200, 0.8), true);
  expect(of(references)).toBeUndefined();
  references.add(version(400, 0.9), true);
  // (0.6 * 200 + 0.8 * 200 + 0.9 * 400) / 800, and an error for 800 rows in place of 200.
  const expected = { value: expect.closeTo(0.8, 12), rows: 800, error: expect.closeTo(0.01, 12) };
  expect(of(references)).toEqual(expected);
  references.add(version(1_000, 0.1), true);
  expect(of(references)).toEqual(expected);
});

test("three windows are too few while they have fewer than 500 rows, and rows while they are of two windows", () => {
  const references = new VersionReferences(100);
  for (const rows of [166, 166, 167]) references.add(version(rows), true);
  expect(of(references)).toBeUndefined();
  references.add(version(100), true);
  expect(of(references)?.rows).toBe(599);
  const exactly = new VersionReferences(100);
  for (const rows of [100, 100, 300]) exactly.add(version(rows), true);
  expect(of(exactly)?.rows).toBe(500);
  const two = new VersionReferences(100);
  for (const rows of [4_000, 4_000]) two.add(version(rows), true);
  expect(of(two)).toBeUndefined();
});

test("a window that is not well, too small, or without a value says nothing", () => {
  const references = new VersionReferences(100);
  for (let i = 0; i < 9; i++) {
    references.add(version(1_000, 0.1), false);
    references.add(version(99, 0.1), true);
    references.add(version(1_000, Number.NaN), true);
  }
  expect(of(references)).toBeUndefined();
  for (const rows of [100, 200, 200]) references.add(version(rows, 0.7), true);
  expect(of(references)).toMatchObject({ value: expect.closeTo(0.7, 12), rows: 500 });
});

test("what was measured when a version was trained counts, and nothing is learnt beside it", () => {
  const references = new VersionReferences(100);
  const trained = (rows: number, values: object = { auc: 0.7 }) =>
    version(200, 0.2, { reference: { rows, positives: 5, values } });
  for (let i = 0; i < 3; i++) references.add(trained(50), true);
  expect(references.of(trained(50), auc(0.5))).toEqual({ value: 0.7, rows: 50, error: expect.closeTo(0.04, 12) });
  expect(of(references)).toBeUndefined();
  // One of no rows, or of other metrics, is none for this metric.
  for (const unmeasured of [trained(0), trained(50, { brier: 0.1 })]) {
    const learning = new VersionReferences(100);
    for (let i = 0; i < 3; i++) learning.add(unmeasured, true);
    expect(learning.of(unmeasured, auc(0.5))).toMatchObject({ value: expect.closeTo(0.2, 12), rows: 600 });
  }
});

test("versions, models and metrics are apart", () => {
  const references = new VersionReferences(100);
  for (let i = 0; i < 3; i++) references.add(version(500), true);
  expect(of(references)).toBeDefined();
  expect(references.of(version(500, 0.8, { version: 2 }), auc(0.5))).toBeUndefined();
  expect(references.of(version(500, 0.8, { model: "churn" }), auc(0.5))).toBeUndefined();
  expect(references.of(version(500), { metric: "brier", value: 0.1, error: 0.1 })).toBeUndefined();
});
