import { z } from "zod";
import { type Detector, defineDetector, type Signal } from "./detector.ts";
import { extended, noMean, type RunningMean } from "./running-mean.ts";

const config = z
  .strictObject({
    drift: z.number().gt(0).lt(1).default(0.001).describe("Chance of a false alarm at a value."),
    warning: z.number().gt(0).lt(1).default(0.005).describe("Chance of a false warning at a value."),
    sides: z.enum(["up", "both"]).default("up").describe("Whether a fall of the mean counts too."),
  })
  .refine((c) => c.drift <= c.warning, { error: "drift must not exceed warning", path: ["drift"] });
type Config = z.output<typeof config>;

/**
 * Hoeffding's bound on the difference between the mean of everything and that of the best beginning.
 *
 * Source: I. Frias-Blanco et al., "Online and non-parametric drift detection methods based on Hoeffding's bounds"
 * (2015), test A.
 */
export const hddmA = defineDetector<Config>({
  kind: "hddm-a",
  summary: "Mean of everything against that of the best beginning, by Hoeffding's bound; few false alarms.",
  config,
  example: { sides: "both" },
  values: "zero-or-one",
  create: (settings, saved) => new HddmA(settings, saved),
});

class HddmA implements Detector {
  readonly #settings: Config;
  #all: RunningMean = noMean;
  /** The beginning with the lowest upper bound of its mean, against which a rise is judged. */
  #lowest: RunningMean = noMean;
  /** The beginning with the highest lower bound, against which a fall is judged. */
  #highest: RunningMean = noMean;

  constructor(settings: Config, saved?: readonly number[]) {
    this.#settings = settings;
    if (saved === undefined) return;
    const [count = 0, mean = 0, countLowest = 0, meanLowest = 0, countHighest = 0, meanHighest = 0] = saved;
    this.#all = { count, mean };
    this.#lowest = { count: countLowest, mean: meanLowest };
    this.#highest = { count: countHighest, mean: meanHighest };
  }

  add(value: number): Signal {
    const { drift, warning, sides } = this.#settings;
    const all = extended(this.#all, value);
    this.#all = all;
    const bound = hoeffding(all.count, drift);
    if (this.#lowest.count === 0 || this.#lowest.mean + hoeffding(this.#lowest.count, drift) >= all.mean + bound)
      this.#lowest = all;
    if (this.#highest.count === 0 || this.#highest.mean - hoeffding(this.#highest.count, drift) <= all.mean - bound)
      this.#highest = all;
    const rise = all.mean - this.#lowest.mean;
    const fall = this.#highest.mean - all.mean;
    const isBeyond = (confidence: number): boolean =>
      isChange(rise, this.#lowest.count, all.count, confidence) ||
      (sides === "both" && isChange(fall, this.#highest.count, all.count, confidence));
    if (!isBeyond(drift)) return isBeyond(warning) ? "warning" : "steady";
    this.#all = noMean;
    this.#lowest = noMean;
    this.#highest = noMean;
    return "drift";
  }

  save(): number[] {
    return [this.#all, this.#lowest, this.#highest].flatMap(({ count, mean }) => [count, mean]);
  }
}

function hoeffding(count: number, confidence: number): number {
  return Math.sqrt((1 / (2 * count)) * Math.log(1 / confidence));
}

function isChange(difference: number, countBefore: number, count: number, confidence: number): boolean {
  if (countBefore === count) return false;
  const m = ((count - countBefore) / countBefore) * (1 / count);
  return difference >= Math.sqrt((m / 2) * Math.log(2 / confidence));
}
