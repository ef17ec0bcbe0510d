import { RecordError } from "../kernel/index.ts";
import { typeWord } from "./byte-sink.ts";
import type { CastType } from "./cast.ts";
import { JsonNumber, parseExactJson } from "./exact-json.ts";
import { findAt, pointerKeys } from "./json-pointer.ts";
import { parseJsonBytes } from "./json-text.ts";
import { isObject, type NumberTrust, sourceWanted } from "./reading-rules.ts";
import type { RecordSchema } from "./record-schema.ts";
import { WholeNumbers } from "./rounded-wholes.ts";
import type { Row } from "./row-shape.ts";
import { timeBoundsDefault } from "./time-bounds.ts";
import { type FieldReading, fieldReadings } from "./value-from-json.ts";
import { zeroOf } from "./zero.ts";

/** Reads what others send as rows of one schema. */
export interface JsonReader {
  /**
   * Reads JSON in `bytes[from, to)`; a null value has `from` -1.
   * @throws RecordError MR_PARSE for an empty, null or non-JSON value, MR_REQUIRED for a missing field or key,
   * MR_CAST for a value that does not fit
   */
  read(bytes: Buffer, from: number, to: number): Row;
  /** The same for a value that is parsed already: a `given` row, or Avro decoded with its writer's schema. */
  readValue(value: unknown): Row;
  /** Fields, those of nested records too, dropped because the schema does not have them, since the start. */
  readonly unknownFields: number;
}

export interface JsonReaderOptions {
  readonly schema: RecordSchema;
  /** By field: what text may be turned into. Without an entry text stays text. */
  readonly casts: Readonly<Record<string, CastType>>;
  /** Field that must be there and not null, whatever its type and default allow. */
  readonly key?: string;
  /** Fields that the caller fills: not read, and set to the zero of their type. */
  readonly supplied?: readonly string[];
  /** By field: the JSON Pointer under which it is found, whatever its name. */
  readonly extract?: Readonly<Record<string, string>>;
  /** The field that is the topic's event time, which lies within 1970 to 2100. */
  readonly eventTime?: string;
  /** Earliest time that a bare number may mean, instead of 1973-03-03: what lies before it looks like seconds. */
  readonly timesFromMs?: number;
}

/** A reader by the rules of "Reading what others send": field by name or alias, nothing guessed. */
export function createJsonReader(options: JsonReaderOptions): JsonReader {
  const { schema, casts, key } = options;
  const supplied = new Set(options.supplied ?? []);
  const extracts = options.extract ?? {};
  const nested = { count: 0 };
  const numbers: NumberTrust = { areExact: true, wholes: new WholeNumbers() };
  const times = {
    eventTime: options.eventTime,
    bareFromMs: options.timesFromMs ?? timeBoundsDefault.bareFromMs,
  };
  const rules = { ownForm: false, times, absent: "refused", casts, unknown: nested, numbers } as const;
  const fields = fieldReadings(schema.type, rules)
    .map((field) => suppliedOr(field, schema, supplied))
    .map((field) => (field.name === key ? keyReading(field) : field))
    .map((field) => ({ ...field, pointer: Object.hasOwn(extracts, field.name) ? extracts[field.name] : undefined }));
  const pick = generatePicker(fields);
  const counts: PickCounts = { known: 0 };
  let unknownFields = 0;

  const readValue = (value: unknown): Row => {
    if (value === null || value === undefined) {
      throw new RecordError("MR_PARSE", `reading ${schema.name}: the value is null`);
    }
    if (!isObject(value)) {
      const word = typeWord(value instanceof JsonNumber ? Number(value.source) : value);
      throw new RecordError("MR_CAST", `reading ${schema.name}: ${word} is no record`);
    }
    nested.count = 0;
    const row = pick(value, counts);
    unknownFields += nested.count + Math.max(0, Object.keys(value).length - counts.known);
    return row;
  };

  return {
    readValue,
    read(bytes, from, to) {
      const { text, value } = parseJsonBytes(schema.name, bytes, from, to);
      numbers.areExact = false;
      numbers.wholes.clear();
      try {
        const unknownBefore = unknownFields;
        const row = readValue(value);
        if (numbers.wholes.count === 0 || !numbers.wholes.mayBeRounded(bytes, from, to)) return row;
        unknownFields = unknownBefore;
      } catch (thrown) {
        if (thrown !== sourceWanted) throw thrown;
      } finally {
        numbers.areExact = true;
      }
      // A number may have lost digits, and a field takes it: the record is read once more, with them.
      return readValue(parseExactJson(text));
    },
    get unknownFields() {
      return unknownFields;
    },
  };
}

function suppliedOr(field: FieldReading, schema: RecordSchema, supplied: ReadonlySet<string>): FieldReading {
  const type = schema.type.fields.find((candidate) => candidate.name === field.name)?.type;
  if (!supplied.has(field.name) || type === undefined) return field;
  const zero = zeroOf(type);
  const isShared = typeof zero !== "object" || zero === null;
  return { ...field, keys: [], absent: isShared ? () => zero : () => zeroOf(type) };
}

interface PickCounts {
  /** Fields of the schema that the last value had. */
  known: number;
}

/** A field that is found by its keys, or under a pointer. */
interface PickedField extends FieldReading {
  readonly pointer: string | undefined;
}

/**
 * One function that takes the fields out of an object and makes the row in one literal: looking them up in a loop
 * costs twice the time. Made of field names and aliases (checked to be Avro names, and quoted) and numbers only.
 * A function under a name is what every object has (`toString`), and counts as absent.
 */
function generatePicker(fields: readonly PickedField[]): (value: object, counts: PickCounts) => Row {
  const take = fields.map(({ name, keys, pointer }, i) => {
    const read = `v${i} = reads[${i}](x${i}, ${JSON.stringify(name)});`;
    const absent = `v${i} = fields[${i}].absent(${JSON.stringify(name)});`;
    if (pointer !== undefined)
      return `  const x${i} = findAt(o, paths[${i}]); let v${i}; if (x${i} === undefined) ${absent} else ${read}`;
    const [first, ...aliases] = keys.map((each) => `o[${JSON.stringify(each)}]`);
    if (first === undefined) return `  const ${absent}`;
    const found = [
      `let x${i} = ${first};`,
      ...aliases.map((alias) => `if (x${i} === undefined || typeof x${i} === "function") x${i} = ${alias};`),
    ];
    return [
      `  ${found.join(" ")} let v${i};`,
      `  if (x${i} === undefined || typeof x${i} === "function") ${absent}`,
      `  else { known++; ${read} }`,
    ].join("\n");
  });
  const roots = usedByPointers(fields).map((_, i) => `  if (Object.hasOwn(o, roots[${i}])) known++;`);
  const literal = fields.map(({ name }, i) => `${JSON.stringify(name)}: v${i}`).join(", ");
  const source = `return (o, counts) => { let known = 0;\n${[...take, ...roots].join("\n")}\n  counts.known = known; return { ${literal} }; }`;
  const reads = fields.map((field) => field.read);
  const paths = fields.map(({ pointer }) => (pointer === undefined ? undefined : pointerKeys(pointer)));
  const make = new Function("fields", "reads", "findAt", "paths", "roots", source);
  return make(fields, reads, findAt, paths, usedByPointers(fields)) as (value: object, counts: PickCounts) => Row;
}

/** Keys of the event that only pointers use: they do not count as unknown. */
function usedByPointers(fields: readonly PickedField[]): string[] {
  const named = new Set(fields.flatMap(({ keys, pointer }) => (pointer === undefined ? keys : [])));
  const roots = fields.flatMap(({ pointer }) =>
    pointer === undefined ? [] : (pointerKeys(pointer)?.slice(0, 1) ?? []),
  );
  return [...new Set(roots)].filter((root) => !named.has(root));
}

function keyReading(field: FieldReading): FieldReading {
  const missing = (): never => missingKey(field.name);
  return { ...field, absent: missing, read: (value, path) => (value === null ? missing() : field.read(value, path)) };
}

function missingKey(name: string): never {
  throw new RecordError("MR_REQUIRED", `field ${name}: the key is missing or null`);
}
