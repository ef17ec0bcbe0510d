import { type LearnerModel, learnerOf, type Signature } from "../../src/model/index.ts";
import {
  type ChallengePlan,
  type ChallengeResult,
  type Champion,
  challenge,
  createTrainingRows,
  gateDefaults,
  type WholeSet,
} from "../../src/training/index.ts";
import { RowByRow } from "./training-rows.ts";

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function drawing(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const twoNumbers: Signature = {
  task: "binary",
  inputs: [
    { name: "x", kind: "number" },
    { name: "z", kind: "number" },
  ],
};

export type World = (x: number, z: number, row: number) => number;

/** What x says, strongly; what z says, strongly; nothing. */
export const byX: World = (x) => 1 / (1 + Math.exp(-3 * x));
export const byZ: World = (_, z) => 1 / (1 + Math.exp(-3 * z));

/** Rows one second apart, labelled at once by the world's probabilities; row i is at i + 1 s. */
export function rowsOf(count: number, seed: number, world: World): WholeSet {
  const draw = drawing(seed);
  const rows = new RowByRow(createTrainingRows(["number", "number"]));
  for (let i = 0; i < count; i++) {
    const [x, z] = [2 * draw() - 1, 2 * draw() - 1];
    const id = String(i).padStart(6, "0");
    rows.addFeatures(id, 1_000 * (i + 1), id, [x, z]);
    rows.addLabel(id, 1_000 * (i + 1) + 1, id, draw() < world(x, z, i) ? 1 : 0);
  }
  return rows.joinWhole();
}

/** A logistic champion that is what the world is: it has learned all rows before the given one. */
export function championBy(weights: readonly [number, number], rowsLearned: number): Champion {
  const model = {
    intercept: 0,
    weights,
    scaler: { mean: [0, 0], scale: [1, 1], low: [-9, -9], high: [9, 9] },
    encoder: { inputs: [null, null] },
  } as LearnerModel;
  return { kind: "opened", version: 7, learner: "logistic", model, learnedUntilMs: 1_000 * rowsLearned + 1 };
}

export function planOf(given: Partial<ChallengePlan> = {}): ChallengePlan {
  return {
    champion: { kind: "none" },
    gate: gateDefaults,
    cause: "drift",
    candidates: ["logistic"],
    metric: "log_loss",
    seed: 0,
    newestRows: undefined,
    mode: "full",
    labels: {},
    sensitive: [],
    ...given,
  };
}

export function challenged(
  whole: WholeSet,
  plan: Partial<ChallengePlan> = {},
  signature = twoNumbers,
): ChallengeResult {
  return challenge(whole, planOf(plan), { signature, monotonicMs: () => 0 });
}

/** Scores of one row by a model that was accepted. */
export function scoreBy({ accepted }: ChallengeResult, row: readonly number[], signature = twoNumbers): number {
  if (accepted === undefined) return Number.NaN;
  const into = new Float64Array(1);
  learnerOf(accepted.learner).scorer(accepted.model, signature).score(Float64Array.from(row), 1, into, 0);
  return into[0] ?? Number.NaN;
}
