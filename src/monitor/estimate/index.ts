/** What is said of a model before its labels are there: its scores in cells, and what they come to. */
export { type EstimateSpec, type Expectation, estimateOfCounts } from "./estimate-spec.ts";
export {
  type EstimatedMetric,
  estimatedDefaults,
  estimatedMetrics,
  estimateOf,
  isEstimated,
} from "./estimated-metrics.ts";
export { cellScores, countScores, scoreCells, scoreCellsSource } from "./score-cells.ts";
