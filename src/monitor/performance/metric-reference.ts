import type { MeasuredMetric, PerformanceMetric, VersionPerformance } from "./performance-spec.ts";

/** Windows of a version, each well, that say what a metric is like where nobody has measured it before. */
const windowsMin = 3;
/** Labelled rows that they have together. */
const rowsMin = 500;

/** What a metric of a version was like, and how many labelled rows say so. */
export interface MetricReference {
  readonly value: number;
  readonly error: number;
  readonly rows: number;
}

interface FirstWindows {
  windows: number;
  rows: number;
  /** Of values weighted by rows. */
  sum: number;
}

/** What the metrics of versions were like: as measured when they were trained, else in their first windows. */
export class VersionReferences {
  readonly #rowsOfWindowMin: number;
  /** By model, version and metric. */
  readonly #first = new Map<string, FirstWindows>();

  /** @param rowsOfWindowMin labelled rows below which a window says nothing */
  constructor(rowsOfWindowMin: number) {
    this.#rowsOfWindowMin = rowsOfWindowMin;
  }

  /** What to compare a metric of a window with; undefined while too little is known. */
  of(version: VersionPerformance, { metric, error }: MeasuredMetric): MetricReference | undefined {
    const known = measuredOf(version, metric) ?? this.#learnt(version, metric);
    if (known === undefined) return undefined;
    // Errors fall with the root of the rows; the spread of one row is taken to be that of the window's.
    return { ...known, error: error * Math.sqrt(version.labelled / known.rows) };
  }

  /** Takes in a window for what too little is known of. @param isWell none of its verdicts was against it */
  add(version: VersionPerformance, isWell: boolean): void {
    const { labelled, metrics } = version;
    if (labelled < this.#rowsOfWindowMin || !isWell) return;
    for (const { metric, value } of metrics) {
      if (Number.isNaN(value) || measuredOf(version, metric) !== undefined) continue;
      const name = nameOf(version, metric);
      const { windows, rows, sum } = this.#first.get(name) ?? { windows: 0, rows: 0, sum: 0 };
      if (windows >= windowsMin && rows >= rowsMin) continue;
      this.#first.set(name, { windows: windows + 1, rows: rows + labelled, sum: sum + value * labelled });
    }
  }

  #learnt(version: VersionPerformance, metric: PerformanceMetric): Known | undefined {
    const first = this.#first.get(nameOf(version, metric));
    if (first === undefined || first.windows < windowsMin || first.rows < rowsMin) return undefined;
    return { value: first.sum / first.rows, rows: first.rows };
  }
}

type Known = Omit<MetricReference, "error">;

/** As its validation had it; what was trained may have measured some of the metrics alone. */
function measuredOf({ reference }: VersionPerformance, metric: PerformanceMetric): Known | undefined {
  const value = reference?.values[metric];
  return reference === undefined || value === undefined || reference.rows === 0
    ? undefined
    : { value, rows: reference.rows };
}

function nameOf({ model, version }: VersionPerformance, metric: PerformanceMetric): string {
  return `${model}/${version}/${metric}`;
}
