import type { PolicyModel, RolloutSettings } from "../training/index.ts";

export interface TrainedModel extends PolicyModel {
  readonly rollout: RolloutSettings | "none";
}

/** Looks at what the topics of a model hold. */
export interface ModelTopics {
  /** Counted as offsets, with the latest event time of the labels where it is known. */
  look(
    model: string,
    signal: AbortSignal,
  ): Promise<{ labels: number; predictions: number; timeMs: number | undefined }>;
}
