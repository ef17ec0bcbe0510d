import { assert } from "../kernel/index.ts";
import { parseRecordSchema, type RecordSchema } from "./record-schema.ts";

/** An alias that is the name of another field of the same record. */
export interface ShadowedAlias {
  readonly field: string;
  readonly alias: string;
}

/**
 * The schema without aliases that name another field of the same record, at any depth.
 *
 * An exact name wins over an alias, so such an alias could only ever mean a record in which the real field is not
 * there. Java's resolution does not even start on it: it renames the written field, and then has two of one name.
 *
 * @param filled fields of the record itself whose written value nobody reads: aliases that name them stay
 * @returns the schema itself when it has no such alias
 */
export function withoutShadowedAliases(schema: RecordSchema, filled: ReadonlySet<string> = new Set()): RecordSchema {
  if (shadowedAliases(schema, filled).length === 0) return schema;
  const parsed = parseRecordSchema(
    rebuilt(schema.json, filled, () => undefined),
    schema.name,
  );
  assert("schema" in parsed, `schema ${schema.name} is none without its aliases`);
  return parsed.schema;
}

/** The aliases that {@link withoutShadowedAliases} takes away. */
export function shadowedAliases(schema: RecordSchema, filled: ReadonlySet<string> = new Set()): ShadowedAlias[] {
  const found: ShadowedAlias[] = [];
  rebuilt(schema.json, filled, (shadowed) => found.push(shadowed));
  return found;
}

type JsonObject = Readonly<Record<string, unknown>>;

/** A copy in which only aliases are missing; what is no record is copied as it is, in its order. */
function rebuilt(json: unknown, filled: ReadonlySet<string>, drop: (shadowed: ShadowedAlias) => void): unknown {
  if (Array.isArray(json)) return json.map((part) => rebuilt(part, nothing, drop));
  if (!isObject(json)) return json;
  if (json["type"] === "record" && Array.isArray(json["fields"])) {
    const fields: unknown[] = json["fields"];
    const names = new Set(fields.flatMap((field) => (isObject(field) ? [String(field["name"])] : [])));
    return { ...json, fields: fields.map((field) => fieldRebuilt(field, names, filled, drop)) };
  }
  const inner = ["type", "items", "values"].filter((key) => json[key] !== undefined && typeof json[key] !== "string");
  return { ...json, ...Object.fromEntries(inner.map((key) => [key, rebuilt(json[key], nothing, drop)])) };
}

const nothing: ReadonlySet<string> = new Set();

function fieldRebuilt(
  field: unknown,
  names: ReadonlySet<string>,
  filled: ReadonlySet<string>,
  drop: (shadowed: ShadowedAlias) => void,
): unknown {
  if (!isObject(field)) return field;
  const { aliases, ...rest } = { ...field, type: rebuilt(field["type"], nothing, drop) } as JsonObject;
  if (!Array.isArray(aliases)) return aliases === undefined ? rest : { ...rest, aliases };
  const name = String(field["name"]);
  const kept = aliases.filter((alias: unknown) => {
    const isShadowed = alias !== name && names.has(String(alias)) && !filled.has(String(alias));
    if (isShadowed) drop({ field: name, alias: String(alias) });
    return !isShadowed;
  });
  return kept.length === 0 ? rest : { ...rest, aliases: kept };
}

function isObject(json: unknown): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
