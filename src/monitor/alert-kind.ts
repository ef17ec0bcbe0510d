/**
 * What an alert is about: that a topic's values are distributed otherwise, that a model is worse than it was, that it is
 * expected to be before anybody knows, that rows are missing or broken, or that a stage is behind.
 */
export const alertKinds = ["drift", "performance", "estimate", "quality", "lag"] as const;
export type AlertKind = (typeof alertKinds)[number];
