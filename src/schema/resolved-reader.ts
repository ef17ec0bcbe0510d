import { type AvroType, bytesMin, type RecordType, type UnionType } from "./avro-type.ts";
import { type ByteCursor, damaged } from "./byte-cursor.ts";
import { canRead, namesMatch, promotes, writerFieldsFor } from "./compatibility.ts";
import { defaultMaker } from "./default-value.ts";
import { exactDouble, type Long } from "./long.ts";
import { setEntry } from "./map-entry.ts";
import { isWideUnion, UnionValue } from "./union-value.ts";

/** Reads one value at the cursor. */
export type ValueReader = (cursor: ByteCursor) => unknown;

/** One field of the writer, in written order. */
export interface FieldPlan {
  readonly written: AvroType;
  readonly read: ValueReader;
  /** The reader's field it fills; undefined when the reader has none. */
  readonly target: string | undefined;
  /** The reader's type for it; the written one when it is skipped. */
  readonly wanted: AvroType;
}

export interface RecordPlan {
  readonly fields: readonly FieldPlan[];
  /** Fields of the reader that nobody wrote. */
  readonly absent: readonly { readonly name: string; readonly make: () => unknown }[];
}

/**
 * How a written record becomes the reader's: promotions, aliases, defaults, unions without wrappers. The two must be
 * compatible (`incompatibilities` is empty). Skipped fields are read and thrown away, so that damage in them shows.
 */
export function recordPlan(writer: RecordType, reader: RecordType): RecordPlan {
  return new Resolution().plan(writer, reader);
}

class Resolution {
  readonly #records = new Map<RecordType, Map<RecordType, ValueReader>>();

  resolve(writer: AvroType, reader: AvroType): ValueReader {
    if (writer.kind === "union") {
      const branches = writer.branches.map((branch) => this.resolve(branch, reader));
      return (cursor) => {
        const read = branches[cursor.index()];
        return read === undefined ? damaged("a union has no such branch") : read(cursor);
      };
    }
    if (reader.kind === "union") return this.#branch(writer, reader);
    switch (writer.kind) {
      case "array":
        return this.#array(writer, reader);
      case "map":
        return this.#map(writer, reader);
      case "record":
        return this.#record(writer, reader);
      case "enum":
        return enumReader(writer, reader);
      case "fixed":
        return (cursor) => cursor.fixed(writer.size);
      default:
        return primitiveReader(writer, reader);
    }
  }

  #branch(writer: AvroType, reader: UnionType): ValueReader {
    const chosen = branchFor(writer, reader.branches);
    const read = this.resolve(writer, chosen);
    const index = reader.branches.indexOf(chosen);
    if (chosen.kind === "null" || index < 0 || !isWideUnion(reader)) return read;
    return (cursor) => new UnionValue(index, read(cursor));
  }

  plan(writer: RecordType, reader: RecordType): RecordPlan {
    const targets = new Map<string, (typeof reader.fields)[number]>();
    const absent: { name: string; make: () => unknown }[] = [];
    for (const field of reader.fields) {
      const [written] = writerFieldsFor(field, writer);
      const make = written === undefined ? defaultMaker(field) : undefined;
      if (written !== undefined) targets.set(written.name, field);
      else absent.push({ name: field.name, make: make ?? (() => damaged(`field ${field.name} is not written`)) });
    }
    const fields = writer.fields.map((field) => {
      const target = targets.get(field.name);
      const wanted = target?.type ?? field.type;
      return { written: field.type, wanted, target: target?.name, read: this.resolve(field.type, wanted) };
    });
    return { fields, absent };
  }

  #array(writer: AvroType & { kind: "array" }, reader: AvroType): ValueReader {
    const item = this.resolve(writer.items, reader.kind === "array" ? reader.items : writer.items);
    const itemBytesMin = bytesMin(writer.items);
    return (cursor) => {
      const items: unknown[] = [];
      for (let count = cursor.blockCount(itemBytesMin); count !== 0; count = cursor.blockCount(itemBytesMin)) {
        for (let i = 0; i < count; i++) items.push(item(cursor));
      }
      return items;
    };
  }

  #map(writer: AvroType & { kind: "map" }, reader: AvroType): ValueReader {
    const value = this.resolve(writer.values, reader.kind === "map" ? reader.values : writer.values);
    const entryBytesMin = 1 + bytesMin(writer.values);
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

  #record(writer: RecordType, reader: AvroType): ValueReader {
    const wanted = reader.kind === "record" ? reader : writer;
    const made = this.#records.get(writer)?.get(wanted);
    if (made !== undefined) return made;
    let plan: RecordPlan = { fields: [], absent: [] };
    let blank: Readonly<Record<string, unknown>> = {};
    const read: ValueReader = (cursor) => {
      cursor.enter();
      // A copy of a blank row keeps the reader's order of fields, and so one hidden class.
      const row: Record<string, unknown> = { ...blank };
      for (const field of plan.fields) {
        const value = field.read(cursor);
        if (field.target !== undefined) row[field.target] = value;
      }
      for (const field of plan.absent) row[field.name] = field.make();
      cursor.leave();
      return row;
    };
    const readers = this.#records.get(writer) ?? new Map<RecordType, ValueReader>();
    this.#records.set(writer, readers.set(wanted, read));
    plan = this.plan(writer, wanted);
    blank = Object.fromEntries(wanted.fields.map((field) => [field.name, null]));
    return read;
  }
}

/** The reader's branch for a written type: the same type when there is one, else the first it promotes to. */
function branchFor(writer: AvroType, branches: readonly AvroType[]): AvroType {
  const fits = (branch: AvroType): boolean => canRead(branch, writer);
  const same = branches.find((branch) => branch.kind === writer.kind && fits(branch));
  // A pair that does not fit is refused before; only a cut-short schema could come here, and then nothing is read.
  return same ?? branches.find((branch) => promotes(branch, writer)) ?? writer;
}

function enumReader(writer: AvroType & { kind: "enum" }, reader: AvroType): ValueReader {
  const wanted = reader.kind === "enum" && namesMatch(reader, writer) ? reader : writer;
  const known = new Set(wanted.symbols);
  const symbols = writer.symbols.map((symbol) => (known.has(symbol) ? symbol : wanted.default));
  return (cursor) => symbols[cursor.index()] ?? damaged("an enum has no such symbol");
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
