import { z } from "zod";
import { type Detector, defineDetector, type Signal } from "./detector.ts";
import { extended, noMean, type RunningMean } from "./running-mean.ts";

const config = z.strictObject({
  warmUpSamples: z.int().min(1).default(30).describe("Values before the first alarm."),
  delta: z.number().min(0).default(0.005).describe("Change of the mean that is let pass, in the unit of the values."),
  threshold: z.number().positive().default(50).describe("Size of the cumulated deviation that is an alarm."),
  forgetting: z.number().gt(0).max(1).default(0.9999).describe("Weight of the past at each value."),
  sides: z.enum(["both", "up", "down"]).default("both").describe("Changes of the mean that count."),
});
type Config = z.output<typeof config>;

/**
 * Page-Hinkley test: the cumulated deviation from the running mean, against its own extreme.
 *
 * Its threshold has the unit of the values, so that it is fed standardised ones. Sources: E. Page, "Continuous
 * inspection schemes" (1954); the two-sided form with forgetting as in River's `drift.PageHinkley`.
 */
export const pageHinkley = defineDetector<Config>({
  kind: "page-hinkley",
  summary: "Cumulated deviation from the running mean; for standardised numbers.",
  config,
  example: { threshold: 20 },
  values: "any",
  create: (settings, saved) => new PageHinkley(settings, saved),
});

class PageHinkley implements Detector {
  readonly #settings: Config;
  #mean: RunningMean = noMean;
  #up = 0;
  #down = 0;
  #upMin = Number.POSITIVE_INFINITY;
  // As River has it: the sum of falls is compared with no more than this while it has not risen above it.
  #downMax = -1;

  constructor(settings: Config, saved?: readonly number[]) {
    this.#settings = settings;
    if (saved === undefined) return;
    const [count = 0, mean = 0, up = 0, down = 0, upMin = Number.POSITIVE_INFINITY, downMax = -1] = saved;
    this.#mean = { count, mean };
    this.#up = up;
    this.#down = down;
    this.#upMin = upMin;
    this.#downMax = downMax;
  }

  add(value: number): Signal {
    const { warmUpSamples, delta, threshold, forgetting, sides } = this.#settings;
    this.#mean = extended(this.#mean, value);
    const deviation = value - this.#mean.mean;
    this.#up = forgetting * this.#up + deviation - delta;
    this.#down = forgetting * this.#down + deviation + delta;
    this.#upMin = Math.min(this.#upMin, this.#up);
    this.#downMax = Math.max(this.#downMax, this.#down);
    if (this.#mean.count < warmUpSamples) return "steady";
    const hasRisen = sides !== "down" && this.#up - this.#upMin > threshold;
    const hasFallen = sides !== "up" && this.#downMax - this.#down > threshold;
    if (!hasRisen && !hasFallen) return "steady";
    this.#mean = noMean;
    this.#up = 0;
    this.#down = 0;
    this.#upMin = Number.POSITIVE_INFINITY;
    this.#downMax = -1;
    return "drift";
  }

  save(): number[] {
    return [this.#mean.count, this.#mean.mean, this.#up, this.#down, this.#upMin, this.#downMax];
  }
}
