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
      if (isMeasured && monitor !== undefined) {
        const range = fromMs === undefined || toMs === undefined ? undefined : { fromMs, toMs };
        const waiting = await measure(monitored, monitor, range, context);
        if (waiting !== undefined) {
          context.stderr(`monitor ${monitor.name} has no new baseline: ${waiting}\n`);
          return exitCodes.failure;
        }
      }
      const { broker, registry } = monitored.reach;
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
      return exitCodes.ok;
    });
  },
};

/** Why nothing could be measured; undefined when it was. */
async function measure(
  { plan, monitoring, reach }: Monitored,
  monitor: PlannedMonitor,
  range: { readonly fromMs: number; readonly toMs: number } | undefined,
  context: CommandContext,
): Promise<string | undefined> {
  const { broker, registry, artefacts } = reach;
  const { baselines, verdicts } = monitoring.topics;
  const by = { broker, registry, topic: baselines.clusterName, clock: systemClock, hasher: nodeHasher, monitor };
  if (range !== undefined) {
    await measureAndWrite(by, { ...range, origin: `${rangeText(range.fromMs, range.toMs)}, by hand` }, context.stop);
    return undefined;
  }
  const learnt = new LearntWindows(broker, registry, verdicts.clusterName, [monitor]);
  const closed = await learnt.of(monitor, context.stop);
  const of = { controlTopic: plan.control.clusterName, alias: championAlias, artefacts, closed };
  const ensured = await ensureBaseline({ ...by, ...of }, context.stop);
  return ensured.kind === "waiting" ? ensured.reason : undefined;
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
