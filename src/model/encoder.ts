import { assert } from "../kernel/index.ts";

/** Values of a category that get a column of their own; all others share one. */
export const categoryValuesMax = 50;

/**
 * How each input becomes columns of the model, in signature order.
 *
 * Null is a number: one column. A list is the vocabulary of a category, and gives one-hot columns: one for each value
 * in its order, then one for every other value, then one for null.
 *
 * In rows a category stands as its code: the place of the value in the vocabulary, the vocabulary's length for any
 * other value, and NaN for null.
 */
export interface Encoder {
  readonly inputs: readonly (readonly string[] | null)[];
}

/** An encoder of `width` numbers. */
export function numbersEncoder(width: number): Encoder {
  return { inputs: Array.from({ length: width }, () => null) };
}

/** First column of each input, and the number of all columns as the last entry. */
export function columnStarts({ inputs }: Encoder): readonly number[] {
  const starts = [0];
  for (const values of inputs) starts.push((starts.at(-1) ?? 0) + (values === null ? 1 : values.length + 2));
  return starts;
}

/** Columns that the inputs become. */
export function columnCount(encoder: Encoder): number {
  return columnStarts(encoder).at(-1) ?? 0;
}

/** The column of a category's code, counted from the first column of its input. */
export function categoryColumn(code: number, valueCount: number): number {
  return Number.isNaN(code) ? valueCount + 1 : code;
}

/**
 * The vocabulary of what was counted: the {@link categoryValuesMax} most frequent values, the most frequent first,
 * and by code unit where two are equally frequent, so that it does not depend on the order of the rows.
 */
export function vocabularyOf(counts: ReadonlyMap<string, number>): readonly string[] {
  const ranked = [...counts].sort(([a, na], [b, nb]) => nb - na || (a < b ? -1 : 1));
  return ranked.slice(0, categoryValuesMax).map(([value]) => value);
}

/** Answers the code of a value of an input; only for inputs that are categories. */
export function categoryCodes(encoder: Encoder): (input: number, value: string) => number {
  const codes = encoder.inputs.map((values) => new Map((values ?? []).map((value, code) => [value, code])));
  return (input, value) => {
    const known = codes[input];
    assert(known !== undefined && encoder.inputs[input] !== null, "an input that is a category");
    return known.get(value) ?? known.size;
  };
}

/**
 * Writes rows as columns: numbers as they are, categories one-hot.
 *
 * @param rows row-major, one number per input
 * @param into row-major, one number per column; at least `rowCount` rows long
 */
export function expandRows(encoder: Encoder, rows: Float64Array, rowCount: number, into: Float64Array): void {
  const starts = columnStarts(encoder);
  const width = encoder.inputs.length;
  const columns = starts[width] ?? 0;
  into.fill(0, 0, rowCount * columns);
  for (let row = 0; row < rowCount; row++) {
    for (let input = 0; input < width; input++) {
      const values = encoder.inputs[input] ?? null;
      const given = rows[row * width + input] as number;
      const at = row * columns + (starts[input] ?? 0);
      if (values === null) into[at] = given;
      else into[at + categoryColumn(given, values.length)] = 1;
    }
  }
}
