import { expect, test } from "vitest";
import { logisticArtefact, openArtefact, readLogistic, type TrainedModel } from "../../../src/model/index.ts";
import { nodeHasher } from "../../support/node-hasher.ts";

const trained: TrainedModel = {
  signature: {
    task: "binary",
    inputs: [
      { name: "amount", kind: "number" },
      { name: "is_night", kind: "boolean" },
    ],
  },
  model: {
    intercept: -1.5,
    weights: [0.25, 2],
    scaler: { mean: [10, 0.5], scale: [2, 1], low: [-5, -0.5], high: [25, 1.5] },
  },
  metrics: null,
  manifest: {
    topology: "card-fraud",
    planHash: "0".repeat(64),
    seed: 1,
    ranges: [{ topic: "payments.features", partition: 0, from: 0, to: 10 }],
    schemaIds: [1, 2],
    rows: { train: 8, validation: 2 },
    splitAt: "2026-01-01T00:00:00.000Z",
    createdAt: "2026-01-02T00:00:00.000Z",
  },
};

const files = (): Map<string, Uint8Array> => new Map(logisticArtefact(trained, nodeHasher));
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

test("a logistic version reads back as it was written", () => {
  const artefact = openArtefact(files(), "card-fraud/1", nodeHasher);
  expect(artefact.kind).toBe("logistic");
  expect(artefact.signature).toEqual(trained.signature);
  expect(readLogistic(artefact, "card-fraud/1")).toEqual(trained.model);
});

test("the checksum file is in the form that sha256sum checks", () => {
  const lines = new TextDecoder().decode(files().get("SHA256SUMS")).trimEnd().split("\n");
  expect(lines).toHaveLength(5);
  for (const line of lines) expect(line).toMatch(/^[0-9a-f]{64} {2}\w+\.json$/);
});

test.each([
  [
    "a changed file",
    (f: Map<string, Uint8Array>) => f.set("weights.json", text("{}")),
    "weights.json was changed after it was written",
  ],
  ["a missing file", (f: Map<string, Uint8Array>) => f.delete("scaler.json"), "scaler.json is missing"],
  ["an extra file", (f: Map<string, Uint8Array>) => f.set("more.json", text("{}")), "more.json has no checksum"],
  ["no checksums", (f: Map<string, Uint8Array>) => f.delete("SHA256SUMS"), "SHA256SUMS is missing"],
])("refuses a version with %s and names it", (_, spoil, says) => {
  const spoilt = files();
  spoil(spoilt);
  expect(() => openArtefact(spoilt, "card-fraud/3", nodeHasher)).toThrow(`reading model card-fraud/3: ${says}`);
});
