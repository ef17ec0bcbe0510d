import { type EpochMs, eventTimeEndMs, eventTimeMinMs, parseIsoTimeMs, RecordError } from "../kernel/index.ts";
import {
  type AvroField,
  type AvroType,
  isTimestamp,
  type RecordType,
  splitNullable,
  type UnionType,
} from "./avro-type.ts";
import { misfit } from "./byte-sink.ts";
import type { CastType } from "./cast.ts";
import { castValue } from "./cast.ts";
import { defaultMaker } from "./default-value.ts";
import { isLong } from "./long.ts";
import { setEntry } from "./map-entry.ts";
import { UnionValue } from "./union-value.ts";
import { zeroOf } from "./zero.ts";

/** Turns one JSON (or plain JavaScript) value into a row's; throws MR_CAST or MR_REQUIRED, naming the field. */
export type ValueReading = (value: unknown, path: string) => unknown;

export interface ReadingRules {
  /** ISO text is a time, and "NaN", "Infinity", "-Infinity" are numbers: the one JSON form of our own tools. */
  readonly ownForm: boolean;
  /** Times outside 1970-2100 are MR_CAST. */
  readonly timeRange: boolean;
  /** What an absent field without default becomes when it is not nullable. */
  readonly absent: "refused" | "zero";
  /** Top-level fields that may be converted, and to what. */
  readonly casts: Readonly<Record<string, CastType>>;
  /** Counts the fields of nested records that the schema does not have; those of the record itself are the caller's. */
  readonly unknown?: { count: number };
}

/** Objects inside objects; only a recursive schema gets this far. */
const depthMax = 128;

const ownNumbers: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
};

/** One field of a record as the reader sees it. */
export interface FieldReading {
  readonly name: string;
  /** Where to look: the name first, then the aliases. */
  readonly keys: readonly string[];
  readonly read: ValueReading;
  /** For an absent value; throws MR_REQUIRED, with the path, when it must be there. */
  readonly absent: (path: string) => unknown;
}

/** The readings of a record's fields, in their order. */
export function fieldReadings(type: RecordType, rules: ReadingRules): FieldReading[] {
  return new ReadingFactory(rules).fields(type, rules.casts);
}

/** The value under the first of `keys` that the object itself has; undefined when none. */
export function lookUp(object: Readonly<Record<string, unknown>>, keys: readonly string[]): unknown {
  for (const key of keys) {
    const value = object[key];
    // `toString` and the like are found on every object; only what the object itself holds counts.
    if (value !== undefined && (typeof value !== "function" || Object.hasOwn(object, key))) return value;
  }
  return undefined;
}

class ReadingFactory {
  readonly #rules: ReadingRules;
  readonly #records = new Map<RecordType, ValueReading>();
  #depth = 0;

  constructor(rules: ReadingRules) {
    this.#rules = rules;
  }

  fields(type: RecordType, casts: Readonly<Record<string, CastType>>): FieldReading[] {
    return type.fields.map((field) => {
      const cast = Object.hasOwn(casts, field.name) ? casts[field.name] : undefined;
      const read = this.make(field.type);
      return {
        name: field.name,
        keys: [field.name, ...field.aliases.filter((alias) => alias !== "__proto__")],
        read: cast === undefined ? read : (value, at) => read(castValue(cast, value, at), at),
        absent: this.#absent(field),
      };
    });
  }

  make(type: AvroType): ValueReading {
    switch (type.kind) {
      case "union":
        return this.#union(type);
      case "record":
        return this.#record(type);
      case "array": {
        const item = this.make(type.items);
        return (value, path) =>
          Array.isArray(value) ? value.map((entry, i) => item(entry, `${path}[${i}]`)) : unfit(path, "list", value);
      }
      case "map":
        return mapReading(this.make(type.values));
      default:
        return scalarReading(type, this.#rules);
    }
  }

  #record(type: RecordType): ValueReading {
    const made = this.#records.get(type);
    if (made !== undefined) return made;
    let fields: readonly FieldReading[] = [];
    const reading: ValueReading = (value, path) => {
      if (!isObject(value)) unfit(path, "record", value);
      this.#depth += 1;
      try {
        if (this.#depth > depthMax) misfit(path, `record nested at most ${depthMax} deep`, value);
        const row: Record<string, unknown> = {};
        let known = 0;
        for (const field of fields) {
          const found = lookUp(value, field.keys);
          if (found !== undefined) known++;
          const at = `${path}.${field.name}`;
          row[field.name] = found === undefined ? field.absent(at) : field.read(found, at);
        }
        const { unknown } = this.#rules;
        if (unknown !== undefined) unknown.count += Math.max(0, Object.keys(value).length - known);
        return row;
      } finally {
        this.#depth -= 1;
      }
    };
    this.#records.set(type, reading);
    fields = this.fields(type, {});
    return reading;
  }

  #union(type: UnionType): ValueReading {
    const { type: only, nullable } = splitNullable(type);
    if (only.kind !== "union") {
      const read = this.make(only);
      return nullable ? (value, path) => (value === null ? null : read(value, path)) : read;
    }
    const branches = type.branches.map((branch) => this.make(branch));
    const { unknown } = this.#rules;
    return (written, path) => {
      // A value decoded from Avro names its writer's branch, which says nothing about the branches here.
      const value = written instanceof UnionValue ? written.value : written;
      if (value === null && nullable) return null;
      const countBefore = unknown?.count ?? 0;
      for (const read of branches) {
        const result = attempt(read, value, path);
        if (result !== undefined) return result.value;
        if (unknown !== undefined) unknown.count = countBefore;
      }
      return unfit(path, "value of its union", value);
    };
  }

  #absent(field: AvroField): (path: string) => unknown {
    const fallback = defaultMaker(field);
    if (fallback !== undefined) return fallback;
    if (field.type.kind === "null" || splitNullable(field.type).nullable) return () => null;
    if (this.#rules.absent === "zero") return () => zeroOf(field.type);
    return (path) => {
      throw new RecordError("MR_REQUIRED", `field ${path}: required and missing`);
    };
  }
}

/** Null where nothing but a value will do is missing (MR_REQUIRED), everything else is of the wrong type (MR_CAST). */
function unfit(path: string, wanted: string, value: unknown): never {
  if (value === null) throw new RecordError("MR_REQUIRED", `field ${path}: required and null`);
  return misfit(path, wanted, value);
}

function attempt(read: ValueReading, value: unknown, path: string): { value: unknown } | undefined {
  try {
    return { value: read(value, path) };
  } catch (thrown) {
    if (thrown instanceof RecordError) return undefined;
    throw thrown;
  }
}

function mapReading(read: ValueReading): ValueReading {
  return (value, path) => {
    if (!isObject(value)) return unfit(path, "map", value);
    const map: Record<string, unknown> = {};
    for (const [key, entry] of Object.entries(value)) setEntry(map, key, read(entry, `${path} value`));
    return map;
  };
}

function scalarReading(type: AvroType, rules: ReadingRules): ValueReading {
  const reading = isTimestamp(type) ? timestampReading(rules) : plainReading(type, rules);
  if (type.kind === "null") return reading;
  return (value, path) => {
    if (value === null) unfit(path, type.kind, value);
    return reading(value, path);
  };
}

function plainReading(type: AvroType, rules: ReadingRules): ValueReading {
  switch (type.kind) {
    case "null":
      return (value, path) => (value === null ? null : misfit(path, "null", value));
    case "boolean":
      return (value, path) => (typeof value === "boolean" ? value : misfit(path, "boolean", value));
    case "string":
      return (value, path) => (typeof value === "string" ? value : misfit(path, "string", value));
    case "int":
      return (value, path) =>
        typeof value === "number" && (value | 0) === value ? value : misfit(path, "int of 32 bits", value);
    case "long":
      return (value, path) => (isLong(value) ? value : misfit(path, "long up to 2^53", value));
    case "float":
      return numberReading(rules, "float", Math.fround);
    case "double":
      return numberReading(rules, "double", (value) => value);
    case "enum": {
      const symbols = new Set(type.symbols);
      return (value, path) =>
        typeof value === "string" && symbols.has(value) ? value : misfit(path, `symbol of ${type.name}`, value);
    }
    default:
      return bytesReading(type.kind === "fixed" ? type.size : undefined);
  }
}

function numberReading(rules: ReadingRules, wanted: string, narrow: (value: number) => number): ValueReading {
  return (value, path) => {
    if (typeof value === "number") {
      const number = narrow(value);
      if (Number.isFinite(number) || rules.ownForm) return number;
    } else if (rules.ownForm && typeof value === "string" && Object.hasOwn(ownNumbers, value)) {
      return ownNumbers[value];
    }
    return misfit(path, wanted, value);
  };
}

function timestampReading(rules: ReadingRules): ValueReading {
  return (value, path) => {
    const time: EpochMs | undefined =
      rules.ownForm && typeof value === "string" ? parseIsoTimeMs(value) : (value as EpochMs | undefined);
    if (typeof time !== "number" || !Number.isSafeInteger(time)) return misfit(path, "timestamp-millis", value);
    if (rules.timeRange && (time < eventTimeMinMs || time >= eventTimeEndMs)) {
      throw new RecordError("MR_CAST", `field ${path}: a time outside 1970-2100`);
    }
    return time;
  };
}

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Base64 text from JSON; a Buffer when the value was Avro before. */
function bytesReading(size: number | undefined): ValueReading {
  const wanted = size === undefined ? "bytes in base64" : `${size} bytes in base64`;
  return (value, path) => {
    const text = typeof value === "string" && value.length % 4 === 0 && base64.test(value);
    const bytes = Buffer.isBuffer(value) ? value : text ? Buffer.from(value, "base64") : undefined;
    if (bytes === undefined || (size !== undefined && bytes.length !== size)) return misfit(path, wanted, value);
    return bytes;
  };
}

/** A JSON object, or the plain object of a decoded row. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}
