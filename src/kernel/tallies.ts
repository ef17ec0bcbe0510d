import { type MetricDefinition, type MetricName, metrics } from "./metrics.ts";

/** Different label values of one metric; more are counted together under `_other`. */
const seriesMax = 200;
const otherLabel = "_other";

/** The sum of one metric for one set of label values. */
export interface Series {
  /** Values of the metric's labels, in their order. */
  readonly labels: readonly string[];
  /** Of a counter its value, of a histogram the sum of what was observed. */
  sum: number;
  /** Histograms only: observations up to each bound, not cumulative, and last those beyond the largest. */
  readonly buckets: Float64Array | undefined;
}

/** Counters and histograms in plain numbers, made as they are first added to. */
export class Tallies {
  readonly #byMetric = new Map<MetricName, Map<string, Series>>();

  /** Adds to a counter, or observes a value. @param labels values in the order in which the metric names its labels */
  add(metric: MetricName, labels: readonly string[] | undefined, amount: number): void {
    const series = this.#seriesOf(metric, labels ?? noLabels);
    series.sum += amount;
    if (series.buckets === undefined) return;
    const { buckets } = metrics[metric] as Extract<MetricDefinition, { type: "histogram" }>;
    let at = 0;
    while (at < buckets.length && amount > (buckets[at] as number)) at++;
    (series.buckets[at] as number)++;
  }

  /** What was added to a metric so far, all labels together. */
  total(metric: MetricName): number {
    let sum = 0;
    for (const series of this.series(metric)) sum += series.sum;
    return sum;
  }

  series(metric: MetricName): readonly Series[] {
    return [...(this.#byMetric.get(metric)?.values() ?? [])];
  }

  #seriesOf(metric: MetricName, labels: readonly string[]): Series {
    const all = this.#byMetric.get(metric) ?? new Map<string, Series>();
    this.#byMetric.set(metric, all);
    const key = labels.join("\u0000");
    const known = all.get(key);
    if (known !== undefined) return known;
    if (all.size >= seriesMax && labels[0] !== otherLabel)
      return this.#seriesOf(
        metric,
        labels.map(() => otherLabel),
      );
    const definition: MetricDefinition = metrics[metric];
    const buckets = definition.type === "histogram" ? new Float64Array(definition.buckets.length + 1) : undefined;
    const series: Series = { labels, sum: 0, buckets };
    all.set(key, series);
    return series;
  }
}

const noLabels: readonly string[] = [];
