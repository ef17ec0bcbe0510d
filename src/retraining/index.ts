export {
  type AlertmanagerPost,
  foreignAlertEvent,
  readAlertmanagerPost,
} from "./alertmanager-post.ts";
export { cancelRecord, resetAnswer } from "./commands.ts";
export { createModelTopics, trainedModels } from "./model-topics.ts";
export { readPolicy } from "./policy-now.ts";
export { readRetrainings } from "./retraining-log.ts";
export { retrainingEventsIn } from "./topic-events.ts";
export type { Challenger, ModelTopics, ShadowSeen, TrainedModel } from "./trained-model.ts";
export { createTrainer, type TrainerOptions } from "./trainer-runner.ts";
export type { TrainingEnd, TrainingOrder } from "./training-order.ts";
export { progressFacts } from "./training-progress.ts";
