/** What a window says of the state of a topic's rows, whatever their values mean. */
export const qualityMetrics = ["missing", "unseen", "out_of_range", "rows", "errors", "freshness"] as const;
export type QualityMetric = (typeof qualityMetrics)[number];

/** Those that each field has for itself, where it can have them. */
const fieldMetrics = ["missing", "unseen", "out_of_range"] as const;
export type FieldMetric = (typeof fieldMetrics)[number];

/**
 * What is of interest: a hundredth of the rows more than the reference has, of the number of rows one half, of freshness
 * seconds.
 */
export const qualityDefaults: Readonly<Record<QualityMetric, number>> = {
  missing: 0.01,
  unseen: 0.01,
  out_of_range: 0.01,
  rows: 0.5,
  errors: 0.01,
  freshness: 600,
};

/** What a monitor says of quality; it counts nothing else for it but the records that fail. */
export interface QualitySpec {
  readonly metrics: readonly QualityMetric[];
  readonly practical: Readonly<Record<QualityMetric, number>>;
}

/** One line of quality verdicts, which has an alert of its own. */
export interface QualityLine {
  /** As it stands in verdicts: `<field>.<metric>`, of the topic as a whole `quality.<metric>`. No field has a dot in its name. */
  readonly name: string;
  readonly metric: QualityMetric;
  /** Index among the monitor's fields; undefined of the topic as a whole. */
  readonly field: number | undefined;
}

/** Whether rows come at all: every monitor has it. */
export const arrivalLine = "quality.arrival";

/** Whether a line of verdicts under that name is one of quality. */
export function isQualityLine(name: string): boolean {
  return name === arrivalLine || qualityMetrics.some((metric) => name.endsWith(`.${metric}`));
}

const brokenMetrics = ["missing", "errors", "freshness"];

/**
 * Whether rows are broken where the line is ill. Values that nobody knew, values out of range and another number of rows
 * may as well be the world: a new baseline is what ends them, and so a model that has learned from them.
 */
export function isBrokenLine(name: string): boolean {
  return name === arrivalLine || brokenMetrics.some((metric) => name.endsWith(`.${metric}`));
}

/** A monitored field, as far as it matters here. */
interface Field {
  readonly name: string;
  readonly kind: "numbers" | "categories";
}

/** Those of a monitor in the order of its metrics, and of its fields in each. */
export function qualityLines(fields: readonly Field[], quality: QualitySpec | undefined): QualityLine[] {
  return (quality?.metrics ?? []).flatMap((metric): QualityLine[] => {
    if (!isOfField(metric)) return [{ name: `quality.${metric}`, metric, field: undefined }];
    return fields.flatMap(({ name, kind }, field) =>
      canHave(kind, metric) ? [{ name: `${name}.${metric}`, metric, field }] : [],
    );
  });
}

export function isOfField(metric: QualityMetric): metric is FieldMetric {
  return (fieldMetrics as readonly string[]).includes(metric);
}

/** Numbers have a range, and categories a vocabulary. */
function canHave(kind: Field["kind"], metric: FieldMetric): boolean {
  return metric === "missing" || (metric === "unseen") === (kind === "categories");
}
