import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cellScores, countScores, scoreCells } from "../../../../src/monitor/estimate/index.ts";

const middleOf = (score: number): number => cellScores[scoreCells.cellOf(score)] ?? -1;

describe("cells of scores", () => {
  test("hold what lies within a sixteenth of a logit", () => {
    const logit = (score: number): number => Math.log(score / (1 - score));
    fc.assert(
      fc.property(fc.double({ min: 0.0001, max: 0.9999, noNaN: true }), (score) => {
        expect(Math.abs(logit(middleOf(score)) - logit(score))).toBeLessThanOrEqual(1 / 32 + 1e-9);
        expect(Math.abs(middleOf(score) - score)).toBeLessThanOrEqual(1 / 128 + 1e-9);
      }),
    );
  });

  test("never hold scores that decide both ways", () => {
    expect(middleOf(0.5)).toBeGreaterThan(0.5);
    expect(middleOf(0.5 - 2 ** -53)).toBeLessThan(0.5);
  });

  test("have one at either end for what is further from a half than ten logits", () => {
    const [low, high] = [1 / (1 + Math.exp(10 + 1 / 32)), 1 / (1 + Math.exp(-10 - 1 / 32))];
    for (const score of [0, 1e-300, 4.5e-5]) expect(middleOf(score)).toBeCloseTo(low, 15);
    for (const score of [1, 1 - 1e-16, 0.99996]) expect(middleOf(score)).toBeCloseTo(high, 15);
    // 1 / (1 + e^10) is 4.54e-5
    expect(middleOf(4.6e-5)).toBeGreaterThan(low);
  });

  test("of what is no score stand for none", () => {
    for (const score of [Number.NaN, -0.1, 1.1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      expect(middleOf(score)).toBeNaN();
  });

  test("count each score once, and ascend", () => {
    const counts = countScores(Float64Array.of(0.2, 0.2, 0.7, Number.NaN));
    expect(counts.length).toBe(scoreCells.count);
    expect(counts.length).toBe(cellScores.length);
    expect(counts.reduce((a, b) => a + b, 0)).toBe(4);
    expect([0.2, 0.7].map((score) => counts[scoreCells.cellOf(score)])).toEqual([2, 1]);
    const held = [...cellScores].filter((score) => !Number.isNaN(score));
    expect(held).toHaveLength(322);
    expect(held.every((score, i) => i === 0 || score > held[i - 1]!)).toBe(true);
  });
});
