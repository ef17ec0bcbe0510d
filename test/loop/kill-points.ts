import { type Rng, seededRng } from "../../src/kernel/index.ts";
import type { LoopLogs } from "./logs.ts";

/**
 * When the trainer is killed: so long after it has begun a training, with the promotion held in its hands, or with what
 * follows from it still to be done.
 */
export type TrainerPoint =
  | { readonly at: "training"; readonly delayMs: number }
  | { readonly at: "writing" | "committing" | "promoted" };

/** When a scorer is killed: in the middle of a window, or as soon as something stands on its topic. */
export type ScorerPoint =
  | { readonly at: "window"; readonly window: number; readonly share: number }
  | { readonly at: "requested" | "promoted" | "adopted" };

/** What a seed makes of a run. */
export interface KillPlan {
  readonly delivery: LoopLogs["delivery"];
  readonly trainer: TrainerPoint;
  readonly scorer: ScorerPoint;
  /** Which of the scorers is killed. */
  readonly which: number;
}

/** Longer than a training takes on an idle machine, so that kills fall behind its end too. */
const delayMsMax = 400;

/**
 * Odd seeds run exactly once, even ones at least once; where workers are killed is drawn.
 *
 * @param windows among which one is drawn to be killed in, from the first one on
 */
export function planKills(seed: number, scorers: number, windows: number): KillPlan {
  const rng = seededRng(seed);
  return {
    delivery: seed % 2 === 1 ? "exactly-once" : "at-least-once",
    trainer: trainerPoint(rng),
    scorer: scorerPoint(rng, windows),
    which: rng.below(scorers),
  };
}

function trainerPoint(rng: Rng): TrainerPoint {
  const at = (["training", "writing", "committing", "promoted"] as const)[rng.below(4)];
  if (at === undefined || at === "training") return { at: "training", delayMs: rng.below(delayMsMax) };
  return { at };
}

function scorerPoint(rng: Rng, windows: number): ScorerPoint {
  const at = (["window", "requested", "promoted", "adopted"] as const)[rng.below(4)];
  if (at === undefined || at === "window") return { at: "window", window: rng.below(windows), share: rng.uniform() };
  return { at };
}

/** Where workers are killed, in words. */
export function killsText({ delivery, trainer, scorer, which }: KillPlan): string {
  const { at } = trainer;
  const trainerAt =
    at === "training"
      ? `${trainer.delayMs} ms into its training`
      : at === "promoted"
        ? "when a version is promoted"
        : `while ${at}`;
  const scorerAt =
    scorer.at === "window"
      ? `${Math.round(scorer.share * 100)} % into window ${scorer.window}`
      : `when a version is ${scorer.at}`;
  return `${delivery}: the trainer is killed ${trainerAt}, scorer ${which} ${scorerAt}`;
}
