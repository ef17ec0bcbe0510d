/**
 * Distances between two histograms over the same cells. Counts are not negative, both have the same length, and the
 * result is NaN when either holds nothing.
 */

/**
 * Population stability index: the sum of (p - q) ln(p / q). Symmetric, and 0 when the shares are equal. By convention
 * 0.1 is worth a look and 0.25 is drift, but in small windows chance alone gives as much: about chi-square of cells - 1, times 1/n + 1/m.
 *
 * @param shareMin what the share of an empty cell counts as, so that one unseen category does not make it infinite
 * @returns nats, at least 0
 */
export function psi(baseline: ArrayLike<number>, current: ArrayLike<number>, shareMin = 1e-6): number {
  return sumOver(baseline, current, (p, q) => psiTerm(p, q, shareMin));
}

/** Part of the population stability index that each cell gives, in the order of the cells. */
export function psiParts(baseline: ArrayLike<number>, current: ArrayLike<number>, shareMin = 1e-6): number[] {
  const n = total(baseline);
  const m = total(current);
  return Array.from({ length: baseline.length }, (_, i) =>
    psiTerm((baseline[i] ?? 0) / n, (current[i] ?? 0) / m, shareMin),
  );
}

/**
 * What each of the groups that make up the current histogram gives to the population stability index: the parts add up
 * to it (but for the share that an empty cell counts as). A group that is like the baseline gives nothing, one that pulls
 * the other way less than nothing. All are NaN when either histogram holds nothing.
 */
export function psiByGroup(
  baseline: ArrayLike<number>,
  groups: readonly ArrayLike<number>[],
  shareMin = 1e-6,
): number[] {
  const n = total(baseline);
  const rows = groups.map(total);
  const m = total(rows);
  const parts = groups.map(() => (n === 0 || m === 0 ? Number.NaN : 0));
  for (let cell = 0; cell < baseline.length; cell++) {
    const held = groups.reduce((sum, counts) => sum + (counts[cell] ?? 0), 0);
    const p = Math.max((baseline[cell] ?? 0) / n, shareMin);
    const q = Math.max(held / m, shareMin);
    if (held === 0 && !baseline[cell]) continue;
    const slope = Math.log(p / q) / m;
    // Of a group of r rows: r / m of the difference between the baseline's share and its own.
    for (const [i, counts] of groups.entries())
      parts[i] = (parts[i] ?? 0) + (p * (rows[i] ?? 0) - (counts[cell] ?? 0)) * slope;
  }
  return parts;
}

/** Jensen-Shannon distance, the root of the divergence, with natural logarithms: 0 .. sqrt(ln 2). */
export function jsDistanceNats(baseline: ArrayLike<number>, current: ArrayLike<number>): number {
  const part = (p: number, middle: number): number => (p === 0 ? 0 : p * Math.log(p / middle));
  const divergence = sumOver(baseline, current, (p, q) => (part(p, (p + q) / 2) + part(q, (p + q) / 2)) / 2);
  return Math.sqrt(Math.max(0, divergence));
}

/** The same with logarithms to the base of 2: 0 .. 1. */
export function jsDistanceBits(baseline: ArrayLike<number>, current: ArrayLike<number>): number {
  return jsDistanceNats(baseline, current) / Math.sqrt(Math.LN2);
}

/** Hellinger distance: 0 .. 1. */
export function hellinger(baseline: ArrayLike<number>, current: ArrayLike<number>): number {
  return Math.sqrt(Math.max(0, 1 - sumOver(baseline, current, (p, q) => Math.sqrt(p * q))));
}

/** Total variation distance, half of the sum of the differences of the shares: 0 .. 1. */
export function totalVariation(baseline: ArrayLike<number>, current: ArrayLike<number>): number {
  return sumOver(baseline, current, (p, q) => Math.abs(p - q)) / 2;
}

/** Largest difference of two shares: 0 .. 1. The cell that it belongs to is the culprit. */
export function lInfinity(baseline: ArrayLike<number>, current: ArrayLike<number>): number {
  let largest = 0;
  const sum = sumOver(baseline, current, (p, q) => {
    largest = Math.max(largest, Math.abs(p - q));
    return 0;
  });
  return Number.isNaN(sum) ? Number.NaN : largest;
}

/** Largest difference of the cumulated shares: the Kolmogorov-Smirnov statistic of ordered cells, 0 .. 1. */
export function ksOfCells(baseline: ArrayLike<number>, current: ArrayLike<number>): number {
  let gap = 0;
  let largest = 0;
  const sum = sumOver(baseline, current, (p, q) => {
    gap += p - q;
    largest = Math.max(largest, Math.abs(gap));
    return 0;
  });
  return Number.isNaN(sum) ? Number.NaN : largest;
}

/**
 * Wasserstein-1 distance between values at places: the area between the cumulated shares.
 *
 * @param places one per cell, ascending, in the unit of the result
 */
export function wasserstein(
  baseline: ArrayLike<number>,
  current: ArrayLike<number>,
  places: ArrayLike<number>,
): number {
  let gap = 0;
  let i = 0;
  return sumOver(baseline, current, (p, q) => {
    const width = i === 0 ? 0 : (places[i] ?? 0) - (places[i - 1] ?? 0);
    const area = Math.abs(gap) * width;
    gap += p - q;
    i++;
    return area;
  });
}

function psiTerm(p: number, q: number, shareMin: number): number {
  // A cell that is empty in both says nothing.
  if (p === 0 && q === 0) return 0;
  const from = Math.max(p, shareMin);
  const to = Math.max(q, shareMin);
  return (from - to) * Math.log(from / to);
}

function sumOver(
  baseline: ArrayLike<number>,
  current: ArrayLike<number>,
  term: (p: number, q: number) => number,
): number {
  const n = total(baseline);
  const m = total(current);
  if (n === 0 || m === 0) return Number.NaN;
  let sum = 0;
  for (let i = 0; i < baseline.length; i++) sum += term((baseline[i] ?? 0) / n, (current[i] ?? 0) / m);
  return sum;
}

function total(counts: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += counts[i] ?? 0;
  return sum;
}
