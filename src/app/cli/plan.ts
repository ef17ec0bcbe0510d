import { printChanges, printPlan } from "../../topology/index.ts";
import { compareWithCluster } from "../apply-plan.ts";
import { exitCodes } from "../exit.ts";
import { loadPlan } from "../load-topology.ts";
import { openCluster } from "../open-cluster.ts";
import { type CommandDefinition, connectionFlags, withConnection } from "./command.ts";

export const command: CommandDefinition = {
  configure: (command) => withConnection(command).argument("<file>", "topology file"),

  async run(context, [file], flags) {
    const named = connectionFlags(flags);
    const plan = loadPlan(String(file), context.environment, named.namespace);
    context.stdout(printPlan(plan));
    if (named.brokers === undefined) return exitCodes.ok;
    const cluster = await openCluster(named, context, "read");
    try {
      const changes = await compareWithCluster(plan, cluster.broker, cluster.registry, context.stop);
      context.stdout(`\n${printChanges(changes)}`);
      return changes.problems.length === 0 ? exitCodes.ok : exitCodes.failure;
    } finally {
      await cluster.close();
    }
  },
};
