import { z } from "zod";

/** The part of JSON Schema that `z.toJSONSchema` writes for our definitions. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  /** `expression` for texts in the expression language. */
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** JSON Schema (2020-12) of what a file may hold, as an editor wants it. */
export function toJsonSchema(spec: z.ZodType): JsonSchema {
  return z.toJSONSchema(spec, { io: "input" }) as JsonSchema;
}

type Path = readonly (string | number)[];

/** A level is a path with `*` for names and indices: `topics.*`, `stages.*.from`. */
export interface Level {
  readonly level: string;
  readonly schema: JsonSchema;
}

/** Every mapping with fixed keys, from the root on, each level once. */
export function levelsOf(root: JsonSchema): readonly Level[] {
  const levels: Level[] = [];
  const visit = (schema: JsonSchema, level: string): void => {
    if (schema.properties !== undefined) {
      levels.push({ level, schema });
      for (const [name, child] of Object.entries(schema.properties)) visit(child, join(level, name));
    }
    if (typeof schema.additionalProperties === "object") visit(schema.additionalProperties, join(level, "*"));
    if (schema.items !== undefined) visit(schema.items, join(level, "*"));
    for (const option of schema.anyOf ?? []) visit(option, level);
  };
  visit(root, "");
  return levels;
}

function join(level: string, part: string): string {
  return level === "" ? part : `${level}.${part}`;
}

/** The level of a path, and the definition there; undefined when the language has nothing at the path. */
export function definitionAt(root: JsonSchema, path: Path): { level: string; schema: JsonSchema } | undefined {
  let schemas: readonly JsonSchema[] = [root];
  let level = "";
  for (const part of path) {
    const options = schemas.flatMap(optionsOf);
    const own = options.flatMap((schema) => property(schema, part) ?? []);
    schemas = own.length > 0 ? own : options.flatMap((schema) => member(schema, part) ?? []);
    level = join(level, own.length > 0 ? String(part) : "*");
  }
  const [first] = schemas;
  return first === undefined ? undefined : { level, schema: first };
}

function property({ properties }: JsonSchema, part: string | number): JsonSchema | undefined {
  return properties !== undefined && Object.hasOwn(properties, part) ? properties[part] : undefined;
}

/** What a list's entries or a mapping's values are, whatever their index or name. */
function member({ items, additionalProperties }: JsonSchema, part: string | number): JsonSchema | undefined {
  if (typeof part === "number") return items;
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}

/** The definition and, of a union, all it may be. */
export function optionsOf(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf === undefined ? [schema] : [schema, ...schema.anyOf.flatMap(optionsOf)];
}
