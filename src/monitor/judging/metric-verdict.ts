/** What verdicts on the metrics of a model have in common, measured and estimated. */

const chance = 0.001;
/** Of a metric that is worse by chance, once in a thousand windows: the normal distribution's point. */
export const chanceDeviates = 3.0902323061678132;

/** What is said of every metric: it has no cells, and is compared with no hour. */
export const ofMetric = {
  unit: "metric",
  probability: chance,
  falseDiscoveryRate: Number.NaN,
  ks: Number.NaN,
  cells: 0,
  season: "none",
  culprits: [],
  cause: undefined,
} as const;

/** Of a metric that was compared with nothing. */
export const unjudged = {
  reason: undefined,
  score: Number.NaN,
  threshold: Number.NaN,
  noiseFloor: Number.NaN,
  n: 0,
  reference: undefined,
  since: undefined,
} as const;
