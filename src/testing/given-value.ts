import { OperationError } from "../kernel/index.ts";
import {
  createEncoder,
  framingBytes,
  fromJsonValue,
  jsonText,
  parseRecordSchema,
  type RecordSchema,
  toJsonText,
  writeSchemaId,
} from "../schema/index.ts";
import type { PlannedStage } from "../topology/index.ts";
import type { MemoryRegistry } from "./memory-registry.ts";

/** A value as a test gives it: bytes as they are, text as UTF-8, or a record in the one JSON form. */
export type GivenValue = Uint8Array | string | Readonly<Record<string, unknown>> | null;

/**
 * The bytes of a value as the stage's producers would send it: a mapping becomes JSON or Avro, as the input's
 * format says. Where a stage reads Avro that it knows the schema of, fields may be left out: they become their
 * default or null, else the zero of their type, and `event_id` becomes `eventId`.
 *
 * @throws RecordError naming a field that does not fit the schema
 */
export function valueBytes(
  stage: PlannedStage,
  given: GivenValue,
  eventId: string,
  registry: MemoryRegistry,
): Uint8Array | null {
  if (given === null || given instanceof Uint8Array) return given;
  if (typeof given === "string") return Buffer.from(given);
  if (stage.ingest === undefined) return ownBytes(stage, given, eventId, registry);
  if (stage.fromFormat === "json") return Buffer.from(jsonText(given));
  return foreignAvro(stage, given, registry);
}

/** A record of a topic that a stage of the topology writes. */
function ownBytes(
  stage: PlannedStage,
  given: Readonly<Record<string, unknown>>,
  eventId: string,
  registry: MemoryRegistry,
): Uint8Array {
  const hasEventId = stage.reader.shape.some((field) => field.name === "event_id");
  const value = hasEventId && given["event_id"] === undefined ? { ...given, event_id: eventId } : given;
  const row = fromJsonValue(stage.reader, value, { lenient: true });
  if (stage.fromFormat === "json") return Buffer.from(toJsonText(stage.reader, row));
  const { id } = registry.add(stage.from.subject ?? stage.from.name, stage.reader.json);
  return avroBytes(stage.reader, row, id);
}

/** What others send as Avro: in the schema that the topology names for the topic, else in one that fits the value. */
function foreignAvro(
  stage: PlannedStage,
  given: Readonly<Record<string, unknown>>,
  registry: MemoryRegistry,
): Uint8Array {
  const schema = stage.from.schema ?? schemaFitting(given, stage.from.name);
  const { id } = registry.add(stage.from.subject ?? stage.from.name, schema.json);
  return avroBytes(schema, fromJsonValue(schema, given, { lenient: true }), id);
}

function avroBytes(schema: RecordSchema, row: Readonly<Record<string, unknown>>, schemaId: number): Uint8Array {
  const encoder = createEncoder(schema);
  let bytes = Buffer.alloc(4_096);
  for (;;) {
    writeSchemaId(bytes, 0, schemaId);
    const end = encoder.encode(row, bytes, framingBytes);
    if (end >= 0) return bytes.subarray(0, end);
    bytes = Buffer.alloc((bytes.length - end) * 2);
  }
}

function schemaFitting(given: Readonly<Record<string, unknown>>, topic: string): RecordSchema {
  let records = 0;
  const typeOf = (value: unknown): unknown => {
    if (value === null || value === undefined) return "null";
    if (typeof value === "boolean" || typeof value === "string")
      return typeof value === "string" ? "string" : "boolean";
    if (typeof value === "number") return Number.isSafeInteger(value) ? "long" : "double";
    if (Array.isArray(value)) return { type: "array", items: value.length === 0 ? "null" : typeOf(value[0]) };
    const fields = Object.entries(value as object).map(([name, inner]) => ({ name, type: typeOf(inner) }));
    return { type: "record", name: `Given${records++}`, fields };
  };
  const parsed = parseRecordSchema(typeOf(given), topic);
  if ("schema" in parsed) return parsed.schema;
  const reasons = parsed.problems.map((problem) => problem.message).join("; ");
  throw new OperationError("MR_SCHEMA", `making a schema for a record of ${topic}: ${reasons}`);
}
