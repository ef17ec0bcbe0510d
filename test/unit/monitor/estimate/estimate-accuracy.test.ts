/** What estimates are worth: beside what labels say, where the world changes in what is given, and where it does in what it means. */
import { describe, expect, test } from "vitest";
import { seededRng } from "../../../../src/kernel/index.ts";
import { auc, calibrated, fitCalibration, type ScoreMap } from "../../../../src/model/index.ts";
import {
  cellScores,
  countScores,
  type EstimatedMetric,
  estimatedMetrics,
  estimateOfCounts,
} from "../../../../src/monitor/estimate/index.ts";
import { measuredMetrics } from "../../../../src/monitoring/labels/window-metrics.ts";

const rows = 20_000;
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

interface World {
  /** Of the one input. */
  readonly mean: number;
  readonly spread: number;
  /** Whether a row is a positive, given its input. */
  readonly truth: (x: number) => number;
}

/** Scores and labels of rows; the model scores by `score`. */
function drawn({ mean, spread, truth }: World, score: (x: number) => number, seed: number) {
  const rng = seededRng(seed);
  const scores = new Float64Array(rows);
  const labels = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const x = mean + spread * rng.normal();
    scores[i] = score(x);
    labels[i] = rng.uniform() < truth(x) ? 1 : 0;
  }
  return { scores, labels };
}

function estimated(metric: EstimatedMetric, map: ScoreMap, scores: Float64Array): number {
  const probabilities = map === "identity" ? cellScores : cellScores.map((score) => calibrated(map, score));
  return estimateOfCounts(metric, { probabilities }, countScores(scores)).value;
}

const measuredNames = {
  accuracy: "estimated_accuracy",
  log_loss: "estimated_log_loss",
  brier: "estimated_brier",
} as const;

/** By metric: what is estimated, and what the labels of the same rows say. */
function both(map: ScoreMap, { scores, labels }: ReturnType<typeof drawn>) {
  const measured = measuredMetrics(["accuracy", "log_loss", "brier"], scores, labels);
  const found = new Map<EstimatedMetric, readonly [number, number]>();
  for (const { metric, value } of measured) {
    const name = measuredNames[metric as keyof typeof measuredNames];
    found.set(name, [estimated(name, map, scores), value]);
  }
  found.set("estimated_auc", [estimated("estimated_auc", map, scores), auc(scores, labels)]);
  return found;
}

const concept = (x: number): number => logistic(2 * x);
const known: World = { mean: 0, spread: 1, truth: concept };
/** Inputs lie near the border, where nobody can tell. */
const shifted: World = { mean: 0.25, spread: 0.4, truth: concept };
/** What is true for a row is no longer so for one of four. */
const changed: World = { mean: 0, spread: 1, truth: (x) => 0.75 * concept(x) + 0.25 * (1 - concept(x)) };

/**
 * Labels are drawn, and so what they say varies about what was to be expected: of 20,000 rows by a standard error of at most
 * sqrt(0.25 / 20,000) = 0.0035 of a share, and less than twice that of the others here. Four of those, and the width of a
 * cell, which is at most 1/128 and evens out.
 */
const error = 0.015;

describe.each([1, 2, 3])("with seed %i", (seed) => {
  test("scores that are probabilities say what labels will, when other inputs come", () => {
    const { map } = fitCalibration(...pair(drawn(known, concept, seed)))!;
    const now = both(map, drawn(shifted, concept, seed + 100));
    for (const [metric, [guess, truth]] of now)
      expect([metric, Math.abs(guess - truth) < error]).toEqual([metric, true]);
    // It is not as it was, or nothing would be shown: less than 0.7 of rows can be told, and 0.8 could.
    const [before, after] = [both(map, drawn(known, concept, seed)), now].map(
      (one) => one.get("estimated_accuracy")![0],
    );
    expect(before! - after!).toBeGreaterThan(0.1);
  });

  test("scores that are too sure say it once they are calibrated, and only then", () => {
    const sure = (x: number): number => logistic(6 * x);
    const { map } = fitCalibration(...pair(drawn(known, sure, seed)))!;
    expect(map).not.toBe("identity");
    const now = drawn(shifted, sure, seed + 100);
    // The map is a step function of 20,000 rows: what it is off by comes to a hundredth.
    for (const [metric, [guess, truth]] of both(map, now))
      expect([metric, Math.abs(guess - truth) < error + (metric === "estimated_log_loss" ? 0.03 : 0.01)]).toEqual([
        metric,
        true,
      ]);
    const [guess, truth] = both("identity", now).get("estimated_accuracy")!;
    expect(guess - truth).toBeGreaterThan(0.1);
  });

  test("nothing is seen of it when inputs mean something else", () => {
    const { map } = fitCalibration(...pair(drawn(known, concept, seed)))!;
    const [was, now] = [both(map, drawn(known, concept, seed)), both(map, drawn(changed, concept, seed + 100))];
    for (const metric of estimatedMetrics) {
      // The estimate is where it was, to the hundredth, while labels tell another story.
      expect(Math.abs(now.get(metric)![0] - was.get(metric)![0])).toBeLessThan(0.02);
      expect(Math.abs(now.get(metric)![1] - was.get(metric)![1])).toBeGreaterThan(0.05);
    }
  });
});

function pair({ scores, labels }: ReturnType<typeof drawn>): [Float64Array, Float64Array] {
  return [scores, labels];
}
