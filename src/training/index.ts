export { FeatureBuffer, type FeatureChunk, LabelBuffer, type LabelChunk } from "./chunks.ts";
export { splitByTime, type TimeSplit } from "./time-split.ts";
export { openTrainerHere, type Trainer, type TrainerOpener } from "./trainer.ts";
export { createTrainingRows, type RowCounts, type TrainingRows, type TrainingSet } from "./training-rows.ts";
export { type TrainingResult, train } from "./training-run.ts";
