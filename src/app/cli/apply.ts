import { printChanges } from "../../topology/index.ts";
import { applyChanges, compareWithCluster } from "../apply-plan.ts";
import { exitCodes } from "../exit.ts";
import { loadFilePlan } from "../load-topology.ts";
import { openCluster } from "../open-cluster.ts";
import { type CommandDefinition, connectionFlags, flag, withConnection } from "./command.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    withConnection(command)
      .argument("<file>", "topology file")
      .addOption(flag("--dry-run", "show what would change, and change nothing")),

  async run(context, [file], flags) {
    const named = connectionFlags(flags);
    const loaded = loadFilePlan(String(file), context.environment, named.namespace);
    const isDryRun = flags["dryRun"] === true;
    const cluster = await openCluster(named, context, isDryRun ? "read" : "write");
    try {
      const plan = await loaded.against(cluster.registry, context.stop);
      const changes = await compareWithCluster(plan, cluster.broker, cluster.registry, context.stop);
      context.stdout(printChanges(changes));
      if (isDryRun) return changes.problems.length === 0 ? exitCodes.ok : exitCodes.failure;
      await applyChanges(changes, cluster.broker, cluster.registry, context.stop);
      const count = changes.createTopics.length + changes.registerSchemas.length;
      context.stderr(count === 0 ? "nothing to do\n" : `${count} changes made\n`);
      return exitCodes.ok;
    } finally {
      await cluster.close();
    }
  },
};
