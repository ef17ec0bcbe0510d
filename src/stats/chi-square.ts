/** Coefficients for g = 7, n = 9 (P. Godfrey, "A note on the computation of the convergent Lanczos formula", 2001). */
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];
const termsMax = 10_000;
const smallest = 1e-300;

/**
 * Natural logarithm of the gamma function.
 *
 * @param x above 0
 * @returns right to about 1e-14, relative where it is not near 0
 */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const z = x - 1;
  const t = z + 7.5;
  const series = lanczos.reduce((sum, c, i) => (i === 0 ? c : sum + c / (z + i)), 0);
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(series);
}

/**
 * Upper tail of the chi-square distribution. Small tails keep their relative precision.
 *
 * @param x at least 0
 * @param freedom degrees of freedom, above 0, need not be whole
 * @returns probability of at least x, 0 .. 1
 *
 * Source: series and continued fraction (modified Lentz) of the incomplete gamma function, W. Press et al., "Numerical
 * recipes", 6.2.
 */
export function chiSquareUpper(x: number, freedom: number): number {
  if (x <= 0) return 1;
  if (x === Number.POSITIVE_INFINITY) return 0;
  const a = freedom / 2;
  const half = x / 2;
  const front = Math.exp(a * Math.log(half) - half - logGamma(a));
  return half < a + 1 ? 1 - front * lowerSeries(a, half) : front * upperFraction(a, half);
}

/**
 * The point that a chi-square variable passes with the given probability: the inverse of {@link chiSquareUpper}.
 *
 * @param probability above 0, at most 1
 */
export function chiSquarePoint(probability: number, freedom: number): number {
  if (probability >= 1) return 0;
  let low = 0;
  let high = Math.max(1, freedom);
  while (chiSquareUpper(high, freedom) > probability) {
    low = high;
    high *= 2;
  }
  // Halving, to the last bit that matters: it is asked for once per window.
  for (let i = 0; i < 200 && high - low > 1e-13 * high; i++) {
    const middle = (low + high) / 2;
    if (chiSquareUpper(middle, freedom) > probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function lowerSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < termsMax && Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

function upperFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / smallest;
  let d = 1 / b;
  let fraction = d;
  for (let i = 1; i < termsMax; i++) {
    const an = -i * (i - a);
    b += 2;
    d = 1 / nonZero(an * d + b);
    c = nonZero(b + an / c);
    const step = d * c;
    fraction *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return fraction;
}

function nonZero(x: number): number {
  return Math.abs(x) < smallest ? smallest : x;
}
