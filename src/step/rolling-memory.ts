import type { RowContext } from "../expression/index.ts";
import { assert } from "../kernel/index.ts";
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

/** What rows are made of, and what is read of them. */
export interface RollingColumns {
  /** Printed expressions of the values that `update` is given, behind time and condition. */
  readonly columns: readonly (string | null)[];
  /** Of each of them, what the store must compute. */
  readonly needs: readonly number[];
  readonly reads: readonly RollingResult[];
  /** Columns of the store, all of `columns` among them; the others are null from now on. */
  readonly held: readonly (string | null)[];
}

/** Remembers rows and answers aggregates: `texts` is the key, `numbers` the time, `where`, and the inputs. */
export class RollingMemory implements StepMemory {
  readonly texts: (string | null)[] = [null];
  readonly numbers: Float64Array;
  readonly results: Float64Array;
  readonly store: RollingStore;
  readonly #reads: readonly RollingResult[];
  readonly #summariesAt: readonly number[];
  /** Column of the store for each input. */
  readonly #columnOf: Int32Array;

  constructor(options: Omit<RollingStoreOptions, "needs">, { columns, needs, reads, held }: RollingColumns) {
    this.#columnOf = Int32Array.from(columns, (column) => held.indexOf(column));
    assert(!this.#columnOf.includes(-1), `store ${options.spec.name} does not hold every column that its step needs`);
    const heldNeeds = new Array<number>(held.length).fill(0);
    for (const [i, at] of this.#columnOf.entries()) heldNeeds[at] = needs[i] ?? 0;
    this.store = new RollingStore({ ...options, needs: heldNeeds });
    this.store.inputs.fill(Number.NaN);
    this.numbers = new Float64Array(inputsAt + columns.length);
    this.results = new Float64Array(reads.length);
    this.#reads = reads;
    this.#summariesAt = reads.map(({ window, column }) => {
      const at = column < 0 ? 0 : (this.#columnOf[column] ?? 0);
      return (window * held.length + at) * momentsStride;
    });
  }

  update({ streamTimeMs }: RowContext): number {
    const key = this.texts[0] ?? "";
    const timeMs = this.numbers[0] ?? Number.NaN;
    const { inputs } = this.store;
    this.store.expire(key, Math.max(streamTimeMs, timeMs));
    if (this.numbers[1] === 1) {
      for (let i = 0; i < this.#columnOf.length; i++) {
        const value = this.numbers[inputsAt + i] ?? Number.NaN;
        // An infinity would make every later answer of the key infinite: one bad record must not fail the good ones.
        inputs[this.#columnOf[i] as number] = Number.isFinite(value) ? value : Number.NaN;
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
