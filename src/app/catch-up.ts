import type { Offset } from "../kernel/index.ts";
import type { ClusterAdmin, StageRunner } from "../runtime/index.ts";

/** Why a run cannot catch up, and the stage that is the reason. */
export interface Blocked {
  readonly stage: string;
  readonly blockedBy: string;
}

/**
 * Tells when a chain of stages has worked off what was there when it began.
 *
 * A stage is done at the end that its input had at the beginning; or, when a stage of this run writes that
 * input, at the end it has after all its writers are done.
 */
export class CatchUp {
  readonly #stages: readonly StageRunner[];
  readonly #admin: ClusterAdmin;
  readonly #names: ReadonlySet<string>;
  readonly #ends = new Map<StageRunner, ReadonlyMap<number, Offset>>();
  readonly #finished = new Set<string>();

  constructor(stages: readonly StageRunner[], admin: ClusterAdmin) {
    this.#stages = stages;
    this.#admin = admin;
    this.#names = new Set(stages.map((stage) => stage.stage.name));
  }

  /** Notes the ends of the inputs that come from outside. */
  async begin(signal: AbortSignal): Promise<void> {
    for (const stage of this.#stages) {
      if (this.#writersHere(stage).length === 0) this.#ends.set(stage, await this.#endOf(stage, signal));
    }
  }

  /** Looks once; to be called again until it answers something else than "behind". */
  async look(signal: AbortSignal): Promise<"done" | "behind" | Blocked> {
    for (const stage of this.#stages) {
      const { name } = stage.stage;
      if (this.#finished.has(name)) continue;
      const blocked = blockOf(stage);
      if (blocked !== undefined) return blocked;
      const writersDone = this.#writersHere(stage).every((writer) => this.#finished.has(writer));
      if (!this.#ends.has(stage) && writersDone) this.#ends.set(stage, await this.#endOf(stage, signal));
      const end = this.#ends.get(stage);
      if (end !== undefined && stage.caughtUp(end)) this.#finished.add(name);
    }
    return this.#finished.size === this.#stages.length ? "done" : "behind";
  }

  #writersHere(stage: StageRunner): readonly string[] {
    return stage.stage.from.writers.filter((writer) => this.#names.has(writer));
  }

  async #endOf(stage: StageRunner, signal: AbortSignal): Promise<ReadonlyMap<number, Offset>> {
    const watermarks = await this.#admin.watermarks(stage.stage.from.clusterName, signal);
    // An empty partition has nothing to catch up with, whatever its first offset is.
    return new Map(watermarks.filter(({ low, end }) => end > low).map(({ partition, end }) => [partition, end]));
  }
}

function blockOf(stage: StageRunner): Blocked | undefined {
  const { name, infer } = stage.stage;
  if (stage.status === "waiting") {
    return { stage: name, blockedBy: `waiting for model ${infer?.model ?? ""}: run millrace train` };
  }
  if (stage.status === "halted") return { stage: name, blockedBy: `The stage is halted: ${stage.haltReason?.message}` };
  return undefined;
}
