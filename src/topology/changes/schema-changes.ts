import {
  incompatibilities,
  jsonText,
  parseRecordSchemaText,
  type RecordSchema,
  type RegisteredSchema,
} from "../../schema/index.ts";
import { typeText } from "../plan/fit.ts";

/** Why a schema cannot read a registered version, field by field, and what to do about each. */
export interface Break {
  readonly message: string;
  readonly cure: string;
}

/** What hinders `reader` from reading records of a registered version; empty when it reads them all. */
export function breaksOf(reader: RecordSchema, version: RegisteredSchema): readonly Break[] {
  const parsed = parseRecordSchemaText(version.text, version.subject, { strictDefaults: false });
  if (!("schema" in parsed)) {
    const message = parsed.problems.map((problem) => problem.message).join("; ");
    return [{ message, cure: "delete that version from the registry, or move to a new topic" }];
  }
  const writer = parsed.schema;
  const breaks = new Map<string, Break>();
  for (const { path, message } of incompatibilities(reader.type, writer.type)) {
    const name = fieldAt(path, reader);
    if (breaks.has(name)) continue;
    breaks.set(name, name === "" ? recordBreak(reader, writer) : fieldBreak(name, message, reader, writer));
  }
  return [...breaks.values()];
}

/** Names of fields that come and go between two schemas. */
export function comingAndGoing(
  after: RecordSchema,
  before: RecordSchema | undefined,
): { readonly added: readonly string[]; readonly dropped: readonly string[] } {
  if (before === undefined) return { added: [], dropped: [] };
  const has = (schema: RecordSchema, name: string): boolean => schema.shape.some((field) => field.name === name);
  const added = after.shape.filter((field) => !has(before, field.name));
  return {
    added: added.map((field) => `${field.name} (${jsonText(field.default ?? null)} in older records)`),
    dropped: before.shape.filter((field) => !has(after, field.name)).map((field) => field.name),
  };
}

/** The field of the record that a path from its root leads into; empty for the record itself. */
function fieldAt(path: string, reader: RecordSchema): string {
  const index = /^\/fields\/(\d+)(?:\/|$)/.exec(path)?.[1];
  return index === undefined ? "" : (reader.type.fields[Number(index)]?.name ?? "");
}

function recordBreak(reader: RecordSchema, writer: RecordSchema): Break {
  return {
    message: `the record is ${reader.name} now, and was ${writer.name}`,
    cure: `name it ${writer.name}, or give it "aliases": ["${writer.fullName}"]`,
  };
}

function fieldBreak(name: string, reason: string, reader: RecordSchema, writer: RecordSchema): Break {
  const after = reader.shape.find((field) => field.name === name);
  const before = [name, ...(after?.aliases ?? [])].flatMap(
    (known) => writer.shape.find((f) => f.name === known) ?? [],
  )[0];
  if (after === undefined || before === undefined) {
    const cure = name === "event_id" ? "move to a new topic" : `give ${name} a default`;
    return { message: `field ${name} was not there, and has no default`, cure };
  }
  const [is, was] = [typeText(after.type), typeText(before.type)];
  const isNarrowed = before.type.nullable && !after.type.nullable;
  if (isNarrowed && after.type.kind === before.type.kind)
    return { message: `field ${name} was ${was}, and may not be null now`, cure: `let ${name} be null in the schema` };
  const message = is === was ? `field ${name}: ${reason}` : `field ${name} is ${is} now, and was ${was}`;
  const conversion = conversions[before.type.kind];
  const keep =
    conversion === undefined
      ? `keep the type of ${name}`
      : `keep ${name} ${before.type.kind}, with ${conversion}(...) around its expression`;
  return { message, cure: `${keep}, or give the new field another name` };
}

/** Functions of the expression language that make a type. */
const conversions: Readonly<Record<string, string | undefined>> = {
  double: "to_double",
  long: "to_long",
  int: "to_int",
  string: "to_string",
  boolean: "to_boolean",
};
