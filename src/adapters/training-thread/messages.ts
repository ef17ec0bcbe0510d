import type { ErrorCode } from "../../kernel/index.ts";
import type {
  ChallengePlan,
  ChallengeResult,
  FeatureChunk,
  FitPlan,
  LabelChunk,
  TrainingResult,
} from "../../training/index.ts";

/** To the thread. */
export type Request =
  | { readonly kind: "expect"; readonly of: "features" | "labels"; readonly count: number }
  | { readonly kind: "features"; readonly chunk: FeatureChunk }
  | { readonly kind: "labels"; readonly chunk: LabelChunk }
  | { readonly kind: "train"; readonly plan: FitPlan }
  | { readonly kind: "challenge"; readonly plan: ChallengePlan };

/** From the thread. An error loses its class on the way, so its code travels beside the message. */
export type Answer =
  | { readonly kind: "iteration"; readonly iteration: number; readonly loss: number }
  | { readonly kind: "done"; readonly result: TrainingResult | ChallengeResult }
  | { readonly kind: "failed"; readonly code: ErrorCode | undefined; readonly message: string; readonly stack: string };
