import { z } from "zod";
import { type Detector, defineDetector, type Signal } from "./detector.ts";

const config = z.strictObject({
  delta: z.number().gt(0).lt(1).default(0.002).describe("Confidence: the smaller, the fewer false alarms."),
  everySamples: z.int().min(1).default(32).describe("Values between two looks."),
  warmUpSamples: z.int().min(0).default(10).describe("Values in the window before the first look."),
  partSamples: z.int().min(1).default(5).describe("Values that either part of the window has at least."),
});
type Config = z.output<typeof config>;

/** Buckets of one size before two of them are merged into one of twice the size. */
const bucketsMax = 5;

/**
 * Adaptive windowing: a window as long as no cut of it divides values of clearly different means, in an exponential
 * histogram of about 5 log2 n buckets.
 *
 * Every cut between two buckets is tried, the newest bucket's included; implementations that leave that one out find
 * changes later. Source: A. Bifet, R. Gavalda, "Learning from time-changing data with adaptive windowing" (2007).
 */
export const adwin = defineDetector<Config>({
  kind: "adwin",
  summary: "A window that shrinks when two parts of it differ in their mean; few false alarms.",
  config,
  example: { delta: 0.01 },
  values: "any",
  create: (settings, saved) => new Adwin(settings, saved),
});

class Adwin implements Detector {
  readonly #settings: Config;
  /** Row r holds the sums of buckets of 2^r values, the oldest first. */
  #rows: number[][] = [[]];
  #count = 0;
  #sum = 0;
  /** Sum of squared differences from the mean of the window. */
  #squares = 0;
  #ticks = 0;

  constructor(settings: Config, saved?: readonly number[]) {
    this.#settings = settings;
    if (saved === undefined) return;
    const [count = 0, sum = 0, squares = 0, ticks = 0, ...rest] = saved;
    this.#count = count;
    this.#sum = sum;
    this.#squares = squares;
    this.#ticks = ticks;
    this.#rows = rowsFrom(rest);
  }

  add(value: number): Signal {
    this.#insert(value);
    this.#ticks++;
    if (this.#ticks % this.#settings.everySamples !== 0 || this.#count <= this.#settings.warmUpSamples) return "steady";
    if (!this.#hasCut()) return "steady";
    this.#rows = [[]];
    this.#count = 0;
    this.#sum = 0;
    this.#squares = 0;
    this.#ticks = 0;
    return "drift";
  }

  #insert(value: number): void {
    const before = this.#count;
    if (before > 0) this.#squares += (before * (value - this.#sum / before) ** 2) / (before + 1);
    this.#count++;
    this.#sum += value;
    this.#rows[0]?.push(value);
    this.#merge();
  }

  #merge(): void {
    for (let r = 0; r < this.#rows.length; r++) {
      const row = this.#rows[r];
      if (row === undefined || row.length <= bucketsMax) return;
      const [one = 0, other = 0] = row.splice(0, 2);
      const next = this.#rows[r + 1] ?? [];
      this.#rows[r + 1] = next;
      next.push(one + other);
    }
  }

  /** Whether some cut divides the window, from the oldest on, into parts whose means differ by more than chance. */
  #hasCut(): boolean {
    const { partSamples } = this.#settings;
    const confidence = Math.log((2 * Math.log(this.#count)) / this.#settings.delta);
    const variance = this.#squares / this.#count;
    let older = 0;
    let sumOlder = 0;
    for (let r = this.#rows.length - 1; r >= 0; r--) {
      for (const sum of this.#rows[r] ?? []) {
        older += 2 ** r;
        sumOlder += sum;
        const newer = this.#count - older;
        if (older < partSamples || newer < partSamples) continue;
        const m = 1 / (older - partSamples + 1) + 1 / (newer - partSamples + 1);
        const epsilon = Math.sqrt(2 * m * variance * confidence) + (2 / 3) * confidence * m;
        if (Math.abs(sumOlder / older - (this.#sum - sumOlder) / newer) > epsilon) return true;
      }
    }
    return false;
  }

  save(): number[] {
    const rows = this.#rows.flatMap((sums) => [sums.length, ...sums]);
    return [this.#count, this.#sum, this.#squares, this.#ticks, ...rows];
  }
}

function rowsFrom(saved: readonly number[]): number[][] {
  const rows: number[][] = [];
  for (let at = 0; at < saved.length; at += 1 + (saved[at] ?? 0)) {
    rows.push(saved.slice(at + 1, at + 1 + (saved[at] ?? 0)));
  }
  return rows;
}
