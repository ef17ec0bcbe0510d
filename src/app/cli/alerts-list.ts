import { type AlertSummary, alertSummaries, readAlertEvents, readMonitorCommands } from "../../monitoring/index.ts";
import { exitCodes } from "../exit.ts";
import { type Column, outputForm, printedRows } from "../printed-rows.ts";
import { type CommandDefinition, flag } from "./command.ts";
import { onMonitors, shownNumber, withMonitors, withOutput } from "./monitoring.ts";

const columns: readonly Column<AlertSummary>[] = [
  { heading: "ALERT", show: ({ alert }) => alert },
  { heading: "STATE", show: ({ state }) => state },
  { heading: "SEVERITY", show: ({ severity }) => severity },
  { heading: "SINCE", show: ({ since }) => since },
  { heading: "SCORE", show: ({ score }) => shownNumber(score) },
  { heading: "THRESHOLD", show: ({ threshold }) => shownNumber(threshold) },
  { heading: "N", show: ({ n }) => n ?? "-" },
  { heading: "M", show: ({ m }) => m ?? "-" },
  { heading: "CAUSE", show: ({ cause }) => cause ?? "-" },
  { heading: "INCIDENT", show: ({ incident }) => incident ?? "-" },
  {
    heading: "MUTED",
    show: ({ mutedBy, mutedUntil }) => (mutedUntil === null ? "-" : `${mutedBy} until ${mutedUntil}`),
  },
];

export const command: CommandDefinition = {
  configure: (command) =>
    withOutput(withMonitors(command)).addOption(flag("--all", "show those too that were resolved")),

  async run(context, [file], flags) {
    const form = outputForm(flags["output"]);
    const alerts = await onMonitors(context, file, flags, async ({ plan, monitoring, reach, nowMs }) => {
      const events = await readAlertEvents(reach.broker, monitoring.topics.alerts.clusterName, context.stop);
      const commands = await readMonitorCommands(reach.broker, plan.control.clusterName, context.stop);
      return alertSummaries(events, commands, nowMs);
    });
    const shown = flags["all"] === true ? alerts : alerts.filter(({ state }) => state !== "resolved");
    context.stdout(printedRows(shown, columns, form));
    return exitCodes.ok;
  },
};
