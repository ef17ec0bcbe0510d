import { RecordError } from "../kernel/index.ts";
import {
  type AvroField,
  type AvroType,
  bytesMin,
  type EnumType,
  isTimestamp,
  type RecordType,
  type UnionType,
} from "./avro-type.ts";
import { positionOf, promotes } from "./branches.ts";
import { type ByteCursor, damaged } from "./byte-cursor.ts";
import { misfit } from "./byte-sink.ts";
import { branchFor, writerFieldsFor } from "./compatibility.ts";
import { defaultMaker } from "./default-value.ts";
import { type Conversion, conversionOf, convertsInside, logicalName } from "./logical-type.ts";
import { exactDouble, type Long } from "./long.ts";
import { setEntry } from "./map-entry.ts";
import type { Reads } from "./reads.ts";
import { branchesPerPart } from "./same-type.ts";
import type { Skipper, Skippers } from "./skipper.ts";
import { isWideUnion, UnionValue } from "./union-value.ts";

/** Reads one value at the cursor. */
export type ValueReader = (cursor: ByteCursor) => unknown;

/**
 * What an ingest takes beyond Avro's resolution: fields are read one by one, so that a field which does not fit fails
 * only the records that have it, and what Java would not read is read by its value, as JSON is.
 */
export interface LenientRules {
  /** Reads a plain value as a type; throws MR_CAST or MR_REQUIRED. */
  readonly byValue: (type: AvroType) => (value: unknown, path: string) => unknown;
  /** Counts written fields that nobody reads, in nested records. */
  readonly unknown: { count: number };
  /** Takes note of a field that no value but null can fit. */
  readonly never: (path: string, why: string) => void;
  /** Throws MR_CAST for a time with a unit that is out of range. */
  readonly time: (time: Long, path: string) => void;
}

/**
 * How a written value becomes the reader's: promotions, aliases, defaults, enum defaults, logical types. Damage is
 * MR_DECODE_BODY, a value that its logical type cannot hold MR_CAST.
 */
export class Resolution {
  readonly #lenient: LenientRules | undefined;
  readonly #skippers: Skippers;
  readonly #records = new Map<RecordType, Map<RecordType, ValueReader>>();

  /** @param lenient left out, the two types must be compatible (`incompatibilities` is empty) */
  constructor(skippers: Skippers, lenient?: LenientRules) {
    this.#skippers = skippers;
    this.#lenient = lenient;
  }

  /** Reads no more than asked; a record read in part lacks the other fields, and one only asked for may be `true`. */
  reading(writer: AvroType, reader: AvroType, reads: Reads, path: string): ValueReader {
    if (reads === "whole") return this.resolve(writer, reader, path);
    if (writer.kind === "union") {
      return this.byIndex(writer.branches.map((branch) => this.reading(branch, reader, reads, path)));
    }
    if (writer.kind === "null") return () => null;
    if (reader.kind === "union") {
      const chosen = branchFor(writer, reader) ?? reader.branches.find((branch) => branch.kind !== "null");
      return this.reading(writer, chosen ?? writer, reads, path);
    }
    if (reads.size === 0 || writer.kind !== "record" || reader.kind !== "record") {
      const skip = this.#skippers.make(writer);
      return (cursor) => {
        skip(cursor);
        return true;
      };
    }
    return this.#partial(writer, reader, reads, path);
  }

  /** {@link reading}, yielding between the branches of unions that have very many. */
  *readingParts(writer: AvroType, reader: AvroType, reads: Reads, path: string): Generator<void, ValueReader> {
    if (writer.kind !== "union") return this.reading(writer, reader, reads, path);
    const branches: ValueReader[] = [];
    for (const [i, branch] of writer.branches.entries()) {
      branches.push(this.reading(branch, reader, reads, path));
      if (i % branchesPerPart === branchesPerPart - 1) yield;
    }
    return this.byIndex(branches);
  }

  resolve(writer: AvroType, reader: AvroType, path: string): ValueReader {
    if (writer.kind === "union") {
      return this.byIndex(writer.branches.map((branch) => this.resolve(branch, reader, path)));
    }
    if (reader.kind === "union") return this.#branch(writer, reader, path);
    if (writer.kind === "null" && reader.kind !== "null") {
      return () => {
        throw new RecordError("MR_REQUIRED", `field ${path}: required and null`);
      };
    }
    switch (writer.kind) {
      case "array":
        return reader.kind === "array"
          ? this.#array(writer.items, reader.items, path)
          : this.#byValue(writer, reader, path);
      case "map":
        return reader.kind === "map"
          ? this.#map(writer.values, reader.values, path)
          : this.#byValue(writer, reader, path);
      case "record":
        return reader.kind === "record" ? this.#record(writer, reader, path) : this.#byValue(writer, reader, path);
      case "enum":
        return reader.kind === "enum" ? this.#enum(writer, reader, path) : this.#byValue(writer, reader, path);
      default:
        return this.#scalar(writer, reader, path);
    }
  }

  /** Reads a union's index and then as its branch asks. */
  byIndex(branches: readonly ValueReader[]): ValueReader {
    return (cursor) => {
      const read = branches[cursor.index()];
      return read === undefined ? damaged("a union has no such branch") : read(cursor);
    };
  }

  #branch(writer: AvroType, reader: UnionType, path: string): ValueReader {
    const wide = isWideUnion(reader);
    const chosen =
      branchFor(writer, reader) ?? (this.#lenient === undefined ? undefined : lenientBranch(writer, reader));
    // A record is another event under another name, be its fields the same: where there are several, none is taken.
    if (chosen === undefined && wide && writer.kind === "record") {
      return this.refused(writer, `a written ${writer.name} is no branch of the union`, path);
    }
    if (chosen === undefined) return this.#byValue(writer, reader, path);
    const read = this.resolve(writer, chosen, path);
    const index = positionOf(chosen, reader);
    if (chosen.kind === "null" || !wide) return read;
    return (cursor) => new UnionValue(index, read(cursor));
  }

  #array(writer: AvroType, reader: AvroType, path: string): ValueReader {
    const item = this.resolve(writer, reader, `${path}[]`);
    const itemBytesMin = bytesMin(writer);
    return (cursor) => {
      const items: unknown[] = [];
      for (let count = cursor.blockCount(itemBytesMin); count !== 0; count = cursor.blockCount(itemBytesMin)) {
        for (let i = 0; i < count; i++) items.push(item(cursor));
      }
      return items;
    };
  }

  #map(writer: AvroType, reader: AvroType, path: string): ValueReader {
    const value = this.resolve(writer, reader, `${path} value`);
    const entryBytesMin = 1 + bytesMin(writer);
    return (cursor) => {
      const map: Record<string, unknown> = {};
      for (let count = cursor.blockCount(entryBytesMin); count !== 0; count = cursor.blockCount(entryBytesMin)) {
        for (let i = 0; i < count; i++) {
          const key = cursor.string();
          setEntry(map, key, value(cursor));
        }
      }
      return map;
    };
  }

  #record(writer: RecordType, reader: RecordType, path: string): ValueReader {
    const made = this.#records.get(writer)?.get(reader);
    if (made !== undefined) return made;
    let fields: readonly (readonly [string | undefined, ValueReader])[] = [];
    let absent: readonly { readonly name: string; readonly make: () => unknown }[] = [];
    let dropped = 0;
    const blank = Object.fromEntries(reader.fields.map((field) => [field.name, null]));
    const unknown = this.#lenient?.unknown;
    const read: ValueReader = (cursor) => {
      cursor.enter();
      // A copy of a blank row keeps the reader's order of fields, and so one hidden class.
      const row: Record<string, unknown> = { ...blank };
      for (const [target, value] of fields) {
        if (target === undefined) value(cursor);
        else row[target] = value(cursor);
      }
      for (const field of absent) row[field.name] = field.make();
      if (unknown !== undefined) unknown.count += dropped;
      cursor.leave();
      return row;
    };
    const readers = this.#records.get(writer) ?? new Map<RecordType, ValueReader>();
    this.#records.set(writer, readers.set(reader, read));
    const targets = targetsOf(writer, reader.fields);
    fields = writer.fields.map((field): [string | undefined, ValueReader] => {
      const target = targets.get(field.name);
      if (target === undefined) return [undefined, this.#skippers.make(field.type)];
      return [target.name, this.resolve(field.type, target.type, `${path}.${target.name}`)];
    });
    absent = unfilled(reader.fields, targets).map((field) => ({
      name: field.name,
      make: this.absentMaker(field, `${path}.${field.name}`),
    }));
    dropped = fields.filter(([target]) => target === undefined).length;
    return read;
  }

  /** What a field that nobody wrote becomes; throws when it may not be missing. */
  absentMaker(field: AvroField, path: string): () => unknown {
    const make = defaultMaker(field);
    if (make !== undefined) return make;
    if (this.#lenient === undefined) return () => damaged(`field ${field.name} is not written`);
    if (field.type.kind === "null") return () => null;
    if (field.type.kind === "union" && field.type.branches.some((branch) => branch.kind === "null")) return () => null;
    return () => {
      throw new RecordError("MR_REQUIRED", `field ${path}: required and missing`);
    };
  }

  #partial(writer: RecordType, reader: RecordType, reads: ReadonlyMap<string, Reads>, path: string): ValueReader {
    const blank = Object.fromEntries([...reads.keys()].map((name) => [name, null]));
    const targets = targetsOf(writer, reader.fields);
    const fields = writer.fields.map((field): readonly [string | undefined, ValueReader | Skipper] => {
      const target = targets.get(field.name);
      const wanted = target === undefined ? undefined : reads.get(target.name);
      if (target === undefined || wanted === undefined) return [undefined, this.#skippers.make(field.type)];
      return [target.name, this.reading(field.type, target.type, wanted, `${path}.${target.name}`)];
    });
    const absent = unfilled(reader.fields, targets)
      .filter((field) => reads.has(field.name))
      .map((field) => ({ name: field.name, make: this.absentMaker(field, `${path}.${field.name}`) }));
    return (cursor) => {
      cursor.enter();
      const row: Record<string, unknown> = { ...blank };
      for (const [target, value] of fields) {
        if (target === undefined) value(cursor);
        else row[target] = value(cursor);
      }
      for (const field of absent) row[field.name] = field.make();
      cursor.leave();
      return row;
    };
  }

  #enum(writer: EnumType, reader: EnumType, path: string): ValueReader {
    const known = new Set(reader.symbols);
    const symbols = writer.symbols.map((symbol) => (known.has(symbol) ? symbol : reader.default));
    const isLenient = this.#lenient !== undefined;
    return (cursor) => {
      const index = cursor.index();
      const symbol = symbols[index];
      if (symbol !== undefined) return symbol;
      const isWritten = index >= 0 && index < symbols.length;
      return isLenient && isWritten
        ? misfit(path, `symbol of ${reader.name}`, writer.symbols[index])
        : damaged("an enum has no such symbol");
    };
  }

  #scalar(writer: AvroType, reader: AvroType, path: string): ValueReader {
    const conversion = conversionOf(writer, reader);
    if (conversion !== "raw") return this.converting(writer, reader, conversion, path);
    if (this.#lenient !== undefined && (isBareTime(writer, reader) || !isResolved(writer, reader))) {
      return this.#byValue(writer, reader, path);
    }
    return this.#inRange(primitiveReader(writer, reader), reader, path);
  }

  #inRange(read: ValueReader, reader: AvroType, path: string): ValueReader {
    const time = this.#lenient?.time;
    if (time === undefined || !isTimestamp(reader)) return read;
    return (cursor) => {
      const value = read(cursor) as Long;
      time(value, path);
      return value;
    };
  }

  /** Reads the written value as it stands, then converts it. */
  converting(writer: AvroType, reader: AvroType, conversion: Exclude<Conversion, "raw">, path: string): ValueReader {
    const written = logicalName(writer) ?? writer.kind;
    const wanted = logicalName(reader) ?? reader.kind;
    const read = primitiveReader(writer, writer);
    if (conversion === "never") return this.refused(writer, `a ${written} is no ${wanted}`, path);
    const convert: ValueReader = (cursor) => {
      const value = conversion(read(cursor) as never);
      if (value !== undefined) return value;
      throw new RecordError("MR_CAST", `field ${path}: a ${written} that is no ${wanted} without a change`);
    };
    return this.#inRange(convert, reader, path);
  }

  /** Takes note that no value of this type fits, and refuses each. */
  refused(writer: AvroType, why: string, path: string): ValueReader {
    this.#lenient?.never(path, why);
    const skip = this.#skippers.make(writer);
    return (cursor) => {
      skip(cursor);
      throw new RecordError("MR_CAST", `field ${path}: ${why}`);
    };
  }

  /** What Java does not resolve: read as it was written, and then judged by its value. */
  #byValue(writer: AvroType, reader: AvroType, path: string): ValueReader {
    const rules = this.#lenient;
    if (rules === undefined) return () => damaged(`a written ${writer.kind} cannot be read as ${reader.kind}`);
    if (convertsInside(writer, reader)) {
      return this.refused(
        writer,
        `a ${writer.kind} is no ${reader.kind}, as what is in it has another logical type`,
        path,
      );
    }
    const read = new Resolution(this.#skippers).resolve(writer, writer, path);
    const asReader = rules.byValue(reader);
    if (!mayFit(writer, reader)) rules.never(path, `a ${writer.kind} is no ${reader.kind}`);
    return (cursor) => asReader(read(cursor), path);
  }
}

/** The writer's field that a reader's field means: its name first, then its aliases in their order. */
export function writtenFor(field: AvroField, writer: RecordType): AvroField | undefined {
  return writerFieldsFor(field, writer)[0];
}

/**
 * The reader's field that each written one fills, by the written name: the one of that name, else the last that has it
 * as an alias, as in Java. A field that loses its written one to another counts as not written.
 */
export function targetsOf(writer: RecordType, fields: readonly AvroField[]): ReadonlyMap<string, AvroField> {
  const targets = new Map<string, AvroField>();
  for (const field of fields) {
    const written = writtenFor(field, writer);
    if (written !== undefined && targets.get(written.name)?.name !== written.name) targets.set(written.name, field);
  }
  return targets;
}

/** The fields that no written one fills. */
function unfilled(fields: readonly AvroField[], targets: ReadonlyMap<string, AvroField>): readonly AvroField[] {
  const filled = new Set(targets.values());
  return fields.filter((field) => !filled.has(field));
}

/** Names of types do not matter where there is one branch only. */
function lenientBranch(writer: AvroType, reader: UnionType): AvroType | undefined {
  if (writer.kind === "null") return undefined;
  const others = reader.branches.filter((branch) => branch.kind !== "null");
  return others.length === 1 ? others[0] : undefined;
}

/** A number without a unit read as a time: which one it is, only its size can tell. */
function isBareTime(writer: AvroType, reader: AvroType): boolean {
  return logicalName(reader) === "timestamp-millis" && logicalName(writer) === undefined;
}

function isResolved(writer: AvroType, reader: AvroType): boolean {
  if (writer.kind === "fixed") return reader.kind === "fixed" && reader.size === writer.size;
  return writer.kind === reader.kind || promotes(reader, writer);
}

const numbers: ReadonlySet<string> = new Set(["int", "long", "float", "double"]);

/** Whether some value of the written type is one of the wanted. */
function mayFit(writer: AvroType, reader: AvroType): boolean {
  if (reader.kind === "union" || writer.kind === "union") return true;
  if (numbers.has(writer.kind)) return numbers.has(reader.kind);
  const groups = [
    ["string", "enum"],
    ["bytes", "fixed", "string"],
    ["record", "map"],
  ];
  return (
    writer.kind === reader.kind || groups.some((kinds) => kinds.includes(writer.kind) && kinds.includes(reader.kind))
  );
}

function primitiveReader(writer: AvroType, reader: AvroType): ValueReader {
  switch (writer.kind) {
    case "null":
      return () => null;
    case "boolean":
      return (cursor) => cursor.boolean();
    case "int":
      return reader.kind === "float" ? (cursor) => Math.fround(cursor.int()) : (cursor) => cursor.int();
    case "long":
      return longReader(reader);
    case "float":
      return (cursor) => cursor.float();
    case "double":
      return (cursor) => cursor.double();
    case "fixed":
      return (cursor) => cursor.fixed(writer.size);
    case "string":
      return reader.kind === "bytes" ? (cursor) => cursor.binary() : (cursor) => cursor.string();
    default:
      return reader.kind === "string" ? (cursor) => cursor.string() : (cursor) => cursor.binary();
  }
}

/**
 * A long promoted to float is rounded, as Java does it; beyond 2^53, where double would round too, it passes only as
 * the number it is.
 */
function longReader(reader: AvroType): ValueReader {
  if (reader.kind === "double") return (cursor) => doubleOf(cursor.long());
  if (reader.kind !== "float") return (cursor) => cursor.long();
  return (cursor) => {
    const long = cursor.long();
    if (typeof long === "number") return Math.fround(long);
    const double = doubleOf(long);
    return Math.fround(double) === double ? double : damaged("a long beyond 2^53 is no float");
  };
}

/** A long as the double that equals it. */
export function doubleOf(long: Long): number {
  return exactDouble(long) ?? damaged("a long beyond 2^53 is no double");
}
