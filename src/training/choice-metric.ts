import type { BinaryMetrics } from "../model/index.ts";

/** By what one of several models is chosen, on the rows held back. */
export type ChoiceMetric = "average_precision" | "auc" | "log_loss" | "brier";

export const choiceMetrics = [
  "average_precision",
  "auc",
  "log_loss",
  "brier",
] as const satisfies readonly ChoiceMetric[];

/** Areas are to be large, losses small. */
const ranks: Readonly<Record<ChoiceMetric, (metrics: BinaryMetrics) => number>> = {
  average_precision: ({ averagePrecision }) => averagePrecision,
  auc: ({ auc }) => auc,
  log_loss: ({ logLoss }) => -logLoss,
  brier: ({ brier }) => -brier,
};

/** The more, the better; what cannot be measured is worse than anything that can. */
export function rankOf(metrics: BinaryMetrics | null, metric: ChoiceMetric): number {
  const rank = metrics === null ? Number.NaN : ranks[metric](metrics);
  return Number.isNaN(rank) ? Number.NEGATIVE_INFINITY : rank;
}
