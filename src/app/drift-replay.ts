import { formatDurationMs, parseIsoTimeMs } from "../kernel/index.ts";
import { judgeOptionsOf, type ReplayedMonitor, replayMonitors, stagePartitions } from "../monitoring/index.ts";
import type { Plan, PlannedMonitor, PlannedMonitoring } from "../topology/index.ts";
import { usageError } from "./exit.ts";
import { type Column, type OutputForm, printedRows } from "./printed-rows.ts";
import type { Reach } from "./reach.ts";

/** A monitor as it was judged by the settings of one file. */
interface ReplayRow extends ReplayedMonitor {
  readonly settings: "file" | "tried";
  readonly windowMs: number;
}

export interface DriftReplay {
  readonly rows: readonly ReplayRow[];
  /** Records of the topics that could not be read. */
  readonly unread: number;
}

export interface ReplayQuestion {
  readonly plan: Plan;
  readonly monitoring: PlannedMonitoring;
  /** Whose thresholds and alerts are tried beside those of `plan`. */
  readonly tried: Plan | undefined;
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

/**
 * Judges again what a topology's monitors have counted, by its settings and by others.
 *
 * @throws ExitError 64 when the others count something else: what was counted cannot be counted again
 */
export async function replayDrift(
  { plan, monitoring, tried, fromMs, toMs }: ReplayQuestion,
  { broker, registry }: Pick<Reach, "broker" | "registry">,
  signal: AbortSignal,
): Promise<DriftReplay> {
  const other = tried?.monitoring;
  if (tried !== undefined) checkSameCounts(monitoring, other?.monitors ?? []);
  const partitions = await stagePartitions(plan, broker.admin, signal);
  const judges = [monitoring, ...(other === undefined ? [] : [other])].map((each) =>
    judgeOptionsOf(plan, each, partitions),
  );
  const topics = {
    partials: monitoring.topics.partials.clusterName,
    baselines: monitoring.topics.baselines.clusterName,
  };
  const { outcomes, unread } = await replayMonitors({ broker, registry, topics, judges, fromMs, toMs }, signal);
  const windows = new Map(monitoring.monitors.map(({ name, windowMs }) => [name, windowMs]));
  const rows = outcomes.flatMap((monitors, i) =>
    monitors.map((outcome): ReplayRow => {
      return { settings: i === 0 ? "file" : "tried", windowMs: windows.get(outcome.monitor) ?? 0, ...outcome };
    }),
  );
  return { rows, unread };
}

/** A monitor that the others do not have is judged by its own settings alone. */
function checkSameCounts({ monitors }: PlannedMonitoring, tried: readonly PlannedMonitor[]): void {
  if (tried.length === 0) throw usageError("--thresholds: the topology in that file has no monitors of topics");
  for (const { name, version } of tried) {
    const own = monitors.find((monitor) => monitor.name === name);
    if (own?.version === version) continue;
    throw usageError(
      own === undefined
        ? `--thresholds: the topology has no monitor ${name}`
        : `--thresholds: monitor ${name} counts other fields, another topic or other windows than the topology's`,
      "change thresholds, season, late, severity and alerts alone",
    );
  }
}

const columns: readonly Column<ReplayRow>[] = [
  { heading: "MONITOR", show: ({ monitor }) => monitor },
  { heading: "SETTINGS", show: ({ settings }) => settings },
  { heading: "FROM", show: ({ from }) => from ?? "-" },
  { heading: "TO", show: ({ to }) => to ?? "-" },
  { heading: "WINDOWS", show: ({ windows }) => windows },
  { heading: "VERDICTS", show: ({ verdicts }) => verdicts },
  { heading: "DRIFT", show: ({ drift }) => drift },
  { heading: "INSUFFICIENT", show: ({ insufficient }) => insufficient },
  { heading: "SUPPRESSED", show: ({ suppressed }) => suppressed },
  { heading: "INCIDENTS", show: ({ incidents }) => incidents.length },
  { heading: "PAGES", show: ({ pages }) => pages },
];

/** What was found, for people or for programs; for people with a sentence for each incident and each settings. */
export function replayText({ rows }: Pick<DriftReplay, "rows">, form: OutputForm): string {
  if (form !== "table") return printedRows(rows, [], form);
  const incidents = rows.flatMap(({ settings, incidents: opened }) =>
    opened.map(
      ({ id, at, isPage, fields }) =>
        `${settings}: ${id} ${isPage ? "pages" : "a ticket"} at ${at}: ${fields.join(", ")}`,
    ),
  );
  const totals = [...new Set(rows.map(({ settings }) => settings))].map((settings) => totalText(settings, rows));
  return [printedRows(rows, columns, form), ...[...incidents, ...totals].map((line) => `${line}\n`)].join("");
}

function totalText(settings: ReplayRow["settings"], rows: readonly ReplayRow[]): string {
  const own = rows.filter((row) => row.settings === settings);
  const pages = own.reduce((sum, row) => sum + row.pages, 0);
  const times = own.flatMap(({ from, to, windowMs }) =>
    from === null || to === null
      ? []
      : [{ fromMs: parseIsoTimeMs(from) ?? 0, toMs: (parseIsoTimeMs(to) ?? 0) + windowMs }],
  );
  if (times.length === 0) return `${settings}: no window was judged`;
  const spanMs = Math.max(...times.map(({ toMs }) => toMs)) - Math.min(...times.map(({ fromMs }) => fromMs));
  return `${settings}: pages ${pages} in ${formatDurationMs(spanMs)}`;
}
