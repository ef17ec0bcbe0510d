import { assert } from "../kernel/index.ts";

/** How inputs are prepared: nulls filled, held to a range, standardised. One entry per input, in signature order. */
export interface Scaler {
  /** Training mean of what was not null and finite; also what a null becomes. 0 for a column that was always null. */
  readonly mean: readonly number[];
  /** Population standard deviation of the training column after filling; 1 for a constant column. */
  readonly scale: readonly number[];
  /** Inputs are held to [low, high]: the training range widened by half its width at either end. */
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/**
 * Fits a scaler on training rows.
 *
 * The range, not a number of deviations, bounds what is extrapolated: on skewed columns such as amounts
 * five deviations lie far inside the data that matters.
 *
 * @param rows row-major, `rowCount` rows of `width` numbers, NaN for null
 */
export function fitScaler(rows: Float64Array, rowCount: number, width: number): Scaler {
  assert(rows.length >= rowCount * width, "as many numbers as rows times width");
  const columns = Array.from({ length: width }, (_, column) => fitColumn(rows, rowCount, width, column));
  return {
    mean: columns.map((c) => c.mean),
    scale: columns.map((c) => c.scale),
    low: columns.map((c) => c.low),
    high: columns.map((c) => c.high),
  };
}

function fitColumn(rows: Float64Array, rowCount: number, width: number, column: number) {
  let count = 0;
  let mean = 0;
  let m2 = 0;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = column; i < rowCount * width; i += width) {
    const x = rows[i] as number;
    if (!Number.isFinite(x)) continue;
    count++;
    const delta = x - mean;
    mean += delta / count;
    m2 += delta * (x - mean);
    if (x < low) low = x;
    if (x > high) high = x;
  }
  if (count === 0) return { mean: 0, scale: 1, low: 0, high: 0 };
  // A filled null equals the mean, so it adds to the count and not to the squares.
  const deviation = Math.sqrt(m2 / rowCount);
  const margin = (high - low) / 2;
  const isConstant = high === low || !(deviation > 0);
  return { mean: isConstant ? low : mean, scale: isConstant ? 1 : deviation, low: low - margin, high: high + margin };
}

/** Standardises rows in place: NaN to the mean, held to the range, then (x - mean) / scale. */
export function applyScaler(scaler: Scaler, rows: Float64Array, rowCount: number): void {
  const width = scaler.mean.length;
  for (let column = 0; column < width; column++) {
    const mean = scaler.mean[column] as number;
    const scale = scaler.scale[column] as number;
    const low = scaler.low[column] as number;
    const high = scaler.high[column] as number;
    for (let i = column; i < rowCount * width; i += width) {
      const x = rows[i] as number;
      rows[i] = Number.isNaN(x) ? 0 : ((x < low ? low : x > high ? high : x) - mean) / scale;
    }
  }
}
