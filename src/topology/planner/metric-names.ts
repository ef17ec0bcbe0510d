import { type EstimatedMetric, isEstimated } from "../../monitor/estimate/index.ts";
import { type PerformanceMetric, performanceMetrics } from "../../monitor/index.ts";

/** Whether a metric is of a model: measured by labels or estimated before them; the others are of the rows of a topic. */
export function isOfModel(metric: string): metric is PerformanceMetric | EstimatedMetric {
  return isOfLabels(metric) || isEstimated(metric);
}

/** Of a metric by its name: whether labels measure it. */
export function isOfLabels(metric: string): metric is PerformanceMetric {
  return (performanceMetrics as readonly string[]).includes(metric);
}
