import type { ZodType } from "zod";

/** What one more value says: nothing, that a change may be under way, or that there was one. */
export type Signal = "steady" | "warning" | "drift";

/**
 * Watches a sequence of numbers for a change, one value at a time and in their order: two detectors cannot be merged.
 * After `drift` it begins anew with the next value.
 */
export interface Detector {
  /** Takes in the next value; a number that is not finite is refused by whoever feeds it. */
  add(value: number): Signal;
  /** All that it knows, as finite numbers and infinities: a detector made with them goes on as this one would. */
  save(): number[];
}

/** A detector of the catalogue: config and one way to make it. */
export interface DetectorDefinition<Config> {
  /** The name in the literature, as a topology writes it. */
  readonly kind: string;
  readonly summary: string;
  readonly config: ZodType<Config>;
  /** A config that is not all defaults; laws and the reference page use it. */
  readonly example: unknown;
  /** Bounds of the values that it is made for; a 0/1 detector reads 1 as an error. */
  readonly values: "zero-or-one" | "any";
  /** @param saved what {@link Detector.save} of one with the same config gave; left out, a new one */
  create(config: Config, saved?: readonly number[]): Detector;
}

/** Gives the config its type, and erases nothing. */
export function defineDetector<Config>(definition: DetectorDefinition<Config>): DetectorDefinition<Config> {
  return definition;
}
