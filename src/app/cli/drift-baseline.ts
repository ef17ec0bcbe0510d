import { nodeHasher, systemClock } from "../../adapters/node/index.ts";
import { formatIsoTime } from "../../kernel/index.ts";
import {
  type BaselinesRead,
  ensureBaseline,
  isInService,
  LearntWindows,
  measureAndWrite,
  rangeText,
  readBaselines,
} from "../../monitoring/index.ts";
import { championAlias } from "../../runtime/control/index.ts";
import type { PlannedMonitor } from "../../topology/index.ts";
import { type GivenCommand, giveCommand } from "../command-taken.ts";
import { exitCodes, usageError } from "../exit.ts";
import { type Column, outputForm, printedRows } from "../printed-rows.ts";
import { type CommandContext, type CommandDefinition, flag, timeFlag } from "./command.ts";
import { type Monitored, namedMonitors, onMonitors, unreadWarning, withMonitors, withOutput } from "./monitoring.ts";

/** What a monitor compares with, as the command prints it. */
interface BaselineStatus {
  readonly monitor: string;
  /** `none`, `in-service`, or `outdated` where the monitor has changed since it was measured. */
  readonly state: "none" | "in-service" | "outdated";
  readonly baseline: string | null;
  readonly origin: string | null;
  /** ISO 8601: since when. */
  readonly since: string | null;
  readonly rows: number | null;
  readonly windows: number | null;
  readonly fields: number;
}

const columns: readonly Column<BaselineStatus>[] = [
  { heading: "MONITOR", show: ({ monitor }) => monitor },
  { heading: "STATE", show: ({ state }) => state },
  { heading: "BASELINE", show: ({ baseline }) => baseline ?? "-" },
  { heading: "ROWS", show: ({ rows }) => rows ?? "-" },
  { heading: "WINDOWS", show: ({ windows }) => windows ?? "-" },
  { heading: "FIELDS", show: ({ fields }) => fields },
  { heading: "SINCE", show: ({ since }) => since ?? "-" },
  { heading: "ORIGIN", show: ({ origin }) => origin ?? "-" },
];

export const command: CommandDefinition = {
  configure: (command) =>
    withOutput(withMonitors(command))
      .addOption(flag("--monitor <name>", "one monitor; all when it is left out"))
      .addOption(flag("--measure", "measure it anew as the topology says, and put it in service; needs --monitor"))
      .addOption(flag("--from <time>", "with --measure: first event time of the rows, ISO 8601"))
      .addOption(flag("--to <time>", "with --measure: event time at which the rows end, ISO 8601")),

  async run(context, [file], flags) {
    const form = outputForm(flags["output"]);
    const [fromMs, toMs] = [timeFlag("from", flags), timeFlag("to", flags)];
    const isMeasured = flags["measure"] === true;
    if (isMeasured && flags["monitor"] === undefined) throw usageError("--measure needs --monitor");
    if (!isMeasured && (fromMs !== undefined || toMs !== undefined)) throw usageError("--from and --to need --measure");
    if ((fromMs === undefined) !== (toMs === undefined)) throw usageError("--from and --to are given together");
    return onMonitors(context, file, flags, async (monitored) => {
      const monitors = namedMonitors(monitored.monitoring, flags);
      const [monitor] = monitors;
      const { broker, registry } = monitored.reach;
      const range = fromMs === undefined || toMs === undefined ? undefined : { fromMs, toMs };
      const alertsTopic = monitored.monitoring.topics.alerts.clusterName;
      const code =
        isMeasured && monitor !== undefined
          ? await giveCommand({ broker, alertsTopic }, context, () => measure(monitored, monitor, range, context))
          : exitCodes.ok;
      if (code === exitCodes.failure) return code;
      const topic = monitored.monitoring.topics.baselines.clusterName;
      const read = await readBaselines(broker, registry, topic, context.stop);
      context.stderr(unreadWarning(read.unread));
      context.stdout(
        printedRows(
          monitors.map((known) => statusOf(known, read)),
          columns,
          form,
        ),
      );
      return code;
    });
  },
};

/** Measures and puts in service. @returns undefined, and says why, where there is nothing to measure */
async function measure(
  { plan, monitoring, reach }: Monitored,
  monitor: PlannedMonitor,
  range: { readonly fromMs: number; readonly toMs: number } | undefined,
  context: CommandContext,
): Promise<GivenCommand | undefined> {
  const { broker, registry, artefacts } = reach;
  const { baselines, verdicts } = monitoring.topics;
  const by = { broker, registry, topic: baselines.clusterName, clock: systemClock, hasher: nodeHasher, monitor };
  if (range !== undefined) {
    const reference = { ...range, origin: `${rangeText(range.fromMs, range.toMs)}, by hand` };
    const { head } = await measureAndWrite(by, reference, context.stop);
    return baselineCommand(head);
  }
  const learnt = new LearntWindows(broker, registry, verdicts.clusterName, [monitor]);
  const closed = await learnt.of(monitor, context.stop);
  const of = { controlTopic: plan.control.clusterName, alias: championAlias, artefacts, closed };
  const ensured = await ensureBaseline({ ...by, ...of }, context.stop);
  if (ensured.kind === "written") return baselineCommand(ensured.head);
  context.stderr(`monitor ${monitor.name} has no new baseline: ${ensured.reason}\n`);
  return undefined;
}

function baselineCommand({ monitor, id }: { readonly monitor: string; readonly id: string }): GivenCommand {
  return { key: `baseline/${monitor}`, request: id };
}

function statusOf(monitor: PlannedMonitor, { baselines, heads }: BaselinesRead): BaselineStatus {
  const { name, fields } = monitor;
  const current = baselines.current(name);
  const head = heads.get(name);
  if (current === undefined || head === undefined) {
    const nothing = { baseline: null, origin: null, since: null, rows: null, windows: null };
    return { monitor: name, state: "none", ...nothing, fields: fields.length };
  }
  const windows = current.fields[0]?.windows ?? [];
  return {
    monitor: name,
    state: isInService(baselines, monitor, nodeHasher) ? "in-service" : "outdated",
    baseline: current.id,
    origin: head.origin,
    since: formatIsoTime(head.atMs),
    rows: windows.reduce((sum, { rows }) => sum + rows, 0),
    windows: windows.length,
    fields: current.fields.length,
  };
}
