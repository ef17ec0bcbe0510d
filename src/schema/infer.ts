import { assert } from "../kernel/index.ts";
import { type AvroType, splitNullable } from "./avro-type.ts";
import { defaultProblem } from "./default-value.ts";
import { parseType } from "./parse-type.ts";
import { typeToJson } from "./print-type.ts";
import { parseRecordSchema, type RecordSchema } from "./record-schema.ts";
import type { Field } from "./row-shape.ts";

export interface InferOptions {
  /** As written in the topology; its PascalCase is the record's name, unless a registered schema has one already. */
  readonly topic: string;
  readonly topology: string;
  /** `doc` names step and expression, `sensitive` is kept: a derived topic does not print what its input hides. */
  readonly fields: readonly Pick<Field, "name" | "type" | "doc" | "sensitive" | "default" | "statedDefault">[];
  /** Schemas that the topic's records were written with before, oldest first. */
  readonly registered?: readonly RecordSchema[];
}

/** A field that records in the topic may lack or hold as null, though the stage itself always writes it. */
export interface Widened {
  readonly name: string;
  /** Some registered schema does not have the field. */
  readonly isAdded: boolean;
}

/** The identity of every record: a topic that lacks it is not one of ours, and nothing stands in for it. */
const identity = "event_id";
const olderRecords = "null in older records";

/**
 * The schema of a topic that declares none: record named after the topic, namespace `millrace.<topology>`, fields in
 * the order given, nullable as `["null", T]` with default null. The same fields give the same text.
 *
 * A field that some registered schema lacks has the default that the topology states, or that its input's schema has,
 * or is `["null", T]`; one that some registered schema holds as nullable stays so. A schema that was inferred and then
 * registered is inferred again unchanged. Field names must be distinct names of Avro.
 */
export function inferSchema(options: InferOptions): RecordSchema {
  const { registered = [] } = options;
  const defined = new Set<string>();
  const fields = options.fields.map((field) => inferredField(field, registered, defined));
  const json = {
    type: "record",
    name: registered.at(-1)?.name ?? recordNameOf(options.topic),
    namespace: `millrace.${avroName(options.topology)}`,
    fields,
  };
  const parsed = parseRecordSchema(json, `inferred for ${options.topic}`);
  assert("schema" in parsed, "problems" in parsed ? parsed.problems.map((p) => p.message).join("; ") : "");
  return parsed.schema;
}

/** The fields of a schema, inferred without a look at the registered ones, that these make nullable. */
export function widenedFields(schema: RecordSchema, registered: readonly RecordSchema[]): Widened[] {
  return schema.shape.flatMap((field) => {
    const { isAdded, isNullable } = widening(field, registered);
    return isNullable && !field.type.nullable ? [{ name: field.name, isAdded }] : [];
  });
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

type InferredField = InferOptions["fields"][number];

function inferredField(field: InferredField, registered: readonly RecordSchema[], defined: Set<string>): unknown {
  const type = avroTypeOf(field);
  const { fallback, isNullable } = widening(field, registered);
  const doc = isNullable && !field.type.nullable ? docOfWidened(field.doc) : field.doc;
  return {
    name: field.name,
    ...typeAndDefault(typeToJson(type, defined), isNullable, fallback),
    ...(doc === undefined ? {} : { doc }),
    ...(field.sensitive === true ? { sensitive: true } : {}),
  };
}

function typeAndDefault(json: unknown, isNullable: boolean, fallback: unknown): { type: unknown; default?: unknown } {
  const branches: unknown[] = Array.isArray(json) ? json : [json];
  // Avro wants the default to be of the first branch.
  if (isNullable && fallback !== undefined) return { type: [...branches, "null"], default: fallback };
  if (isNullable) return { type: ["null", ...branches], default: null };
  return fallback === undefined ? { type: json } : { type: json, default: fallback };
}

/** What the registered schemas ask of a field: a default for records that lack it, and whether it may be null. */
function widening(
  field: InferredField,
  registered: readonly RecordSchema[],
): { readonly isAdded: boolean; readonly isNullable: boolean; readonly fallback: unknown } {
  if (field.name === identity) return { isAdded: false, isNullable: field.type.nullable, fallback: undefined };
  const before = registered.map((schema) => schema.type.fields.find(({ name }) => name === field.name));
  const isAdded = before.includes(undefined);
  const wasNullable = before.some((known) => known !== undefined && splitNullable(known.type).nullable);
  const fallback = field.statedDefault ?? (isAdded ? fittingDefault(field) : undefined);
  return { isAdded, isNullable: field.type.nullable || wasNullable || (isAdded && fallback === undefined), fallback };
}

/** The default of the input's schema, where steps have not changed the type under it. */
function fittingDefault(field: InferredField): unknown {
  const { default: given } = field;
  if (given === undefined || given === null) return undefined;
  const type = avroTypeOf(field);
  const first = type.kind === "union" ? type.branches[0] : type;
  return first !== undefined && defaultProblem(first, given) === undefined ? given : undefined;
}

function docOfWidened(doc: string | undefined): string {
  if (doc === undefined) return olderRecords;
  return doc.endsWith(olderRecords) ? doc : `${doc}; ${olderRecords}`;
}

/** Named types are spelled out once and referred to after that, or the schema would define them twice. */
function avroTypeOf(field: Pick<Field, "type">): AvroType {
  const { type, problems } = parseType(field.type.avro, { strictDefaults: false });
  assert(type !== undefined, problems.map((problem) => problem.message).join("; "));
  return type;
}
