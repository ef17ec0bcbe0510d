import type { EpochMs } from "../kernel/index.ts";
import { isEstimated } from "../monitor/estimate/index.ts";
import {
  Baseline,
  type BaselineFieldRecord,
  type CountedWindow,
  cellsOf,
  merged,
  type Partial,
  type PartialRecord,
  type VerdictRecord,
} from "../monitor/index.ts";
import { modelFields } from "../monitor/performance/index.ts";
import type { PlannedMonitor, PlannedPerformance } from "../topology/index.ts";
import type { BaselinesRead } from "./baselines-topic.ts";

/** How many rows a cell held in the reference and in the window. */
export interface ReportedCell {
  /** What it holds; of a sensitive field its number alone. */
  readonly name: string;
  readonly reference: number;
  readonly current: number;
}

/** A field in the last window that was judged: how it is spread beside its reference, and its score over time. */
export interface FieldReport {
  readonly monitor: string;
  readonly field: string;
  readonly isSensitive: boolean;
  /** The last verdict; undefined while nothing was judged. */
  readonly last: VerdictRecord | undefined;
  /** Cells in which either has a row; none when the counts of the window or its baseline are no longer there. */
  readonly cells: readonly ReportedCell[];
  /** Rows of the reference and of the window, as far as they are in the cells. */
  readonly n: number;
  readonly m: number;
  /** All verdicts, in the order of their windows. */
  readonly verdicts: readonly VerdictRecord[];
}

/** A metric of a model, or what a detector says of its errors, over time. */
export interface ModelReport {
  readonly monitor: string;
  readonly field: string;
  /** Before labels were there, and not measured by them. */
  readonly isEstimated: boolean;
  /** All verdicts, in the order of their windows. */
  readonly verdicts: readonly VerdictRecord[];
}

/** One per metric, in the plan's order. @param verdicts in the order of their windows */
export function modelReports(
  monitors: readonly PlannedPerformance[],
  verdicts: readonly VerdictRecord[],
): ModelReport[] {
  return monitors.flatMap((spec) =>
    modelFields(spec).map((field): ModelReport => {
      const own = verdicts.filter((verdict) => verdict.monitor === spec.name && verdict.field === field);
      return { monitor: spec.name, field, isEstimated: isEstimated(field), verdicts: own };
    }),
  );
}

/** A window of a monitor by one of its baselines, whose counts a report needs. */
export interface ReportedWindow {
  readonly monitor: string;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  readonly baseline: string;
}

/** The windows that the last verdicts with a baseline are of, of each monitor one. */
export function reportedWindows(
  monitors: readonly PlannedMonitor[],
  verdicts: readonly VerdictRecord[],
): ReportedWindow[] {
  return monitors.flatMap(({ name }) => {
    const last = verdicts.findLast(({ monitor, baseline, m }) => monitor === name && baseline !== "" && m > 0);
    return last === undefined ? [] : [{ monitor: name, fromMs: last.fromMs, toMs: last.toMs, baseline: last.baseline }];
  });
}

/**
 * One report per field, in the plan's order.
 *
 * @param verdicts in the order of their windows
 * @param partials of the windows that `reportedWindows` names
 */
export function fieldReports(
  monitors: readonly PlannedMonitor[],
  verdicts: readonly VerdictRecord[],
  partials: readonly PartialRecord[],
  baselines: BaselinesRead["baselines"],
): FieldReport[] {
  const windows = new Map(reportedWindows(monitors, verdicts).map((window) => [window.monitor, window]));
  return monitors.flatMap((monitor) => {
    const window = windows.get(monitor.name);
    const fields = window === undefined ? undefined : baselines.fieldsOf(monitor.name, window.baseline);
    const ordered = fields === undefined ? undefined : inOrder(monitor, fields);
    const counted = window === undefined ? [] : partials.filter((partial) => isOf(partial, window, monitor.version));
    const current = counted.length === 0 ? undefined : merged(counted);
    const reference = window && ordered && referenceOf(ordered, monitor.season, window.fromMs);
    return monitor.fields.map(({ name: field, isSensitive }, i): FieldReport => {
      const own = verdicts.filter((verdict) => verdict.monitor === monitor.name && verdict.field === field);
      const source = ordered?.[i]?.cells;
      const cells =
        source === undefined || reference === undefined || current === undefined
          ? []
          : cellRows(cellsOf(source), reference.counts[i] ?? [], current.counts[i] ?? [], isSensitive);
      return {
        monitor: monitor.name,
        field,
        isSensitive,
        last: own.at(-1),
        cells,
        n: cells.reduce((sum, cell) => sum + cell.reference, 0),
        m: cells.reduce((sum, cell) => sum + cell.current, 0),
        verdicts: own,
      };
    });
  });
}

/** The fields of a baseline in the monitor's order; undefined when it is not one of the monitor as it is now. */
function inOrder(
  { fields }: PlannedMonitor,
  held: readonly BaselineFieldRecord[],
): readonly BaselineFieldRecord[] | undefined {
  const ordered = fields.flatMap(({ name }) => held.find(({ field }) => field === name) ?? []);
  return ordered.length === fields.length ? ordered : undefined;
}

function isOf(partial: PartialRecord, window: ReportedWindow, version: string): boolean {
  const { monitor, fromMs, baseline, rows } = partial;
  const isWithin = fromMs >= window.fromMs && fromMs < window.toMs;
  return (
    monitor === window.monitor && isWithin && baseline === window.baseline && partial.version === version && rows > 0
  );
}

/** What the judge has compared the window with. */
function referenceOf(
  fields: readonly BaselineFieldRecord[],
  season: PlannedMonitor["season"],
  fromMs: EpochMs,
): Partial | undefined {
  const windows = (fields[0]?.windows ?? []).map(({ fromMs: from, rows }, i): CountedWindow => {
    const counts = fields.map((field) => field.windows[i]?.counts ?? new Float64Array(0));
    return { fromMs: from, partial: { rows, counts } };
  });
  return windows.length === 0 ? undefined : new Baseline(windows, season).referenceAt(fromMs).partial;
}

function cellRows(
  cells: ReturnType<typeof cellsOf>,
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  isSensitive: boolean,
): ReportedCell[] {
  return Array.from({ length: cells.count }, (_, cell): ReportedCell => {
    const name = isSensitive ? `cell ${cell}` : cells.nameOf(cell);
    return { name, reference: reference[cell] ?? 0, current: current[cell] ?? 0 };
  }).filter((cell) => cell.reference > 0 || cell.current > 0);
}
