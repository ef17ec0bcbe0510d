import type { EpochMs } from "../kernel/index.ts";
import type { PolicyModel, RolloutSettings } from "../training/index.ts";

export interface TrainedModel extends PolicyModel {
  readonly rollout: RolloutSettings | "none";
}

/** What a challenger has done beside the version in service. */
export interface ShadowSeen {
  /** Its scores; counted no further than was asked for. */
  readonly records: number;
  /** Event time from the first to the latest of them. */
  readonly spanMs: number;
  /** Which task has given it up, in words; undefined while none has. */
  readonly givenUp: string | undefined;
}

/** A challenger that scores beside the version in service. */
export interface Challenger {
  readonly model: string;
  readonly version: number;
  /** When it was pointed at, by a clock that is an hour off at most. */
  readonly sinceMs: EpochMs;
  /** So many of its scores are counted. */
  readonly recordsMax: number;
}

/** Looks at what the topics of a model hold. */
export interface ModelTopics {
  shadow(challenger: Challenger, signal: AbortSignal): Promise<ShadowSeen>;
  /** Counted as offsets, with the latest event time of the labels where it is known. */
  look(
    model: string,
    signal: AbortSignal,
  ): Promise<{ labels: number; predictions: number; timeMs: number | undefined }>;
}
