import type { Offset } from "../kernel/index.ts";
import type { ClusterAdmin, StageRunner } from "../runtime/index.ts";

/** What is asked of a stage that is watched. */
export type WatchedStage = Pick<StageRunner, "stage" | "status" | "haltReason" | "tasks" | "caughtUp">;

export interface CatchUpOptions {
  readonly stages: readonly WatchedStage[];
  readonly admin: ClusterAdmin;
  /** Whether the alias exists, so that a stage that waits for it is about to go on. Absent: it does not. */
  readonly aliasExists?: (model: string, alias: string, signal: AbortSignal) => Promise<boolean>;
}

/** Why a run cannot catch up, and the stage that is the reason. */
export interface Blocked {
  readonly stage: string;
  readonly blockedBy: string;
}

/**
 * Tells when a chain of stages has worked off what was there when it began.
 *
 * A stage is done at the end that its input had at the beginning; or, when a stage of this run writes that
 * input, at the end it has after all its writers are done. Partitions that other members own count as well: a
 * member that has just joined owns nothing while its group still waits for one that crashed.
 */
export class CatchUp {
  readonly #stages: readonly WatchedStage[];
  readonly #admin: ClusterAdmin;
  readonly #aliasExists: NonNullable<CatchUpOptions["aliasExists"]>;
  readonly #names: ReadonlySet<string>;
  readonly #ends = new Map<WatchedStage, ReadonlyMap<number, Offset>>();
  readonly #finished = new Set<string>();

  constructor({ stages, admin, aliasExists = async () => false }: CatchUpOptions) {
    this.#stages = stages;
    this.#admin = admin;
    this.#aliasExists = aliasExists;
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
      const blocked = await this.#blockOf(stage, signal);
      if (blocked !== undefined) return blocked;
      const writersDone = this.#writersHere(stage).every((writer) => this.#finished.has(writer));
      if (!this.#ends.has(stage) && writersDone) this.#ends.set(stage, await this.#endOf(stage, signal));
      const end = this.#ends.get(stage);
      if (end !== undefined && stage.caughtUp(end) && (await this.#othersCaughtUp(stage, end, signal)))
        this.#finished.add(name);
    }
    return this.#finished.size === this.#stages.length ? "done" : "behind";
  }

  /** Whether the partitions that this member does not own are committed up to these ends. */
  async #othersCaughtUp(
    { stage, tasks }: WatchedStage,
    ends: ReadonlyMap<number, Offset>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const others = [...ends].filter(([partition]) => !tasks.includes(partition));
    if (others.length === 0) return true;
    const committed = await this.#admin.committed(stage.group, stage.from.clusterName, signal);
    const offsets = new Map(committed.map(({ partition, offset }) => [partition, offset]));
    return others.every(([partition, end]) => (offsets.get(partition) ?? 0) >= end);
  }

  async #blockOf({ stage, status, haltReason }: WatchedStage, signal: AbortSignal): Promise<Blocked | undefined> {
    const { name, infer } = stage;
    if (status === "halted") return { stage: name, blockedBy: `The stage is halted: ${haltReason?.message}` };
    if (status !== "waiting" || infer === undefined) return undefined;
    // The stage learns of its alias a moment after it has joined, and then reads the version.
    if (await this.#aliasExists(infer.model, infer.alias, signal)) return undefined;
    return { stage: name, blockedBy: `waiting for model ${infer.model}: run millrace train` };
  }

  #writersHere(stage: WatchedStage): readonly string[] {
    return stage.stage.from.writers.filter((writer) => this.#names.has(writer));
  }

  async #endOf(stage: WatchedStage, signal: AbortSignal): Promise<ReadonlyMap<number, Offset>> {
    const watermarks = await this.#admin.watermarks(stage.stage.from.clusterName, signal);
    // An empty partition has nothing to catch up with, whatever its first offset is.
    return new Map(watermarks.filter(({ low, end }) => end > low).map(({ partition, end }) => [partition, end]));
  }
}
