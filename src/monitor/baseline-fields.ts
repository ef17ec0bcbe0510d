import type { CountedWindow } from "./baseline.ts";
import type { MonitorSpec } from "./monitor-spec.ts";
import { type BaselineFieldRecord, type CellsSource, encodeBaseline } from "./records/baseline-record.ts";

/** Bytes of a record on the baselines topic at most. */
export const baselineBytesMax = 900_000;

/**
 * A measured baseline as the records of its fields, in the monitor's order, under an id to be given. Where the record of
 * a field would be too large, the earlier windows are left out of all fields: those of one window belong together.
 *
 * @param sources of the cells in which the windows were counted, in the monitor's order
 * @param windows in the order of time
 */
export function baselineFields(
  monitor: Pick<MonitorSpec, "name" | "fields">,
  sources: readonly CellsSource[],
  windows: readonly CountedWindow[],
): BaselineFieldRecord[] {
  for (let kept = windows.length; ; kept = kept >> 1) {
    const records = recordsOf(monitor, sources, windows.slice(windows.length - kept));
    const isFitting = records.every((record) => encodeBaseline(record, 0).length <= baselineBytesMax);
    if (isFitting || kept <= 1) return records;
  }
}

function recordsOf(
  { name, fields }: Pick<MonitorSpec, "name" | "fields">,
  sources: readonly CellsSource[],
  windows: readonly CountedWindow[],
): BaselineFieldRecord[] {
  return fields.map((field, i): BaselineFieldRecord => {
    const counted = windows.map(({ fromMs, partial }) => ({
      fromMs,
      rows: partial.rows,
      counts: partial.counts[i] ?? new Float64Array(0),
    }));
    const cells = sources[i] ?? { kind: "numbers", edges: [] };
    return { monitor: name, id: "", field: field.name, fields: fields.length, cells, windows: counted };
  });
}
