import { expect, test } from "vitest";
import { gateDefaults } from "../../../src/training/index.ts";

test("a gate that a topology says nothing of looks at everything but slices", () => {
  expect(gateDefaults).toEqual({
    recent: { rowsMin: 300, rowsMax: 5_000 },
    before: { floor: "no-skill" },
    slices: [],
    sliceFloor: 0.05,
    latencyP99Ms: 5,
    sizeBytes: 5_000_000,
  });
});
