import { systemClock } from "../../adapters/node/index.ts";
import { createPinoLogger } from "../../adapters/pino/index.ts";
import { Facts, type Logger, parseDurationMs } from "../../kernel/index.ts";
import { patientRegistry } from "../../runtime/index.ts";
import { onHeldStores, type Plan, partOf } from "../../topology/index.ts";
import { checkStart, compareWithCluster } from "../apply-plan.ts";
import { ExitError, exitCodes, usageError } from "../exit.ts";
import { type FilePlan, loadFilePlan } from "../load-topology.ts";
import { modelsFolderDefault, type OpenCluster, openCluster } from "../open-cluster.ts";
import { probedWorker } from "../probed-worker.ts";
import { serveProbes } from "../probes.ts";
import { chosenStages, createWorker } from "../start-worker.ts";
import { openArtefacts, openModels } from "../wire.ts";
import type { Worker } from "../worker.ts";
import { type CommandDefinition, connectionFlags, flag, withConnection } from "./command.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    withConnection(command)
      .argument("<file>", "topology file")
      .addOption(flag("--stage <names...>", "run only these stages"))
      .addOption(flag("--role <role>", "worker, which is the default and the only role in this version"))
      .addOption(flag("--instance-id <name>", "stable name of this worker: a restart under it keeps its partitions"))
      .addOption(flag("--state-dir <dir>", "not in this version: stores live in memory"))
      .addOption(flag("--http <host:port>", "serve /livez and /readyz"))
      .addOption(flag("--drain-timeout <duration>", "how long a stop may take").default("25s"))
      .addOption(flag("--until-caught-up", "end at the offsets that are the end now"))
      .addOption(
        flag("--leave-on-stop", "not in this version: a stop leaves the group, unless --instance-id is given"),
      ),

  async run(context, [file], flags) {
    refuseLater(flags);
    const drainTimeoutMs = parseDurationMs(String(flags["drainTimeout"]));
    if (drainTimeoutMs === undefined) throw usageError("--drain-timeout: a duration such as 25s is needed");
    const named = connectionFlags(flags);
    const loaded = loadFilePlan(String(file), context.environment, named.namespace);
    const names = (flags["stage"] as string[] | undefined) ?? [];
    const planned = chosenStages(loaded.first, names);
    const logger = createPinoLogger("info");
    const cluster = await openCluster(named, context, "read", logger);
    const closing: (() => Promise<void>)[] = [() => cluster.close()];
    try {
      let worker: Worker | undefined;
      if (typeof flags["http"] === "string") {
        const probed = probedWorker(loaded.first, planned, cluster.broker, () => worker);
        const probes = await serveProbes(flags["http"], probed);
        closing.unshift(() => probes.close());
      }
      const plan = await checkedPlan(loaded, names, cluster, logger, context.stop);
      const models = openModels(plan, cluster.broker, openArtefacts(cluster.modelsDir ?? modelsFolderDefault), logger);
      closing.unshift(() => models.close());
      worker = await createWorker({
        plan,
        stages: chosenStages(plan, names),
        broker: cluster.broker,
        registry: cluster.registry,
        models,
        logger,
        drainTimeoutMs,
        untilCaughtUp: flags["untilCaughtUp"] === true,
        ...(typeof flags["instanceId"] === "string" ? { instanceId: flags["instanceId"] } : {}),
      });
      return await worker.run(context.stop);
    } finally {
      for (const close of closing) await close();
    }
  },
};

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
    logger.warn({ code, reason: message }, "The cluster is not as planned.");
  return onHeldStores(plan, changes.stores.held);
}

/** What belongs to later versions is refused, never accepted and ignored. */
function refuseLater(flags: Readonly<Record<string, unknown>>): void {
  const unsupported = (what: string, why: string): ExitError =>
    new ExitError(exitCodes.usage, `${what}: ${why}`, { code: "MR_UNSUPPORTED" });
  if (!["worker", undefined].includes(flags["role"] as string | undefined))
    throw unsupported(`--role ${String(flags["role"])}`, "this version has workers only");
  if (flags["stateDir"] !== undefined) throw unsupported("--state-dir", "stores live in memory in this version");
  if (flags["leaveOnStop"] === true)
    throw unsupported("--leave-on-stop", "in this version a stop leaves the group, unless --instance-id is given");
}
