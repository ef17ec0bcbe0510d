import type { Problem } from "../kernel/index.ts";
import { type AvroField, type AvroType, isTimestamp, type RecordType, splitNullable } from "./avro-type.ts";
import { readJsonSource } from "./json-source.ts";
import { type ParseOptions, parseType } from "./parse-type.ts";
import { canonicalForm, typeToJson } from "./print-type.ts";
import type { Field, FieldKind, FieldType, RowShape } from "./row-shape.ts";

/** A checked Avro record schema, in the forms that the rest of Millrace asks for. */
export interface RecordSchema {
  /** Without the namespace. */
  readonly name: string;
  readonly fullName: string;
  /** As it was given, attributes of our own included; never changed. */
  readonly json: unknown;
  readonly shape: RowShape;
  /** Avro's parsing canonical form. */
  readonly canonical: string;
  /** The parsed tree, for codec and compatibility. */
  readonly type: RecordType;
}

/** Logical types that give a number or bytes another meaning; steps must not calculate with them. */
const opaqueLogicalTypes: ReadonlySet<unknown> = new Set([
  "date",
  "time-millis",
  "time-micros",
  "timestamp-micros",
  "timestamp-nanos",
  "local-timestamp-millis",
  "local-timestamp-micros",
  "local-timestamp-nanos",
  "decimal",
  "duration",
]);

/**
 * Checks that `json` is an Avro schema of a record.
 *
 * All problems are reported, each with its path from the root of the schema; `name` says in messages which schema
 * it is. Defaults that do not fit their type are refused unless `strictDefaults` is false, which is for schemas
 * that a registry already holds.
 */
export function parseRecordSchema(
  json: unknown,
  name: string,
  options: ParseOptions = { strictDefaults: true },
): { readonly schema: RecordSchema } | { readonly problems: readonly Problem[] } {
  const { type, problems } = parseType(json, options);
  if (type === undefined) {
    return { problems: problems.map((problem) => ({ ...problem, message: placedMessage(problem, json, name) })) };
  }
  if (type.kind !== "record") {
    const message = `schema ${name}: a topic holds records, and this is ${type.kind}`;
    return { problems: [{ code: "MR_SCHEMA", path: [], message }] };
  }
  return { schema: recordSchemaOf(type, json) };
}

/** A problem of a schema's text, with the offset at which it shows. */
export interface SchemaTextProblem extends Problem {
  readonly offset: number;
}

/**
 * Reads a schema as its author wrote it: {@link parseRecordSchema} on JSON with comments, in which every number keeps
 * its digits and every problem has its place.
 */
export function readRecordSchema(
  text: string,
  name: string,
): { readonly schema: RecordSchema } | { readonly problems: readonly SchemaTextProblem[] } {
  const reading = readJsonSource(text);
  if ("fault" in reading) {
    const { offset, message, hint } = reading.fault;
    return {
      problems: [{ code: "MR_SCHEMA", path: [], message: `schema ${name}: not JSON: ${message}`, hint, offset }],
    };
  }
  const { value, offsetOf } = reading.source;
  const parsed = parseRecordSchema(value, name);
  if ("schema" in parsed) return parsed;
  return { problems: parsed.problems.map((problem) => ({ ...problem, offset: offsetOf(problem.path) })) };
}

/** The schema as a registry gives it: {@link parseRecordSchema} on JSON text. Not JSON is a problem too. */
export function parseRecordSchemaText(
  text: string,
  name: string,
  options: ParseOptions = { strictDefaults: true },
): { readonly schema: RecordSchema } | { readonly problems: readonly Problem[] } {
  let json: unknown;
  try {
    json = parseSchemaJson(text);
  } catch {
    return { problems: [{ code: "MR_SCHEMA", path: [], message: `schema ${name}: not JSON` }] };
  }
  return parseRecordSchema(json, name, options);
}

/**
 * The JSON of a registered schema: whole numbers beyond 2^53 are bigints, as a default of a long may be one.
 * @throws SyntaxError
 */
export function parseSchemaJson(text: string): unknown {
  const json: unknown = JSON.parse(text);
  if (!/[0-9]{16}/.test(text)) return json;
  // What JSON.parse takes and the stricter reader does not (a key twice) is as JSON.parse has it.
  const reading = readJsonSource(text);
  return "source" in reading ? reading.source.value : json;
}

/** The message with the schema and the field, by its path of names, that it is about. */
function placedMessage({ message, path }: Problem, json: unknown, name: string): string {
  const names: string[] = [];
  let at = json;
  for (const [index, part] of path.entries()) {
    at = typeof at === "object" && at !== null ? (at as Record<string | number, unknown>)[part] : undefined;
    const field = typeof at === "object" && at !== null ? (at as { name?: unknown }).name : undefined;
    if (path[index - 1] === "fields" && typeof part === "number" && typeof field === "string") names.push(field);
  }
  return `schema ${name}: ${names.length === 0 ? "" : `field ${names.join(".").slice(0, 200)}: `}${message}`;
}

function recordSchemaOf(type: RecordType, json: unknown): RecordSchema {
  return {
    name: type.name,
    fullName: type.fullName,
    json,
    shape: type.fields.map(fieldOf),
    canonical: canonicalForm(type),
    type,
  };
}

function fieldOf(field: AvroField): Field {
  return {
    name: field.name,
    type: fieldTypeOf(field.type),
    ...(field.doc === undefined ? {} : { doc: field.doc }),
    ...(field.default === undefined ? {} : { default: field.default }),
    ...(field.aliases.length === 0 ? {} : { aliases: field.aliases }),
    ...(field.sensitive ? { sensitive: true } : {}),
  };
}

/** How steps and expressions see an Avro type. */
export function fieldTypeOf(avro: AvroType): FieldType {
  const { type, nullable } = splitNullable(avro);
  return { kind: fieldKindOf(type), nullable, avro: typeToJson(withoutNull(type)) };
}

/** A wide union without its null branch: `nullable` says it, and inferred schemas put it back. */
function withoutNull(type: AvroType): AvroType {
  return type.kind === "union"
    ? { kind: "union", branches: type.branches.filter((branch) => branch.kind !== "null") }
    : type;
}

function fieldKindOf(type: AvroType): FieldKind {
  if (isTimestamp(type)) return "timestamp";
  if (type.kind === "enum") return "enum";
  switch (type.kind) {
    case "boolean":
    case "int":
    case "long":
    case "float":
    case "double":
    case "string":
    case "bytes":
      return opaqueLogicalTypes.has(type.attributes["logicalType"]) ? "other" : type.kind;
    case "record":
    case "map":
      return type.kind;
    case "array":
      return "list";
    default:
      return "other";
  }
}
