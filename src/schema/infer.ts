import { assert } from "../kernel/index.ts";
import { parseType } from "./parse-type.ts";
import { typeToJson } from "./print-type.ts";
import { parseRecordSchema, type RecordSchema } from "./record-schema.ts";
import type { FieldType } from "./row-shape.ts";

export interface InferOptions {
  /** As written in the topology; its PascalCase is the record's name. */
  readonly topic: string;
  readonly topology: string;
  readonly fields: readonly {
    readonly name: string;
    readonly type: FieldType;
    /** Step and expression the field comes from. */
    readonly doc?: string;
    /** Kept, so that a derived topic does not print what its input hides. */
    readonly sensitive?: boolean;
  }[];
}

/**
 * The schema of a topic that declares none: record named after the topic, namespace `millrace.<topology>`, fields in
 * the order given, nullable as `["null", T]` with default null. The same fields give the same text.
 * Field names must be distinct names of Avro.
 */
export function inferSchema(options: InferOptions): RecordSchema {
  const defined = new Set<string>();
  const fields = options.fields.map((field) => ({
    name: field.name,
    ...inferredType(field.type, defined),
    ...(field.doc === undefined ? {} : { doc: field.doc }),
    ...(field.sensitive === true ? { sensitive: true } : {}),
  }));
  const json = {
    type: "record",
    name: recordNameOf(options.topic),
    namespace: `millrace.${avroName(options.topology)}`,
    fields,
  };
  const parsed = parseRecordSchema(json, `inferred for ${options.topic}`);
  assert("schema" in parsed, "problems" in parsed ? parsed.problems.map((p) => p.message).join("; ") : "");
  return parsed.schema;
}

/** PascalCase of a topic: `payments.features` is PaymentsFeatures. A digit in front gets `T` before it. */
export function recordNameOf(topic: string): string {
  const words = topic.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  return /^[A-Za-z]/.test(name) ? name : `T${name}`;
}

function avroName(text: string): string {
  const name = text.replaceAll(/[^A-Za-z0-9_]/g, "_");
  return /^[A-Za-z_]/.test(name) ? name : `_${name}`;
}

/** Named types are spelled out once and referred to after that, or the schema would define them twice. */
function inferredType(field: FieldType, defined: Set<string>): { type: unknown; default?: null } {
  const { type, problems } = parseType(field.avro, { strictDefaults: false });
  assert(type !== undefined, problems.map((problem) => problem.message).join("; "));
  const json = typeToJson(type, defined);
  if (!field.nullable) return { type: json };
  return { type: ["null", ...(Array.isArray(json) ? json : [json])], default: null };
}
