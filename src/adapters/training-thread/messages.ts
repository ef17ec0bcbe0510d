import type { ErrorCode } from "../../kernel/index.ts";
import type { FeatureChunk, FitPlan, LabelChunk, TrainingResult } from "../../training/index.ts";

/** To the thread. */
export type Request =
  | { readonly kind: "expect"; readonly of: "features" | "labels"; readonly count: number }
  | { readonly kind: "features"; readonly chunk: FeatureChunk }
  | { readonly kind: "labels"; readonly chunk: LabelChunk }
  | { readonly kind: "train"; readonly plan: FitPlan };

/** From the thread. An error loses its class on the way, so its code travels beside the message. */
export type Answer =
  | { readonly kind: "iteration"; readonly iteration: number; readonly loss: number }
  | { readonly kind: "trained"; readonly result: TrainingResult }
  | { readonly kind: "failed"; readonly code: ErrorCode | undefined; readonly message: string; readonly stack: string };
