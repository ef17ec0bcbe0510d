import { formatIsoTime } from "../kernel/index.ts";
import {
  arrivalLine,
  type Cause,
  qualityLines,
  type Season,
  type VerdictKind,
  type VerdictRecord,
} from "../monitor/index.ts";
import { modelFields } from "../monitor/performance/index.ts";
import type { PlannedMonitor, PlannedPerformance } from "../topology/index.ts";
import type { BaselinesRead } from "./baselines-topic.ts";

/** The last verdict on one field, on a line of a monitor's quality, or on a metric of a model. Numbers that the judge did not give are null. */
export interface FieldStatus {
  readonly monitor: string;
  readonly field: string;
  /** `NONE` when no window was judged yet. */
  readonly verdict: VerdictKind | "NONE";
  readonly reason: string | null;
  /** In nats, of quality in the unit of its line, of a metric by how much it is worse; and what it had to reach. */
  readonly score: number | null;
  readonly threshold: number | null;
  readonly noiseFloor: number | null;
  readonly probability: number | null;
  readonly falseDiscoveryRate: number | null;
  /** Rows of the reference, of the window, and those that came too late for windows before it. */
  readonly n: number | null;
  readonly m: number | null;
  readonly late: number | null;
  readonly season: Season | null;
  /** ISO 8601. */
  readonly from: string | null;
  readonly to: string | null;
  readonly cause: Cause | null;
  readonly phase: string | null;
  readonly incident: string | null;
  /** By which the window was judged, and which is in service now. */
  readonly judgedBy: string | null;
  readonly baseline: string | null;
}

/**
 * The fields of these monitors in the plan's order, each with its last verdict, and behind them what was said of quality.
 *
 * @param verdicts in the order of their windows
 */
export function fieldStatuses(
  monitors: readonly PlannedMonitor[],
  verdicts: readonly VerdictRecord[],
  baselines: BaselinesRead["baselines"],
): FieldStatus[] {
  const last = new Map(verdicts.map((verdict) => [`${verdict.monitor}/${verdict.field}`, verdict]));
  return monitors.flatMap((of) => {
    const { name: monitor } = of;
    return [...of.fields.map(({ name }) => name), ...linesOf(of, last)].map((field): FieldStatus => {
      const verdict = last.get(`${monitor}/${field}`);
      const baseline = baselines.current(monitor)?.id ?? null;
      return { monitor, field, ...statusOf(verdict), baseline };
    });
  });
}

/** The metrics of these monitors, measured and estimated, each with its last verdict, and what detectors said of errors. */
export function performanceStatuses(
  monitors: readonly PlannedPerformance[],
  verdicts: readonly VerdictRecord[],
): FieldStatus[] {
  const last = new Map(verdicts.map((verdict) => [`${verdict.monitor}/${verdict.field}`, verdict]));
  return monitors.flatMap((spec) => {
    const { name: monitor } = spec;
    return modelFields(spec).map((field): FieldStatus => {
      const verdict = last.get(`${monitor}/${field}`);
      return { monitor, field, ...statusOf(verdict), baseline: verdict?.baseline || null };
    });
  });
}

/** What the monitor says of quality and detectors now: it may have been asked for more before. */
function linesOf(of: PlannedMonitor, last: ReadonlyMap<string, VerdictRecord>): string[] {
  const quality = qualityLines(of.fields, of.quality).map(({ name }) => name);
  const { fields = [], detectors = [] } = of.detectors ?? {};
  const watched = fields.flatMap((field) => detectors.map(({ kind }) => `${field}.${kind}`));
  const asked = new Set([arrivalLine, ...quality, ...watched]);
  return [...last.values()].flatMap(({ monitor, field }) => (monitor === of.name && asked.has(field) ? [field] : []));
}

function statusOf(verdict: VerdictRecord | undefined): Omit<FieldStatus, "monitor" | "field" | "baseline"> {
  const isJudged = verdict !== undefined && verdict.n > 0;
  return {
    verdict: verdict?.kind ?? "NONE",
    reason: verdict?.reason ?? null,
    score: numberOrNull(verdict?.score),
    threshold: numberOrNull(verdict?.threshold),
    noiseFloor: numberOrNull(verdict?.noiseFloor),
    probability: numberOrNull(verdict?.probability),
    falseDiscoveryRate: numberOrNull(verdict?.falseDiscoveryRate),
    n: isJudged ? verdict.n : null,
    m: verdict?.m ?? null,
    late: verdict?.late ?? null,
    season: isJudged ? verdict.season : null,
    from: verdict === undefined ? null : formatIsoTime(verdict.fromMs),
    to: verdict === undefined ? null : formatIsoTime(verdict.toMs),
    cause: verdict?.cause ?? null,
    phase: verdict?.phase ?? null,
    incident: verdict?.incident ?? null,
    judgedBy: verdict?.baseline || null,
  };
}

/** JSON has no NaN. */
function numberOrNull(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}
