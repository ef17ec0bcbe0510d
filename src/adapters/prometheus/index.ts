/** Prometheus' text format, version 0.0.4: what `/metrics` answers. */
import { type MetricDefinition, type MetricName, metrics } from "../../kernel/index.ts";
import type { MetricReading } from "../../runtime/index.ts";

/** The content type of {@link exposition}. */
export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

/** The readings by metric, in the order of the table, each metric with its help and type. */
export function exposition(readings: readonly MetricReading[]): string {
  const byMetric = grouped(readings);
  const lines: string[] = [];
  for (const metric of Object.keys(metrics) as MetricName[]) {
    const own = byMetric.get(metric);
    if (own === undefined) continue;
    const definition: MetricDefinition = metrics[metric];
    lines.push(`# HELP ${metric} ${escaped(definition.help)}`, `# TYPE ${metric} ${definition.type}`);
    for (const reading of own) pushSamples(lines, reading, definition);
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function grouped(readings: readonly MetricReading[]): ReadonlyMap<MetricName, MetricReading[]> {
  const byMetric = new Map<MetricName, MetricReading[]>();
  for (const reading of readings) {
    const own = byMetric.get(reading.metric) ?? [];
    own.push(reading);
    byMetric.set(reading.metric, own);
  }
  return byMetric;
}

function pushSamples(lines: string[], reading: MetricReading, definition: MetricDefinition): void {
  const { metric, labels, value, buckets } = reading;
  if (definition.type !== "histogram" || buckets === undefined) {
    lines.push(`${metric}${labelText(labels)} ${numberText(value)}`);
    return;
  }
  let count = 0;
  for (const [i, observed] of buckets.entries()) {
    count += observed;
    const le = numberText(definition.buckets[i] ?? Number.POSITIVE_INFINITY);
    lines.push(`${metric}_bucket${labelText({ ...labels, le })} ${count}`);
  }
  lines.push(`${metric}_sum${labelText(labels)} ${numberText(value)}`, `${metric}_count${labelText(labels)} ${count}`);
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value);
}
