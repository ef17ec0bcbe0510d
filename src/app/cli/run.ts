import { createPinoLogger } from "../../adapters/pino/index.ts";
import { parseDurationMs } from "../../kernel/index.ts";
import { ExitError, exitCodes, usageError } from "../exit.ts";
import { loadPlan } from "../load-topology.ts";
import { modelsFolderDefault, openCluster } from "../open-cluster.ts";
import { type ProbeServer, serveProbes } from "../probes.ts";
import { chosenStages, createWorker } from "../start-worker.ts";
import { openArtefacts, openModels } from "../wire.ts";
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
    const plan = loadPlan(String(file), context.environment, named.namespace);
    const stages = chosenStages(plan, (flags["stage"] as string[] | undefined) ?? []);
    const logger = createPinoLogger("info");
    const cluster = await openCluster(named, context, "read", logger);
    const models = openModels(plan, cluster.broker, openArtefacts(cluster.modelsDir ?? modelsFolderDefault), logger);
    let probes: ProbeServer | undefined;
    try {
      const worker = await createWorker({
        plan,
        stages,
        broker: cluster.broker,
        registry: cluster.registry,
        models,
        logger,
        drainTimeoutMs,
        untilCaughtUp: flags["untilCaughtUp"] === true,
        ...(typeof flags["instanceId"] === "string" ? { instanceId: flags["instanceId"] } : {}),
      });
      if (typeof flags["http"] === "string") probes = await serveProbes(flags["http"], () => worker.isReady);
      return await worker.run(context.stop);
    } finally {
      await probes?.close();
      await models.close();
      await cluster.close();
    }
  },
};

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
