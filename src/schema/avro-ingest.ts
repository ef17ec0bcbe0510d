import { castRule } from "./avro-cast.ts";
import { type AvroField, type AvroType, type RecordType, splitNullable, type UnionType } from "./avro-type.ts";
import { ByteCursor } from "./byte-cursor.ts";
import { ByteSink } from "./byte-sink.ts";
import type { CastType } from "./cast.ts";
import { findAt, pointerKeys } from "./json-pointer.ts";
import { exactNumbers, isObject as isPlainObject, type ReadingRules, type ValueReading } from "./reading-rules.ts";
import { Resolution, type ValueReader } from "./resolved-reader.ts";
import { Skippers } from "./skipper.ts";
import { checkTime } from "./time-bounds.ts";
import type { FieldRule, IngestPlanRules } from "./transcode-plan.ts";
import { UnionValue } from "./union-value.ts";
import { valueReading } from "./value-from-json.ts";
import { type ValueWriter, valueWriter } from "./value-writer.ts";

/** How an ingest reads Avro that others have written. */
export interface AvroIngestOptions {
  /** Of the topic it writes. */
  readonly type: RecordType;
  readonly casts: Readonly<Record<string, CastType>>;
  readonly key: string | undefined;
  readonly supplied: readonly string[];
  /** By field: the JSON Pointer under which the written record has it. */
  readonly extract: Readonly<Record<string, string>>;
  /** Earliest time that a number without a unit may mean. */
  readonly timesFromMs: number;
}

/** A field that no written value but null can fit, and why. */
export interface NeverFits {
  readonly field: string;
  readonly why: string;
}

/** The rules of one writer's plan. `unknown` and `never` are filled as it is made and used. */
export function avroIngestRules(
  options: AvroIngestOptions,
  unknown: { count: number },
  never: NeverFits[],
): IngestPlanRules {
  // Which field is the event time, and its bounds, is the caller's business: other times may lie further off.
  const values: ReadingRules = {
    ownForm: false,
    times: { eventTime: undefined, bareFromMs: options.timesFromMs },
    absent: "refused",
    casts: {},
    unknown,
    numbers: exactNumbers,
  };
  const byValue = (type: AvroType): ValueReading => valueReading(type, values);
  const rules: IngestPlanRules = {
    byValue,
    unknown,
    never: (field, why) => {
      if (!never.some((known) => known.field === field && known.why === why)) never.push({ field, why });
    },
    time: (time, path) => {
      checkTime(Number(time), path, false);
    },
    key: options.key,
    supplied: new Set(options.supplied),
    writtenName: (field) => pathOf(field.name)?.[0],
    fieldRule: (field, written) => {
      const path = pathOf(field.name);
      return path === undefined ? ownRule(field, written) : extractRule(field, written, path.slice(1), rules, ownRule);
    },
  };
  const pathOf = (name: string): readonly string[] | undefined => {
    const pointer = Object.hasOwn(options.extract, name) ? options.extract[name] : undefined;
    return pointer === undefined ? undefined : pointerKeys(pointer);
  };
  const ownRule: FieldRule = (field, written) => {
    const cast = Object.hasOwn(options.casts, field.name) ? options.casts[field.name] : undefined;
    return cast === undefined ? undefined : castRule(field, written, cast, rules, values);
  };
  return rules;
}

/**
 * Reads a written field as it is, goes down the path, and reads what it finds there as if it had been written by
 * itself: logical types and casts count for it, which its value alone would not tell.
 */
function extractRule(
  field: AvroField,
  written: AvroType,
  path: readonly string[],
  rules: IngestPlanRules,
  ownRule: FieldRule,
): ValueReader {
  const skippers = new Skippers({ text: true });
  const read = new Resolution(skippers).resolve(written, written, field.name);
  const absent = new Resolution(skippers, rules).absentMaker(field, field.name);
  const readings = new Map<AvroType, { readonly write: ValueWriter; readonly read: ValueReader }>();
  const readingOf = (type: AvroType): { readonly write: ValueWriter; readonly read: ValueReader } => {
    const made = readings.get(type) ?? {
      write: valueWriter(type),
      read: ownRule(field, type) ?? new Resolution(skippers, rules).resolve(type, field.type, field.name),
    };
    readings.set(type, made);
    return made;
  };
  const sink = new ByteSink();
  const inner = new ByteCursor();
  return (cursor) => {
    const found = findTyped(read(cursor), written, path);
    if (found === undefined) return absent();
    const reading = readingOf(found.type);
    sink.reset();
    reading.write(sink, found.value, field.name);
    const bytes = Buffer.alloc(sink.byteLength);
    sink.copyTo(bytes, 0);
    inner.reset(bytes, 0, bytes.length);
    return reading.read(inner);
  };
}

interface Typed {
  readonly value: unknown;
  readonly type: AvroType;
}

/** Undefined when nothing stands at the path, or a null on the way. */
function findTyped(root: unknown, rootType: AvroType, path: readonly string[]): Typed | undefined {
  let at: Typed | undefined = { value: root, type: rootType };
  for (const key of path) {
    if (at?.type.kind === "union") at = branchOf(at.value, at.type);
    at = at && partOf(at, key);
  }
  return at;
}

function branchOf(value: unknown, union: UnionType): Typed | undefined {
  if (value === null) return undefined;
  const type = value instanceof UnionValue ? union.branches[value.branch] : splitNullable(union).type;
  return type === undefined ? undefined : { value: value instanceof UnionValue ? value.value : value, type };
}

function partOf({ value, type }: Typed, key: string): Typed | undefined {
  const part = findAt(value, [key]);
  if (part === undefined) return undefined;
  const inside =
    type.kind === "record"
      ? type.fields.find(({ name }) => name === key)?.type
      : type.kind === "array"
        ? type.items
        : type.kind === "map"
          ? type.values
          : undefined;
  // What a union holds is looked at with its branch.
  const own = isPlainObject(value) ? value[key] : Array.isArray(value) ? value[Number(key)] : part;
  return inside === undefined ? undefined : { value: own, type: inside };
}
