import { codeOf, type ErrorCode, type Offset } from "../kernel/index.ts";
import type { ClusterAdmin } from "./port.ts";
import type { StageRunner } from "./stage-runner.ts";

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
  readonly code: ErrorCode;
  readonly blockedBy: string;
}

/** Everything that can be worked off is; `lacking` are the stages that only lacked their model. */
export interface CaughtUp {
  readonly lacking: readonly Blocked[];
}

/**
 * Tells when a chain of stages has worked off what was there when it began.
 *
 * A stage is done at the end that its input had at the beginning; or, when a stage of this run writes that
 * input, at the end of the log after all its writers are done, records included whose marker is still on its way.
 * Partitions that other members own count as well: a member that has just joined owns nothing while its group still
 * waits for one that crashed.
 *
 * A stage whose model has no version yet is not waited for: it is looked at again when the others are done. What is
 * behind it is done at the end that its input has then.
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
  async look(signal: AbortSignal): Promise<CaughtUp | "behind" | Blocked> {
    for (const stage of this.#stages) {
      if (this.#finished.has(stage.stage.name)) continue;
      if (stage.status === "halted") return haltOf(stage);
      if (await this.#isDone(stage, signal)) this.#finished.add(stage.stage.name);
    }
    const rest = this.#stages.filter(({ stage }) => !this.#finished.has(stage.name));
    const waiting = rest.filter(({ status, stage }) => status === "waiting" && stage.infer !== undefined);
    const behindThem = this.#downstreamOf(waiting);
    // What does not hang on a model comes first; asking for aliases meanwhile would be of no use.
    if (rest.some((stage) => !waiting.includes(stage) && !behindThem.has(stage))) return "behind";
    const lacking: Blocked[] = [];
    for (const { stage } of waiting) {
      const { name, infer } = stage;
      // The stage learns of its alias a moment after it has joined, and then reads the version.
      if (infer === undefined || (await this.#aliasExists(infer.model, infer.alias, signal))) return "behind";
      lacking.push({
        stage: name,
        code: "MR_MODEL_MISSING",
        blockedBy: `waiting for model ${infer.model}: run millrace train`,
      });
    }
    for (const stage of behindThem) {
      const isAsleep = waiting.includes(stage);
      if (!isAsleep && !(await this.#isAt(stage, await this.#endOf(stage, signal), signal))) return "behind";
    }
    return { lacking };
  }

  async #isDone(stage: WatchedStage, signal: AbortSignal): Promise<boolean> {
    const writersDone = this.#writersHere(stage).every((writer) => this.#finished.has(writer));
    if (!this.#ends.has(stage) && writersDone) this.#ends.set(stage, await this.#endOf(stage, signal));
    const end = this.#ends.get(stage);
    return end !== undefined && (await this.#isAt(stage, end, signal));
  }

  async #isAt(stage: WatchedStage, end: ReadonlyMap<number, Offset>, signal: AbortSignal): Promise<boolean> {
    return stage.caughtUp(end) && (await this.#othersCaughtUp(stage, end, signal));
  }

  /** The stages that read, through any number of others, what these write. */
  #downstreamOf(stages: readonly WatchedStage[]): ReadonlySet<WatchedStage> {
    const found = new Set<WatchedStage>();
    const names = new Set(stages.map(({ stage }) => stage.name));
    for (let size = -1; size < found.size; ) {
      size = found.size;
      for (const stage of this.#stages) {
        if (!this.#writersHere(stage).some((writer) => names.has(writer))) continue;
        found.add(stage);
        names.add(stage.stage.name);
      }
    }
    return found;
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

  #writersHere(stage: WatchedStage): readonly string[] {
    return stage.stage.from.writers.filter((writer) => this.#names.has(writer));
  }

  async #endOf(stage: WatchedStage, signal: AbortSignal): Promise<ReadonlyMap<number, Offset>> {
    const topic = stage.stage.from.clusterName;
    const readable = await this.#admin.watermarks(topic, signal);
    // A commit is answered before its marker is in every partition: until then the last stable offset of what this run
    // has just written lies before its records. So a transaction that another has open there is waited for too.
    const ends =
      this.#writersHere(stage).length === 0
        ? readable
        : await Promise.all(
            readable.map(async ({ partition }) => ({
              partition,
              ...(await this.#admin.extent({ topic, partition }, signal)),
            })),
          );
    // An empty partition has nothing to catch up with, whatever its first offset is.
    return new Map(ends.filter(({ low, end }) => end > low).map(({ partition, end }) => [partition, end]));
  }
}

function haltOf({ stage, haltReason }: WatchedStage): Blocked {
  return { stage: stage.name, code: codeOf(haltReason), blockedBy: `The stage is halted: ${haltReason?.message}` };
}
