/** What the judge says of a window of a field, on `<topology>.verdicts`. */
import type { EpochMs, Offset } from "../../kernel/index.ts";
import type { Long, RecordSchema } from "../../schema/index.ts";
import type { Season } from "../baseline.ts";
import { RecordCodec, whole } from "./record-codec.ts";

/** `LEARNING` while there is no baseline; `SUPPRESSED` was judged and counts for nothing. */
export const verdictKinds = ["OK", "DRIFT", "INSUFFICIENT", "NO_DATA", "SUPPRESSED", "LEARNING"] as const;
export type VerdictKind = (typeof verdictKinds)[number];

/** Why a field drifted, the first that holds in the order of decision 26. */
export const causes = ["deployment", "schema", "partition", "nulls", "season", "world"] as const;
export type Cause = (typeof causes)[number];

/**
 * Of a score: nats of a stability index; how much worse a metric is, in its own unit; a part of one, such as of the rows;
 * seconds; windows in a row.
 */
const units = ["psi", "metric", "share", "seconds", "windows"] as const;
export type VerdictUnit = (typeof units)[number];

/** Cells that give most of a score. */
export interface Culprit {
  readonly cell: number;
  /** Empty where the field is sensitive. */
  readonly name: string;
  /** Of the score, in its unit. */
  readonly part: number;
}

/** What one task has given to a verdict. */
export interface PartitionShare {
  readonly stage: string;
  readonly partition: number;
  readonly rows: number;
  /** Of the score, in its unit. */
  readonly part: number;
  readonly offsetFrom: Offset;
  readonly offsetNext: Offset;
}

export interface VerdictRecord {
  /** `<monitor>/<field>/<window start>/<baseline>`: a repeat replaces. */
  readonly eventId: string;
  readonly topology: string;
  readonly monitor: string;
  readonly field: string;
  readonly fromMs: EpochMs;
  readonly toMs: EpochMs;
  /** Empty while there is none. */
  readonly baseline: string;
  readonly kind: VerdictKind;
  /** Of `INSUFFICIENT` and `SUPPRESSED`: `rows`, `baseline`, `config`, `labels`; `old`, `catching-up`, `quality`, `silenced`. */
  readonly reason: string | undefined;
  readonly unit: VerdictUnit;
  /** NaN where nothing was judged, as all numbers that follow from it. */
  readonly score: number;
  /** What the score had to reach. */
  readonly threshold: number;
  readonly practical: number;
  /** What chance passes once in a thousand windows. */
  readonly noiseFloor: number;
  readonly probability: number;
  readonly falseDiscoveryRate: number;
  readonly ks: number;
  readonly cells: number;
  /** Rows of the reference, and of the window. */
  readonly n: number;
  readonly m: number;
  /** Rows that came too late for windows before, and are in no verdict. */
  readonly late: number;
  readonly season: Season;
  /** At most ten, and one with cell -1 for all others together. */
  readonly culprits: readonly Culprit[];
  /** At most twenty, and one with partition -1 for all others together. */
  readonly partitions: readonly PartitionShare[];
  /** Ids of the writers' schemas that were met. */
  readonly schemas: readonly number[];
  readonly cause: Cause | undefined;
  /** Of the alert after this window. */
  readonly phase: string;
  /** Id of the incident that the field is part of after this window. */
  readonly incident: string | undefined;
  /** Of a metric or of quality: what it is in the window, and what it was. */
  readonly value?: number | undefined;
  readonly reference?: number | undefined;
  /** Of predictions that are held the part whose label is known, and of all predictions the part that is held. */
  readonly coverage?: number | undefined;
  readonly sampled?: number | undefined;
  /** Labelled row of the version, from 1 on, at which a detector alarmed, and the event time of its prediction. */
  readonly since?: { readonly row: number; readonly ms: EpochMs } | undefined;
  /** Kafka's time when the window closed. */
  readonly judgedAtMs: EpochMs;
}

const time = { type: "long", logicalType: "timestamp-millis" };
const enumOf = (name: string, symbols: readonly string[]) => ({ type: "enum", name, symbols });
const numbers = [
  "score",
  "threshold",
  "practical",
  "noise_floor",
  "probability",
  "false_discovery_rate",
  "ks",
] as const;
const measured = ["value", "reference", "coverage", "sampled"] as const;
const wholeNumbers = ["cells", "n", "m", "late"] as const;

const codec = new RecordCodec(
  {
    type: "record",
    name: "Verdict",
    namespace: "millrace",
    fields: [
      { name: "event_id", type: "string" },
      { name: "topology", type: "string" },
      { name: "monitor", type: "string" },
      { name: "field", type: "string" },
      { name: "from", type: time },
      { name: "to", type: time },
      { name: "baseline", type: "string" },
      { name: "kind", type: enumOf("VerdictKind", verdictKinds) },
      { name: "reason", type: ["null", "string"], default: null },
      { name: "unit", type: "string" },
      ...numbers.map((name) => ({ name, type: "double" })),
      ...wholeNumbers.map((name) => ({ name, type: "long" })),
      { name: "season", type: "string" },
      {
        name: "culprits",
        type: {
          type: "array",
          items: {
            type: "record",
            name: "Culprit",
            fields: [
              { name: "cell", type: "int", doc: "-1: all others together" },
              { name: "name", type: "string" },
              { name: "part", type: "double" },
            ],
          },
        },
      },
      {
        name: "partitions",
        type: {
          type: "array",
          items: {
            type: "record",
            name: "PartitionShare",
            fields: [
              { name: "stage", type: "string" },
              { name: "partition", type: "int", doc: "-1: all others together" },
              { name: "rows", type: "long" },
              { name: "part", type: "double" },
              { name: "offset_from", type: "long" },
              { name: "offset_next", type: "long" },
            ],
          },
        },
      },
      { name: "schemas", type: { type: "array", items: "long" } },
      { name: "cause", type: ["null", enumOf("Cause", causes)], default: null },
      { name: "phase", type: "string" },
      { name: "incident", type: ["null", "string"], default: null },
      { name: "judged_at", type: time },
      ...measured.map((name) => ({ name, type: ["null", "double"], default: null })),
      { name: "since_row", type: ["null", "long"], default: null },
      { name: "since", type: ["null", time], default: null },
    ],
  },
  "millrace.Verdict",
);

/** Of the values on the verdicts topic, as it is registered. */
export const verdictSchema: RecordSchema = codec.schema;

interface WireShare {
  readonly stage: string;
  readonly partition: number;
  readonly rows: Long;
  readonly part: number;
  readonly offset_from: Long;
  readonly offset_next: Long;
}

type WireVerdict = Readonly<Record<(typeof numbers)[number], number> & Record<(typeof wholeNumbers)[number], Long>> &
  Readonly<Record<(typeof measured)[number], number | null>> & {
    readonly since_row: Long | null;
    readonly since: Long | null;
    readonly event_id: string;
    readonly topology: string;
    readonly monitor: string;
    readonly field: string;
    readonly from: Long;
    readonly to: Long;
    readonly baseline: string;
    readonly kind: VerdictKind;
    readonly reason: string | null;
    readonly season: Season;
    readonly unit: string;
    readonly culprits: readonly Culprit[];
    readonly partitions: readonly WireShare[];
    readonly schemas: readonly Long[];
    readonly cause: Cause | null;
    readonly phase: string;
    readonly incident: string | null;
    readonly judged_at: Long;
  };

/** `<monitor>/<field>`. */
export function verdictKey({ monitor, field }: Pick<VerdictRecord, "monitor" | "field">): string {
  return `${monitor}/${field}`;
}

/** @param id of {@link verdictSchema} in the registry */
export function encodeVerdict(verdict: VerdictRecord, id: number): Buffer {
  const row = {
    ...verdict,
    event_id: verdict.eventId,
    from: verdict.fromMs,
    to: verdict.toMs,
    reason: verdict.reason ?? null,
    noise_floor: verdict.noiseFloor,
    false_discovery_rate: verdict.falseDiscoveryRate,
    partitions: verdict.partitions.map((share) => ({
      ...share,
      offset_from: share.offsetFrom,
      offset_next: share.offsetNext,
    })),
    cause: verdict.cause ?? null,
    incident: verdict.incident ?? null,
    judged_at: verdict.judgedAtMs,
    value: verdict.value ?? null,
    reference: verdict.reference ?? null,
    coverage: verdict.coverage ?? null,
    sampled: verdict.sampled ?? null,
    since_row: verdict.since?.row ?? null,
    since: verdict.since?.ms ?? null,
  };
  return codec.encode(row, id);
}

/**
 * @param value framed
 * @param writer the schema that the framing's id names; {@link verdictSchema} when left out
 * @throws RecordError MR_DECODE_* for what is no record of this topic
 */
export function decodeVerdict(value: Uint8Array, writer?: RecordSchema): VerdictRecord {
  const wire = codec.decode(value, writer) as unknown as WireVerdict;
  const { topology, monitor, field, baseline, kind, score, threshold, practical, probability, ks, season, phase } =
    wire;
  return {
    eventId: wire.event_id,
    topology,
    monitor,
    field,
    fromMs: whole(wire.from),
    toMs: whole(wire.to),
    baseline,
    kind,
    reason: wire.reason ?? undefined,
    unit: units.find((unit) => unit === wire.unit) ?? "psi",
    score,
    threshold,
    practical,
    noiseFloor: wire.noise_floor,
    probability,
    falseDiscoveryRate: wire.false_discovery_rate,
    ks,
    cells: whole(wire.cells),
    n: whole(wire.n),
    m: whole(wire.m),
    late: whole(wire.late),
    season,
    culprits: wire.culprits.map(({ cell, name, part }) => ({ cell, name, part })),
    partitions: wire.partitions.map(({ stage, partition, rows, part, offset_from, offset_next }) => ({
      stage,
      partition,
      rows: whole(rows),
      part,
      offsetFrom: whole(offset_from),
      offsetNext: whole(offset_next),
    })),
    schemas: wire.schemas.map(whole),
    cause: wire.cause ?? undefined,
    phase,
    incident: wire.incident ?? undefined,
    judgedAtMs: whole(wire.judged_at),
    ...measuredOf(wire),
  };
}

/** What verdicts on metrics alone have. */
function measuredOf(wire: WireVerdict): Partial<VerdictRecord> {
  const found: Record<string, unknown> = {};
  for (const name of measured) if (wire[name] !== null) found[name] = wire[name];
  if (wire.since_row !== null && wire.since !== null)
    found["since"] = { row: whole(wire.since_row), ms: whole(wire.since) };
  return found;
}
