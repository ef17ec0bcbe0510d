/**
 * What the rows of the reference were like, and what a window has to exceed to be otherwise: the greater of what is of
 * interest and of what chance makes at the probability that the page budget leaves.
 */
import { chiSquarePoint, chiSquareUpper } from "../../stats/index.ts";
import type { AlertRules } from "../alert-machine.ts";
import type { Baseline, CountedWindow } from "../baseline.ts";
import { type FieldEvaluation, Incidents } from "../incidents.ts";
import type { MonitorSpec } from "../monitor-spec.ts";
import { type PageBudget, probabilityWithin } from "../page-budget.ts";
import type { Partial } from "../partial.ts";
import { type FieldMetric, isOfField, type QualityLine, qualityLines } from "./quality-spec.ts";
import { angleBetween, rowsOf, shareFloor, shareProbability } from "./shares.ts";

/** Rows of a window below which a share says nothing. */
const rowsMin = 500;
/** Windows without which nobody knows how many rows are usual. */
const windowsMin = 4;
/** Worth of the other fields beside a field's own windows, in windows. */
const sharedWindows = 30;
/** From the median of absolute differences to a standard deviation, of normal numbers. */
const perMedianDifference = 1.4826022185056018;

/** What a line comes to in one window. */
export interface QualityScore {
  /** Of the window, and of the reference. */
  readonly value: number;
  readonly reference: number;
  readonly score: number;
  readonly noiseFloor: number;
  readonly threshold: number;
  readonly probability: number;
  readonly n: number;
  readonly m: number;
  /** Why nothing can be said; undefined when something can. */
  readonly lack: "rows" | "baseline" | undefined;
}

export interface QualityReferenceOptions {
  readonly spec: Pick<MonitorSpec, "fields" | "quality" | "windowMs">;
  readonly baseline: Baseline;
  /** All of the reference. */
  readonly windows: readonly CountedWindow[];
  /** All lines of the monitor, which share its budget. */
  readonly lines: number;
  readonly rules: AlertRules;
  readonly budget: PageBudget;
}

export class QualityReference {
  /** Of a window that alarms while nothing changes. */
  readonly probability: number;
  readonly #options: QualityReferenceOptions;
  readonly #lines: readonly QualityLine[];
  /** By line: of the variance of its share, at least 1. */
  readonly #inflations: ReadonlyMap<string, number>;
  /** Standard deviation of the logarithm of the number of rows, each window beside those it is compared with. */
  readonly #rowsSpread: number;
  /** By the windows that are compared with. */
  readonly #usualRows = new Map<readonly CountedWindow[], number>();

  constructor(options: QualityReferenceOptions) {
    const { spec, windows } = options;
    this.#options = options;
    this.#lines = qualityLines(spec.fields, spec.quality).filter(
      ({ metric, field }) => field !== undefined || metric === "rows",
    );
    this.#inflations = this.#learnInflations();
    this.#rowsSpread = this.#learnRowsSpread();
    this.probability = this.#lines.length === 0 ? 0 : this.#probabilityOf(windows);
  }

  /** Of a line of a field, or of the number of rows. */
  scoreOf(line: QualityLine, window: CountedWindow, probability = this.probability): QualityScore {
    const { metric, field } = line;
    return field !== undefined && isOfField(metric)
      ? this.#shareScore(line, metric, field, window, probability)
      : this.#rowsScore(window, probability);
  }

  #shareScore(
    { name }: QualityLine,
    metric: FieldMetric,
    field: number,
    { fromMs, partial }: CountedWindow,
    probability: number,
  ): QualityScore {
    const all = this.#options.baseline.referenceAt(fromMs).partial;
    const [n, m] = [all.rows, partial.rows];
    const reference = this.#shareOf(metric, field, all);
    const value = this.#shareOf(metric, field, partial);
    const inflation = this.#inflations.get(name) ?? 1;
    const noiseFloor = shareFloor(reference, n, m, inflation, probability);
    return {
      value,
      reference,
      score: value - reference,
      noiseFloor,
      threshold: Math.max(this.#practicalOf(metric), noiseFloor),
      probability: shareProbability(reference, value, n, m, inflation),
      n,
      m,
      lack: m < rowsMin ? "rows" : undefined,
    };
  }

  /** The part by which the smaller of both numbers falls short of the greater: half as many and twice as many are 0.5. */
  #rowsScore({ fromMs, partial }: CountedWindow, probability: number): QualityScore {
    const windows = this.#options.baseline.windowsAt(fromMs);
    const usual = this.#usualOf(windows);
    const m = partial.rows;
    const distance = Math.abs(Math.log(m / usual));
    const spread = Math.max(this.#rowsSpread, 1 / Math.sqrt(usual)) * Math.sqrt(1 + 1 / windows.length);
    const noiseFloor = 1 - Math.exp(-Math.sqrt(chiSquarePoint(probability, 1)) * spread);
    return {
      value: m,
      reference: usual,
      score: 1 - Math.exp(-distance),
      noiseFloor,
      threshold: Math.max(this.#practicalOf("rows"), noiseFloor),
      probability: chiSquareUpper((distance / spread) ** 2, 1),
      n: windows.reduce((sum, window) => sum + window.partial.rows, 0),
      m,
      lack: windows.length < windowsMin ? "baseline" : undefined,
    };
  }

  #usualOf(windows: readonly CountedWindow[]): number {
    let usual = this.#usualRows.get(windows);
    if (usual === undefined) {
      usual = median(windows.map(({ partial }) => partial.rows));
      this.#usualRows.set(windows, usual);
    }
    return usual;
  }

  #practicalOf(metric: QualityLine["metric"]): number {
    return this.#options.spec.quality?.practical[metric] ?? 0;
  }

  #shareOf(metric: FieldMetric, field: number, { rows, counts }: Partial): number {
    const kind = this.#options.spec.fields[field]?.kind ?? "numbers";
    return rowsOf(metric, kind, counts[field] ?? []) / rows;
  }

  /** Each window against the rest of what it would be compared with; drawn towards the median of the metric's fields. */
  #learnInflations(): ReadonlyMap<string, number> {
    const { windows } = this.#options;
    const own = new Map(this.#lines.map((line) => [line.name, this.#varianceOf(line)]));
    return new Map(
      this.#lines.map(({ name, metric }) => {
        const alike = this.#lines.filter((line) => line.metric === metric).map((line) => own.get(line.name) ?? 1);
        const drawn =
          ((own.get(name) ?? 1) * windows.length + median(alike) * sharedWindows) / (windows.length + sharedWindows);
        return [name, Math.max(1, drawn)];
      }),
    );
  }

  #varianceOf({ metric, field }: QualityLine): number {
    const { windows, baseline } = this.#options;
    if (field === undefined || !isOfField(metric)) return 1;
    let sum = 0;
    let count = 0;
    for (const { fromMs, partial } of windows) {
      const all = baseline.referenceAt(fromMs).partial;
      const rest = all.rows - partial.rows;
      if (rest === 0) continue;
      const own = this.#shareOf(metric, field, partial);
      const others = (this.#shareOf(metric, field, all) * all.rows - own * partial.rows) / rest;
      sum += angleBetween(others, own) ** 2 / (1 / rest + 1 / partial.rows);
      count++;
    }
    return count === 0 ? 1 : sum / count;
  }

  /** By the median: a window in which rows were missing does not make it usual that they are. */
  #learnRowsSpread(): number {
    const { windows, baseline } = this.#options;
    const differences = windows.map(({ fromMs, partial }) => {
      return Math.abs(Math.log(partial.rows / this.#usualOf(baseline.windowsAt(fromMs))));
    });
    return perMedianDifference * median(differences);
  }

  #probabilityOf(windows: readonly CountedWindow[]): number {
    return probabilityWithin({ ...this.#options, ...this.#options.spec, windows: windows.length }, (probability) => {
      const incidents = new Incidents(this.#options.rules);
      for (const window of windows) {
        const evaluations = this.#lines.map((line): FieldEvaluation => {
          const { score, threshold, lack } = this.scoreOf(line, window, probability);
          const kind = lack !== undefined ? "insufficient" : score >= threshold ? "drift" : "ok";
          return { field: line.name, kind, score, threshold };
        });
        incidents.add(evaluations, window.fromMs + this.#options.spec.windowMs);
      }
      return incidents.count;
    });
  }
}

/** The middle one, of two the mean; 1 of none. */
function median(numbers: readonly number[]): number {
  const sorted = Float64Array.from(numbers).sort();
  const { length } = sorted;
  return length === 0 ? 1 : ((sorted[(length - 1) >> 1] ?? 1) + (sorted[length >> 1] ?? 1)) / 2;
}
