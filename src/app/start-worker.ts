/** Puts a worker together from a plan: runners, one byte budget, models. */
import { createCodecs } from "../adapters/codecs/index.ts";
import { systemClock, yieldToLoop } from "../adapters/node/index.ts";
import { closest, type Logger } from "../kernel/index.ts";
import type { ArtefactStore } from "../model/index.ts";
import {
  type Broker,
  BufferBudget,
  createStageRunner,
  type ModelSource,
  readAliases,
  type SnapshotOptions,
} from "../runtime/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";
import type { Plan, PlannedStage } from "../topology/index.ts";
import { usageError } from "./exit.ts";
import { createRoles, roleGroups } from "./roles.ts";
import { createTrainerRole } from "./trainer-role.ts";
import { Worker } from "./worker.ts";

/** Fetched bytes that a process holds at most before they are computed, and what each task may always hold. */
const budgetBytesMax = 128 * 1024 * 1024;
const budgetBytesPerTask = 512 * 1024;

export interface WorkerSetup {
  readonly plan: Plan;
  readonly stages: readonly PlannedStage[];
  /** Whether the plan's judge and notifier run here too; they do when left out. */
  readonly hasRoles?: boolean;
  /** Whether its trainer runs here; it needs the artefacts. */
  readonly hasTrainer?: boolean;
  readonly broker: Broker;
  readonly registry: SchemaRegistry;
  readonly models: ModelSource;
  /** Where the versions of models are, for the baselines of monitors. */
  readonly artefacts?: ArtefactStore;
  readonly logger: Logger;
  readonly drainTimeoutMs: number;
  readonly untilCaughtUp: boolean;
  readonly instanceId?: string | undefined;
  readonly snapshots?: SnapshotOptions;
  readonly onReady?: () => void;
}

export async function createWorker(setup: WorkerSetup): Promise<Worker> {
  const { plan, broker, registry, models, logger } = setup;
  const budget = new BufferBudget({ bytesMax: budgetBytesMax, reservedBytesPerTask: budgetBytesPerTask });
  const { deflateGzip } = await createCodecs();
  const { hasRoles = true, hasTrainer = false } = setup;
  const trainerGroups = hasTrainer && plan.retraining !== undefined ? [plan.retraining.group] : [];
  const stageGroups = setup.stages.map(({ group }) => group);
  const groups = [...stageGroups, ...(hasRoles ? roleGroups(plan) : []), ...trainerGroups];
  const [decidingGroup = ""] = groups.sort();
  const { instanceId } = setup;
  const kept = setup.artefacts === undefined ? {} : { artefacts: setup.artefacts };
  const member = instanceId === undefined ? {} : { instanceId, decidingGroup };
  const stages = setup.stages.map((stage) =>
    createStageRunner({
      plan,
      stage,
      broker,
      registry,
      models,
      clock: systemClock,
      logger,
      budget,
      yieldToLoop,
      deflateGzip,
      ...(setup.snapshots === undefined ? {} : { snapshots: setup.snapshots }),
      ...member,
    }),
  );
  return new Worker({
    stages,
    roles: [
      ...(hasRoles ? createRoles({ plan, broker, registry, logger, ...kept, ...member }) : []),
      ...(hasTrainer && setup.artefacts !== undefined
        ? createTrainerRole({ plan, broker, registry, artefacts: setup.artefacts, logger, ...member })
        : []),
    ],
    broker,
    clock: systemClock,
    logger,
    drainTimeoutMs: setup.drainTimeoutMs,
    untilCaughtUp: setup.untilCaughtUp,
    aliasExists: async (model, alias, signal) => {
      const { aliases } = await readAliases(broker, plan.control.clusterName, signal);
      return aliases.some((known) => known.model === model && known.alias === alias);
    },
    ...(setup.onReady === undefined ? {} : { onReady: setup.onReady }),
  });
}

/** What `--stage` calls the judge and the notifier of a plan with monitors. */
const rolesName = "monitor";

/** Whether judge and notifier are among what `--stage` names: they belong to all, and to `monitor`. */
export function choosesRoles(plan: Plan, names: readonly string[]): boolean {
  return plan.monitoring !== undefined && (names.length === 0 || names.includes(rolesName));
}

/** The stages that `--stage` names, or all. @throws ExitError 64 for a name that the plan does not have */
export function chosenStages(plan: Plan, names: readonly string[]): readonly PlannedStage[] {
  if (names.length === 0) return plan.stages;
  return [...new Set(names)].flatMap((name) => {
    const stage = plan.stages.find((planned) => planned.name === name);
    if (stage !== undefined) return stage;
    if (name === rolesName && plan.monitoring !== undefined) return [];
    const known = plan.stages.map((planned) => planned.name);
    if (plan.monitoring !== undefined) known.push(rolesName);
    const meant = closest(name, known);
    throw usageError(
      `--stage: ${plan.topology} has no stage ${JSON.stringify(name)}`,
      meant === undefined ? `it has ${known.join(", ")}` : `did you mean "${meant}"?`,
    );
  });
}
