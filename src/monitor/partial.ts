import type { Cells } from "./cells.ts";

/**
 * What one task has counted of one window so far: a total, which a later one of the same task and window replaces. Those
 * of all tasks add up to what one task would have counted of all their rows, in any order.
 */
export interface Partial {
  /** Rows counted; each has one value in every field. */
  readonly rows: number;
  /** Per field, in the monitor's order: rows per cell. */
  readonly counts: readonly Float64Array[];
}

/** Counts rows of one window. */
export class PartialCounter implements Partial {
  rows = 0;
  readonly counts: readonly Float64Array[];
  readonly #cells: readonly Cells[];

  constructor(cells: readonly Cells[]) {
    this.#cells = cells;
    this.counts = cells.map(({ count }) => new Float64Array(count));
  }

  /** Counts the value of every field of one row, in the monitor's order. */
  absorb(values: ArrayLike<number | string | boolean | null>): void {
    this.rows++;
    for (let field = 0; field < this.counts.length; field++) {
      const counts = this.counts[field];
      const cell = this.#cells[field]?.cellOf(values[field] ?? null) ?? 0;
      if (counts !== undefined) counts[cell] = (counts[cell] ?? 0) + 1;
    }
  }
}

/** All partials of one window as one; at least one, all over the same cells. */
export function merged(partials: readonly Partial[]): Partial {
  const [first, ...rest] = partials;
  if (first === undefined) throw new RangeError("merging no partials");
  const counts = first.counts.map((own) => Float64Array.from(own));
  for (const { counts: others } of rest) {
    counts.forEach((own, field) => {
      const other = others[field] ?? [];
      for (let cell = 0; cell < own.length; cell++) own[cell] = (own[cell] ?? 0) + (other[cell] ?? 0);
    });
  }
  return { rows: rowsIn(partials), counts };
}

/** Rows of all partials together. */
export function rowsIn(partials: readonly Pick<Partial, "rows">[]): number {
  return partials.reduce((sum, { rows }) => sum + rows, 0);
}
