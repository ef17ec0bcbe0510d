import { categoryColumn, columnStarts, type Encoder } from "./encoder.ts";
import type { HeldInputs } from "./held-inputs.ts";
import { type Scaler, standardised } from "./scaler.ts";

/** Makes the columns of a model out of a row: numbers standardised, categories one-hot. */
export interface RowColumns {
  readonly count: number;
  /**
   * @param rows holds the row's inputs from `at` on: NaN for null, the code of a category
   * @param into at least `count` long; everything in [0, count) is written
   */
  write(rows: Float64Array, at: number, into: Float64Array): void;
}

/**
 * What {@link RowColumns} does to one row at a time, without an array of all.
 * @param held counts the inputs that are held to the trained range
 */
export function rowColumns(scaler: Scaler, encoder: Encoder, held?: HeldInputs): RowColumns {
  const starts = Int32Array.from(columnStarts(encoder));
  const width = encoder.inputs.length;
  const count = starts[width] as number;
  const valueCounts = Int32Array.from(encoder.inputs, (values) => values?.length ?? -1);
  const [mean, scale] = [Float64Array.from(scaler.mean), Float64Array.from(scaler.scale)];
  const [low, high] = [Float64Array.from(scaler.low), Float64Array.from(scaler.high)];
  const hasCategories = encoder.inputs.some((values) => values !== null);
  return {
    count,
    write(rows, at, into) {
      if (hasCategories) into.fill(0, 0, count);
      for (let j = 0; j < width; j++) {
        const x = rows[at + j] as number;
        const start = starts[j] as number;
        const valueCount = valueCounts[j] as number;
        if (valueCount >= 0) into[start + categoryColumn(x, valueCount)] = 1;
        else {
          const [min, max] = [low[j] as number, high[j] as number];
          if (held !== undefined && (x < min || x > max)) held.add(j);
          into[start] = standardised(x, mean[j] as number, scale[j] as number, min, max);
        }
      }
    },
  };
}
