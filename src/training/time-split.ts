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
