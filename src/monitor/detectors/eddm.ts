import { z } from "zod";
import { type Detector, defineDetector, type Signal } from "./detector.ts";
import { extended, noMean, type RunningMean } from "./running-mean.ts";

const config = z
  .strictObject({
    warmUpSamples: z.int().min(1).default(30).describe("Errors, and values, before the first alarm."),
    warning: z.number().gt(0).lt(1).default(0.95).describe("Share of the largest distance below which it warns."),
    drift: z.number().gt(0).lt(1).default(0.9).describe("Share of the largest distance below which it is drift."),
  })
  .refine((c) => c.drift <= c.warning, { error: "drift must not exceed warning", path: ["drift"] });
type Config = z.output<typeof config>;

/**
 * Early drift detection method: mean plus two deviations of the distance between errors, against its largest.
 *
 * Source: M. Baena-Garcia et al., "Early drift detection method" (2006).
 */
export const eddm = defineDetector<Config>({
  kind: "eddm",
  summary: "Distance between errors against the largest it has been; finds slow changes, with many false alarms.",
  config,
  example: { drift: 0.75, warning: 0.8 },
  values: "zero-or-one",
  create: (settings, saved) => new Eddm(settings, saved),
});

class Eddm implements Detector {
  readonly #settings: Config;
  #count = 0;
  #lastError = 0;
  #distances: RunningMean = noMean;
  /** Sum of squared differences of the distances from their mean. */
  #squares = 0;
  #levelMax = -1;
  /** A warning stays until the next error says otherwise. */
  #isWarned = false;

  constructor(settings: Config, saved?: readonly number[]) {
    this.#settings = settings;
    if (saved === undefined) return;
    const [count = 0, lastError = 0, errors = 0, mean = 0, squares = 0, levelMax = -1, warned = 0] = saved;
    this.#count = count;
    this.#lastError = lastError;
    this.#distances = { count: errors, mean };
    this.#squares = squares;
    this.#levelMax = levelMax;
    this.#isWarned = warned === 1;
  }

  add(value: number): Signal {
    this.#count++;
    if (value === 1) {
      const signal = this.#judge();
      if (signal === "drift") {
        this.#begin();
        return signal;
      }
      if (signal !== undefined) this.#isWarned = signal === "warning";
      this.#lastError = this.#count;
    }
    return this.#isWarned ? "warning" : "steady";
  }

  /** What the error at hand says; undefined when it says nothing new. */
  #judge(): Signal | undefined {
    const { warmUpSamples, warning, drift } = this.#settings;
    const distance = this.#count - this.#lastError;
    const { mean: meanBefore } = this.#distances;
    this.#distances = extended(this.#distances, distance);
    const { count, mean } = this.#distances;
    this.#squares += (distance - meanBefore) * (distance - mean);
    if (this.#count <= warmUpSamples) return undefined;
    const level = mean + 2 * Math.sqrt(count < 2 ? 0 : this.#squares / (count - 1));
    if (level > this.#levelMax) {
      this.#levelMax = level;
      return undefined;
    }
    if (count <= warmUpSamples) return undefined;
    const share = level / this.#levelMax;
    if (share < drift) return "drift";
    return share < warning ? "warning" : "steady";
  }

  #begin(): void {
    this.#count = 0;
    this.#lastError = 0;
    this.#distances = noMean;
    this.#squares = 0;
    this.#levelMax = -1;
    this.#isWarned = false;
  }

  save(): number[] {
    const { count, mean } = this.#distances;
    return [this.#count, this.#lastError, count, mean, this.#squares, this.#levelMax, this.#isWarned ? 1 : 0];
  }
}
