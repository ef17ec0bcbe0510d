import type { EpochMs } from "../kernel/index.ts";

/** Earlier rows to learn from, later rows to measure on; no event time stands on both sides. */
export interface TimeSplit {
  readonly trainCount: number;
  readonly validationCount: number;
  /** First event time of the later part; undefined when there is none. */
  readonly splitAtMs: EpochMs | undefined;
}

/**
 * Splits rows that are in time order so that about `validationShare` of them come last.
 *
 * Rows of the same event time stay together on the later side: a model must not have seen the moment it is
 * measured on.
 *
 * @param timesMs event times, ascending
 * @param validationShare 0 to below 1
 */
export function splitByTime(timesMs: ArrayLike<EpochMs>, validationShare: number): TimeSplit {
  const count = timesMs.length;
  let at = count - Math.floor(count * validationShare);
  if (at >= count) return { trainCount: count, validationCount: 0, splitAtMs: undefined };
  const splitAtMs = timesMs[at] as number;
  while (at > 0 && timesMs[at - 1] === splitAtMs) at--;
  return { trainCount: at, validationCount: count - at, splitAtMs };
}

/**
 * Several splits of the same rows, each later than the one before: the last is {@link splitByTime}, and before it the
 * later part moves back by its own length. So whatever is chosen by them is chosen on more than one stretch of time.
 *
 * @param folds at least 1; fewer come back where the earlier part would have no row
 * @returns in time order; what lies behind a later part belongs to neither side
 */
export function foldsByTime(timesMs: ArrayLike<EpochMs>, folds: number, validationShare: number): readonly TimeSplit[] {
  const last = splitByTime(timesMs, validationShare);
  const found = [last];
  for (let end = last.trainCount; found.length < folds && last.validationCount > 0; ) {
    let at = end - last.validationCount;
    const splitAtMs = timesMs[at];
    while (at > 0 && timesMs[at - 1] === splitAtMs) at--;
    if (at <= 0) break;
    found.push({ trainCount: at, validationCount: end - at, splitAtMs });
    end = at;
  }
  return found.reverse();
}
