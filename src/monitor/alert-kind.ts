/**
 * What an alert is about: that a topic's values are distributed otherwise, that a model is worse than it was, that rows
 * are missing or broken, or that a stage is behind.
 */
export const alertKinds = ["drift", "performance", "quality", "lag"] as const;
export type AlertKind = (typeof alertKinds)[number];
