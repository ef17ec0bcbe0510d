import type { RowContext } from "../expression/index.ts";
import { RollingStore, type RollingStoreOptions } from "../state/index.ts";
import { momentsStride } from "../stats/index.ts";
import type { StepMemory } from "./contract.ts";

/** One result: which window and column it is read from, and how. */
export interface RollingResult {
  /** Index into the store's windows, which ascend. */
  readonly window: number;
  /** Index of the input column; -1 for `count()`. */
  readonly column: number;
  readonly read: (store: RollingStore, window: number, summaryAt: number) => number;
}

/** Numbers before the inputs: event time, and whether the record counts (1, or else not). */
const inputsAt = 2;

/** Remembers rows and answers aggregates: `texts` is the key, `numbers` the time, `where`, and the inputs. */
export class RollingMemory implements StepMemory {
  readonly texts: (string | null)[] = [null];
  readonly numbers: Float64Array;
  readonly results: Float64Array;
  readonly store: RollingStore;
  readonly #reads: readonly RollingResult[];
  readonly #summariesAt: readonly number[];

  constructor(options: RollingStoreOptions, reads: readonly RollingResult[]) {
    const columns = options.needs.length;
    this.store = new RollingStore(options);
    this.numbers = new Float64Array(inputsAt + columns);
    this.results = new Float64Array(reads.length);
    this.#reads = reads;
    this.#summariesAt = reads.map(({ window, column }) => (window * columns + Math.max(0, column)) * momentsStride);
  }

  update(_context: RowContext): number {
    const key = this.texts[0] ?? "";
    const timeMs = this.numbers[0] ?? Number.NaN;
    const { inputs } = this.store;
    if (this.numbers[1] === 1) {
      for (let i = 0; i < inputs.length; i++) {
        const value = this.numbers[inputsAt + i] ?? Number.NaN;
        // An infinity would make every later answer of the key infinite: one bad record must not fail the good ones.
        inputs[i] = Number.isFinite(value) ? value : Number.NaN;
      }
      this.store.add(key, timeMs);
    }
    this.store.query(key, timeMs);
    for (let i = 0; i < this.results.length; i++) {
      const result = this.#reads[i];
      if (result !== undefined) {
        this.results[i] = result.read(this.store, result.window, this.#summariesAt[i] ?? 0);
      }
    }
    return 0;
  }
}
