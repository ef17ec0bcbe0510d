/**
 * What stands on `<topology>.baselines`: the cells and reference windows of each field, then, under the monitor's own
 * key, which of the baselines is in service.
 */
import type { EpochMs } from "../../kernel/index.ts";
import type { Long, RecordSchema } from "../../schema/index.ts";
import { RecordCodec, whole, wholes } from "./record-codec.ts";

/** What the cells of a field are made of. */
export type CellsSource =
  | { readonly kind: "numbers"; readonly edges: readonly number[] }
  | { readonly kind: "categories"; readonly values: readonly (readonly [value: string, rows: number])[] };

export interface ReferenceWindow {
  readonly fromMs: EpochMs;
  readonly rows: number;
  readonly counts: Float64Array;
}

/** One field of a baseline. */
export interface BaselineFieldRecord {
  readonly monitor: string;
  /** `<model>/<version>`, or a hash. */
  readonly id: string;
  readonly field: string;
  /** How many fields make the baseline whole. */
  readonly fields: number;
  readonly cells: CellsSource;
  /** Ascending, at most 1,344: eight weeks of hours. */
  readonly windows: readonly ReferenceWindow[];
}

/** Which baseline of a monitor is in service; written after its fields. */
export interface BaselineHeadRecord {
  readonly monitor: string;
  /** Of the monitor when it was measured. */
  readonly version: string;
  readonly id: string;
  /** Where it comes from, for people. */
  readonly origin: string;
  /** Hash of what the topology asked for when it was put in service; empty where that was not written down. */
  readonly asked: string;
  readonly atMs: EpochMs;
}

const time = { type: "long", logicalType: "timestamp-millis" };

const codec = new RecordCodec(
  {
    type: "record",
    name: "Baseline",
    namespace: "millrace.monitor",
    fields: [
      { name: "monitor", type: "string" },
      { name: "id", type: "string" },
      {
        name: "head",
        doc: "names the baseline in service; null in the record of a field",
        default: null,
        type: [
          "null",
          {
            type: "record",
            name: "Head",
            fields: [
              { name: "version", type: "string" },
              { name: "origin", type: "string" },
              { name: "at", type: time },
              {
                name: "asked",
                type: "string",
                default: "",
                doc: "hash of what the topology asked for; empty: not known",
              },
            ],
          },
        ],
      },
      {
        name: "field",
        doc: "null in a head",
        default: null,
        type: [
          "null",
          {
            type: "record",
            name: "Field",
            fields: [
              { name: "name", type: "string" },
              { name: "fields", type: "int", doc: "how many make the baseline whole" },
              { name: "edges", type: ["null", { type: "array", items: "double" }], default: null },
              {
                name: "values",
                default: null,
                type: [
                  "null",
                  {
                    type: "array",
                    items: {
                      type: "record",
                      name: "Category",
                      fields: [
                        { name: "value", type: "string" },
                        { name: "rows", type: "long" },
                      ],
                    },
                  },
                ],
              },
              {
                name: "windows",
                type: {
                  type: "array",
                  items: {
                    type: "record",
                    name: "Reference",
                    fields: [
                      { name: "from", type: time },
                      { name: "rows", type: "long" },
                      { name: "counts", type: { type: "array", items: "long" } },
                    ],
                  },
                },
              },
            ],
          },
        ],
      },
    ],
  },
  "millrace.monitor.Baseline",
);

/** Of the values on the baselines topic, as it is registered. */
export const baselineSchema: RecordSchema = codec.schema;

interface WireField {
  readonly name: string;
  readonly fields: number;
  readonly edges: readonly number[] | null;
  readonly values: readonly { readonly value: string; readonly rows: Long }[] | null;
  readonly windows: readonly { readonly from: Long; readonly rows: Long; readonly counts: readonly Long[] }[];
}

interface WireBaseline {
  readonly monitor: string;
  readonly id: string;
  readonly head: {
    readonly version: string;
    readonly origin: string;
    readonly at: Long;
    readonly asked: string;
  } | null;
  readonly field: WireField | null;
}

/** `<monitor>/<id>/<field>` of a field, `<monitor>` of a head. */
export function baselineKey(record: BaselineFieldRecord | BaselineHeadRecord): string {
  return isBaselineHead(record) ? record.monitor : `${record.monitor}/${record.id}/${record.field}`;
}

export function isBaselineHead(record: BaselineFieldRecord | BaselineHeadRecord): record is BaselineHeadRecord {
  return "origin" in record;
}

/** @param id of {@link baselineSchema} in the registry */
export function encodeBaseline(record: BaselineFieldRecord | BaselineHeadRecord, id: number): Buffer {
  const { monitor } = record;
  if (isBaselineHead(record)) {
    const { version, origin, asked, atMs } = record;
    return codec.encode({ monitor, id: record.id, head: { version, origin, at: atMs, asked }, field: null }, id);
  }
  const { cells } = record;
  const field = {
    name: record.field,
    fields: record.fields,
    edges: cells.kind === "numbers" ? cells.edges : null,
    values: cells.kind === "categories" ? cells.values.map(([value, rows]) => ({ value, rows })) : null,
    windows: record.windows.map(({ fromMs, rows, counts }) => ({ from: fromMs, rows, counts: [...counts] })),
  };
  return codec.encode({ monitor, id: record.id, head: null, field }, id);
}

/**
 * @param value framed
 * @param writer the schema that the framing's id names; {@link baselineSchema} when left out
 * @throws RecordError MR_DECODE_* for what is no record of this topic
 */
export function decodeBaseline(value: Uint8Array, writer?: RecordSchema): BaselineFieldRecord | BaselineHeadRecord {
  const { monitor, id, head, field } = codec.decode(value, writer) as unknown as WireBaseline;
  if (field === null) {
    const { version, origin, asked, at } = head ?? { version: "", origin: "", asked: "", at: 0 };
    return { monitor, id, version, origin, asked, atMs: whole(at) };
  }
  const cells: CellsSource =
    field.values === null
      ? { kind: "numbers", edges: field.edges ?? [] }
      : { kind: "categories", values: field.values.map(({ value, rows }) => [value, whole(rows)]) };
  const windows = field.windows.map(({ from, rows, counts }) => ({
    fromMs: whole(from),
    rows: whole(rows),
    counts: wholes(counts),
  }));
  return { monitor, id, field: field.name, fields: field.fields, cells, windows };
}
