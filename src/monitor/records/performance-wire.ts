/** How the performance of a window stands in a partial. */
import type { Long } from "../../schema/index.ts";
import {
  type DetectorState,
  type PerformanceMetric,
  type PerformanceReference,
  performanceMetrics,
  type VersionPerformance,
  type WindowPerformance,
} from "../performance/performance-spec.ts";
import { whole } from "./record-codec.ts";

const number = { type: "double" };
const metricNumbers = {
  type: "array",
  items: {
    type: "record",
    name: "Metric",
    fields: [
      { name: "metric", type: "string" },
      { name: "value", ...number, doc: "NaN where it cannot be told" },
      { name: "error", ...number, doc: "standard error of the value; NaN in a reference" },
    ],
  },
};

/** Of the field `performance` of a window. */
export const performanceType = [
  "null",
  {
    type: "record",
    name: "Performance",
    fields: [
      { name: "is_outage", type: "boolean" },
      { name: "late", type: "long" },
      {
        name: "versions",
        type: {
          type: "array",
          items: {
            type: "record",
            name: "VersionPerformance",
            fields: [
              { name: "model", type: "string" },
              { name: "version", type: "int" },
              { name: "rows", type: "long" },
              { name: "kept", type: "long" },
              { name: "labelled", type: "long" },
              { name: "positives", type: "long" },
              { name: "metrics", type: metricNumbers },
              {
                name: "detectors",
                type: {
                  type: "array",
                  items: {
                    type: "record",
                    name: "DetectorState",
                    fields: [
                      { name: "kind", type: "string" },
                      { name: "rows", type: "long" },
                      { name: "since_row", type: ["null", "long"] },
                      { name: "since_ms", type: ["null", "long"] },
                      { name: "alarms", type: "long", default: 0 },
                    ],
                  },
                },
              },
              {
                name: "reference",
                type: [
                  "null",
                  {
                    type: "record",
                    name: "PerformanceReference",
                    fields: [
                      { name: "rows", type: "long" },
                      { name: "positives", type: "long" },
                      { name: "metrics", type: { type: "array", items: "Metric" } },
                    ],
                  },
                ],
              },
            ],
          },
        },
      },
    ],
  },
];

interface WireMetric {
  readonly metric: string;
  readonly value: number;
  readonly error: number;
}

interface WireVersion {
  readonly model: string;
  readonly version: number;
  readonly rows: Long;
  readonly kept: Long;
  readonly labelled: Long;
  readonly positives: Long;
  readonly metrics: readonly WireMetric[];
  readonly detectors: readonly {
    readonly kind: string;
    readonly rows: Long;
    readonly since_row: Long | null;
    readonly since_ms: Long | null;
    readonly alarms: Long;
  }[];
  readonly reference: { readonly rows: Long; readonly positives: Long; readonly metrics: readonly WireMetric[] } | null;
}

export interface WirePerformance {
  readonly is_outage: boolean;
  readonly late: Long;
  readonly versions: readonly WireVersion[];
}

export function performanceToWire({ isOutage, late, versions }: WindowPerformance): WirePerformance {
  return { is_outage: isOutage, late, versions: versions.map(versionToWire) };
}

export function performanceFromWire({ is_outage, late, versions }: WirePerformance): WindowPerformance {
  return { isOutage: is_outage, late: whole(late), versions: versions.map(versionFromWire) };
}

function versionToWire(version: VersionPerformance): WireVersion {
  const { detectors, reference } = version;
  return {
    ...version,
    detectors: detectors.map(({ kind, rows, sinceRow, sinceMs, alarms }) => {
      return { kind, rows, since_row: sinceRow ?? null, since_ms: sinceMs ?? null, alarms };
    }),
    reference: reference === undefined ? null : referenceToWire(reference),
  };
}

function referenceToWire({ rows, positives, values }: PerformanceReference): NonNullable<WireVersion["reference"]> {
  const metrics = Object.entries(values).map(([metric, value]) => ({ metric, value, error: Number.NaN }));
  return { rows, positives, metrics };
}

function versionFromWire(wire: WireVersion): VersionPerformance {
  const { model, version, reference } = wire;
  return {
    model,
    version,
    rows: whole(wire.rows),
    kept: whole(wire.kept),
    labelled: whole(wire.labelled),
    positives: whole(wire.positives),
    metrics: wire.metrics.flatMap(({ metric, value, error }) => (isMetric(metric) ? [{ metric, value, error }] : [])),
    detectors: wire.detectors.map(
      ({ kind, rows, since_row, since_ms, alarms }): DetectorState => ({
        kind,
        rows: whole(rows),
        sinceRow: since_row === null ? undefined : whole(since_row),
        sinceMs: since_ms === null ? undefined : whole(since_ms),
        alarms: whole(alarms),
      }),
    ),
    reference:
      reference === null
        ? undefined
        : {
            rows: whole(reference.rows),
            positives: whole(reference.positives),
            values: Object.fromEntries(reference.metrics.map(({ metric, value }) => [metric, value])),
          },
  };
}

function isMetric(name: string): name is PerformanceMetric {
  return performanceMetrics.some((known) => known === name);
}
