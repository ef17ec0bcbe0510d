import { printChanges, printPlan } from "../../topology/index.ts";
import { compareWithCluster } from "../apply-plan.ts";
import { exitCodes } from "../exit.ts";
import { loadFilePlan } from "../load-topology.ts";
import { openCluster, openNamedRegistry } from "../open-cluster.ts";
import { type CommandDefinition, connectionFlags, withConnection } from "./command.ts";

export const command: CommandDefinition = {
  configure: (command) => withConnection(command).argument("<file>", "topology file"),

  async run(context, [file], flags) {
    const named = connectionFlags(flags);
    const loaded = loadFilePlan(String(file), context.environment, named.namespace);
    if (named.brokers === undefined) {
      const registry = await openNamedRegistry(named, context);
      context.stdout(printPlan(await loaded.against(registry, context.stop)));
      return exitCodes.ok;
    }
    const cluster = await openCluster(named, context, "read");
    try {
      const plan = await loaded.against(cluster.registry, context.stop);
      context.stdout(printPlan(plan));
      const changes = await compareWithCluster(plan, cluster.broker, cluster.registry, context.stop);
      context.stdout(`\n${printChanges(changes)}`);
      return changes.problems.length === 0 ? exitCodes.ok : exitCodes.failure;
    } finally {
      await cluster.close();
    }
  },
};
