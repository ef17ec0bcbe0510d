export { splitByTime, type TimeSplit } from "./time-split.ts";
export { createTrainingRows, type TrainingRows, type TrainingSet } from "./training-rows.ts";
export { type TrainingResult, train } from "./training-run.ts";
