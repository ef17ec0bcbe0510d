import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRng } from "../../../src/kernel/index.ts";
import {
  type Encoder,
  fitLogistic,
  isLearnerKind,
  type LabelledRows,
  type Learner,
  type LearnerModel,
  learnerCatalogue,
  learnerKinds,
  learnerOf,
  openArtefact,
  openVersion,
  type Signature,
  versionFiles,
} from "../../../src/model/index.ts";
import { scorerContract } from "../../contract/scorer.ts";
import { manifestOf } from "../../support/manifest.ts";
import { nodeHasher } from "../../support/node-hasher.ts";

const signature: Signature = {
  task: "binary",
  inputs: [
    { name: "amount", kind: "number" },
    { name: "is_night", kind: "boolean" },
    { name: "country", kind: "category" },
    { name: "hour", kind: "number" },
  ],
};
const encoder: Encoder = { inputs: [null, ["false", "true"], ["DE", "FR"], null] };

/** Rows of every kind of input with nulls; what is large and at night is more often positive. */
function rowsOf(seed: number, count = 300): LabelledRows {
  const rng = seededRng(seed);
  const width = signature.inputs.length;
  const inputs = new Float64Array(count * width);
  const labels = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    const [amount, night, country] = [rng.normal() * 100, rng.below(2), rng.below(4)];
    const given = [
      amount,
      night,
      country === 3 ? Number.NaN : country,
      rng.uniform() < 0.1 ? Number.NaN : rng.below(24),
    ];
    inputs.set(given, row * width);
    labels[row] = rng.uniform() < 1 / (1 + Math.exp(-amount / 50 - night)) ? 1 : 0;
  }
  return { inputs, labels, width, encoder };
}

function scoresOf(learner: Learner<unknown, LearnerModel>, model: LearnerModel, inputs: Float64Array): Float64Array {
  const scores = new Float64Array(inputs.length / signature.inputs.length);
  learner.scorer(model, signature).score(inputs, scores.length, scores, 0);
  return scores;
}

test("the catalogue names each learner as the learner does", () => {
  expect(Object.entries(learnerCatalogue).map(([name, { kind }]) => [name, kind])).toEqual(
    learnerKinds.map((kind) => [kind, kind]),
  );
  expect(["mlp", "gbdt", "toString", 7].map(isLearnerKind)).toEqual([true, false, false, false]);
});

describe.each(learnerKinds)("%s as a learner", (kind) => {
  const learner = learnerOf(kind);
  const config = learner.config.parse({});
  const fitted = (rows: LabelledRows, seed = 1): LearnerModel => learner.fit(rows, config, { seed });

  test("its example is a config, and of other keys it takes none", () => {
    expect(learner.config.parse(learner.example)).toEqual(learner.example);
    expect(learner.config.safeParse({ feild: 1 }).success).toBe(false);
    expect(learner.modes).toContain("full");
  });

  test("the same rows and the same seed give the same model, and the rows stay as they were", () => {
    const rows = rowsOf(7);
    const before = rows.inputs.slice();
    expect(fitted(rows)).toEqual(fitted(rows));
    expect(rows.inputs).toEqual(before);
  });

  test("rows that may be overwritten give the model that they give otherwise", () => {
    expect(learner.fit(rowsOf(7), config, { seed: 1, mayOverwrite: true })).toEqual(fitted(rowsOf(7)));
  });

  test("learns what is there: on rows that it has not seen its log loss is better than that of their rate", () => {
    const [rows, later] = [rowsOf(7, 2_000), rowsOf(8, 2_000)];
    const scores = scoresOf(learner, fitted(rows), later.inputs);
    const lossOf = (score: (row: number) => number): number =>
      later.labels.reduce((sum, label, row) => sum - Math.log(label === 1 ? score(row) : 1 - score(row)), 0);
    const rate = later.labels.reduce((sum, label) => sum + label, 0) / later.labels.length;
    expect(lossOf((row) => scores[row] as number)).toBeLessThan(0.8 * lossOf(() => rate));
  });

  test("a version that was written and opened scores every row to the last bit as the model did", async () => {
    const rows = rowsOf(7);
    const model = fitted(rows);
    const files = versionFiles({ learner: kind, signature, model, metrics: null, manifest: manifestOf() }, nodeHasher);
    const scorer = await openVersion(files, "m/1", nodeHasher, () => Promise.reject(new Error("no library is needed")));
    const scores = new Float64Array(rows.labels.length);
    await scorer.score(rows.inputs, scores.length, scores, 0);
    expect(scores).toEqual(scoresOf(learner, model, rows.inputs));
    expect(scorer.signature).toEqual(signature);
  });

  test("a version without one of the learner's own files is refused by the file's name", () => {
    const model = fitted(rowsOf(7));
    const given = { learner: kind, signature, model, metrics: null, manifest: manifestOf() };
    const artefact = openArtefact(versionFiles(given, nodeHasher), "m/1", nodeHasher);
    for (const name of learner.files(model).keys()) {
      const files = new Map([...artefact.files].filter(([other]) => other !== name));
      expect(() => learner.read({ ...artefact, files }, "m/1")).toThrow(`reading model m/1: ${name} is missing`);
    }
  });

  test("numbers that are none, or as large as numbers get, leave model and scores finite", () => {
    const odd = fc.constantFrom(Number.NaN, Infinity, -Infinity, 1e308, -1e308, 5e-324, 0);
    const property = fc.property(fc.array(odd, { minLength: 10, maxLength: 60 }), (given) => {
      const rows = rowsOf(7, 120);
      for (const [i, x] of given.entries()) rows.inputs[i * signature.inputs.length] = x;
      const model = fitted(rows);
      expect(learner.fault(model)).toBeUndefined();
      expect(scoresOf(learner, model, rows.inputs).every((score) => score >= 0 && score <= 1)).toBe(true);
    });
    fc.assert(property, { numRuns: 15 });
  });

  test("a model that is not finite is at fault, and the input whose scaler it is has its place told", () => {
    const model = fitted(rowsOf(7));
    const spoilt = { ...model, scaler: { ...model.scaler, scale: model.scaler.scale.with(3, Number.NaN) } };
    expect(learner.fault(spoilt)).toEqual({ input: 3 });
  });

  test("tells its progress, and ends with what it was stopped with", () => {
    const stop = new AbortController();
    const told: number[] = [];
    const onIteration = (iteration: number, loss: number): void => {
      told.push(iteration);
      expect(loss).toBeGreaterThan(0);
      if (iteration === 2) stop.abort(new Error("stopped by SIGINT"));
    };
    const fitting = () => learner.fit(rowsOf(7), config, { seed: 1, signal: stop.signal, onIteration });
    expect(fitting).toThrow("stopped by SIGINT");
    expect(told).toEqual([1, 2]);
  });

  test("a warm start goes on from the model, with its preparation, where the learner can", () => {
    if (!learner.modes.includes("warm")) return;
    const start = fitted(rowsOf(7));
    const held = structuredClone(start);
    const warm = learner.fit(rowsOf(9), config, { seed: 1, start });
    expect(start).toEqual(held);
    expect([warm.scaler, warm.encoder]).toEqual([start.scaler, start.encoder]);
    const { inputs } = rowsOf(10);
    const [before, after, fresh] = [start, warm, fitted(rowsOf(9), 2)].map((model) => scoresOf(learner, model, inputs));
    const apart = (a: Float64Array = inputs, b: Float64Array = inputs): number =>
      a.reduce((sum, score, i) => sum + Math.abs(score - (b[i] ?? 0)), 0);
    expect(apart(before, after)).toBeGreaterThan(0);
    expect(apart(before, after)).toBeLessThan(apart(before, fresh));
  });

  scorerContract(`a fitted ${kind}`, () => learner.scorer(fitted(rowsOf(7)), signature), { values: ["DE", "FR"] });
});

test("only learners that can go on from a model say so", () => {
  expect(learnerKinds.filter((kind) => learnerOf(kind).modes.includes("warm"))).toEqual(["mlp"]);
});

test("the logistic learner is the fit that it has always been", () => {
  const rows = rowsOf(7);
  expect(learnerOf("logistic").fit(rows, { l2: 2 }, { seed: 5 })).toEqual(fitLogistic(rows, { l2: 2 }));
});
