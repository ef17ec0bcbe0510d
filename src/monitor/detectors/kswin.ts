import { z } from "zod";
import { ksDistance, ksProbability, MersenneTwister } from "../../stats/index.ts";
import { type Detector, defineDetector, type Signal } from "./detector.ts";

/** A distance below this is no change, however improbable: as the authors' implementation has it. */
const distanceMin = 0.1;

const config = z
  .strictObject({
    alpha: z.number().gt(0).lt(1).default(0.005).describe("Chance of a false alarm at a value."),
    windowSamples: z.int().min(2).max(10_000).default(100).describe("Values that are held."),
    recentSamples: z.int().min(1).max(1_000).default(30).describe("Newest of them, compared with as many older ones."),
    seed: z.int().min(0).max(4_294_967_295).default(0).describe("Of the choice of the older ones."),
  })
  .refine((c) => 2 * c.recentSamples <= c.windowSamples, {
    error: "recentSamples must be at most half of windowSamples",
    path: ["recentSamples"],
  });
type Config = z.output<typeof config>;

/**
 * Kolmogorov-Smirnov test of the newest values against as many drawn from the older ones of a sliding window.
 *
 * Source: C. Raab et al., "Reactive soft prototype computing for concept drift streams" (2020).
 */
export const kswin = defineDetector<Config>({
  kind: "kswin",
  summary: "Kolmogorov-Smirnov test of the newest values against older ones; about 4 µs a value.",
  config,
  example: { alpha: 0.0001 },
  values: "any",
  create: (settings, saved) => new Kswin(settings, saved),
});

class Kswin implements Detector {
  readonly #settings: Config;
  #random: MersenneTwister;
  #window: number[] = [];
  /** By distance: the samples always have the same sizes. */
  readonly #probabilities = new Map<number, number>();

  constructor(settings: Config, saved?: readonly number[]) {
    this.#settings = settings;
    if (saved === undefined) this.#random = new MersenneTwister(settings.seed);
    else {
      const held = saved[0] ?? 0;
      this.#window = saved.slice(1, 1 + held);
      this.#random = new MersenneTwister(saved.slice(1 + held));
    }
  }

  add(value: number): Signal {
    const { alpha, windowSamples, recentSamples, seed } = this.#settings;
    this.#window.push(value);
    if (this.#window.length > windowSamples) this.#window.shift();
    if (this.#window.length < windowSamples) return "steady";
    const olderCount = windowSamples - recentSamples;
    const older = this.#random.sample(olderCount, recentSamples).map((i) => this.#window[i] ?? 0);
    const distance = ksDistance(older, this.#window.slice(olderCount));
    if (distance <= distanceMin * recentSamples ** 2 || this.#probability(distance) > alpha) return "steady";
    this.#window = [];
    this.#random = new MersenneTwister(seed);
    return "drift";
  }

  #probability(distance: number): number {
    const { recentSamples } = this.#settings;
    const known = this.#probabilities.get(distance);
    if (known !== undefined) return known;
    const probability = ksProbability(distance, recentSamples, recentSamples);
    this.#probabilities.set(distance, probability);
    return probability;
  }

  save(): number[] {
    return [this.#window.length, ...this.#window, ...this.#random.save()];
  }
}
