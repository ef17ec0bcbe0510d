/** The trainer of a plan: what it trains, and how. */
import { nodeHasher, systemClock } from "../adapters/node/index.ts";
import { Facts, type Logger, OperationError } from "../kernel/index.ts";
import type { ArtefactStore } from "../model/index.ts";
import {
  createModelTopics,
  createTrainer,
  progressFacts,
  type TrainingEnd,
  type TrainingOrder,
  trainedModels,
} from "../retraining/index.ts";
import type { Broker, Follower } from "../runtime/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";
import type { Plan } from "../topology/index.ts";
import { trainChallenger } from "../training/index.ts";
import { requestOf, type TrainingOptions } from "./train-model.ts";
import { openTrainer } from "./wire.ts";
import { writeBaselines } from "./written-baselines.ts";

/** How often topics are looked at for labels and predictions. */
const lookEveryMs = 2_000;

export interface TrainerSetup {
  readonly plan: Plan;
  readonly broker: Broker;
  readonly registry: SchemaRegistry;
  readonly artefacts: ArtefactStore;
  readonly logger: Logger;
  readonly instanceId?: string | undefined;
  readonly decidingGroup?: string | undefined;
}

/** Whether a process that runs all of a plan trains too: where a model says when it is to be trained again. */
export function trainsByItself({ models, retraining }: Plan): boolean {
  return retraining !== undefined && models.some(({ retrain }) => retrain !== undefined);
}

/** None for a plan whose models have no label. */
export function createTrainerRole(setup: TrainerSetup): readonly Follower[] {
  const { plan, broker, registry, artefacts, logger, instanceId, decidingGroup } = setup;
  const { retraining, control, monitoring } = plan;
  if (retraining === undefined) return [];
  const facts = new Facts(logger, { stage: "trainer" });
  const optionsOf = (name: string): TrainingOptions => {
    const model = plan.models.find((planned) => planned.name === name);
    if (model === undefined) throw new TypeError(`training ${name}: the plan has no such model`);
    return {
      plan,
      model,
      broker,
      registry,
      artefacts,
      openTrainer,
      seed: 0,
      clock: systemClock,
      hasher: nodeHasher,
      progress: () => undefined,
    };
  };
  const train = async (order: TrainingOrder, signal: AbortSignal): Promise<TrainingEnd> => {
    const options = { ...optionsOf(order.model), progress: progressFacts(order, facts, systemClock) };
    const { decision, version } = await trainChallenger(
      {
        ...requestOf(options),
        gate: options.model.gate,
        champion: order.champion,
        cause: order.cause,
        newestRows: order.rows,
        mode: order.mode,
      },
      signal,
    );
    return { ...decision, version };
  };
  const promoted = async (model: string, signal: AbortSignal): Promise<void> => {
    const all = await writeBaselines({ ...optionsOf(model), model }, signal);
    for (const found of all) {
      const { monitor } = found;
      if (found.kind === "written")
        facts.emit("baselineWritten", {
          monitor,
          baseline: found.id,
          origin: `model ${model}`,
          rows: found.rows,
          windows: found.windows,
        });
      else if (found.kind === "waiting") facts.emit("baselineAwaited", { monitor, reason: found.reason });
      else facts.emit("baselineUnmeasured", { code: "MR_BASELINE", monitor, reason: found.reason });
    }
    if (all.some(({ kind }) => kind === "failed"))
      throw new OperationError("MR_BASELINE", `measuring the baselines of model ${model}: not all could be`);
  };
  return [
    createTrainer({
      group: retraining.group,
      aliasesId: control.aliasesId,
      topics: {
        retraining: retraining.clusterName,
        control: control.clusterName,
        alerts: monitoring?.topics.alerts.clusterName,
      },
      models: trainedModels(plan),
      train,
      promoted,
      lookAt: createModelTopics(plan, broker, registry, systemClock),
      lookEveryMs,
      broker,
      clock: systemClock,
      logger,
      instanceId,
      decidingGroup,
    }),
  ];
}
