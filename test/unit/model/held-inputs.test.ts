import { describe, expect, test } from "vitest";
import { seededRng } from "../../../src/kernel/index.ts";
import { type LearnerKind, learnerKinds, learnerOf, type Scorer, tellingHeld } from "../../../src/model/index.ts";

const signature = {
  task: "binary",
  inputs: ["price", "asleep", "demand"].map((name) => ({ name, kind: "number" as const })),
} as const;

/** A model of prices 0 to 10, demands 0 to 1, and an input that was 7 in each row that it learnt from. */
function scorerOf(kind: LearnerKind): Scorer {
  const rng = seededRng(5);
  const inputs = new Float64Array(200 * 3);
  const labels = new Float64Array(200);
  for (let row = 0; row < 200; row++) {
    const price = row < 2 ? 10 * row : 10 * rng.uniform();
    inputs.set([price, 7, row < 2 ? row : rng.uniform()], row * 3);
    labels[row] = rng.uniform() < price / 10 ? 1 : 0;
  }
  const learner = learnerOf(kind);
  return learner.scorer(learner.fit({ inputs, labels, width: 3 }, learner.config.parse({}), {}), signature);
}

function scored(scorer: Scorer, ...rows: readonly (readonly number[])[]): readonly number[] {
  const into = new Float64Array(rows.length);
  expect(scorer.score(Float64Array.from(rows.flat()), rows.length, into, 0)).toBeUndefined();
  return [...into];
}

describe.each(learnerKinds)("a %s", (kind) => {
  // In training the range of a sleeping input is a point. Divided by a tiny deviation, its first other value would
  // have counted for more than all other inputs.
  test("scores an input that wakes up as it scored it asleep, whatever its value", () => {
    const [asleep, ...awake] = scored(
      scorerOf(kind),
      [4, 7, 0.5],
      [4, 7.000001, 0.5],
      [4, -1e300, 0.5],
      [4, Number.POSITIVE_INFINITY, 0.5],
    );
    expect(awake).toEqual([asleep, asleep, asleep]);
    expect(asleep).toBeGreaterThan(0);
    expect(asleep).toBeLessThan(1);
  });

  test("counts the rows in which it holds an input to its range, and no null and nothing that is in the range", () => {
    const scorer = scorerOf(kind);
    scored(scorer, [0, 7, 1], [Number.NaN, Number.NaN, Number.NaN], [14.9, 7, -0.4]);
    expect([scorer.held?.total, ...(scorer.held?.rows ?? [])]).toEqual([0, 0, 0, 0]);
    // Half of the range of 10 is let through at either end.
    scored(scorer, [15.1, 7, 0], [-5.1, 8, 0], [3, Number.NEGATIVE_INFINITY, 0]);
    expect([scorer.held?.total, ...(scorer.held?.rows ?? [])]).toEqual([4, 2, 2, 0]);
  });
});

test("a held input is told of at its first row, its hundredth and its ten thousandth", () => {
  const told: string[] = [];
  const scorer = tellingHeld(scorerOf("logistic"), (input, rows) => void told.push(`${input} ${rows}`));
  const awake = [4, 8, 0.5];
  scored(scorer, [4, 7, 0.5]);
  expect(told).toEqual([]);
  scored(scorer, awake);
  for (let row = 2; row <= 10_100; row++) scored(scorer, awake);
  expect(told).toEqual(["asleep 1", "asleep 100", "asleep 10000"]);
  scored(scorer, [99, 7, 0.5]);
  expect(told.at(-1)).toBe("price 1");
});

test("rows that come at once are told of once, with how many they are", () => {
  const told: string[] = [];
  const scorer = tellingHeld(scorerOf("logistic"), (input, rows) => void told.push(`${input} ${rows}`));
  scored(scorer, ...Array.from({ length: 60 }, () => [4, 8, 9]));
  scored(scorer, ...Array.from({ length: 60 }, () => [4, 8, 0]));
  expect(told).toEqual(["asleep 60", "demand 60", "asleep 120"]);
});

test("telling of held inputs changes no score, and leaves a scorer that counts none as it is", () => {
  const plain = scorerOf("mlp");
  const telling = tellingHeld(scorerOf("mlp"), () => undefined);
  const rows = [
    [1, 7, 0.2],
    [20, 9, 5],
  ];
  expect(scored(telling, ...rows)).toEqual(scored(plain, ...rows));
  const foreign: Scorer = { signature, score: () => undefined };
  expect(tellingHeld(foreign, () => undefined)).toBe(foreign);
});
