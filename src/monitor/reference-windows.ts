import type { EpochMs } from "../kernel/index.ts";
import type { CountedWindow } from "./baseline.ts";
import type { Cells } from "./cells.ts";
import type { MonitoredValue } from "./field-sample.ts";
import { emptyMs } from "./judging/row-windows.ts";
import { merged, PartialCounter } from "./partial.ts";

/** Windows of a baseline at most: eight weeks of hours. */
export const referenceWindowsMax = 1_344;
/** Counts that are held at once, over all windows and fields: 128 MiB. */
const countsMax = 16_777_216;

/** Counts the rows of a reference by window. Where there are too many windows, the latest stay. */
export class ReferenceWindows {
  readonly #cells: readonly Cells[];
  readonly #windowMs: number;
  readonly #windowsMax: number;
  readonly #windows = new Map<EpochMs, PartialCounter>();
  /** Windows that begin before it have had to go. */
  #fromMs = Number.NEGATIVE_INFINITY;

  readonly #rowsMin: number | undefined;

  /**
   * @param cells of each field, in the monitor's order
   * @param rowsMin rows of a window at least, which then is made of slices of that length; undefined: it is one of them
   */
  constructor(cells: readonly Cells[], windowMs: number, rowsMin?: number) {
    this.#rowsMin = rowsMin;
    this.#cells = cells;
    this.#windowMs = windowMs;
    const counts = cells.reduce((sum, { count }) => sum + count, 0);
    const held = Math.max(1, Math.floor(countsMax / Math.max(1, counts)));
    this.#windowsMax = rowsMin === undefined ? Math.min(referenceWindowsMax, held) : held;
  }

  /** Counts one row. @param values of each field, in the monitor's order */
  absorb(timeMs: EpochMs, values: readonly MonitoredValue[]): void {
    const fromMs = Math.floor(timeMs / this.#windowMs) * this.#windowMs;
    if (fromMs < this.#fromMs) return;
    let window = this.#windows.get(fromMs);
    if (window === undefined) {
      window = new PartialCounter(this.#cells);
      this.#windows.set(fromMs, window);
      if (this.#windows.size > this.#windowsMax) this.#dropOldest();
    }
    window.absorb(values);
  }

  #dropOldest(): void {
    let oldest = Number.POSITIVE_INFINITY;
    for (const fromMs of this.#windows.keys()) oldest = Math.min(oldest, fromMs);
    this.#windows.delete(oldest);
    this.#fromMs = oldest + this.#windowMs;
  }

  /** The windows that hold rows, in the order of time. */
  windows(): CountedWindow[] {
    const windows = [...this.#windows]
      .sort(([a], [b]) => a - b)
      .map(([fromMs, partial]): CountedWindow => ({ fromMs, partial }));
    return this.#rowsMin === undefined
      ? windows
      : byRows(windows, this.#rowsMin, this.#windowMs).slice(-referenceWindowsMax);
  }
}

/** As the judge makes windows of slices; what it would judge as it is, with too few rows, is none. */
function byRows(slices: readonly CountedWindow[], rowsMin: number, sliceMs: number): CountedWindow[] {
  const windows: CountedWindow[] = [];
  let gathered: CountedWindow[] = [];
  let rows = 0;
  for (const slice of slices) {
    const endMs = (gathered.at(-1)?.fromMs ?? slice.fromMs) + sliceMs;
    if (slice.fromMs - endMs >= emptyMs) {
      gathered = [];
      rows = 0;
    }
    gathered.push(slice);
    rows += slice.partial.rows;
    if (rows < rowsMin) continue;
    const [first = slice] = gathered;
    windows.push({ fromMs: first.fromMs, partial: merged(gathered.map(({ partial }) => partial)) });
    gathered = [];
    rows = 0;
  }
  return windows;
}
