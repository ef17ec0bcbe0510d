import { expect, test } from "vitest";
import {
  type LogisticModel,
  learnerCatalogue,
  openArtefact,
  type TrainedModel,
  versionFiles,
  withChecksums,
} from "../../../src/model/index.ts";
import { manifestOf } from "../../support/manifest.ts";
import { nodeHasher } from "../../support/node-hasher.ts";

const model: LogisticModel = {
  intercept: -1.5,
  weights: [0.25, 2, 1, -1, 0.5, 0],
  scaler: { mean: [10, 0.5, 0], scale: [2, 1, 1], low: [-5, -0.5, 0], high: [25, 1.5, 1] },
  encoder: { inputs: [null, null, ["DE", "FR"]] },
};
const { read: readLogistic } = learnerCatalogue.logistic;

const trained: TrainedModel = {
  learner: "logistic",
  signature: {
    task: "binary",
    inputs: [
      { name: "amount", kind: "number" },
      { name: "is_night", kind: "boolean" },
      { name: "country", kind: "category" },
    ],
  },
  model,
  metrics: null,
  manifest: manifestOf(),
};

const files = (): Map<string, Uint8Array> => new Map(versionFiles(trained, nodeHasher));
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

test("a logistic version reads back as it was written", () => {
  const artefact = openArtefact(files(), "card-fraud/1", nodeHasher);
  expect(artefact.kind).toBe("logistic");
  expect(artefact.signature).toEqual(trained.signature);
  expect(readLogistic(artefact, "card-fraud/1")).toEqual(trained.model);
});

test("the checksum file is in the form that sha256sum checks", () => {
  const lines = new TextDecoder().decode(files().get("SHA256SUMS")).trimEnd().split("\n");
  expect(lines).toHaveLength(6);
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

/** The version with one of its JSON files changed, under checksums that fit. */
function changed(name: string, change: (content: Record<string, unknown[]>) => unknown): Map<string, Uint8Array> {
  const spoilt = files();
  const content = JSON.parse(new TextDecoder().decode(spoilt.get(name))) as Record<string, unknown[]>;
  spoilt.set(name, text(JSON.stringify(change(content))));
  spoilt.delete("SHA256SUMS");
  return new Map(withChecksums(spoilt, nodeHasher));
}

const opened = (version: Map<string, Uint8Array>) => readLogistic(openArtefact(version, "m/1", nodeHasher), "m/1");

// JSON has no infinity: what overflowed was written as null, and champion pointed at a version that did not open.
test.each(["weights.json", "scaler.json"])("refuses a version whose %s holds a number that is none", (name) => {
  const key = name === "weights.json" ? "weights" : "mean";
  const spoilt = changed(name, (content) => ({ ...content, [key]: [null, ...(content[key] ?? []).slice(1)] }));
  expect(() => opened(spoilt)).toThrow(`${name} does not hold`);
});

test("refuses a number in a version that is beyond what a double can hold", () => {
  const spoilt = files();
  spoilt.set("weights.json", text('{"intercept": 0, "weights": [1e400, 0, 0, 0, 0, 0]}'));
  spoilt.delete("SHA256SUMS");
  expect(() => opened(new Map(withChecksums(spoilt, nodeHasher)))).toThrow("does not hold 6 finite numbers");
});

test("the signature holds the encoder to kinds and columns", () => {
  const encoder = (inputs: unknown) => () => opened(changed("encoder.json", () => ({ inputs })));
  expect(encoder([null, null, { values: ["DE"] }])).toThrow(
    "does not give country the columns that the signature says",
  );
  expect(encoder([null, null, null])).toThrow("does not encode country as the category that the signature says");
  expect(encoder([{ values: [] }, null, { values: ["DE", "FR"] }])).toThrow("does not encode amount as the number");
  expect(encoder([null, { values: ["no", "yes"] }, { values: ["DE", "FR"] }])).toThrow("does not encode is_night");
  expect(encoder([null, null, { values: ["DE", "DE"] }])).toThrow("neither null nor a list of values");
  expect(encoder([null, null])).toThrow("encoder.json does not have 3 inputs");
});

test("the signature says what a version takes and gives, in words that are known", () => {
  const signature = (change: (content: Record<string, unknown[]>) => unknown) => () =>
    opened(changed("signature.json", change));
  const ofFirst = (input: unknown) =>
    signature((content) => ({ ...content, inputs: [input, ...(content["inputs"] ?? []).slice(1)] }));
  for (const input of [
    { kind: "number" },
    { name: 7, kind: "number" },
    { name: "amount", kind: "text" },
    null,
    "amount",
  ])
    expect(ofFirst(input)).toThrow("signature.json has an input without name or kind");
  for (const change of [{ task: "regression" }, { inputs: [] }, { inputs: "amount" }])
    expect(signature((content) => ({ ...content, ...change }))).toThrow("signature.json has no task or no inputs");
  expect(signature((content) => ({ ...content, output: "odds" }))).toThrow(
    'signature.json has an output that is neither "probability" nor "logit"',
  );
  for (const output of ["probability", "logit"]) {
    const version = changed("signature.json", (content) => ({ ...content, output }));
    expect(openArtefact(version, "m/1", nodeHasher).signature.output).toBe(output);
  }
});

test("the weights of a version are as many as its columns, and its intercept is a number", () => {
  const weights = (change: (content: Record<string, unknown[]>) => unknown) => () =>
    opened(changed("weights.json", change));
  for (const intercept of [null, "1", undefined])
    expect(weights((content) => ({ ...content, intercept }))).toThrow("weights.json has no intercept");
  expect(weights((content) => ({ ...content, weights: content["weights"]?.slice(1) }))).toThrow(
    "weights.json does not hold",
  );
  expect(weights((content) => ({ ...content, weights: [...(content["weights"] ?? []), 1] }))).toThrow(
    "weights.json does not hold",
  );
});

test("a version of 0.1, which has no encoder, takes each input as one number", () => {
  const old = new Map<string, Uint8Array>([
    [
      "signature.json",
      text('{"kind":"logistic","task":"binary","inputs":[{"name":"x","kind":"number"},{"name":"b","kind":"boolean"}]}'),
    ],
    ["weights.json", text('{"intercept":1,"weights":[2,3]}')],
    ["scaler.json", text('{"mean":[0,0],"scale":[1,1],"low":[0,0],"high":[1,1]}')],
  ]);
  expect(opened(new Map(withChecksums(old, nodeHasher))).encoder).toEqual({ inputs: [null, null] });
});
