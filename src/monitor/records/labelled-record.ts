/**
 * What stages of Millrace's own write on `<topology>.labelled.repartition`: predictions and labels under the key that
 * joins them, so that one log has one order of both.
 */
import type { EpochMs } from "../../kernel/index.ts";
import type { Long, RecordSchema } from "../../schema/index.ts";
import { RecordCodec, whole } from "./record-codec.ts";

interface Joined {
  /** Which labels join which predictions: several joins share the topic. */
  readonly join: string;
  readonly key: string;
  readonly eventId: string;
  readonly timeMs: EpochMs;
}

export interface JoinedPrediction extends Joined {
  readonly model: string;
  readonly version: number;
  readonly score: number;
}

export interface JoinedLabel extends Joined {
  readonly label: 0 | 1;
}

export type LabelledRecord = JoinedPrediction | JoinedLabel;

const codec = new RecordCodec(
  {
    type: "record",
    name: "Labelled",
    namespace: "millrace",
    fields: [
      { name: "event_id", type: "string" },
      { name: "join", type: "string", doc: "which labels join which predictions" },
      { name: "key", type: "string" },
      { name: "event_time", type: { type: "long", logicalType: "timestamp-millis" } },
      { name: "model", type: ["null", "string"], default: null, doc: "null in a label" },
      { name: "model_version", type: ["null", "int"], default: null },
      { name: "score", type: ["null", "double"], default: null },
      { name: "label", type: ["null", "boolean"], default: null, doc: "null in a prediction" },
    ],
  },
  "millrace.Labelled",
);

/** Of the values on the topic, as it is registered. */
export const labelledSchema: RecordSchema = codec.schema;

interface WireLabelled {
  readonly event_id: string;
  readonly join: string;
  readonly key: string;
  readonly event_time: Long;
  readonly model: string | null;
  readonly model_version: number | null;
  readonly score: number | null;
  readonly label: boolean | null;
}

/** @param id of {@link labelledSchema} in the registry */
export function encodeLabelled(record: LabelledRecord, id: number): Buffer {
  const isLabel = isJoinedLabel(record);
  const row = {
    event_id: record.eventId,
    join: record.join,
    key: record.key,
    event_time: record.timeMs,
    model: isLabel ? null : record.model,
    model_version: isLabel ? null : record.version,
    score: isLabel ? null : record.score,
    label: isLabel ? record.label === 1 : null,
  };
  return codec.encode(row, id);
}

/**
 * @param value framed
 * @param writer the schema that the framing's id names; {@link labelledSchema} when left out
 * @throws RecordError MR_DECODE_* for what is no record of this topic
 */
export function decodeLabelled(value: Uint8Array, writer?: RecordSchema): LabelledRecord {
  const wire = codec.decode(value, writer) as unknown as WireLabelled;
  const joined = { join: wire.join, key: wire.key, eventId: wire.event_id, timeMs: whole(wire.event_time) };
  if (wire.model === null) return { ...joined, label: wire.label === true ? 1 : 0 };
  return { ...joined, model: wire.model, version: wire.model_version ?? 0, score: wire.score ?? Number.NaN };
}

export function isJoinedLabel(record: LabelledRecord): record is JoinedLabel {
  return "label" in record;
}
