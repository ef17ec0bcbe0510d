import { type Cells, numberCells } from "../cells.ts";
import type { CellsSource } from "../records/baseline-record.ts";

/** Cells to a logit: within one a probability differs by at most 1/64, in its middle by half of that. */
const cellsPerLogit = 16;
/** Scores that are further from a half, in logits, share one cell at either end. */
const logitMax = 10;

/**
 * Where scores are counted so that what they come to can be estimated: bins of equal width in logits between 0 and 1, the
 * same for every model and version. So scores of rare events are as far apart as those near a half, counts of any two
 * tasks or windows add up, and no cell holds scores that decide both ways: a half is an edge.
 */
export const scoreCellsSource: CellsSource = { kind: "numbers", edges: scoreEdges() };
export const scoreCells: Cells = numberCells(scoreEdges());

/** Of each cell the score in its middle, by logits; NaN of those that hold no score from 0 to 1. */
export const cellScores: Float64Array = middles();

/** How many of these scores each cell holds. */
export function countScores(scores: Float64Array): Float64Array {
  const counts = new Float64Array(scoreCells.count);
  for (const score of scores) {
    const cell = scoreCells.cellOf(score);
    counts[cell] = (counts[cell] as number) + 1;
  }
  return counts;
}

function scoreEdges(): number[] {
  const steps = cellsPerLogit * logitMax;
  return [0, ...Array.from({ length: 2 * steps + 1 }, (_, i) => logistic((i - steps) / cellsPerLogit)), 1];
}

function middles(): Float64Array {
  const scores = new Float64Array(scoreCells.count).fill(Number.NaN);
  const bins = 2 * cellsPerLogit * logitMax + 2;
  // The bins lie between the cell `below`, which is before them, and `above`, the last one.
  const first = scoreCells.count - 1 - bins;
  for (let bin = 0; bin < bins; bin++) scores[first + bin] = logistic((bin - bins / 2 + 0.5) / cellsPerLogit);
  return scores;
}

function logistic(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
