import { literal, type RowOp, type TypedExpression } from "../../expression/index.ts";
import { avroTypeName, type Field, type FieldType, type RecordSchema, type RowShape } from "../../schema/index.ts";

/** A row that does not fit a schema: which field, why, and what to do. */
interface Misfit {
  readonly field: string;
  readonly message: string;
  readonly hint: string;
}

/** How rows of a shape become records of a schema. */
export interface Fit {
  readonly misfits: readonly Misfit[];
  /** Gives fields that the rows lack their default, or null. */
  readonly ops: readonly RowOp[];
}

/**
 * Compares the rows of a stage with the schema given for its output topic. Every field of the schema must be there
 * with a type that fits, or have a default, or take null; further fields of the row are dropped.
 */
export function fitRows(schema: RecordSchema, rows: RowShape): Fit {
  const misfits: Misfit[] = [];
  const ops: RowOp[] = [];
  for (const field of schema.shape) {
    const found = rows.find((candidate) => candidate.name === field.name);
    if (found === undefined) {
      const value = absentValue(field);
      if (value === undefined) misfits.push(missing(field, schema));
      else ops.push({ op: "assign", field, value });
      continue;
    }
    const reason = misfitOf(found, field);
    if (reason !== undefined) misfits.push({ field: field.name, ...reason });
  }
  return { misfits, ops };
}

function missing(field: Field, schema: RecordSchema): Misfit {
  if (typeof field.default === "bigint")
    return {
      field: field.name,
      message: `schema ${schema.name} asks for field ${field.name}, the steps do not make it, and its default is beyond 2^53 - 1, where only ingest fills it in`,
      hint: `add the field in the ingest stage, or add a step such as - derive: { ${field.name}: ... }`,
    };
  return {
    field: field.name,
    message: `schema ${schema.name} asks for field ${field.name}, and the steps do not make it`,
    hint: `add a step such as - derive: { ${field.name}: ... }, or give the field a default`,
  };
}

function misfitOf(found: Field, wanted: Field): Omit<Misfit, "field"> | undefined {
  if (!fits(found.type, wanted.type))
    return {
      message: `field ${wanted.name} is ${typeText(found.type)} after the steps, and the schema says ${typeText(wanted.type)}`,
      hint: `change the type in the schema, or convert the field in a step`,
    };
  if (found.type.nullable && !wanted.type.nullable)
    return {
      message: `field ${wanted.name} may be null after the steps, and the schema does not allow null`,
      hint: `add a step - require: [${wanted.name}], or fill it in with impute`,
    };
  return undefined;
}

/** Avro's promotions between numbers; a time is a long, an enum is text. */
const promotions: Readonly<Record<string, readonly string[]>> = {
  int: ["int", "long", "float", "double"],
  long: ["long", "float", "double"],
  float: ["float", "double"],
  double: ["double"],
  timestamp: ["timestamp", "long"],
  enum: ["string"],
  string: ["string"],
  boolean: ["boolean"],
  bytes: ["bytes"],
};

/** Whether a value of the first type, when it is not null, is one of the second. */
function fits(found: FieldType, wanted: FieldType): boolean {
  if (promotions[found.kind]?.includes(wanted.kind) === true) return true;
  return found.kind === wanted.kind && canonicalText(found.avro) === canonicalText(wanted.avro);
}

/** JSON with sorted names: equal values have equal texts. */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([name, item]) => `${JSON.stringify(name)}:${canonicalText(item)}`).join(",")}}`;
}

const named: ReadonlySet<string> = new Set(["record", "list", "map", "other"]);

/** A type as messages and the printed plan show it: `double`, `list of string`, `string?` for one that may be null. */
export function typeText(type: FieldType): string {
  const name = named.has(type.kind) ? avroTypeName(type.avro) : type.kind;
  return type.nullable ? `${name}?` : name;
}

/** What an absent field becomes; undefined when nothing says, or when the default is no plain value. */
function absentValue(field: Field): TypedExpression | undefined {
  const given = field.default;
  if (given === null || (given === undefined && field.type.nullable)) return constant(field.type, null);
  if (typeof given === "string" && field.type.kind === "bytes") return undefined;
  if (typeof given === "boolean" || typeof given === "string") return constant(field.type, given);
  return typeof given === "number" && Number.isFinite(given) ? constant(field.type, given) : undefined;
}

function constant(type: FieldType, value: null | boolean | number | string): TypedExpression {
  return { ast: literal(value), type, text: JSON.stringify(value), fields: [] };
}
