import { setTimeout as delay } from "node:timers/promises";
import { apiKey, type Gate } from "../kafka/harness/gated-proxy.ts";
import type { ProxiedNode } from "../kafka/harness/proxied-node.ts";
import type { ModelLoop } from "../kafka/support/model-loop.ts";
import { within } from "../support/deadline.ts";
import type { KillPlan, TrainerPoint } from "./kill-points.ts";
import type { Progress } from "./progress.ts";
import type { Seat } from "./seat.ts";

/** By then every moment to kill at has come, where the run is over. */
const msMax = 120_000;
const lookedAgainMs = 50;

export interface KillerOptions {
  readonly trainer: Seat;
  readonly scoring: readonly Seat[];
  readonly node: ProxiedNode;
  readonly loop: ModelLoop;
  readonly progress: Progress;
}

/** Kills a trainer and a scorer where a plan says, each once, whatever else goes on. */
export class Killer {
  readonly #plan: KillPlan;
  readonly #options: KillerOptions;
  readonly #trainer: Promise<void>;
  readonly #scorer: Promise<void>;
  #isInWindow = false;
  #isOver = false;

  constructor(plan: KillPlan, options: KillerOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#trainer = this.#killTrainer(plan.trainer);
    this.#scorer = this.#killScorer();
    // Whoever waits for the end is told; until then nobody listens.
    for (const one of [this.#trainer, this.#scorer]) one.catch(() => undefined);
  }

  /** The load has come so far, in windows. */
  async reached(windows: number): Promise<void> {
    const { scorer } = this.#plan;
    if (scorer.at !== "window" || this.#isInWindow || windows < scorer.window + scorer.share) return;
    this.#isInWindow = true;
    await this.#scorerSeat.killed();
  }

  /** Waits for both kills; one in a window that never came is none, and is counted nowhere. */
  async done(): Promise<void> {
    await within(msMax, "both kills", Promise.all([this.#trainer, this.#scorer]));
  }

  /** Kills nobody any more. */
  end(): void {
    this.#isOver = true;
  }

  /** However long that takes: the run itself has its bounds. */
  async #when(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo())) {
      if (this.#isOver) throw new Error("the run is over");
      await delay(lookedAgainMs);
    }
  }

  get #scorerSeat(): Seat {
    const seat = this.#options.scoring[this.#plan.which];
    if (seat === undefined) throw new Error(`there is no scorer ${this.#plan.which}`);
    return seat;
  }

  async #killScorer(): Promise<void> {
    const { progress } = this.#options;
    const { at } = this.#plan.scorer;
    if (at === "window") return;
    await this.#when(async () => (at === "adopted" ? (await progress.adopted()) > 0 : progress.hasEvent(at)));
    await this.#scorerSeat.killed();
  }

  async #killTrainer(point: TrainerPoint): Promise<void> {
    const { trainer, node, loop, progress } = this.#options;
    const { control } = loop.plan;
    if (point.at === "promoted") {
      // What monitors are to compare with from now on is not measured yet.
      await this.#when(() => progress.hasEvent("promoted"));
      return trainer.killed();
    }
    if (point.at === "training") {
      await trainer.says('"A retraining has moved on: started."');
      await delay(point.delayMs);
      return trainer.killed();
    }
    // Nobody else writes aliases while the run lasts.
    const writing = node.proxy.gate(apiKey.produce, "request", control.clusterName);
    await writing.reached;
    if (point.at === "committing") await committing(node, control.aliasesId, writing);
    await trainer.killed();
  }
}

/** Lets the records of a promotion through, and holds what would commit them. */
async function committing(node: ProxiedNode, aliasesId: string, writing: Gate): Promise<void> {
  const held = node.proxy.gate(apiKey.endTransaction, "request", aliasesId);
  writing.open();
  await held.reached;
}
