import { type PerformanceMetric, performanceMetrics } from "../../monitor/index.ts";

/** Of a metric by its name: whether labels measure it; the others are of the rows of a topic. */
export function isOfLabels(metric: string): metric is PerformanceMetric {
  return (performanceMetrics as readonly string[]).includes(metric);
}
