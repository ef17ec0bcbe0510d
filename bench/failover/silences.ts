/** When outputs arrived, in ms, ascending. */
export type Arrivals = readonly number[];

/**
 * How long a partition whose owner died at `diedMs` went without an output of another one, in ms from the death.
 *
 * @param lingerMs how long after the death what the dead one had committed may still arrive
 * @returns undefined while there is none
 */
export function nextAfterDeath(arrivals: Arrivals, diedMs: number, lingerMs: number): number | undefined {
  const next = arrivals.find((ms) => ms > diedMs + lingerMs);
  return next === undefined ? undefined : next - diedMs;
}

/** The longest time without an arrival that lies, at least in part, between two moments; the last has an end only there. */
export function longestSilence(arrivals: Arrivals, fromMs: number, toMs: number): number {
  let longest = 0;
  let beforeMs = arrivals.findLast((ms) => ms <= fromMs) ?? fromMs;
  for (const ms of [...arrivals.filter((each) => each > fromMs && each < toMs), toMs]) {
    longest = Math.max(longest, ms - beforeMs);
    beforeMs = ms;
  }
  return longest;
}

/** @param share 0.5 for the median; the figure that so many of all are not above */
export function quantile(figures: readonly number[], share: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] ?? Number.NaN;
}
