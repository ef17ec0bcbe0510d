export { type ChoiceMetric, choiceMetrics } from "./choice-metric.ts";
export { FeatureBuffer, type FeatureChunk, LabelBuffer, type LabelChunk } from "./chunks.ts";
export type { RowSource, RowVisitor, TopicRange, TopicRowsResult, TrainingTopic } from "./row-source.ts";
export { splitByTime, type TimeSplit } from "./time-split.ts";
export { type TrainingOutcome, type TrainingRequest, trainVersion } from "./train-version.ts";
export { openTrainerHere, type Trainer, type TrainerOpener } from "./trainer.ts";
export { createTrainingRows, type RowCounts, type TrainingRows, type TrainingSet } from "./training-rows.ts";
export { type FitPlan, type TrainingResult, train } from "./training-run.ts";
