/**
 * What tasks write on `<topology>.partials`: the counts of their windows, and how far they are. One Avro schema carries
 * both; a heartbeat is one without a window.
 */
import type { EpochMs, Offset } from "../../kernel/index.ts";
import type { Long, RecordSchema } from "../../schema/index.ts";
import type { Partial } from "../partial.ts";
import type { WindowPerformance } from "../performance/performance-spec.ts";
import { performanceFromWire, performanceToWire, performanceType, type WirePerformance } from "./performance-wire.ts";
import { RecordCodec, whole, wholes } from "./record-codec.ts";

/** Where a writer's schema was first met by a task, and which. */
export interface MetSchema {
  readonly id: number;
  readonly offset: Offset;
}

/** What one task has counted of one window: a total, which a later one under the same key replaces. */
export interface PartialRecord extends Partial {
  readonly monitor: string;
  /** Of the monitor, as {@link MonitorSpec.version}. */
  readonly version: string;
  readonly stage: string;
  readonly partition: number;
  /** Begin of the window. */
  readonly fromMs: EpochMs;
  /** Id of the baseline whose cells are counted; empty while none is in service, and then there are no counts. */
  readonly baseline: string;
  readonly rows: number;
  /** Rows that came when their own window was closed. */
  readonly late: number;
  /** Records that the stage could make no row of, where the monitor asks for it. */
  readonly failed?: number | undefined;
  /** Per field, in the monitor's order: rows per cell. */
  readonly counts: readonly Float64Array[];
  /** Of the stage's input: the first counted, and the next. */
  readonly offsetFrom: Offset;
  readonly offsetNext: Offset;
  readonly schemas: readonly MetSchema[];
  /** Of these, rows of a schema first met in this window or the one before. */
  readonly recent: (Partial & { readonly schema: number }) | undefined;
  /** Of the task's tap; -Infinity before it met a time. */
  readonly streamTimeMs: EpochMs;
  readonly isClosed: boolean;
  /** Hash of the plan. */
  readonly plan: string;
  /** `<model>/<version>` in service. */
  readonly model: string | undefined;
  /** Of a window of labelled predictions, which holds no counts. */
  readonly performance?: WindowPerformance | undefined;
}

/** What a task that runs says every five seconds, outside of any commit and of committed state alone. */
export interface HeartbeatRecord {
  readonly stage: string;
  readonly partition: number;
  /** -Infinity before the task met a time. */
  readonly streamTimeMs: EpochMs;
  /** It has nothing to read: windows close without it. */
  readonly isIdle: boolean;
}

const counts = { type: "array", items: { type: "array", items: "long" } };
const time = { type: "long", logicalType: "timestamp-millis" };

const codec = new RecordCodec(
  {
    type: "record",
    name: "Partial",
    namespace: "millrace.monitor",
    fields: [
      { name: "stage", type: "string" },
      { name: "partition", type: "int" },
      { name: "stream_time", type: ["null", time], default: null, doc: "null before the task met a time" },
      { name: "is_idle", type: "boolean", default: false },
      {
        name: "window",
        doc: "null in a heartbeat",
        type: [
          "null",
          {
            type: "record",
            name: "Window",
            fields: [
              { name: "monitor", type: "string" },
              { name: "version", type: "string" },
              { name: "from", type: time },
              { name: "baseline", type: "string", doc: "whose cells are counted; empty while none is in service" },
              { name: "rows", type: "long" },
              { name: "late", type: "long" },
              { name: "counts", type: counts, doc: "per field, per cell" },
              { name: "offset_from", type: "long" },
              { name: "offset_next", type: "long" },
              {
                name: "schemas",
                type: {
                  type: "array",
                  items: {
                    type: "record",
                    name: "MetSchema",
                    fields: [
                      { name: "id", type: "long" },
                      { name: "offset", type: "long" },
                    ],
                  },
                },
              },
              {
                name: "recent",
                default: null,
                type: [
                  "null",
                  {
                    type: "record",
                    name: "Recent",
                    fields: [
                      { name: "schema", type: "long" },
                      { name: "rows", type: "long" },
                      { name: "counts", type: counts },
                    ],
                  },
                ],
              },
              { name: "is_closed", type: "boolean" },
              { name: "plan", type: "string" },
              { name: "model", type: ["null", "string"], default: null },
              { name: "performance", type: performanceType, default: null },
              { name: "failed", type: "long", default: 0, doc: "records that became dead letters" },
            ],
          },
        ],
        default: null,
      },
    ],
  },
  "millrace.monitor.Partial",
);

/** Of the values on the partials topic, as it is registered. */
export const partialSchema: RecordSchema = codec.schema;

interface WireWindow {
  readonly monitor: string;
  readonly version: string;
  readonly from: Long;
  readonly baseline: string;
  readonly rows: Long;
  readonly late: Long;
  readonly counts: readonly (readonly Long[])[];
  readonly offset_from: Long;
  readonly offset_next: Long;
  readonly schemas: readonly { readonly id: Long; readonly offset: Long }[];
  readonly recent: { readonly schema: Long; readonly rows: Long; readonly counts: readonly (readonly Long[])[] } | null;
  readonly is_closed: boolean;
  readonly plan: string;
  readonly model: string | null;
  readonly performance: WirePerformance | null;
  readonly failed: Long;
}

interface WirePartial {
  readonly stage: string;
  readonly partition: number;
  readonly stream_time: Long | null;
  readonly is_idle: boolean;
  readonly window: WireWindow | null;
}

/** `<monitor>/<stage>/<partition>/<window start>/<baseline>`. */
export function partialKey({ monitor, stage, partition, fromMs, baseline }: PartialRecord): string {
  return `${monitor}/${stage}/${partition}/${fromMs}/${baseline}`;
}

/** `heartbeat/<stage>/<partition>`. */
export function heartbeatKey({ stage, partition }: Pick<HeartbeatRecord, "stage" | "partition">): string {
  return `heartbeat/${stage}/${partition}`;
}

export function isHeartbeat(record: PartialRecord | HeartbeatRecord): record is HeartbeatRecord {
  return !("monitor" in record);
}

/** @param id of {@link partialSchema} in the registry */
export function encodePartial(record: PartialRecord, id: number): Buffer {
  const { stage, partition, streamTimeMs, recent, performance } = record;
  const window = {
    ...record,
    from: record.fromMs,
    counts: record.counts.map(listOf),
    offset_from: record.offsetFrom,
    offset_next: record.offsetNext,
    recent: recent === undefined ? null : { ...recent, counts: recent.counts.map(listOf) },
    is_closed: record.isClosed,
    model: record.model ?? null,
    performance: performance === undefined ? null : performanceToWire(performance),
    failed: record.failed ?? 0,
  };
  return codec.encode({ stage, partition, stream_time: wireTime(streamTimeMs), is_idle: false, window }, id);
}

/** @param id of {@link partialSchema} in the registry */
export function encodeHeartbeat({ stage, partition, streamTimeMs, isIdle }: HeartbeatRecord, id: number): Buffer {
  return codec.encode({ stage, partition, stream_time: wireTime(streamTimeMs), is_idle: isIdle, window: null }, id);
}

/**
 * @param value framed
 * @param writer the schema that the framing's id names; {@link partialSchema} when left out
 * @throws RecordError MR_DECODE_* for what is no record of this topic
 */
export function decodePartial(value: Uint8Array, writer?: RecordSchema): PartialRecord | HeartbeatRecord {
  const wire = codec.decode(value, writer) as unknown as WirePartial;
  const { stage, partition, window } = wire;
  const streamTimeMs = wire.stream_time === null ? Number.NEGATIVE_INFINITY : whole(wire.stream_time);
  if (window === null) return { stage, partition, streamTimeMs, isIdle: wire.is_idle };
  const { recent, performance } = window;
  return {
    monitor: window.monitor,
    version: window.version,
    stage,
    partition,
    fromMs: whole(window.from),
    baseline: window.baseline,
    rows: whole(window.rows),
    late: whole(window.late),
    counts: window.counts.map(wholes),
    offsetFrom: whole(window.offset_from),
    offsetNext: whole(window.offset_next),
    schemas: window.schemas.map(({ id, offset }) => ({ id: whole(id), offset: whole(offset) })),
    recent:
      recent === null
        ? undefined
        : { schema: whole(recent.schema), rows: whole(recent.rows), counts: recent.counts.map(wholes) },
    streamTimeMs,
    isClosed: window.is_closed,
    plan: window.plan,
    model: window.model ?? undefined,
    ...(whole(window.failed) === 0 ? {} : { failed: whole(window.failed) }),
    ...(performance === null ? {} : { performance: performanceFromWire(performance) }),
  };
}

function wireTime(ms: EpochMs): EpochMs | null {
  return ms === Number.NEGATIVE_INFINITY ? null : ms;
}

function listOf(own: Float64Array): number[] {
  return [...own];
}
