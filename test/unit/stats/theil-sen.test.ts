import { expect, test } from "vitest";
import { theilSenSlope } from "../../../src/stats/index.ts";

test("the slope is the median of those of all pairs, so that a few points do not move it", () => {
  expect(theilSenSlope([1, 3, 5, 7])).toBe(2);
  // Of the pairs: 1, 49.5, 1, 98, 1 and -96.
  expect(theilSenSlope([0, 1, 99, 3])).toBe(1);
  expect(theilSenSlope([4, 4, 4])).toBe(0);
  // 2 - 0, (1 - 0) / 2, 1 - 2: sorted -1, 0.5, 2.
  expect(theilSenSlope([0, 2, 1])).toBe(0.5);
  expect(theilSenSlope([7])).toBeNaN();
});
