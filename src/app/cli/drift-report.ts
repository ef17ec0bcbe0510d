import { writeFileSync } from "node:fs";
import { formatIsoTime, messageOf } from "../../kernel/index.ts";
import type { VerdictRecord } from "../../monitor/index.ts";
import {
  fieldReports,
  modelReports,
  readBaselines,
  readPartials,
  readVerdicts,
  reportedWindows,
  reportPage,
} from "../../monitoring/index.ts";
import { ExitError, exitCodes } from "../exit.ts";
import { type Column, outputForm, printedRows } from "../printed-rows.ts";
import { type CommandContext, type CommandDefinition, flag } from "./command.ts";
import {
  durationFlag,
  judgedMonitors,
  type Monitored,
  onMonitors,
  shownNumber,
  unreadWarning,
  withMonitors,
  withOutput,
} from "./monitoring.ts";

const columns: readonly Column<VerdictRecord>[] = [
  { heading: "MONITOR", show: ({ monitor }) => monitor },
  { heading: "FIELD", show: ({ field }) => field },
  { heading: "WINDOW", show: ({ fromMs }) => formatIsoTime(fromMs) },
  { heading: "VERDICT", show: ({ kind, reason }) => (reason === undefined ? kind : `${kind} (${reason})`) },
  { heading: "SCORE", show: ({ score }) => shownNumber(score) },
  { heading: "THRESHOLD", show: ({ threshold }) => shownNumber(threshold) },
  { heading: "N", show: ({ n }) => n },
  { heading: "M", show: ({ m }) => m },
  { heading: "LATE", show: ({ late }) => late },
  { heading: "CAUSE", show: ({ cause }) => cause ?? "-" },
  { heading: "BASELINE", show: ({ baseline }) => baseline || "-" },
];

export const command: CommandDefinition = {
  configure: (command) =>
    withOutput(withMonitors(command))
      .addOption(flag("--monitor <name>", "one monitor; all when it is left out"))
      .addOption(flag("--since <duration>", "how long ago the verdicts were written at most").default("7d"))
      .addOption(
        flag("--html <out>", "file that the report is written to, as a page; without it the verdicts are printed"),
      ),

  async run(context, [file], flags) {
    const form = outputForm(flags["output"]);
    const sinceMs = durationFlag("since", flags["since"]);
    const out = flags["html"];
    await onMonitors(context, file, flags, async (monitored) => {
      const verdicts = await verdictsOf(monitored, flags, sinceMs, context);
      if (typeof out !== "string") {
        const text =
          form === "table" ? printedRows(verdicts, columns, form) : printedRows(verdicts.map(rowOf), [], form);
        context.stdout(text);
        return;
      }
      const page = await pageOf(monitored, flags, verdicts, context);
      try {
        writeFileSync(out, page);
      } catch (cause) {
        throw new ExitError(exitCodes.failure, `writing ${out}: ${messageOf(cause)}`, { code: "MR_IO", cause });
      }
      context.stdout(`${out}\n`);
    });
    return exitCodes.ok;
  },
};

async function verdictsOf(
  { monitoring, reach, nowMs }: Monitored,
  flags: Readonly<Record<string, unknown>>,
  sinceMs: number,
  context: CommandContext,
): Promise<readonly VerdictRecord[]> {
  const { monitors, performance } = judgedMonitors(monitoring, flags);
  const names = new Set([...monitors, ...performance].map(({ name }) => name));
  const read = await readVerdicts(
    reach.broker,
    reach.registry,
    monitoring.topics.verdicts.clusterName,
    ({ monitor }) => names.has(monitor),
    context.stop,
    nowMs - sinceMs,
  );
  context.stderr(unreadWarning(read.unread));
  return read.verdicts;
}

async function pageOf(
  { plan, monitoring, reach, nowMs }: Monitored,
  flags: Readonly<Record<string, unknown>>,
  verdicts: readonly VerdictRecord[],
  context: CommandContext,
): Promise<string> {
  const { broker, registry } = reach;
  const { baselines: baselinesTopic, partials: partialsTopic } = monitoring.topics;
  const { monitors, performance } = judgedMonitors(monitoring, flags);
  const { baselines } = await readBaselines(broker, registry, baselinesTopic.clusterName, context.stop);
  const windows = reportedWindows(monitors, verdicts);
  const partials = await readPartials(
    broker,
    registry,
    partialsTopic.clusterName,
    ({ monitor, fromMs }) =>
      windows.some((window) => window.monitor === monitor && fromMs >= window.fromMs && fromMs < window.toMs),
    context.stop,
  );
  const fields = fieldReports(monitors, verdicts, partials, baselines);
  const models = modelReports(performance, verdicts);
  return reportPage({ topology: plan.topology, atMs: nowMs, fields, models });
}

/** A verdict as JSON has it: times ISO 8601, no NaN. */
function rowOf(verdict: VerdictRecord): object {
  const { fromMs, toMs, judgedAtMs, ...others } = verdict;
  const entries = Object.entries(others).map(([name, value]) => [name, Number.isNaN(value) ? null : (value ?? null)]);
  const [from, to, judgedAt] = [fromMs, toMs, judgedAtMs].map(formatIsoTime);
  return { ...Object.fromEntries(entries), from, to, judgedAt };
}
