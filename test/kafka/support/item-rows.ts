import type { Rng } from "../../../src/kernel/index.ts";
import type { ItemRow } from "./model-loop.ts";

export const windowMs = 600_000;
/**
 * Begin of the first window: ahead of every clock, so that a stage that waits for a minute on a slow machine is not taken for
 * one to which nothing comes any more. Windows of labels end by labels; those of inputs are counted and not judged.
 */
export const beginMs = Date.UTC(2090, 0, 2);

/** What makes an item bad: its size, or the lack of it. Sizes and weights themselves are the same under both. */
export type Concept = "large-is-bad" | "small-is-bad";

/** The items of a window, evenly over its time; ids go on from `firstId`. */
export function windowRows(window: number, count: number, concept: Concept, firstId: number, rng: Rng): ItemRow[] {
  return Array.from({ length: count }, (_, i): ItemRow => {
    const size = rng.normal();
    const sign = concept === "large-is-bad" ? 1 : -1;
    // A sharp concept: a model that has it is right about nine times of ten.
    const probability = 1 / (1 + Math.exp(-6 * sign * size));
    return {
      id: `i${firstId + i}`,
      atMs: beginMs + window * windowMs + Math.floor((i * windowMs) / count),
      size,
      weight: rng.normal(),
      isBad: rng.uniform() < probability,
    };
  });
}
