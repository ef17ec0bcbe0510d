/**
 * The cells that values of a field are counted in: frozen with a baseline, so that counts of any two windows, tasks or
 * restarts add up exactly. What is no ordinary value has cells of its own, and none is left out.
 */
export interface Cells {
  readonly kind: "numbers" | "categories";
  /** How many there are, the special ones included. */
  readonly count: number;
  /** Which one a value belongs to, 0 .. count - 1. O(log count). */
  cellOf(value: number | string | boolean | null): number;
  /** What a cell holds, for people: `null`, `below`, `[1.5, 2)`. */
  nameOf(cell: number): string;
}

/** Of numbers, in front of their bins; `below` and `above` enclose what the baseline has seen. */
const numberSpecials = ["null", "NaN", "-Infinity", "Infinity"] as const;
/** Of categories, in front of the values. */
const categorySpecials = ["null", "(other)", "(unseen)"] as const;

/** Most values of a field of texts that have a cell each. */
const categoriesMax = 200;

/**
 * Bins between quantiles of what the baseline holds.
 *
 * @param edges finite, strictly ascending, at least one: the smallest and largest value, and the quantiles between; the
 *   last bin holds both of its ends
 */
export function numberCells(edges: readonly number[]): Cells {
  const [first] = edges;
  const last = edges.at(-1);
  if (first === undefined || last === undefined) throw new RangeError("cells of numbers need an edge");
  const bounds = Float64Array.from(edges);
  const bins = Math.max(1, edges.length - 1);
  const below = numberSpecials.length;
  const above = below + bins + 1;
  const shown = shortest(edges);
  return {
    kind: "numbers",
    count: above + 1,
    cellOf: (value) => {
      if (typeof value !== "number") return 0;
      if (Number.isNaN(value)) return 1;
      if (value < first) return value === Number.NEGATIVE_INFINITY ? 2 : below;
      if (value > last) return value === Number.POSITIVE_INFINITY ? 3 : above;
      return below + 1 + Math.min(bins - 1, lastNotAbove(bounds, value));
    },
    nameOf: (cell) => {
      const bin = cell - below - 1;
      if (cell < below) return numberSpecials[cell] ?? "";
      if (cell === below) return "below";
      if (cell === above) return "above";
      return `[${shown[bin]}, ${shown[bin + 1] ?? shown[bin]}${bin === bins - 1 ? "]" : ")"}`;
    },
  };
}

/** Numbers with as many digits as it takes to tell them apart, and at least four: what is shown is for people. */
function shortest(numbers: readonly number[]): readonly string[] {
  for (let digits = 4; digits < 17; digits++) {
    const texts = numbers.map((x) => String(Number(x.toPrecision(digits))));
    if (new Set(texts).size === numbers.length) return texts;
  }
  return numbers.map(String);
}

/**
 * Edges of bins that hold about as many of the values each: quantiles, equal ones once.
 *
 * @param values of the baseline; those that are not finite are left out
 * @param bins how many to aim for, at least 1
 * @returns ascending; none when no value is finite
 */
export function quantileEdges(values: readonly number[], bins: number): number[] {
  const sorted = Float64Array.from(values.filter((value) => Number.isFinite(value))).sort();
  if (sorted.length === 0) return [];
  const at = (i: number): number => sorted[Math.round((i / bins) * (sorted.length - 1))] ?? 0;
  return [...new Set(Array.from({ length: bins + 1 }, (_, i) => at(i)))];
}

/**
 * A cell for each of the most frequent values of the baseline, at most 200; the rest of them share one.
 *
 * @param seen how often the baseline held each value
 */
export function categoryCells(seen: ReadonlyMap<string, number>): Cells {
  const offset = categorySpecials.length;
  // Equally frequent ones in the order of their text, so that the same baseline always has the same cells.
  const order = [...seen]
    .sort(([a, timesA], [b, timesB]) => timesB - timesA || (a < b ? -1 : 1))
    .map(([value]) => value);
  const values = order.slice(0, categoriesMax);
  const places = new Map(order.map((value, i) => [value, i < categoriesMax ? offset + i : 1]));
  return {
    kind: "categories",
    count: offset + values.length,
    cellOf: (value) => (value === null ? 0 : (places.get(typeof value === "string" ? value : String(value)) ?? 2)),
    nameOf: (cell) => categorySpecials[cell] ?? JSON.stringify(values[cell - offset] ?? ""),
  };
}

/** Index of the last bound that is not above the value; the first bound is not above it. */
function lastNotAbove(bounds: Float64Array, value: number): number {
  let low = 0;
  let high = bounds.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((bounds[middle] ?? 0) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
