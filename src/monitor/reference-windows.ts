import type { EpochMs } from "../kernel/index.ts";
import type { CountedWindow } from "./baseline.ts";
import type { Cells } from "./cells.ts";
import type { MonitoredValue } from "./field-sample.ts";
import { PartialCounter } from "./partial.ts";

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

  /** @param cells of each field, in the monitor's order */
  constructor(cells: readonly Cells[], windowMs: number) {
    this.#cells = cells;
    this.#windowMs = windowMs;
    const counts = cells.reduce((sum, { count }) => sum + count, 0);
    this.#windowsMax = Math.max(1, Math.min(referenceWindowsMax, Math.floor(countsMax / Math.max(1, counts))));
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
    return [...this.#windows]
      .sort(([a], [b]) => a - b)
      .map(([fromMs, partial]): CountedWindow => ({ fromMs, partial }));
  }
}
