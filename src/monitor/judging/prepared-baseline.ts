import type { AlertRules } from "../alert-machine.ts";
import { Baseline, type CountedWindow } from "../baseline.ts";
import { type Cells, numberCells } from "../cells.ts";
import type { MonitorSpec } from "../monitor-spec.ts";
import { budgetProbability, type PageBudget } from "../page-budget.ts";
import type { Partial } from "../partial.ts";
import { QualityReference } from "../quality/quality-reference.ts";
import { qualityLines } from "../quality/quality-spec.ts";
import type { BaselineFieldRecord } from "../records/baseline-record.ts";
import { cellsOf } from "../records/cells-of.ts";
import { emptyMs } from "./row-windows.ts";
import { WindowLevels } from "./window-levels.ts";

/** A baseline as windows are judged by it. */
export interface PreparedBaseline {
  /** Per field, in the monitor's order. */
  readonly cells: readonly Cells[];
  readonly baseline: Baseline;
  /** Of a window that alarms while nothing changes. */
  readonly probability: number;
  readonly quality: QualityReference;
  /** Of each field that detectors watch: where its windows lie. */
  readonly levels: readonly WindowLevels[];
  /** Longest stretch between two windows of the reference in which no row came, in windows. */
  readonly gapWindows: number;
  /** What the same hour of the week, else of the day, has held; undefined where it has been there less than three times. */
  sameHour(fromMs: number): Partial | undefined;
}

const sameHourMin = 3;

/**
 * Undefined when the fields are not those of the monitor, or hold no window that all of them have.
 *
 * Costs some microseconds per field and reference window.
 */
export function prepareBaseline(
  spec: MonitorSpec,
  records: readonly BaselineFieldRecord[],
  limits: { readonly rules: AlertRules; readonly budget: PageBudget },
): PreparedBaseline | undefined {
  const byName = new Map(records.map((record) => [record.field, record]));
  const fields = spec.fields.flatMap(({ name, kind }) => {
    const record = byName.get(name);
    return record?.cells.kind === kind ? [record] : [];
  });
  if (fields.length < spec.fields.length) return undefined;
  const cells = fields.map((field) => cellsOf(field.cells));
  const windows = windowsOf(fields, cells);
  if (windows.length === 0) return undefined;
  const baseline = new Baseline(windows, spec.season);
  const { practical } = spec;
  const windowMs = lengthOf(spec, windows);
  const names = spec.fields.map(({ name }) => name);
  // Whoever is paged has one budget, whichever line of the monitor it was.
  const lines = names.length + qualityLines(spec.fields, spec.quality).length;
  const probability = budgetProbability({ fields: names, baseline, windows, windowMs, practical, lines, ...limits });
  const quality = new QualityReference({ spec: { ...spec, windowMs }, baseline, windows, lines, ...limits });
  const gapWindows = longestGap(windows, spec.windowRows === undefined ? windowMs : emptyMs);
  const watched = new Set(spec.detectors?.fields ?? []);
  const levels = spec.fields.flatMap(({ name }, field) =>
    watched.has(name) ? [new WindowLevels(name, field, cells[field] ?? numberCells([0]), baseline, windows)] : [],
  );
  const sameHour = (fromMs: number): Partial | undefined => baseline.sameHour.at(fromMs, sameHourMin)?.partial;
  return { cells, baseline, probability, quality, levels, gapWindows, sameHour };
}

/** The windows that every field has, with as many cells as it has. */
function windowsOf(fields: readonly BaselineFieldRecord[], cells: readonly Cells[]): CountedWindow[] {
  const byTime = fields.map(({ windows }) => new Map(windows.map((window) => [window.fromMs, window])));
  return (fields[0]?.windows ?? []).flatMap(({ fromMs, rows }) => {
    const counts = byTime.flatMap((own, i) => {
      const counted = own.get(fromMs)?.counts;
      return counted?.length === cells[i]?.count && counted !== undefined ? [counted] : [];
    });
    return counts.length === fields.length && rows > 0 ? [{ fromMs, partial: { rows, counts } }] : [];
  });
}

/** Of windows of so many rows what they take on the average. */
function lengthOf({ windowMs, windowRows }: MonitorSpec, windows: readonly CountedWindow[]): number {
  const begins = windows.map(({ fromMs }) => fromMs);
  const spanMs = Math.max(...begins) - Math.min(...begins);
  return windowRows === undefined || spanMs === 0 ? windowMs : Math.max(windowMs, spanMs / (windows.length - 1));
}

function longestGap(windows: readonly CountedWindow[], windowMs: number): number {
  const begins = windows.map(({ fromMs }) => fromMs).sort((a, b) => a - b);
  return begins.reduce((longest, fromMs, i) => {
    return Math.max(longest, Math.round((fromMs - (begins[i - 1] ?? fromMs)) / windowMs) - 1);
  }, 0);
}
