/** Why a model is trained again. */
export type RetrainCause = "drift" | "performance" | "quality" | "age" | "labels" | "schedule" | "webhook" | "manual";
