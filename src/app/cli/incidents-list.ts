import { type IncidentSummary, incidentSummaries, readAlertEvents } from "../../monitoring/index.ts";
import { exitCodes } from "../exit.ts";
import { type Column, outputForm, printedRows } from "../printed-rows.ts";
import type { CommandDefinition } from "./command.ts";
import { onMonitors, withMonitors, withOutput } from "./monitoring.ts";

export const columns: readonly Column<IncidentSummary>[] = [
  { heading: "INCIDENT", show: ({ incident }) => incident },
  { heading: "STATE", show: ({ state }) => state },
  { heading: "SEVERITY", show: ({ severity, isPage }) => (isPage ? severity : `${severity}, nobody paged`) },
  { heading: "OPENED", show: ({ opened }) => opened ?? "-" },
  { heading: "CLOSED", show: ({ closed }) => closed ?? "-" },
  { heading: "CAUSE", show: ({ cause }) => cause ?? "-" },
  { heading: "FIELDS", show: ({ fields }) => fields.join(", ") || "-" },
];

export const command: CommandDefinition = {
  configure: (command) => withOutput(withMonitors(command)),

  async run(context, [file], flags) {
    const form = outputForm(flags["output"]);
    const incidents = await onMonitors(context, file, flags, async ({ monitoring, reach }) =>
      incidentSummaries(await readAlertEvents(reach.broker, monitoring.topics.alerts.clusterName, context.stop)),
    );
    context.stdout(printedRows(incidents, columns, form));
    return exitCodes.ok;
  },
};
