import { z } from "zod";
import { type Detector, defineDetector, type Signal } from "./detector.ts";
import { extended, noMean, type RunningMean } from "./running-mean.ts";

const config = z
  .strictObject({
    warmUpSamples: z.int().min(1).default(30).describe("Values before the first alarm."),
    warning: z.number().positive().default(2).describe("Standard deviations above the best error rate that warn."),
    drift: z.number().positive().default(3).describe("Standard deviations above the best error rate that are drift."),
  })
  .refine((c) => c.warning <= c.drift, { error: "warning must not exceed drift", path: ["warning"] });
type Config = z.output<typeof config>;

/**
 * Drift detection method: the error rate plus its deviation against the lowest that it had been.
 *
 * Source: J. Gama et al., "Learning with drift detection" (2004).
 */
export const ddm = defineDetector<Config>({
  kind: "ddm",
  summary: "Error rate against the lowest it has been.",
  config,
  example: { drift: 4 },
  values: "zero-or-one",
  create: (settings, saved) => new Ddm(settings, saved),
});

class Ddm implements Detector {
  readonly #settings: Config;
  #errors: RunningMean = noMean;
  #rateMin = 0;
  #deviationMin = 0;
  /** Of the place where rate plus deviation were lowest. */
  #levelMin = Number.POSITIVE_INFINITY;

  constructor(settings: Config, saved?: readonly number[]) {
    this.#settings = settings;
    if (saved === undefined) return;
    const [count = 0, mean = 0, rateMin = 0, deviationMin = 0, levelMin = Number.POSITIVE_INFINITY] = saved;
    this.#errors = { count, mean };
    this.#rateMin = rateMin;
    this.#deviationMin = deviationMin;
    this.#levelMin = levelMin;
  }

  add(value: number): Signal {
    const { warmUpSamples, warning, drift } = this.#settings;
    this.#errors = extended(this.#errors, value);
    const { count, mean: rate } = this.#errors;
    if (count <= warmUpSamples) return "steady";
    // Rounding may carry a rate of ones alone a little past 1.
    const deviation = Math.sqrt(Math.max(0, rate * (1 - rate)) / count);
    const level = rate + deviation;
    if (level <= this.#levelMin) {
      this.#rateMin = rate;
      this.#deviationMin = deviation;
      this.#levelMin = level;
    }
    if (level > this.#rateMin + drift * this.#deviationMin) {
      this.#errors = noMean;
      this.#rateMin = 0;
      this.#deviationMin = 0;
      this.#levelMin = Number.POSITIVE_INFINITY;
      return "drift";
    }
    return level > this.#rateMin + warning * this.#deviationMin ? "warning" : "steady";
  }

  save(): number[] {
    return [this.#errors.count, this.#errors.mean, this.#rateMin, this.#deviationMin, this.#levelMin];
  }
}
