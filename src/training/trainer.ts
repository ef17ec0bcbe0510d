import type { Signature } from "../model/index.ts";
import { challenge } from "./challenge.ts";
import type { ChallengePlan, ChallengeResult } from "./challenge-plan.ts";
import { championLearnedUntil } from "./champion.ts";
import type { FeatureChunk, LabelChunk } from "./chunks.ts";
import { createTrainingRows } from "./training-rows.ts";
import { type FitPlan, type TrainingResult, train } from "./training-run.ts";

/**
 * Where rows are collected and a model is fitted. The app's lives in a thread of its own, so that the process answers
 * signals and heartbeats whatever the rows are.
 */
export interface Trainer {
  /** Makes room for records that are to come, at most so many. */
  expect(kind: "features" | "labels", count: number): void;
  /** Takes a chunk and its arrays, which are not to be used afterwards. May throw what went wrong with an earlier one. */
  addFeatures(chunk: FeatureChunk): void;
  addLabels(chunk: LabelChunk): void;
  /**
   * Joins, splits by time, fits, measures, and chooses where there are several candidates.
   * @param onIteration progress: iteration, mean log loss in nats
   * @throws OperationError MR_TRAINING where the rows cannot be trained on
   */
  train(
    onIteration: (iteration: number, loss: number) => void,
    signal: AbortSignal,
    plan?: FitPlan,
  ): Promise<TrainingResult>;
  /** Joins, fits a challenger, and judges it beside the champion; progress and errors as of {@link train}. */
  challenge(
    onIteration: (iteration: number, loss: number) => void,
    signal: AbortSignal,
    plan: ChallengePlan,
  ): Promise<ChallengeResult>;
  /** Ends the thread, whatever it is doing. Call it always. */
  close(): Promise<void>;
}

/** Opens a trainer for rows of a signature. */
export type TrainerOpener = (signature: Signature) => Trainer;

/**
 * A trainer that works in the calling thread: what runs inside the other thread, and in tests of the rest.
 *
 * @param monotonicMs what the time of scoring is measured by; default: none passes
 */
export function openTrainerHere(signature: Signature, monotonicMs: () => number = () => 0): Trainer {
  const rows = createTrainingRows(signature.inputs.map(({ kind }) => kind));
  return {
    expect: (kind, count) => rows.expect(kind, count),
    addFeatures: (chunk) => rows.addFeatures(chunk),
    addLabels: (chunk) => rows.addLabels(chunk),
    train: async (onIteration, signal, plan) => train(rows.join(plan?.labels), signature, onIteration, plan, signal),
    challenge: async (onIteration, signal, plan) => {
      const referenceUntilMs = championLearnedUntil(plan.champion);
      const whole = rows.joinWhole({ ...plan.labels, referenceUntilMs });
      return challenge(whole, plan, { signature, onIteration, monotonicMs, signal });
    },
    close: async () => undefined,
  };
}
