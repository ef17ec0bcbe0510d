import { systemClock } from "../adapters/node/index.ts";
import { createPinoLogger } from "../adapters/pino/index.ts";
import { Facts, type Logger, say } from "../kernel/index.ts";
import { patientRegistry } from "../runtime/index.ts";
import { onHeldStores, type Plan, partOf } from "../topology/index.ts";
import { checkStart, compareWithCluster } from "./apply-plan.ts";
import type { CommandContext } from "./cli/command.ts";
import type { ExitCode } from "./exit.ts";
import { type FilePlan, loadFilePlan } from "./load-topology.ts";
import { modelsFolderDefault, type OpenCluster, openCluster } from "./open-cluster.ts";
import { probedWorker } from "./probed-worker.ts";
import { serveProbes } from "./probes.ts";
import { roleNames } from "./roles.ts";
import type { ConnectionFlags } from "./settings.ts";
import { choosesRoles, chosenStages, createWorker } from "./start-worker.ts";
import { ownSupervisor } from "./supervised-worker.ts";
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
    http,
    drainTimeoutMs,
    untilCaughtUp,
    instanceId,
    stateDir,
    leavesOnStop,
  } = options;
  const supervisor = ownSupervisor(context.environment, (code) => process.exit(code));
  const loaded = loadFilePlan(file, context.environment, named.namespace);
  const planned = chosenStages(loaded.first, names);
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
      const roles = choosesRoles(loaded.first, names) ? roleNames(loaded.first) : [];
      const probed = probedWorker(loaded.first, planned, roles, cluster.broker, () => worker);
      const probes = await serveProbes(http, probed);
      closing.unshift(() => probes.close());
    }
    const plan = await checkedPlan(loaded, names, cluster, logger, context.stop);
    if (plan.monitoring !== undefined && !choosesRoles(plan, names))
      say(logger, "judgeElsewhere", { judgeGroup: plan.monitoring.judgeGroup });
    const artefacts = openArtefacts(cluster.modelsDir ?? modelsFolderDefault);
    const models = openModels(plan, cluster.broker, artefacts, logger);
    closing.unshift(() => models.close());
    worker = await createWorker({
      plan,
      stages: chosenStages(plan, names),
      hasRoles: choosesRoles(plan, names),
      broker: cluster.broker,
      registry: cluster.registry,
      models,
      artefacts,
      logger,
      drainTimeoutMs,
      untilCaughtUp,
      ...(instanceId === undefined ? {} : { instanceId }),
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
  names: readonly string[],
  cluster: Pick<OpenCluster, "broker" | "registry">,
  logger: Logger,
  stop: AbortSignal,
): Promise<Plan> {
  const registry = patientRegistry(cluster.registry, { clock: systemClock, facts: new Facts(logger) });
  const plan = await loaded.against(registry, stop);
  const part = partOf(plan, chosenStages(plan, names));
  const changes = await compareWithCluster(part, cluster.broker, registry, stop);
  checkStart(plan.topology, changes);
  for (const { code, message } of changes.warnings.filter((warning) => warning.code !== "MR_MODEL_MISSING"))
    say(logger, "clusterNotAsPlanned", { code, reason: message });
  return onHeldStores(plan, changes.stores.held);
}
