import { versionsInUse } from "../../runtime/adoption/index.ts";
import { type PruneDecision, pruneDecisions, type VersionInUse } from "../../runtime/control/index.ts";
import { readAliases } from "../../runtime/index.ts";
import { openAdoptions } from "../adoptions.ts";
import { exitCodes } from "../exit.ts";
import { type Column, outputForm, printedRows } from "../printed-rows.ts";
import { type CommandDefinition, countFlag, flag } from "./command.ts";
import { namedModels, type OnModels, onModels, withModels } from "./models.ts";
import { withOutput } from "./monitoring.ts";

const keepDefault = 5;

/** What became of a version. */
interface Pruned extends Omit<PruneDecision, "action"> {
  readonly model: string;
  readonly action: "kept" | "removed" | "would be removed";
}

const columns: readonly Column<Pruned>[] = [
  { heading: "MODEL", show: ({ model }) => model },
  { heading: "VERSION", show: ({ version }) => version },
  { heading: "ACTION", show: ({ action }) => action },
  { heading: "REASON", show: ({ reason }) => reason },
];

export const command: CommandDefinition = {
  configure: (command) =>
    withOutput(withModels(command))
      .addOption(flag("--keep <count>", "how many of the latest versions stay in any case").default(keepDefault))
      .addOption(flag("--dry-run", "say what would be removed, and remove nothing")),

  async run(context, [file], flags) {
    const form = outputForm(flags["output"]);
    const keep = countFlag("keep", flags["keep"]) ?? keepDefault;
    const isDry = flags["dryRun"] === true;
    const rows = await onModels(context, file, flags, async (on) => {
      const found: Pruned[] = [];
      for (const { name } of namedModels(on.plan, flags))
        found.push(...(await prune(on, name, { keep, isDry }, context.stop)));
      return found;
    });
    context.stdout(printedRows(rows, columns, form));
    return exitCodes.ok;
  },
};

async function prune(
  { plan, reach }: OnModels,
  model: string,
  { keep, isDry }: { readonly keep: number; readonly isDry: boolean },
  signal: AbortSignal,
): Promise<readonly Pruned[]> {
  const { broker, artefacts } = reach;
  const decide = async (): Promise<readonly PruneDecision[]> => {
    const { aliases } = await readAliases(broker, plan.control.clusterName, signal);
    const inUse = await inUseOf(model, plan, reach, signal);
    return pruneDecisions(model, await artefacts.versions(model, signal), { aliases, inUse, keep });
  };
  const found: Pruned[] = [];
  for (const { version, action, reason } of await decide()) {
    // Asked anew before each: an alias may have moved there in the meantime.
    const now = action === "remove" && !isDry ? (await decide()).find((later) => later.version === version) : undefined;
    if (now?.action === "remove") await artefacts.remove(model, version, signal);
    const isKept = action === "keep" || now?.action === "keep";
    const shown = isKept ? "kept" : isDry ? "would be removed" : "removed";
    found.push({ model, version, action: shown, reason: now?.reason ?? reason });
  }
  return found;
}

async function inUseOf(
  model: string,
  plan: OnModels["plan"],
  reach: OnModels["reach"],
  signal: AbortSignal,
): Promise<readonly VersionInUse[]> {
  const log = await openAdoptions(plan, reach, signal);
  return log === undefined ? [] : versionsInUse(model, log, reach.broker.admin, signal);
}
