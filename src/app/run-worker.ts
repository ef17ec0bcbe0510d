import { systemClock } from "../adapters/node/index.ts";
import { createPinoLogger } from "../adapters/pino/index.ts";
import { Facts, type Logger, say } from "../kernel/index.ts";
import { patientRegistry } from "../runtime/index.ts";
import { onHeldStores, type Plan, type PlannedStage, partOf } from "../topology/index.ts";
import { hookRoutes, sayUnheard } from "./alertmanager-hook.ts";
import { checkStart, compareWithCluster } from "./apply-plan.ts";
import type { CommandContext } from "./cli/command.ts";
import { type ExitCode, ExitError, exitCodes } from "./exit.ts";
import { type FilePlan, loadFilePlan } from "./load-topology.ts";
import { modelsFolderDefault, type OpenCluster, openCluster } from "./open-cluster.ts";
import { probedWorker } from "./probed-worker.ts";
import { serveProbes } from "./probes.ts";
import { roleNames } from "./roles.ts";
import { type ConnectionFlags, hookTokenOf } from "./settings.ts";
import { choosesRoles, chosenStages, createWorker } from "./start-worker.ts";
import { ownSupervisor } from "./supervised-worker.ts";
import { trainsByItself } from "./trainer-role.ts";
import { openArtefacts, openModels, openSnapshots } from "./wire.ts";
import type { Worker } from "./worker.ts";

/** Under a supervisor a rebalance is heard of sooner: it is how a slot comes back. */
const heartbeatMsSupervised = 500;

/** What `millrace run` was asked for. */
export interface RunOptions {
  readonly file: string;
  readonly named: ConnectionFlags;
  /** Of the stages that run; all of them when empty. */
  readonly stages: readonly string[];
  /** `trainer`: it alone; `worker`: all but the trainer; left out: all, with the trainer where a model is retrained by itself. */
  readonly role: "worker" | "trainer" | undefined;
  /** Where probes are served, if they are. */
  readonly http: string | undefined;
  readonly drainTimeoutMs: number;
  readonly untilCaughtUp: boolean;
  readonly instanceId: string | undefined;
  /** Where snapshots of stores are kept, if they are. */
  readonly stateDir: string | undefined;
  readonly leavesOnStop: boolean;
  /** Whether a supervised worker has a process beside it that is ready to take its place. */
  readonly hasSpare: boolean;
}

/** Runs stages in this process, until they are stopped. @returns the worker's exit code */
export async function runWorker(context: CommandContext, options: RunOptions): Promise<ExitCode> {
  const {
    file,
    named,
    stages: names,
    role,
    http,
    drainTimeoutMs,
    untilCaughtUp,
    instanceId,
    stateDir,
    leavesOnStop,
  } = options;
  const token = hookTokenOf(context.environment);
  const supervisor = ownSupervisor(context.environment, (code) => process.exit(code));
  const loaded = loadFilePlan(file, context.environment, named.namespace);
  if (role === "trainer" && loaded.first.retraining === undefined)
    throw new ExitError(exitCodes.failure, `${file}: no model of topology ${loaded.first.topology} has a label`, {
      hint: "say under models.<name>.label where training finds the truth",
    });
  const isTrainer = role === "trainer";
  const hasTrainer = isTrainer || (role === undefined && names.length === 0 && trainsByItself(loaded.first));
  const chosen = (plan: Plan): readonly PlannedStage[] => (isTrainer ? [] : chosenStages(plan, names));
  const planned = chosen(loaded.first);
  const logger = createPinoLogger("info");
  const cluster = await openCluster(named, context, "read", logger, {
    isLeaveForGood: leavesOnStop,
    ...(supervisor === undefined
      ? {}
      : {
          heartbeatMs: heartbeatMsSupervised,
          onJoined: (member) => supervisor.joined(member),
        }),
  });
  const closing: (() => Promise<void>)[] = [() => cluster.close()];
  try {
    let worker: Worker | undefined;
    if (http !== undefined) {
      const monitors = !isTrainer && choosesRoles(loaded.first, names) ? roleNames(loaded.first) : [];
      const roles = [...monitors, ...(hasTrainer ? ["trainer"] : [])];
      const probed = probedWorker(loaded.first, planned, roles, cluster.broker, () => worker);
      const told = { token, broker: cluster.broker, clock: systemClock, logger, signal: context.stop };
      const probes = await serveProbes(http, probed, hookRoutes(loaded.first, told));
      closing.unshift(() => probes.close());
    }
    sayUnheard(loaded.first, { http, token }, logger);
    const plan = await checkedPlan(loaded, chosen, cluster, logger, context.stop);
    if (plan.monitoring !== undefined && !isTrainer && !choosesRoles(plan, names))
      say(logger, "judgeElsewhere", { judgeGroup: plan.monitoring.judgeGroup });
    const artefacts = openArtefacts(cluster.modelsDir ?? modelsFolderDefault);
    const models = openModels(plan, cluster.broker, artefacts, logger);
    closing.unshift(() => models.close());
    worker = await createWorker({
      plan,
      stages: chosen(plan),
      hasRoles: !isTrainer && choosesRoles(plan, names),
      hasTrainer,
      broker: cluster.broker,
      registry: cluster.registry,
      models,
      artefacts,
      logger,
      drainTimeoutMs,
      untilCaughtUp,
      instanceId,
      ...(stateDir === undefined ? {} : { snapshots: openSnapshots(stateDir) }),
    });
    return await worker.run(context.stop);
  } finally {
    for (const close of closing) await close();
  }
}

/**
 * The plan that runs, once registry and cluster are as it needs them for the chosen stages. A registry that is down is
 * waited for.
 * @throws OperationError with all that `apply` would refuse or has not made
 */
async function checkedPlan(
  loaded: FilePlan,
  chosen: (plan: Plan) => readonly PlannedStage[],
  cluster: Pick<OpenCluster, "broker" | "registry">,
  logger: Logger,
  stop: AbortSignal,
): Promise<Plan> {
  const registry = patientRegistry(cluster.registry, { clock: systemClock, facts: new Facts(logger) });
  const plan = await loaded.against(registry, stop);
  const part = partOf(plan, chosen(plan));
  const changes = await compareWithCluster(part, cluster.broker, registry, stop);
  checkStart(plan.topology, changes);
  for (const { code, message } of changes.warnings.filter((warning) => warning.code !== "MR_MODEL_MISSING"))
    say(logger, "clusterNotAsPlanned", { code, reason: message });
  return onHeldStores(plan, changes.stores.held);
}
