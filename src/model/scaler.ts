import { assert } from "../kernel/index.ts";
import { type Encoder, numbersEncoder } from "./encoder.ts";

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

interface Column {
  readonly mean: number;
  readonly scale: number;
  readonly low: number;
  readonly high: number;
}

/** A category is not standardised: a rare value would have a tiny deviation, and so hardly any penalty. */
const categoryColumn: Column = { mean: 0, scale: 1, low: 0, high: 1 };
/** Numbers whose squares could leave the range of a double are summed up times a power of two, which loses no bit. */
const largeMin = 2 ** 500;
const smallMax = 2 ** -500;
const rescaling = 2 ** 600;

/**
 * Fits a scaler on training rows. Every entry is finite, whatever finite numbers the rows hold.
 *
 * The range, not a number of deviations, bounds what is extrapolated: on skewed columns such as amounts
 * five deviations lie far inside the data that matters.
 *
 * @param rows row-major, `rowCount` rows of `width` numbers, NaN for null
 */
export function fitScaler(
  rows: Float64Array,
  rowCount: number,
  width: number,
  encoder: Encoder = numbersEncoder(width),
): Scaler {
  assert(rows.length >= rowCount * width, "as many numbers as rows times width");
  const columns = encoder.inputs.map((values, input) =>
    values === null ? fitColumn(rows, rowCount, width, input) : categoryColumn,
  );
  return {
    mean: columns.map((c) => c.mean),
    scale: columns.map((c) => c.scale),
    low: columns.map((c) => c.low),
    high: columns.map((c) => c.high),
  };
}

function fitColumn(rows: Float64Array, rowCount: number, width: number, column: number): Column {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = column; i < rowCount * width; i += width) {
    const x = rows[i] as number;
    if (!Number.isFinite(x)) continue;
    if (x < low) low = x;
    if (x > high) high = x;
  }
  if (low > high) return { mean: 0, scale: 1, low: 0, high: 0 };
  const largest = Math.max(Math.abs(low), Math.abs(high));
  const factor = largest > largeMin ? 1 / rescaling : largest < smallMax ? rescaling : 1;
  let count = 0;
  let mean = 0;
  let m2 = 0;
  for (let i = column; i < rowCount * width; i += width) {
    const given = rows[i] as number;
    if (!Number.isFinite(given)) continue;
    const x = given * factor;
    count++;
    const delta = x - mean;
    mean += delta / count;
    m2 += delta * (x - mean);
  }
  // A filled null equals the mean, so it adds to the count and not to the squares.
  const deviation = Math.sqrt(m2 / rowCount) / factor;
  const isConstant = high === low || !(deviation > 0);
  return {
    mean: isConstant ? low : mean / factor,
    scale: isConstant ? 1 : deviation,
    ...widened(low, high),
  };
}

/** The range with half its width more at either end, and never more than a double can hold. */
function widened(low: number, high: number): { readonly low: number; readonly high: number } {
  const range = high - low;
  const margin = Number.isFinite(range) ? range / 2 : high / 2 - low / 2;
  return { low: Math.max(low - margin, -Number.MAX_VALUE), high: Math.min(high + margin, Number.MAX_VALUE) };
}

/** One number held to its range and standardised; NaN, which is null, becomes the mean: 0. Finite for any input. */
export function standardised(x: number, mean: number, scale: number, low: number, high: number): number {
  if (Number.isNaN(x)) return 0;
  const held = x < low ? low : x > high ? high : x;
  const z = (held - mean) / scale;
  // Two numbers near the largest double of opposite sign: their difference is infinite, their quotients are small.
  return Number.isFinite(z) ? z : held / scale - mean / scale;
}

/** Standardises rows in place: NaN to the mean, held to the range, then (x - mean) / scale. Codes of categories stay. */
export function applyScaler(
  scaler: Scaler,
  rows: Float64Array,
  rowCount: number,
  encoder: Encoder = numbersEncoder(scaler.mean.length),
): void {
  const width = scaler.mean.length;
  for (let column = 0; column < width; column++) {
    if (encoder.inputs[column] !== null) continue;
    const mean = scaler.mean[column] as number;
    const scale = scaler.scale[column] as number;
    const low = scaler.low[column] as number;
    const high = scaler.high[column] as number;
    for (let i = column; i < rowCount * width; i += width) {
      rows[i] = standardised(rows[i] as number, mean, scale, low, high);
    }
  }
}
