import { yieldToLoop } from "../adapters/node/index.ts";
import type { EpochMs } from "../kernel/index.ts";
import {
  type Alias,
  aliasedVersion,
  aliasRecord,
  challengerAlias,
  championAlias,
  changeAliases,
  type Promotion,
  promotionRecords,
} from "../runtime/control/index.ts";
import { type Broker, readTopicRows } from "../runtime/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";
import type { Plan, PlannedModel } from "../topology/index.ts";
import { type TrainingOutcome, type TrainingRequest, trainVersion } from "../training/index.ts";
import { type TrainedBaseline, writeBaselines } from "./written-baselines.ts";

export interface TrainingOptions
  extends Pick<TrainingRequest, "seed" | "warmFrom" | "openTrainer" | "artefacts" | "clock" | "hasher" | "progress"> {
  readonly plan: Plan;
  readonly model: PlannedModel;
  /** Bounds on the event time of feature rows, half open; a label counts up to and including `toMs`. */
  readonly fromMs?: EpochMs;
  readonly toMs?: EpochMs;
  readonly broker: Broker;
  readonly registry: SchemaRegistry;
  /** Puts the version in service although another one is. */
  readonly isForced?: boolean;
  /** Who trains and what for, as alias records keep it; `train` when left out. */
  readonly by?: string;
  readonly reason?: string;
}

/** What a training and the baselines that follow from it came to. */
export interface ModelOutcome extends TrainingOutcome {
  /** What points at the version now. */
  readonly alias: typeof championAlias | typeof challengerAlias;
  readonly baselines: readonly TrainedBaseline[];
}

/**
 * Trains a planned model on what its topics hold, as {@link trainVersion} does. A first version becomes the
 * champion, and the rows that it learned from go in service as the baseline of the monitors that ask for them. With a
 * champion in place the version becomes the challenger, and serves nothing until somebody promotes it.
 */
export async function trainModel(options: TrainingOptions, signal: AbortSignal): Promise<ModelOutcome> {
  const { plan, broker, clock, isForced, by, reason } = options;
  const { name } = options.model;
  let alias: ModelOutcome["alias"] = championAlias;
  const pointed = (aliases: readonly Alias[], at: Pick<Promotion, "model" | "version" | "at">) => {
    const promotion = { ...at, by: by ?? "train", ...(reason === undefined ? {} : { reason }) };
    const isFirst = aliasedVersion(aliases, name, championAlias) === undefined;
    alias = isFirst || isForced === true ? championAlias : challengerAlias;
    return alias === championAlias ? promotionRecords(aliases, promotion) : [aliasRecord({ ...promotion, alias })];
  };
  const promote: TrainingRequest["promote"] = async (version, stop) => {
    const at = clock.now();
    await changeAliases(broker, plan.control, (aliases) => pointed(aliases, { model: name, version, at }), at, stop);
  };
  const outcome = await trainVersion({ ...requestOf(options), promote }, signal);
  // What monitors compare with is what the version in service has learned from.
  const baselines = alias === championAlias ? await writeBaselines({ ...options, model: name }, signal) : [];
  return { ...outcome, alias, baselines };
}

/** What a training is told of the model and of its topics. */
export function requestOf(options: TrainingOptions): Omit<TrainingRequest, "promote"> {
  const { plan, model, broker, registry } = options;
  const { name, task, features, featuresFrom, label, candidates, metric } = model;
  return {
    ...options,
    model: name,
    task,
    features,
    featuresFrom,
    label,
    candidates,
    metric,
    topics: plan.topics,
    topology: plan.topology,
    planHash: plan.hash,
    yieldToLoop,
    rows: (topic, reader, visitor, stop, newest) =>
      readTopicRows(broker, registry, topic, reader, visitor, stop, newest === undefined ? undefined : { newest }),
  };
}
