import {
  type FieldStatus,
  fieldStatuses,
  performanceStatuses,
  readBaselines,
  readVerdicts,
} from "../../monitoring/index.ts";
import { exitCodes } from "../exit.ts";
import { type Column, outputForm, printedRows } from "../printed-rows.ts";
import { type CommandDefinition, flag } from "./command.ts";
import {
  durationFlag,
  judgedMonitors,
  onMonitors,
  shownNumber,
  unreadWarning,
  withMonitors,
  withOutput,
} from "./monitoring.ts";

const columns: readonly Column<FieldStatus>[] = [
  { heading: "MONITOR", show: ({ monitor }) => monitor },
  { heading: "FIELD", show: ({ field }) => field },
  { heading: "VERDICT", show: ({ verdict, reason }) => (reason === null ? verdict : `${verdict} (${reason})`) },
  { heading: "SCORE", show: ({ score }) => shownNumber(score) },
  { heading: "THRESHOLD", show: ({ threshold }) => shownNumber(threshold) },
  { heading: "N", show: ({ n }) => n ?? "-" },
  { heading: "M", show: ({ m }) => m ?? "-" },
  { heading: "WINDOW", show: ({ from }) => from ?? "-" },
  { heading: "PHASE", show: ({ phase }) => phase ?? "-" },
  { heading: "CAUSE", show: ({ cause }) => cause ?? "-" },
  { heading: "BASELINE", show: ({ baseline }) => baseline ?? "-" },
];

export const command: CommandDefinition = {
  configure: (command) =>
    withOutput(withMonitors(command))
      .addOption(flag("--monitor <name>", "one monitor; all when it is left out"))
      .addOption(flag("--since <duration>", "how long ago the verdicts were written at most").default("7d")),

  async run(context, [file], flags) {
    const form = outputForm(flags["output"]);
    const sinceMs = durationFlag("since", flags["since"]);
    const statuses = await onMonitors(context, file, flags, async ({ monitoring, reach, nowMs }) => {
      const { monitors, performance } = judgedMonitors(monitoring, flags);
      const { broker, registry } = reach;
      const names = new Set([...monitors, ...performance].map(({ name }) => name));
      const isAsked = ({ monitor }: { readonly monitor: string }): boolean => names.has(monitor);
      const topics = monitoring.topics;
      const read = await readVerdicts(
        broker,
        registry,
        topics.verdicts.clusterName,
        isAsked,
        context.stop,
        nowMs - sinceMs,
      );
      const { baselines, unread } = await readBaselines(broker, registry, topics.baselines.clusterName, context.stop);
      context.stderr(unreadWarning(read.unread + unread));
      return [...fieldStatuses(monitors, read.verdicts, baselines), ...performanceStatuses(performance, read.verdicts)];
    });
    context.stdout(printedRows(statuses, columns, form));
    return exitCodes.ok;
  },
};
