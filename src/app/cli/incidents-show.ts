import { closest } from "../../kernel/index.ts";
import type { AlertEvent } from "../../monitor/index.ts";
import { incidentSummaries, readAlertEvents } from "../../monitoring/index.ts";
import { readRetrainings } from "../../retraining/index.ts";
import { exitCodes, usageError } from "../exit.ts";
import { type Column, outputForm, printedRows } from "../printed-rows.ts";
import type { CommandDefinition } from "./command.ts";
import { columns as incidentColumns } from "./incidents-list.ts";
import { onMonitors, shownNumber, withMonitors, withOutput } from "./monitoring.ts";
import { columns as retrainingColumns } from "./triggers-list.ts";

const columns: readonly Column<AlertEvent>[] = [
  { heading: "AT", show: ({ at }) => at },
  { heading: "EVENT", show: ({ type }) => type.replace("millrace.", "") },
  { heading: "FIELD", show: ({ field }) => field ?? "-" },
  { heading: "SCORE", show: ({ score }) => shownNumber(score) },
  { heading: "THRESHOLD", show: ({ threshold }) => shownNumber(threshold) },
  { heading: "N", show: ({ n }) => n ?? "-" },
  { heading: "M", show: ({ m }) => m ?? "-" },
  { heading: "CAUSE", show: ({ cause }) => cause ?? "-" },
  { heading: "SUMMARY", show: ({ summary }) => summary },
];

export const command: CommandDefinition = {
  configure: (command) =>
    withOutput(withMonitors(command)).argument(
      "<incident>",
      "id of the incident, as `millrace incidents list` shows it",
    ),

  async run(context, [file, id], flags) {
    const form = outputForm(flags["output"]);
    const [logged, retrainings] = await onMonitors(context, file, flags, async ({ monitoring, plan, reach }) => [
      await readAlertEvents(reach.broker, monitoring.topics.alerts.clusterName, context.stop),
      plan.retraining === undefined
        ? []
        : await readRetrainings(reach.broker, plan.retraining.clusterName, context.stop),
    ]);
    const incidents = incidentSummaries(logged);
    const found = incidents.find(({ incident }) => incident === id);
    if (found === undefined) {
      const ids = incidents.map(({ incident }) => incident);
      const meant = closest(String(id), ids);
      const hint = meant === undefined ? "see `millrace incidents list`" : `did you mean ${meant}?`;
      throw usageError(`there is no incident ${String(id)}`, hint);
    }
    const events = logged.flatMap(({ event }) => (event.incident === id ? [event] : []));
    // What followed from it: the request, the training, the gate, the version that took over.
    const followed = retrainings.filter(({ incident }) => incident === id);
    if (form === "table")
      context.stdout(
        [
          printedRows([found], incidentColumns, form),
          printedRows(events, columns, form),
          ...(followed.length === 0 ? [] : [printedRows(followed, retrainingColumns, form)]),
        ].join("\n"),
      );
    else context.stdout(printedRows([{ ...found, events, retrainings: followed }], [], form));
    return exitCodes.ok;
  },
};
