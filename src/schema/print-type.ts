import { type AvroType, isNamed, type NamedType } from "./avro-type.ts";
import { jsonText } from "./json-text.ts";

/**
 * Avro's parsing canonical form: what a reader needs and nothing else (no doc, defaults, aliases, logical types).
 * Two schemas with the same canonical form read the same bytes alike.
 * Source: Avro 1.12 specification, "Transforming into Parsing Canonical Form".
 */
export function canonicalForm(type: AvroType): string {
  return canonical(type, new Set());
}

function canonical(type: AvroType, seen: Set<string>): string {
  if (isNamed(type)) {
    const name = JSON.stringify(type.fullName);
    if (seen.has(type.fullName)) return name;
    seen.add(type.fullName);
    const head = `{"name":${name},"type":"${type.kind}"`;
    if (type.kind === "enum") return `${head},"symbols":${JSON.stringify(type.symbols)}}`;
    if (type.kind === "fixed") return `${head},"size":${type.size}}`;
    const fields = type.fields.map(
      (field) => `{"name":${JSON.stringify(field.name)},"type":${canonical(field.type, seen)}}`,
    );
    return `${head},"fields":[${fields.join(",")}]}`;
  }
  switch (type.kind) {
    case "array":
      return `{"type":"array","items":${canonical(type.items, seen)}}`;
    case "map":
      return `{"type":"map","values":${canonical(type.values, seen)}}`;
    case "union":
      return `[${type.branches.map((branch) => canonical(branch, seen)).join(",")}]`;
    default:
      return `"${type.kind}"`;
  }
}

/**
 * The type as JSON that stands by itself: full names, every named type spelled out where it comes first, with all
 * its attributes. `defined` holds the names already spelled out and grows: share it to print several types into
 * one schema.
 */
export function typeToJson(type: AvroType, defined: Set<string> = new Set()): unknown {
  if (isNamed(type)) return namedToJson(type, defined);
  switch (type.kind) {
    case "array":
      return { type: "array", ...type.attributes, items: typeToJson(type.items, defined) };
    case "map":
      return { type: "map", ...type.attributes, values: typeToJson(type.values, defined) };
    case "union":
      return type.branches.map((branch) => typeToJson(branch, defined));
    default:
      return Object.keys(type.attributes).length === 0 ? type.kind : { type: type.kind, ...type.attributes };
  }
}

function namedToJson(type: NamedType, defined: Set<string>): unknown {
  if (defined.has(type.fullName)) return type.fullName;
  defined.add(type.fullName);
  const aliases = type.aliases.length === 0 ? {} : { aliases: type.aliases };
  const head = { type: type.kind, name: type.fullName, ...aliases, ...type.attributes };
  if (type.kind === "fixed") return { ...head, size: type.size };
  if (type.kind === "enum") {
    return { ...head, symbols: type.symbols, ...(type.default === undefined ? {} : { default: type.default }) };
  }
  const fields = type.fields.map((field) => ({
    name: field.name,
    type: typeToJson(field.type, defined),
    ...field.attributes,
    ...(field.default === undefined ? {} : { default: field.default }),
    ...(field.aliases.length === 0 ? {} : { aliases: field.aliases }),
  }));
  return { ...head, fields };
}

/**
 * A schema as text in which white space and the order of attributes make no difference. Unlike the canonical form it
 * keeps doc, defaults, aliases and logical types: schemas that differ in those are different versions.
 */
export function normalSchemaText(json: unknown): string {
  return jsonText(sortKeys(json));
}

const firstKeys = ["type", "name", "namespace", "doc", "aliases", "fields", "symbols", "items", "values", "size"];

function sortKeys(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(sortKeys);
  if (typeof json !== "object" || json === null) return json;
  const entries = Object.entries(json).map(([key, value]): [string, unknown] => [key, sortKeys(value)]);
  const rank = (key: string): number => (firstKeys.includes(key) ? firstKeys.indexOf(key) : firstKeys.length);
  entries.sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return Object.fromEntries(entries);
}
