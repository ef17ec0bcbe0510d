import type { Baseline, CountedWindow } from "../baseline.ts";
import type { Cells } from "../cells.ts";

/** Of numbers: null and NaN are no place; the infinities stand at the ends, whatever their cells are. */
const [lowestCell, highestCell] = [2, 3] as const;
/** Windows of the reference without which nobody knows how they differ. */
const windowsMin = 8;
/** Further from the reference than so many deviates is no further: one window alone decides nothing. */
const deviatesMax = 8;

/**
 * Where the values of a field lie in a window, beside those of the reference, as one number: what detectors are fed.
 *
 * Of numbers it is the mean of their ranks among the rows of the reference (0.5 while nothing changes), of booleans the
 * share of true. Both follow from the counts of the cells and from nothing else, so that they are the same number to the
 * last bit however the rows were shared out, ordered or counted again. Source: I. Bross, "How to use ridit analysis" (1958).
 */
export class WindowLevels {
  readonly field: string;
  readonly #index: number;
  readonly #baseline: Baseline;
  /** Rank of each cell, 0 .. 1; NaN of what has none. */
  readonly #ranks: Float64Array;
  /** Standard deviation of a window's level from the mean of those that it is compared with. */
  readonly #spread: number;
  readonly #isKnown: boolean;
  readonly #means = new Map<readonly CountedWindow[], number>();

  /** @param index of the field in the monitor's order @param windows all of the reference */
  constructor(field: string, index: number, cells: Cells, baseline: Baseline, windows: readonly CountedWindow[]) {
    this.field = field;
    this.#index = index;
    this.#baseline = baseline;
    this.#ranks = cells.kind === "numbers" ? ranksOf(windows, index, cells.count) : truthOf(cells);
    this.#isKnown = windows.length >= windowsMin;
    this.#spread = this.#spreadOf(windows);
  }

  /** How many standard deviations the window's level is above the reference's; undefined where nobody knows. */
  deviatesOf(window: CountedWindow): number | undefined {
    const level = this.#levelOf(window);
    const mean = this.#meanAt(window.fromMs);
    if (!this.#isKnown || Number.isNaN(level) || Number.isNaN(mean)) return undefined;
    return Math.min(deviatesMax, Math.max(-deviatesMax, (level - mean) / this.#spread));
  }

  #levelOf({ partial }: CountedWindow): number {
    const counts = partial.counts[this.#index] ?? [];
    let sum = 0;
    let rows = 0;
    for (let cell = 0; cell < this.#ranks.length; cell++) {
      const rank = this.#ranks[cell] ?? Number.NaN;
      const count = counts[cell] ?? 0;
      if (Number.isNaN(rank) || count === 0) continue;
      sum += rank * count;
      rows += count;
    }
    return sum / rows;
  }

  #meanAt(fromMs: number): number {
    const windows = this.#baseline.windowsAt(fromMs);
    const known = this.#means.get(windows);
    if (known !== undefined) return known;
    const levels = windows.map((window) => this.#levelOf(window)).filter((level) => !Number.isNaN(level));
    const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length;
    this.#means.set(windows, mean);
    return mean;
  }

  /** No less than one row in all that a window has on the average: a reference that never differs is none without noise. */
  #spreadOf(windows: readonly CountedWindow[]): number {
    const squares = windows.map((window) => (this.#levelOf(window) - this.#meanAt(window.fromMs)) ** 2);
    const known = squares.filter((square) => !Number.isNaN(square));
    const variance = known.reduce((sum, square) => sum + square, 0) / Math.max(1, known.length - 1);
    const rows = windows.reduce((sum, { partial }) => sum + partial.rows, 0);
    return Math.max(Math.sqrt(variance), windows.length / rows);
  }
}

/** In the order of the values: the share of the reference below a cell, and half of that in it. */
function ranksOf(windows: readonly CountedWindow[], field: number, count: number): Float64Array {
  const totals = new Float64Array(count);
  for (const { partial } of windows)
    for (let cell = 0; cell < count; cell++) totals[cell] = (totals[cell] ?? 0) + (partial.counts[field]?.[cell] ?? 0);
  const bins = Array.from({ length: Math.max(0, count - highestCell - 1) }, (_, i) => highestCell + 1 + i);
  const order = [lowestCell, ...bins, highestCell];
  const all = order.reduce((sum, cell) => sum + (totals[cell] ?? 0), 0);
  const ranks = new Float64Array(count).fill(Number.NaN);
  let below = 0;
  for (const cell of order) {
    const own = totals[cell] ?? 0;
    ranks[cell] = all === 0 ? 0.5 : (below + own / 2) / all;
    below += own;
  }
  return ranks;
}

/** 1 of the cell of true, 0 of false. */
function truthOf(cells: Cells): Float64Array {
  const ranks = new Float64Array(cells.count).fill(Number.NaN);
  ranks[cells.cellOf(false)] = 0;
  ranks[cells.cellOf(true)] = 1;
  return ranks;
}
