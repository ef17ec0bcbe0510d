import { z } from "zod";
import { type Detector, defineDetector, type Signal } from "./detector.ts";

const config = z
  .strictObject({
    drift: z.number().gt(0).lt(1).default(0.001).describe("Chance of a false alarm at a value."),
    warning: z.number().gt(0).lt(1).default(0.005).describe("Chance of a false warning at a value."),
    weight: z.number().gt(0).lt(1).default(0.05).describe("Weight of the newest value in the moving averages."),
    sides: z.enum(["up", "both"]).default("up").describe("Whether a fall of the mean counts too."),
  })
  .refine((c) => c.drift <= c.warning, { error: "drift must not exceed warning", path: ["drift"] });
type Config = z.output<typeof config>;

/**
 * McDiarmid's bound on the difference between the moving averages before and after the best place to cut.
 *
 * Source: I. Frias-Blanco et al., "Online and non-parametric drift detection methods based on Hoeffding's bounds"
 * (2015), test W.
 */
export const hddmW = defineDetector<Config>({
  kind: "hddm-w",
  summary: "Moving averages before and after the best cut, by McDiarmid's bound; fast.",
  config,
  example: { weight: 0.1, sides: "both" },
  values: "zero-or-one",
  create: (settings, saved) => new HddmW(settings, saved),
});

/** A moving average and the sum of its squared weights, which bounds it; null before the first value. */
interface Average {
  readonly mean: number;
  readonly weights: number;
}

class HddmW implements Detector {
  readonly #settings: Config;
  #all: Average | null = null;
  /** Up to the cut at which a rise would be clearest, and behind it. */
  #beforeRise: Average | null = null;
  #behindRise: Average | null = null;
  #beforeFall: Average | null = null;
  #behindFall: Average | null = null;
  #upperMin = Number.POSITIVE_INFINITY;
  #lowerMax = Number.NEGATIVE_INFINITY;

  constructor(settings: Config, saved?: readonly number[]) {
    this.#settings = settings;
    if (saved === undefined) return;
    const averageAt = (i: number): Average | null => {
      const [mean = 0, weights = 0] = saved.slice(2 * i, 2 * i + 2);
      return weights === 0 ? null : { mean, weights };
    };
    this.#all = averageAt(0);
    this.#beforeRise = averageAt(1);
    this.#behindRise = averageAt(2);
    this.#beforeFall = averageAt(3);
    this.#behindFall = averageAt(4);
    [this.#upperMin = Number.POSITIVE_INFINITY, this.#lowerMax = Number.NEGATIVE_INFINITY] = saved.slice(10);
  }

  add(value: number): Signal {
    const { drift, warning, sides } = this.#settings;
    this.#cut(value);
    const isBeyond = (confidence: number): boolean =>
      isHigher(this.#behindRise, this.#beforeRise, confidence) ||
      (sides === "both" && isHigher(this.#beforeFall, this.#behindFall, confidence));
    if (!isBeyond(drift)) return isBeyond(warning) ? "warning" : "steady";
    this.#all = null;
    this.#beforeRise = null;
    this.#behindRise = null;
    this.#beforeFall = null;
    this.#behindFall = null;
    this.#upperMin = Number.POSITIVE_INFINITY;
    this.#lowerMax = Number.NEGATIVE_INFINITY;
    return "drift";
  }

  #cut(value: number): void {
    const { drift, weight } = this.#settings;
    const all = moved(this.#all, value, weight);
    const bound = mcDiarmid(all.weights, drift);
    this.#all = all;
    if (all.mean + bound < this.#upperMin) {
      this.#upperMin = all.mean + bound;
      this.#beforeRise = all;
      this.#behindRise = null;
    } else this.#behindRise = moved(this.#behindRise, value, weight);
    if (all.mean - bound > this.#lowerMax) {
      this.#lowerMax = all.mean - bound;
      this.#beforeFall = all;
      this.#behindFall = null;
    } else this.#behindFall = moved(this.#behindFall, value, weight);
  }

  save(): number[] {
    const averages = [this.#all, this.#beforeRise, this.#behindRise, this.#beforeFall, this.#behindFall];
    return [...averages.flatMap((one) => [one?.mean ?? 0, one?.weights ?? 0]), this.#upperMin, this.#lowerMax];
  }
}

function moved(before: Average | null, value: number, weight: number): Average {
  const weights = weight * weight + (1 - weight) ** 2 * (before?.weights ?? 1);
  return { mean: before === null ? value : weight * value + (1 - weight) * before.mean, weights };
}

function mcDiarmid(weights: number, confidence: number): number {
  return Math.sqrt((weights * Math.log(1 / confidence)) / 2);
}

function isHigher(one: Average | null, other: Average | null, confidence: number): boolean {
  if (one === null || other === null) return false;
  return one.mean - other.mean > mcDiarmid(one.weights + other.weights, confidence);
}
