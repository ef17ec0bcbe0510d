export { avroIngestRules, type NeverFits } from "./avro-ingest.ts";
export type { RecordType } from "./avro-type.ts";
export { branchedTranscoder } from "./branched-transcoder.ts";
export {
  type CastType,
  type Converted,
  castTargets,
  castTypes,
  epochToTime,
  floatOf,
  toBoolean,
  toDouble,
  toFloat,
  toInt,
  toLong,
  toText,
  toTime,
} from "./cast.ts";
export { type Incompatibility, type IncompatibilityKind, incompatibilities, readProblems } from "./compatibility.ts";
export { numberText } from "./decimal.ts";
export { type FieldValues, fieldValues, type WantedValue } from "./field-values.ts";
export { framingBytes, readSchemaId, writeSchemaId } from "./framing.ts";
export { inferSchema, recordNameOf, type Widened, widenedFields } from "./infer.ts";
export { avroTypeName, fieldsIn, kindText, valuesIn } from "./inside-type.ts";
export { type FromJsonOptions, fromJsonText, fromJsonValue, toJsonText, toJsonValue } from "./json-form.ts";
export { pointerKeys } from "./json-pointer.ts";
export { createJsonReader, type JsonReader, type JsonReaderOptions } from "./json-reader.ts";
export { memberSpans } from "./json-spans.ts";
export { isWellFormed, jsonText, parseJsonBytes } from "./json-text.ts";
export { isLong, type Long } from "./long.ts";
export { avscRefusal } from "./other-readers.ts";
export { ownSchemaId, ownWriterSchema } from "./own-schemas.ts";
export { normalSchemaText } from "./print-type.ts";
export { type Reads, type RowReads, unionOfReads } from "./reads.ts";
export {
  parseRecordSchema,
  parseRecordSchemaText,
  parseSchemaJson,
  type RecordSchema,
  readRecordSchema,
  type SchemaTextProblem,
} from "./record-schema.ts";
export { cachedRegistry, punctualRegistry, type RegisteredSchema, type SchemaRegistry } from "./registry.ts";
export { createDecoder, createEncoder, type RowDecoder, type RowEncoder, readableOrThrow } from "./row-codec.ts";
export type { Field, FieldKind, FieldType, Row, RowShape } from "./row-shape.ts";
export { type ShadowedAlias, shadowedAliases, withoutShadowedAliases } from "./shadowed-aliases.ts";
export { type Transcoder, transcoderOf, transcoderParts } from "./transcoder.ts";
export { UnionValue } from "./union-value.ts";
export { writerTypeParts } from "./writer-type.ts";
export { Writers, type WritersOptions } from "./writers.ts";
