import { readAliases } from "../../runtime/index.ts";
import { exitCodes } from "../exit.ts";
import { type VersionSummary, versionSummaries } from "../model-versions.ts";
import { type Column, outputForm, printedRows } from "../printed-rows.ts";
import type { CommandDefinition } from "./command.ts";
import { namedModels, onModels, withModels } from "./models.ts";
import { shownNumber, withOutput } from "./monitoring.ts";

export const columns: readonly Column<VersionSummary>[] = [
  { heading: "MODEL", show: ({ model }) => model },
  { heading: "VERSION", show: ({ version }) => version },
  { heading: "ALIASES", show: ({ aliases }) => (aliases.length === 0 ? "-" : aliases.join(", ")) },
  { heading: "CREATED", show: ({ created }) => created ?? "-" },
  { heading: "LEARNER", show: ({ learner }) => learner ?? "-" },
  { heading: "ROWS", show: ({ trainRows }) => trainRows ?? "-" },
  { heading: "AUC", show: ({ metrics }) => shownNumber(metrics?.auc) },
  { heading: "AP", show: ({ metrics }) => shownNumber(metrics?.averagePrecision) },
  { heading: "LOG LOSS", show: ({ metrics }) => shownNumber(metrics?.logLoss) },
  { heading: "BYTES", show: ({ bytes }) => bytes },
  { heading: "FAULT", show: ({ fault }) => fault ?? "-" },
];

export const command: CommandDefinition = {
  configure: (command) => withOutput(withModels(command)),

  async run(context, [file], flags) {
    const form = outputForm(flags["output"]);
    const rows = await onModels(context, file, flags, async ({ plan, reach }) => {
      const { aliases } = await readAliases(reach.broker, plan.control.clusterName, context.stop);
      const found: VersionSummary[] = [];
      for (const { name } of namedModels(plan, flags))
        found.push(...(await versionSummaries(reach.artefacts, name, aliases, context.stop)));
      return found;
    });
    context.stdout(printedRows(rows, columns, form));
    return exitCodes.ok;
  },
};
