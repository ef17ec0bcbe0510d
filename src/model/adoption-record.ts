/** Which version of a model a task scores with from an offset on, on `<topology>.adoptions`. */
import type { EpochMs, Offset } from "../kernel/index.ts";
import { RecordCodec, whole } from "../monitor/index.ts";
import type { Long, RecordSchema } from "../schema/index.ts";

/**
 * A task's word that it scores the records of its input from `fromOffset` on with a version, until the next adoption of the
 * same key. It is written before the first of them is scored, with the task's offsets or never.
 */
export interface Adoption {
  readonly stage: string;
  /** Of the stage's input, as the cluster names it. */
  readonly topic: string;
  readonly partition: number;
  readonly model: string;
  readonly alias: string;
  readonly version: number;
  /** Share of the keys that are scored with it; 1 for all. */
  readonly share: number;
  /** Which keys those are; empty where they are all. */
  readonly salt: string;
  readonly fromOffset: Offset;
  readonly atMs: EpochMs;
  /** Incident that the alias was moved for. */
  readonly incident: string | null;
  /** Code and sentence of a challenger that the task could not open, and so never scored with; its share is 0. */
  readonly reason?: string;
}

const codec = new RecordCodec(
  {
    type: "record",
    name: "Adoption",
    namespace: "millrace",
    fields: [
      { name: "stage", type: "string" },
      { name: "topic", type: "string" },
      { name: "partition", type: "int" },
      { name: "model", type: "string" },
      { name: "alias", type: "string" },
      { name: "version", type: "int" },
      { name: "share", type: "double" },
      { name: "salt", type: "string" },
      { name: "from_offset", type: "long" },
      { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
      { name: "incident", type: ["null", "string"], default: null },
      { name: "reason", type: ["null", "string"], default: null },
    ],
  },
  "millrace.Adoption",
);

/** Of the values on the adoptions topic, as it is registered. */
export const adoptionSchema: RecordSchema = codec.schema;

/** `<stage>/<topic>/<partition>/<model>@<alias>`: the adoptions of a key are those of one task, in their order. */
export function adoptionKey({
  stage,
  topic,
  partition,
  model,
  alias,
}: Pick<Adoption, "stage" | "topic" | "partition" | "model" | "alias">): string {
  return `${stage}/${topic}/${partition}/${model}@${alias}`;
}

/** @param id of {@link adoptionSchema} in the registry */
export function encodeAdoption(adoption: Adoption, id: number): Buffer {
  const { fromOffset, atMs, reason = null } = adoption;
  return codec.encode({ ...adoption, from_offset: fromOffset, at: atMs, reason }, id);
}

type WireAdoption = Omit<Adoption, "fromOffset" | "atMs" | "reason"> & {
  readonly from_offset: Long;
  readonly at: Long;
  readonly reason: string | null;
};

/**
 * @param value framed
 * @param writer the schema that the framing's id names; {@link adoptionSchema} when left out
 * @throws RecordError MR_DECODE_* for what is no record of this topic
 */
export function decodeAdoption(value: Uint8Array, writer?: RecordSchema): Adoption {
  const wire = codec.decode(value, writer) as unknown as WireAdoption;
  const { stage, topic, partition, model, alias, version, share, salt, incident, reason } = wire;
  const placed = { fromOffset: whole(wire.from_offset), atMs: whole(wire.at) };
  const why = reason === null ? {} : { reason };
  return { stage, topic, partition, model, alias, version, share, salt, ...placed, incident, ...why };
}
