import type { BinaryMetrics, Calibration, CandidateMetrics, LearnerKind, LearnerModel } from "../model/index.ts";
import type { Champion } from "./champion.ts";
import type { ChoiceMetric } from "./choice-metric.ts";
import type { GateDecision } from "./gate-decision.ts";
import type { GateSettings } from "./gate-settings.ts";
import type { RowCounts } from "./join-rows.ts";
import type { LabelRules } from "./label-rules.ts";
import type { RetrainCause } from "./retrain-cause.ts";
import type { TimeSplit } from "./time-split.ts";
import type { TrainingResult } from "./training-run.ts";

/** What is fitted, and what it has to pass; plain data, so that it can go to another thread. */
export interface ChallengePlan {
  readonly champion: Champion;
  readonly gate: GateSettings;
  readonly cause: RetrainCause;
  readonly candidates: readonly LearnerKind[];
  readonly metric: ChoiceMetric;
  readonly seed: number;
  /** The newest rows only, so many; undefined: all. */
  readonly newestRows: number | undefined;
  readonly mode: "full" | "warm";
  readonly labels: LabelRules;
  /** Inputs whose values stand in no text. */
  readonly sensitive: readonly string[];
}

/** A model that passed, fitted on all that is known. */
export interface AcceptedModel {
  readonly learner: LearnerKind;
  readonly model: LearnerModel;
  readonly sample: TrainingResult["sample"];
  readonly trainRows: number;
  /** It went on from the champion. */
  readonly isWarm: boolean;
  /** Every row that it learned from lies before it. */
  readonly learnedUntilMs: number;
  /** None of those that it learned from lies before it; undefined where none was left out for its age. */
  readonly learnedFromMs: number | undefined;
  readonly calibration: Calibration | undefined;
}

/** What a challenge came to; plain data too. */
export interface ChallengeResult {
  readonly decision: GateDecision;
  readonly counts: RowCounts;
  /** What the challenger learned from before the checks, and what it was measured on. */
  readonly split: TimeSplit;
  /** On the recent rows. */
  readonly metrics: BinaryMetrics | null;
  readonly candidates: readonly CandidateMetrics[];
  readonly metric: ChoiceMetric;
  readonly warnings: readonly string[];
  /** Undefined unless it was accepted. */
  readonly accepted: AcceptedModel | undefined;
}
