import type { PerformanceMetric, VersionPerformance } from "./performance-spec.ts";

/** Windows of a version, well or not, that say what it is like where nobody has measured it before. */
const windowsMin = 3;
/** Labelled rows that they have together. */
const rowsMin = 500;

/** What a version was like, and how many labelled rows say so. */
export interface MetricReference {
  readonly rows: number;
  /**
   * @param error of the same metric in a window of `rows` rows, from which that of a reference follows
   * @returns undefined of a metric that is not known
   */
  of(
    metric: PerformanceMetric,
    error: number,
    rows: number,
  ): { readonly value: number; readonly error: number } | undefined;
}

interface FirstWindows {
  windows: number;
  rows: number;
  /** Per metric: the sum of values weighted by rows, and those rows. */
  readonly sums: Map<PerformanceMetric, { sum: number; rows: number }>;
}

/** What versions were like: as measured when they were trained, else in their first windows. */
export class VersionReferences {
  readonly #rowsOfWindowMin: number;
  readonly #first = new Map<string, FirstWindows>();

  /** @param rowsOfWindowMin labelled rows below which a window says nothing */
  constructor(rowsOfWindowMin: number) {
    this.#rowsOfWindowMin = rowsOfWindowMin;
  }

  /** Undefined while too little is known. */
  of({ model, version, reference }: VersionPerformance): MetricReference | undefined {
    if (reference !== undefined) {
      const { rows, values } = reference;
      return referenceOver(rows, (metric) => values[metric]);
    }
    const first = this.#first.get(`${model}/${version}`);
    if (first === undefined || !isEnough(first)) return undefined;
    return referenceOver(first.rows, (metric) => {
      const found = first.sums.get(metric);
      return found === undefined || found.rows === 0 ? undefined : found.sum / found.rows;
    });
  }

  /** Takes in a window while too little is known. @param isWell none of its verdicts was against it */
  add({ model, version, labelled, metrics, reference }: VersionPerformance, isWell: boolean): void {
    if (reference !== undefined || labelled < this.#rowsOfWindowMin || !isWell) return;
    const name = `${model}/${version}`;
    const first = this.#first.get(name) ?? { windows: 0, rows: 0, sums: new Map() };
    this.#first.set(name, first);
    if (isEnough(first)) return;
    first.windows++;
    first.rows += labelled;
    for (const { metric, value } of metrics) {
      if (Number.isNaN(value)) continue;
      const known = first.sums.get(metric) ?? { sum: 0, rows: 0 };
      first.sums.set(metric, { sum: known.sum + value * labelled, rows: known.rows + labelled });
    }
  }
}

function isEnough({ windows, rows }: FirstWindows): boolean {
  return windows >= windowsMin && rows >= rowsMin;
}

function referenceOver(rows: number, measuredOf: (metric: PerformanceMetric) => number | undefined): MetricReference {
  return {
    rows,
    of: (metric, error, windowRows) => {
      const value = measuredOf(metric);
      // Errors fall with the root of the rows; the spread of one row is taken to be that of the window's.
      return value === undefined || rows === 0 ? undefined : { value, error: error * Math.sqrt(windowRows / rows) };
    },
  };
}
