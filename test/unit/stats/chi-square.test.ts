import fc from "fast-check";
import { expect, test } from "vitest";
import { benjaminiHochberg, chiSquarePoint, chiSquareUpper, logGamma } from "../../../src/stats/index.ts";

test("the tail is SciPy's: goodness of fit, contingency, and far out", () => {
  expect(chiSquareUpper(3.1746031746, 5)).toBeCloseTo(0.6730876007, 9);
  expect(chiSquareUpper(6.1333333333, 2)).toBeCloseTo(0.0465761502, 9);
  // Of two degrees of freedom it is exp(-x / 2), of one erfc(sqrt(x / 2)).
  for (const x of [0.1, 1, 3, 10, 100, 700]) expect(chiSquareUpper(x, 2) / Math.exp(-x / 2)).toBeCloseTo(1, 11);
  expect(chiSquareUpper(4, 1)).toBeCloseTo(0.04550026389635842, 13);
  expect(chiSquareUpper(25, 1) / 5.733031437583892e-7).toBeCloseTo(1, 11);
  expect([chiSquareUpper(0, 3), chiSquareUpper(Number.POSITIVE_INFINITY, 3)]).toEqual([1, 0]);
});

test("the logarithm of gamma is that of the factorials, and of the root of pi at a half", () => {
  let factorial = 1;
  for (let n = 1; n < 20; n++) {
    expect(logGamma(n)).toBeCloseTo(Math.log(factorial), 11);
    factorial *= n;
  }
  expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.PI) / 2, 13);
  // gamma(1/4) = 3.625609908221908
  expect(logGamma(0.25)).toBeCloseTo(Math.log(3.625609908221908), 13);
});

test("a point is passed with its probability, for every probability and freedom, whole or not", () => {
  fc.assert(
    fc.property(
      fc.double({ min: -12, max: 0, noNaN: true }),
      fc.double({ min: 0.3, max: 200, noNaN: true }),
      (e, freedom) => {
        const probability = 10 ** e;
        const back = chiSquareUpper(chiSquarePoint(probability, freedom), freedom);
        expect(back / probability).toBeCloseTo(1, 6);
      },
    ),
  );
  // 99.9 % of nine degrees of freedom: tables of the distribution.
  expect(chiSquarePoint(0.001, 9)).toBeCloseTo(27.877, 3);
  expect(chiSquarePoint(1, 4)).toBe(0);
});

test("false discovery rates are SciPy's, in the order given", () => {
  const p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216];
  const q = [0.01, 0.04, 0.084, 0.084, 0.084, 0.1, 0.1057143, 0.216, 0.216, 0.216];
  for (const [i, rate] of benjaminiHochberg(p).entries()) expect(rate).toBeCloseTo(q[i]!, 7);
  for (const [i, rate] of benjaminiHochberg(p.toReversed()).entries()) expect(rate).toBeCloseTo(q.toReversed()[i]!, 7);
  expect(benjaminiHochberg([])).toEqual([]);
});
