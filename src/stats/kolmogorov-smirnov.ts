/**
 * Largest difference between the empirical distribution functions of two samples, times both counts: a whole number,
 * so that comparisons of it are exact.
 *
 * @param one at least one value, in any order; none is NaN
 * @param other likewise
 * @returns 0 .. one.length * other.length
 */
export function ksDistance(one: readonly number[], other: readonly number[]): number {
  const a = Float64Array.from(one).sort();
  const b = Float64Array.from(other).sort();
  let i = 0;
  let j = 0;
  let distance = 0;
  while (i < a.length && j < b.length) {
    const value = Math.min(a[i] ?? 0, b[j] ?? 0);
    while (i < a.length && a[i] === value) i++;
    while (j < b.length && b[j] === value) j++;
    distance = Math.max(distance, Math.abs(i * b.length - j * a.length));
  }
  return distance;
}

/**
 * Exact probability that two samples of one continuous distribution are at least that far apart: the share of lattice
 * paths from (0, 0) to (n, m) that reach the distance. Small probabilities keep their relative precision, since nothing
 * is subtracted.
 *
 * @param distance as {@link ksDistance} counts it
 * @param n size of one sample
 * @param m size of the other; O(n m)
 * @returns 0 .. 1
 *
 * Source: J. Hodges, "The significance probability of the Smirnov two-sample test" (1958).
 */
export function ksProbability(distance: number, n: number, m: number): number {
  if (distance <= 0) return 1;
  // Of the paths to (i, j): the share that has been outside.
  const shares = new Float64Array(m + 1);
  for (let i = 0; i <= n; i++) {
    for (let j = 0; j <= m; j++) {
      const isOutside = Math.abs(i * m - j * n) >= distance;
      // A path comes from (i - 1, j) with the weight i, from (i, j - 1) with j: what stands beyond the edge weighs nothing.
      const share = ((shares[j] ?? 0) * i + (shares[j - 1] ?? 0) * j) / Math.max(1, i + j);
      shares[j] = isOutside ? 1 : share;
    }
  }
  return shares[m] ?? 0;
}
