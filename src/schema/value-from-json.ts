import { RecordError } from "../kernel/index.ts";
import { type AvroField, type AvroType, type RecordType, splitNullable, type UnionType } from "./avro-type.ts";
import { misfit } from "./byte-sink.ts";
import type { CastType } from "./cast.ts";
import { defaultMaker } from "./default-value.ts";
import { setEntry } from "./map-entry.ts";
import { isObject, type ReadingRules, unfit, type ValueReading } from "./reading-rules.ts";
import { castReading, scalarReading } from "./scalar-from-json.ts";
import { unionReading } from "./union-from-json.ts";
import { zeroOf } from "./zero.ts";

/** Objects inside objects; only a recursive schema gets this far. */
const depthMax = 128;

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

/** The reading of a value of any type. */
export function valueReading(type: AvroType, rules: ReadingRules): ValueReading {
  return new ReadingFactory(rules).make(type);
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

  /** @param casts undefined for a record inside another, whose fields are neither cast nor the event time */
  fields(type: RecordType, casts: Readonly<Record<string, CastType>> | undefined): FieldReading[] {
    return type.fields.map((field) => {
      const cast = casts !== undefined && Object.hasOwn(casts, field.name) ? casts[field.name] : undefined;
      const read = casts === undefined ? this.make(field.type) : this.#topLevel(field);
      return {
        name: field.name,
        keys: [field.name, ...field.aliases.filter((alias) => alias !== "__proto__")],
        read: cast === undefined ? read : castReading(cast, read, this.#rules, field.name),
        absent: this.#absent(field),
      };
    });
  }

  /** A field's own reading: whether it is the event time is known only here. */
  #topLevel(field: AvroField): ValueReading {
    const { type, nullable } = splitNullable(field.type);
    if (type.kind !== "long" || field.name !== this.#rules.times?.eventTime) return this.make(field.type);
    const read = scalarReading(type, this.#rules, field.name);
    return nullable ? (value, path) => (value === null ? null : read(value, path)) : read;
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
    fields = this.fields(type, undefined);
    return reading;
  }

  #union(type: UnionType): ValueReading {
    const { type: only, nullable } = splitNullable(type);
    if (only.kind !== "union") {
      const read = this.make(only);
      return nullable ? (value, path) => (value === null ? null : read(value, path)) : read;
    }
    return unionReading(type, (branch) => this.make(branch), this.#rules);
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

function mapReading(read: ValueReading): ValueReading {
  return (value, path) => {
    if (!isObject(value)) return unfit(path, "map", value);
    const map: Record<string, unknown> = {};
    for (const [key, entry] of Object.entries(value)) setEntry(map, key, read(entry, `${path} value`));
    return map;
  };
}
