import type { EpochMs } from "../kernel/index.ts";
import { type Broker, readTopicRows, writeAlias } from "../runtime/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";
import type { Plan, PlannedModel } from "../topology/index.ts";
import { type TrainingOutcome, type TrainingRequest, trainVersion } from "../training/index.ts";

/** The alias that training points at its result until a gate decides. */
export const trainedAlias = "champion";

export interface TrainingOptions
  extends Pick<TrainingRequest, "seed" | "openTrainer" | "artefacts" | "clock" | "hasher" | "progress"> {
  readonly plan: Plan;
  readonly model: PlannedModel;
  /** Bounds on the event time of feature rows, half open; a label counts up to and including `toMs`. */
  readonly fromMs?: EpochMs;
  readonly toMs?: EpochMs;
  readonly broker: Broker;
  readonly registry: SchemaRegistry;
}

/** Trains a planned model on what its topics hold, as {@link trainVersion} does, and points `champion` at the version. */
export function trainModel(options: TrainingOptions, signal: AbortSignal): Promise<TrainingOutcome> {
  const { plan, model, broker, registry, clock } = options;
  const { name, task, features, featuresFrom, label } = model;
  const request: TrainingRequest = {
    ...options,
    model: name,
    task,
    features,
    featuresFrom,
    label,
    topics: plan.topics,
    topology: plan.topology,
    planHash: plan.hash,
    rows: (topic, reader, visitor, stop) => readTopicRows(broker, registry, topic, reader, visitor, stop),
    promote: (version, stop) =>
      writeAlias(broker, plan.control.clusterName, { model: name, alias: trainedAlias, version }, clock.now(), stop),
  };
  return trainVersion(request, signal);
}
