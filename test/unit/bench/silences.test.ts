import { expect, test } from "vitest";
import { longestSilence, nextAfterDeath, quantile } from "../../../bench/failover/silences.ts";

test("the next output after a death is the first that the dead one cannot have committed", () => {
  expect(nextAfterDeath([900, 1_050, 1_290, 2_500, 2_600], 1_000, 300)).toBe(1_500);
  expect(nextAfterDeath([900, 1_050], 1_000, 300)).toBeUndefined();
});

test("the longest silence counts one that began before, and one that has not ended", () => {
  expect(longestSilence([100, 200, 700, 800], 0, 900)).toBe(500);
  // From 100 on, of which the first half lies before.
  expect(longestSilence([100, 700, 800], 400, 900)).toBe(600);
  expect(longestSilence([100, 200], 150, 900)).toBe(700);
  expect(longestSilence([], 100, 900)).toBe(800);
  expect(longestSilence([950], 100, 900)).toBe(800);
});

test("a quantile is one of the figures: so many of them are not above it", () => {
  const figures = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect([0.5, 0.99, 1].map((share) => quantile(figures, share))).toEqual([50, 99, 100]);
  expect([0.5, 0.99].map((share) => quantile([7], share))).toEqual([7, 7]);
  expect(quantile([], 0.5)).toBeNaN();
});
