import { closest } from "../../kernel/index.ts";
import { type Changes, changelogsOf, type Plan, printChanges, storeKey } from "../../topology/index.ts";
import { applyChanges, compareWithCluster } from "../apply-plan.ts";
import { exitCodes, usageError } from "../exit.ts";
import { loadFilePlan } from "../load-topology.ts";
import { openCluster } from "../open-cluster.ts";
import { actFlag, type CommandDefinition, connectionFlags, flag, withConnection } from "./command.ts";

export const command: CommandDefinition = {
  configure: (command) =>
    withConnection(command)
      .argument("<file>", "topology file")
      .addOption(flag("--dry-run", "show what would change, and change nothing"))
      .addOption(
        actFlag("--reset-state <store>", "empty a store, STAGE/STORE, whose workers have ended; may be repeated"),
      ),

  async run(context, [file], flags) {
    const named = connectionFlags(flags);
    const loaded = loadFilePlan(String(file), context.environment, named.namespace);
    const reset = storesToReset(loaded.first, (flags["resetState"] as string[] | undefined) ?? []);
    const isDryRun = flags["dryRun"] === true;
    const cluster = await openCluster(named, context, isDryRun ? "read" : "write");
    try {
      const plan = await loaded.against(cluster.registry, context.stop);
      const changes = await compareWithCluster(plan, cluster.broker, cluster.registry, context.stop, reset);
      context.stdout(printChanges(changes));
      if (isDryRun) return changes.problems.length === 0 ? exitCodes.ok : exitCodes.failure;
      await applyChanges(changes, cluster.broker, cluster.registry, context.stop);
      const count = changeCount(changes);
      context.stderr(count === 0 ? "nothing to do\n" : `${count} changes made\n`);
      return exitCodes.ok;
    } finally {
      await cluster.close();
    }
  },
};

function changeCount({ createTopics, growTopics, registerSchemas, stores }: Changes): number {
  const described = stores.describe.length + stores.forget.length;
  return createTopics.length + growTopics.length + registerSchemas.length + described;
}

/** @throws ExitError 64 for a name that the plan has no changelog for */
function storesToReset(plan: Plan, names: readonly string[]): ReadonlySet<string> {
  const known = changelogsOf(plan).map(({ stage, store }) => storeKey({ stage: stage.name, store: store.name }));
  for (const name of names) {
    if (known.includes(name)) continue;
    const meant = closest(name, known);
    const stores = known.length === 0 ? "no store is written down" : `there are ${known.join(", ")}`;
    throw usageError(
      `--reset-state: ${plan.topology} has no store ${JSON.stringify(name)} that is written down`,
      meant === undefined ? stores : `did you mean "${meant}"?`,
    );
  }
  return new Set(names);
}
