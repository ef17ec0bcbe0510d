import { type Clock, type Facts, OperationError } from "../../kernel/index.ts";
import type { Adoption } from "../../model/index.ts";
import type { SchemaRegistry } from "../../schema/index.ts";
import type { PlannedStage } from "../../topology/index.ts";
import { challengerAlias } from "../control/aliases.ts";
import type { Broker } from "../port.ts";
import { type ModelSource, modelInputsOf } from "../served-model.ts";
import type { StageSurroundings } from "../stage-setup.ts";
import { AdoptionLog } from "./adoption-log.ts";
import { StageModel } from "./stage-model.ts";
import type { StageAdoption } from "./task-model.ts";

export interface AdoptingOptions {
  readonly stage: PlannedStage;
  readonly broker: Broker;
  readonly registry: SchemaRegistry;
  readonly models: ModelSource;
  readonly clock: Clock;
  readonly facts: Facts;
  readonly adoptions: StageSurroundings["adoptions"];
  /** Called when another version can be adopted. */
  readonly moved: () => void;
  /** The stage stops. */
  readonly signal: AbortSignal;
}

/** What the tasks of a stage follow its alias with; undefined for a stage that does not infer. */
export function beginAdopting(options: AdoptingOptions): StageAdoption | undefined {
  const { stage, broker, models, adoptions } = options;
  if (adoptions === undefined || stage.infer === undefined) return undefined;
  if (models.followed === undefined)
    throw new OperationError("MR_MODEL", `starting stage ${stage.name}: its models cannot be followed`);
  const { model, alias, features, shadow } = stage.infer;
  const { topic, schemaId } = adoptions;
  const log = new AdoptionLog({ ...options, topic: topic.topic });
  const isOwn = (adoption: Adoption): boolean =>
    adoption.stage === stage.name && adoption.model === model && adoption.alias === alias;
  const followed = { ...models, followed: models.followed };
  const inputs = modelInputsOf(stage, features);
  let challenger: StageModel | undefined;
  if (shadow !== undefined) {
    const beside = { ...options, model, alias: challengerAlias, inputs, models: followed };
    challenger = new StageModel({ ...beside, adoptedLast: async () => undefined });
    challenger.followBeside();
  }
  return {
    topic,
    schemaId,
    log,
    challenger,
    model: new StageModel({
      ...options,
      model,
      alias,
      inputs,
      models: followed,
      adoptedLast: async (signal) => {
        await log.catchUp(signal);
        const own = log.all.filter(isOwn);
        return own.length === 0 ? undefined : own.reduce((a, b) => (b.atMs >= a.atMs ? b : a)).version;
      },
    }),
    inputEnd: async (partition, signal) =>
      (await broker.admin.extent({ topic: stage.from.clusterName, partition }, signal)).end,
  };
}
