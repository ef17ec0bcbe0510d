/** Why a model is trained again. */
export type RetrainCause =
  | "drift"
  | "performance"
  | "estimate"
  | "quality"
  | "age"
  | "labels"
  | "schedule"
  | "webhook"
  | "manual";
