/** Count and mean of what was added; copied by the detectors that remember the best of their past. */
export interface RunningMean {
  readonly count: number;
  readonly mean: number;
}

export const noMean: RunningMean = { count: 0, mean: 0 };

/** With one more value (Welford 1962). */
export function extended({ count, mean }: RunningMean, value: number): RunningMean {
  return { count: count + 1, mean: mean + (1 / (count + 1)) * (value - mean) };
}
