import { z } from "zod";
import { type Detector, defineDetector, type Signal } from "./detector.ts";
import { extended, noMean, type RunningMean } from "./running-mean.ts";

const config = z.strictObject({
  warmUpSamples: z.int().min(2).default(30).describe("Values from which mean and deviation are learnt."),
  slack: z.number().min(0).default(0.5).describe("Change of the mean that is let pass, in standard deviations."),
  limit: z.number().positive().default(5).describe("Size of the cumulated deviation that is an alarm, likewise."),
});
type Config = z.output<typeof config>;

/**
 * Cumulative sums of standardised deviations, up and down, clipped at 0, from the mean of the warm-up.
 *
 * With the default limit the mean run between false alarms is a few hundred values. Source: E. Page, "Continuous
 * inspection schemes" (1954); tabular form of D. Montgomery, "Introduction to statistical quality control".
 */
export const cusum = defineDetector<Config>({
  kind: "cusum",
  summary: "Cumulated deviations from the mean of the warm-up.",
  config,
  example: { limit: 8 },
  values: "any",
  create: (settings, saved) => new Cusum(settings, saved),
});

class Cusum implements Detector {
  readonly #settings: Config;
  #learnt: RunningMean = noMean;
  #squares = 0;
  #up = 0;
  #down = 0;

  constructor(settings: Config, saved?: readonly number[]) {
    this.#settings = settings;
    if (saved === undefined) return;
    const [count = 0, mean = 0, squares = 0, up = 0, down = 0] = saved;
    this.#learnt = { count, mean };
    this.#squares = squares;
    this.#up = up;
    this.#down = down;
  }

  add(value: number): Signal {
    const { warmUpSamples, slack, limit } = this.#settings;
    const { count, mean } = this.#learnt;
    if (count < warmUpSamples) {
      this.#learnt = extended(this.#learnt, value);
      this.#squares += (value - mean) * (value - this.#learnt.mean);
      return "steady";
    }
    const deviation = Math.sqrt(this.#squares / (count - 1));
    // Of a warm-up without any spread every other value is infinitely far.
    const z = value === mean ? 0 : (value - mean) / deviation;
    this.#up = Math.max(0, this.#up + z - slack);
    this.#down = Math.max(0, this.#down - z - slack);
    if (this.#up <= limit && this.#down <= limit) return "steady";
    this.#learnt = noMean;
    this.#squares = 0;
    this.#up = 0;
    this.#down = 0;
    return "drift";
  }

  save(): number[] {
    return [this.#learnt.count, this.#learnt.mean, this.#squares, this.#up, this.#down];
  }
}
