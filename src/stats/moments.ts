/**
 * Count, sum, extremes, mean and second central moment of a run of numbers, laid flat so that nothing is
 * allocated per value. A run is summarised by scanning it and merged with its neighbours; nothing is ever
 * subtracted back out, so cancellation cannot build up.
 *
 * The mean is held as `shift + offset`, where `shift` is one of the values. Differences of means then lose
 * nothing to the size of the values: the spread of 1e6 ± 1e-3 comes out to full precision, and that of a
 * constant as exactly 0. The sum is held in two doubles (Neumaier 1974), whose total is right to about 1e-30
 * of the sum of magnitudes.
 *
 * Sources: T. Chan, G. Golub, R. LeVeque, "Updating formulae and a pairwise algorithm for computing sample
 * variances" (1979), eq. 2.1; P. Pébay, SAND2008-6212, eq. II.3; D. Knuth, TAOCP 2, 4.2.2, for the exact error
 * of an addition.
 */

/** Numbers that one summary takes. The constants below are positions inside it. */
export const momentsStride = 8;
/** How many values were summarised; NaN (null) is not a value. */
export const momentsCount = 0;
/** Upper part of the sum. */
const momentsSum = 1;
/** Lower part of the sum: the sum is `sum + sumRest`. */
const momentsSumRest = 2;
/** Smallest value; +Infinity of none. */
export const momentsMin = 3;
/** Largest value; -Infinity of none. */
export const momentsMax = 4;
/** One of the values; the mean is `shift + offset`. */
const momentsShift = 5;
const momentsOffset = 6;
/** Sum of squared differences from the mean. */
const momentsM2 = 7;

/** What to compute beyond the count: any of these bits together. */
export const needSum = 1;
export const needExtremes = 2;
export const needSpread = 4;

/** Which numbers of a summary `needs` fill; the others are as in a summary of nothing. */
export function momentsPlaces(needs: number): readonly number[] {
  return [
    momentsCount,
    ...((needs & needSum) === 0 ? [] : [momentsSum, momentsSumRest]),
    ...((needs & needExtremes) === 0 ? [] : [momentsMin, momentsMax]),
    ...((needs & needSpread) === 0 ? [] : [momentsShift, momentsOffset, momentsM2]),
  ];
}

/** Makes the summary at `at` that of no values. */
export function clearMoments(into: Float64Array, at: number): void {
  for (let i = 0; i < momentsStride; i++) into[at + i] = 0;
  into[at + momentsMin] = Number.POSITIVE_INFINITY;
  into[at + momentsMax] = Number.NEGATIVE_INFINITY;
}

/**
 * Summarises `values[from .. to)` into the summary at `at`, replacing what it held. NaN is skipped.
 *
 * Only what `needs` asks for is right afterwards, and the count. O(to - from). The spread is exact enough for
 * runs of up to some thousands of values: its relative error is at most about `2 (to - from)` units of rounding.
 */
export function scanMoments(
  values: Float64Array,
  from: number,
  to: number,
  needs: number,
  into: Float64Array,
  at: number,
): void {
  clearMoments(into, at);
  extendMoments(values, from, to, needs, into, at);
  closeMoments(into, at, into, at);
}

/**
 * Adds `values[from .. to)`, the last first, to an open summary: one that began as {@link clearMoments} leaves it
 * and was only ever extended. {@link closeMoments} makes a summary of it; the open one may then be extended on.
 */
export function extendMoments(
  values: Float64Array,
  from: number,
  to: number,
  needs: number,
  open: Float64Array,
  at: number,
): void {
  let seen = 0;
  if (needs === 0) seen = countOf(values, from, to);
  if ((needs & needSum) !== 0) seen = extendSum(values, from, to, open, at);
  if ((needs & needExtremes) !== 0) seen = extendExtremes(values, from, to, open, at);
  if ((needs & needSpread) !== 0) seen = extendSpread(values, from, to, open, at);
  open[at] = (open[at] ?? 0) + seen;
}

/** The summary of an open one, written to `into[at]`; they may be the same, which is then open no more. */
export function closeMoments(open: Float64Array, openAt: number, into: Float64Array, at: number): void {
  const count = open[openAt] ?? 0;
  const sum = open[openAt + momentsOffset] ?? 0;
  const squares = open[openAt + momentsM2] ?? 0;
  for (let i = 0; i <= momentsShift; i++) into[at + i] = open[openAt + i] ?? 0;
  const offset = count === 0 ? 0 : sum / count;
  into[at + momentsOffset] = offset;
  // The shift lies among the values, so (mean - shift)² is at most count times the variance: little cancels.
  into[at + momentsM2] = Math.max(0, squares - sum * offset);
}

/**
 * Adds the summary at `other[otherAt]` to the one at `into[at]`, as if its values had been scanned after them.
 * Merging in the same order gives the same bits.
 */
export function mergeMoments(
  into: Float64Array,
  at: number,
  other: Float64Array,
  otherAt: number,
  needs: number,
): void {
  const countOther = other[otherAt] ?? 0;
  if (countOther === 0) return;
  const count = into[at] ?? 0;
  if (count === 0) {
    for (let i = 0; i < momentsStride; i++) into[at + i] = other[otherAt + i] ?? 0;
    return;
  }
  into[at] = count + countOther;
  if ((needs & needSum) !== 0) {
    addToSum(into, at, other[otherAt + momentsSum] ?? 0, other[otherAt + momentsSumRest] ?? 0);
  }
  if ((needs & needExtremes) !== 0) mergeExtremes(into, at, other, otherAt);
  if ((needs & needSpread) !== 0) mergeSpread(into, at, other, otherAt, count, countOther);
}

/**
 * Merges many summaries, of which `numbers` holds column by column what `needs` fill: number k of
 * {@link momentsPlaces} of summary i at `base + k * stride + i`. The same bits as {@link mergeMoments} of each of
 * `from .. to`, the last first.
 */
export function mergeMomentColumns(
  numbers: Float64Array,
  base: number,
  stride: number,
  from: number,
  to: number,
  needs: number,
  into: Float64Array,
  at: number,
): void {
  let column = base + stride;
  let total = into[at] ?? 0;
  if ((needs & needSum) !== 0) {
    total = mergeSumColumns(numbers, base, column, stride, from, to, into, at);
    column += 2 * stride;
  }
  if ((needs & needExtremes) !== 0) {
    total = mergeExtremeColumns(numbers, base, column, stride, from, to, into, at);
    column += 2 * stride;
  }
  if ((needs & needSpread) !== 0) total = mergeSpreadColumns(numbers, base, column, stride, from, to, into, at);
  if (needs === 0) for (let i = to - 1; i >= from; i--) total += numbers[base + i] ?? 0;
  into[at] = total;
}

/** Sum of the values; NaN of none. Asks for `needSum`. */
export function sumOf(moments: Float64Array, at: number): number {
  if ((moments[at] ?? 0) === 0) return Number.NaN;
  return (moments[at + momentsSum] ?? 0) + (moments[at + momentsSumRest] ?? 0);
}

/** Arithmetic mean; NaN of none. Asks for `needSum`. */
export function meanOf(moments: Float64Array, at: number): number {
  const count = moments[at] ?? 0;
  return count === 0 ? Number.NaN : sumOf(moments, at) / count;
}

/**
 * Sample standard deviation (divisor n - 1); NaN of fewer than two values. Asks for `needSpread`.
 *
 * Squares of differences below 1e-154 underflow: a spread that small comes out as 0 or with few digits.
 */
export function stdOf(moments: Float64Array, at: number): number {
  const count = moments[at] ?? 0;
  return count < 2 ? Number.NaN : Math.sqrt((moments[at + momentsM2] ?? 0) / (count - 1));
}

function countOf(values: Float64Array, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) {
    const x = values[i] ?? Number.NaN;
    if (!Number.isNaN(x)) count++;
  }
  return count;
}

function extendSum(values: Float64Array, from: number, to: number, open: Float64Array, at: number): number {
  let sum = open[at + momentsSum] ?? 0;
  let rest = open[at + momentsSumRest] ?? 0;
  let seen = 0;
  for (let i = to - 1; i >= from; i--) {
    const x = values[i] ?? Number.NaN;
    if (Number.isNaN(x)) continue;
    seen++;
    const next = sum + x;
    const part = next - sum;
    rest += sum - (next - part) + (x - part);
    sum = next;
  }
  open[at + momentsSum] = sum;
  open[at + momentsSumRest] = rest;
  return seen;
}

function addToSum(into: Float64Array, at: number, x: number, restOther: number): void {
  const sum = into[at + momentsSum] ?? 0;
  const next = sum + x;
  const part = next - sum;
  into[at + momentsSum] = next;
  into[at + momentsSumRest] = (into[at + momentsSumRest] ?? 0) + restOther + (sum - (next - part) + (x - part));
}

function mergeSumColumns(
  numbers: Float64Array,
  counts: number,
  sums: number,
  stride: number,
  from: number,
  to: number,
  into: Float64Array,
  at: number,
): number {
  let total = into[at] ?? 0;
  let sum = into[at + momentsSum] ?? 0;
  let rest = into[at + momentsSumRest] ?? 0;
  for (let i = to - 1; i >= from; i--) {
    const count = numbers[counts + i] ?? 0;
    if (count === 0) continue;
    const x = numbers[sums + i] ?? 0;
    const restOther = numbers[sums + stride + i] ?? 0;
    if (total === 0) {
      sum = x;
      rest = restOther;
    } else {
      const next = sum + x;
      const part = next - sum;
      rest += restOther + (sum - (next - part) + (x - part));
      sum = next;
    }
    total += count;
  }
  into[at + momentsSum] = sum;
  into[at + momentsSumRest] = rest;
  return total;
}

function mergeExtremeColumns(
  numbers: Float64Array,
  counts: number,
  mins: number,
  stride: number,
  from: number,
  to: number,
  into: Float64Array,
  at: number,
): number {
  let total = into[at] ?? 0;
  let min = into[at + momentsMin] ?? 0;
  let max = into[at + momentsMax] ?? 0;
  for (let i = to - 1; i >= from; i--) {
    // Those of nothing are infinities, which change neither.
    const minOther = numbers[mins + i] ?? 0;
    const maxOther = numbers[mins + stride + i] ?? 0;
    if (minOther < min) min = minOther;
    if (maxOther > max) max = maxOther;
    total += numbers[counts + i] ?? 0;
  }
  into[at + momentsMin] = min;
  into[at + momentsMax] = max;
  return total;
}

function mergeSpreadColumns(
  numbers: Float64Array,
  counts: number,
  shifts: number,
  stride: number,
  from: number,
  to: number,
  into: Float64Array,
  at: number,
): number {
  let total = into[at] ?? 0;
  let shift = into[at + momentsShift] ?? 0;
  let offset = into[at + momentsOffset] ?? 0;
  let squares = into[at + momentsM2] ?? 0;
  for (let i = to - 1; i >= from; i--) {
    const count = numbers[counts + i] ?? 0;
    if (count === 0) continue;
    const shiftOther = numbers[shifts + i] ?? 0;
    const offsetOther = numbers[shifts + stride + i] ?? 0;
    const squaresOther = numbers[shifts + 2 * stride + i] ?? 0;
    if (total === 0) {
      shift = shiftOther;
      offset = offsetOther;
      squares = squaresOther;
    } else {
      const delta = shiftOther - shift + (offsetOther - offset);
      const step = delta * (count / (total + count));
      offset += step;
      squares = squares + squaresOther + delta * step * total;
    }
    total += count;
  }
  into[at + momentsShift] = shift;
  into[at + momentsOffset] = offset;
  into[at + momentsM2] = squares;
  return total;
}

function mergeExtremes(into: Float64Array, at: number, other: Float64Array, otherAt: number): void {
  const min = other[otherAt + momentsMin] ?? 0;
  const max = other[otherAt + momentsMax] ?? 0;
  if (min < (into[at + momentsMin] ?? 0)) into[at + momentsMin] = min;
  if (max > (into[at + momentsMax] ?? 0)) into[at + momentsMax] = max;
}

function mergeSpread(
  into: Float64Array,
  at: number,
  other: Float64Array,
  otherAt: number,
  count: number,
  countOther: number,
): void {
  const offset = into[at + momentsOffset] ?? 0;
  // Shifts first: their difference is exact for values that are close, and offsets are small beside the spread.
  const shiftDelta = (other[otherAt + momentsShift] ?? 0) - (into[at + momentsShift] ?? 0);
  const delta = shiftDelta + ((other[otherAt + momentsOffset] ?? 0) - offset);
  const step = delta * (countOther / (count + countOther));
  into[at + momentsOffset] = offset + step;
  into[at + momentsM2] = (into[at + momentsM2] ?? 0) + (other[otherAt + momentsM2] ?? 0) + delta * step * count;
}

function extendExtremes(values: Float64Array, from: number, to: number, open: Float64Array, at: number): number {
  let min = open[at + momentsMin] ?? 0;
  let max = open[at + momentsMax] ?? 0;
  let seen = 0;
  for (let i = to - 1; i >= from; i--) {
    const x = values[i] ?? Number.NaN;
    if (Number.isNaN(x)) continue;
    seen++;
    if (x < min) min = x;
    if (x > max) max = x;
  }
  open[at + momentsMin] = min;
  open[at + momentsMax] = max;
  return seen;
}

/** An open summary holds the sums of differences from the shift, and of their squares, where a closed one has offset and M2. */
function extendSpread(values: Float64Array, from: number, to: number, open: Float64Array, at: number): number {
  let isFirst = (open[at] ?? 0) === 0;
  let shift = open[at + momentsShift] ?? 0;
  let sum = open[at + momentsOffset] ?? 0;
  let squares = open[at + momentsM2] ?? 0;
  let seen = 0;
  for (let i = to - 1; i >= from; i--) {
    const x = values[i] ?? Number.NaN;
    if (Number.isNaN(x)) continue;
    seen++;
    if (isFirst) {
      shift = x;
      isFirst = false;
    }
    const difference = x - shift;
    sum += difference;
    squares += difference * difference;
  }
  open[at + momentsShift] = shift;
  open[at + momentsOffset] = sum;
  open[at + momentsM2] = squares;
  return seen;
}
