import type { Manifest } from "../../src/model/index.ts";

/** A manifest that says nothing, but what a test gives it. */
export function manifestOf(given: Partial<Manifest> = {}): Manifest {
  return {
    topology: "shop",
    planHash: "0".repeat(64),
    seed: 0,
    ranges: [],
    schemaIds: [],
    rows: { train: 0, validation: 0, unlabelled: 0, labelledAfterSplit: 0, repeats: 0, repeatsDiffering: 0 },
    labelsAfterBound: 0,
    splitAt: null,
    createdAt: "2026-01-01T00:00:00.000Z",
    warnings: [],
    ...given,
  };
}
