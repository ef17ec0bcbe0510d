import { expect, test } from "vitest";
import { UsualLabels } from "../../../../src/monitoring/labels/usual-labels.ts";

const window = (rows: number, labelled: number, positives = 0) => ({ rows, labelled, positives });

// Of a Poisson variable of mean 10: P(X <= 1) = 11 e^-10 = 0.0005, P(X <= 2) = 61 e^-10 = 0.0028.
test("where absence says false, labels are missing when so few positives are less probable than 0.001", () => {
  const usual = new UsualLabels();
  usual.begin({ rows: 1_000, positives: 10, values: {} });
  expect(usual.isOutage(window(1_000, 1_000, 1), true)).toBe(true);
  expect(usual.isOutage(window(1_000, 1_000, 2), true)).toBe(false);
});

test("with fewer than ten positives nobody knows how many are usual", () => {
  const usual = new UsualLabels();
  usual.begin({ rows: 100, positives: 9, values: {} });
  expect(usual.isOutage(window(10_000, 10_000), true)).toBe(false);
  usual.add(window(0, 0, 1));
  expect(usual.isOutage(window(10_000, 10_000), true)).toBe(true);
});

test("what a version was trained on counts before the first window, once, and not behind one", () => {
  const later = new UsualLabels();
  later.add(window(1_000, 1_000, 10));
  later.begin({ rows: 1_000, positives: 900, values: {} });
  expect(later.isOutage(window(1_000, 1_000, 2), true)).toBe(false);
  const twice = new UsualLabels();
  twice.begin(undefined);
  twice.begin({ rows: 1_000, positives: 10, values: {} });
  twice.begin({ rows: 1_000, positives: 900, values: {} });
  expect(twice.isOutage(window(1_000, 1_000, 2), true)).toBe(false);
  // 10 + 10 of 2,000 rows are as many for each.
  twice.add(window(1_000, 1_000, 10));
  expect([1, 2].map((positives) => twice.isOutage(window(1_000, 1_000, positives), true))).toEqual([true, false]);
});

test("elsewhere labels are missing when none came, or fewer than half as many rows as usual have one", () => {
  const usual = new UsualLabels();
  expect([usual.isOutage(window(50, 0), false), usual.isOutage(window(50, 1), false)]).toEqual([true, false]);
  usual.add(window(100, 80));
  const of = (rows: number, labelled: number) => usual.isOutage(window(rows, labelled), false);
  expect([of(30, 11), of(30, 12), of(29, 1), of(29, 0)]).toEqual([true, false, false, true]);
  // 80 + 20 of 200: half is usual, and a quarter the least.
  usual.add(window(100, 20));
  expect([of(40, 9), of(40, 10)]).toEqual([true, false]);
});
