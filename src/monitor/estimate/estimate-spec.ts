import type { MonitorSpec } from "../monitor-spec.ts";
import { type Estimate, type EstimatedMetric, estimateOf, type ProbableScores } from "./estimated-metrics.ts";
import { cellScores } from "./score-cells.ts";

/** What a monitor of performance estimates before labels are there. */
export interface EstimateSpec {
  readonly metrics: readonly EstimatedMetric[];
  readonly practical: Readonly<Record<EstimatedMetric, number>>;
  /** The scores as tasks count them: one field, in cells of scores. */
  readonly counted: MonitorSpec;
}

/** What is known of a version before it serves: how scores become probabilities, and which scores it had. */
export interface Expectation {
  /** Of a row in each cell of scores that what is scored is true. */
  readonly probabilities: Float64Array;
  /** Rows of its validation per cell. */
  readonly counts: Float64Array;
}

/** An estimate over counts of scores; cells that hold no score are left out. */
export function estimateOfCounts(
  metric: EstimatedMetric,
  { probabilities }: Pick<Expectation, "probabilities">,
  counts: Float64Array,
): Estimate {
  return estimateOf(metric, { scores: cellScores, probabilities, rows: scoresOnly(counts) } satisfies ProbableScores);
}

/** Rows whose score is one. */
export function scoredRows(counts: Float64Array): number {
  return scoresOnly(counts).reduce((sum, rows) => sum + rows, 0);
}

function scoresOnly(counts: Float64Array): Float64Array {
  return counts.map((rows, cell) => (Number.isNaN(cellScores[cell]) ? 0 : rows));
}
