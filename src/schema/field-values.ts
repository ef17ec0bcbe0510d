import { AssertionError } from "../kernel/index.ts";
import { type AvroType, type RecordType, splitNullable } from "./avro-type.ts";
import { ByteCursor, damaged, longEnd } from "./byte-cursor.ts";
import { readStatement, skipStatement } from "./flat-reading.ts";
import { compiledOnly, fieldsPerFunction, keptView } from "./generated-decoder.ts";
import { Resolution, type ValueReader } from "./resolved-reader.ts";
import { readText } from "./short-text.ts";
import { checkText, type Skipper, Skippers } from "./skipper.ts";

/** A field to read: as a number, or as what it is (text, boolean, number). */
export interface WantedValue {
  readonly name: string;
  readonly as: "number" | "scalar";
}

/** Values of a few fields of an Avro body, without a row: each is put where the same field of the record before was. */
export interface FieldValues {
  /** By wanted field: its number, 0 for null. Of fields wanted as numbers. */
  readonly numbers: Float64Array;
  /** By wanted field: 1 where a number is null, else 0. */
  readonly areNull: Uint8Array;
  /** By wanted field, of those wanted as they are. */
  readonly scalars: readonly (string | number | bigint | boolean | null)[];
  /** Reads the body in `bytes[from, to)`, as far as the last wanted field. What this process has encoded is not checked. */
  read(bytes: Buffer, from: number, to: number): void;
}

/** Kinds that can be read as a number, and as they are. */
const numberKinds: ReadonlySet<string> = new Set(["int", "long", "float", "double"]);
const scalarKinds: ReadonlySet<string> = new Set(["string", "enum", "boolean", "int", "long", "float", "double"]);

/** True when a field of this type, or null, can be read that way. */
function isReadableAs(type: AvroType, as: WantedValue["as"]): boolean {
  return (as === "number" ? numberKinds : scalarKinds).has(splitNullable(type).type.kind);
}

type Part = (bytes: Buffer, at: number, to: number) => number;

/**
 * Code that reads fields of a record where they stand, and steps over the others. A long beyond 2^53 is the nearest double.
 *
 * @throws AssertionError for a field that the record does not have, or that cannot be read as it is wanted
 */
export function fieldValues(type: RecordType, wanted: readonly WantedValue[]): FieldValues {
  const numbers = new Float64Array(wanted.length);
  const areNull = new Uint8Array(wanted.length);
  const scalars = wanted.map((): FieldValues["scalars"][number] => null);
  const parts = new FieldReading(type, wanted, { numbers, areNull, scalars }).parts();
  const [only] = parts;
  return {
    numbers,
    areNull,
    scalars,
    read: (bytes, from, to) => {
      if (only !== undefined && parts.length === 1) {
        only(bytes, from, to);
        return;
      }
      let at = from;
      for (const part of parts) at = part(bytes, at, to);
    },
  };
}

const double: AvroType = { kind: "double", attributes: {} };

/** Makes the code. It is made of numbers and of names given here, and of nothing from the schema. */
class FieldReading {
  readonly #type: RecordType;
  readonly #wanted: readonly WantedValue[];
  readonly #skippers = new Skippers({ text: false });
  readonly #skips: Skipper[] = [];
  readonly #readers: ValueReader[] = [];
  readonly #symbols: (readonly string[])[] = [];
  readonly #tools: Readonly<Record<string, unknown>>;

  constructor(type: RecordType, wanted: readonly WantedValue[], into: Omit<FieldValues, "read">) {
    this.#type = type;
    this.#wanted = wanted;
    this.#tools = {
      c: new ByteCursor(),
      damaged,
      // The nearest one will do: a value that is counted in a cell is not passed on.
      doubleOf: Number,
      readText,
      longEnd,
      checkText,
      skips: this.#skips,
      readers: this.#readers,
      symbols: this.#symbols,
      N: into.numbers,
      Z: into.areNull,
      T: into.scalars,
    };
  }

  parts(): Part[] {
    const places = new Map(this.#wanted.map(({ name }, place) => [name, place]));
    const lines: string[] = [];
    for (const [index, field] of this.#type.fields.entries()) {
      if (places.size === 0) break;
      const place = places.get(field.name);
      places.delete(field.name);
      lines.push(place === undefined ? this.#skip(index, field.type) : this.#read(place, field.type));
    }
    const [missing] = places.keys();
    if (missing !== undefined) throw new AssertionError(`record ${this.#type.fullName} has no field ${missing}`);
    const parts: Part[] = [];
    for (let from = 0; from < lines.length; from += fieldsPerFunction) {
      parts.push(this.#compile(lines.slice(from, from + fieldsPerFunction)));
    }
    return parts;
  }

  #skip(index: number, type: AvroType): string {
    this.#skips[index] = this.#skippers.make(type);
    return skipStatement(type, `skips[${index}]`, false);
  }

  #read(place: number, written: AvroType): string {
    const { name, as } = this.#wanted[place] as WantedValue;
    const { type, nullable } = splitNullable(written);
    if (!isReadableAs(written, as))
      throw new AssertionError(`field ${name} of record ${this.#type.fullName} is ${type.kind}, and no ${as}`);
    const flat = as === "number" ? double : type;
    const wanted: AvroType = nullable ? { kind: "union", branches: [{ kind: "null", attributes: {} }, flat] } : flat;
    const read = new Resolution(this.#skippers).resolve(written, written, name);
    this.#readers[place] =
      as === "scalar"
        ? read
        : (cursor) => {
            const value = read(cursor);
            return typeof value === "bigint" ? Number(value) : value;
          };
    if (type.kind === "enum") this.#symbols[place] = type.symbols;
    const into = `${as === "number" ? "N" : "T"}[${place}]`;
    const target = { into, reader: `readers[${place}]`, symbols: `symbols[${place}]` };
    const statement = readStatement(written, wanted, target);
    return as === "number" && nullable ? `${nullStatement(place, written)} ${statement}` : statement;
  }

  #compile(lines: readonly string[]): Part {
    const source = [
      "return (b, p, to) => {",
      compiledOnly("b", "p"),
      "  const view = viewOf(b);",
      "  c.reset(b, p, to);",
      "  let k = 0;",
      ...lines.map((line) => `  ${line}`),
      "  return p;",
      "}",
    ];
    const names = [...Object.keys(this.#tools), "viewOf"];
    return new Function(...names, source.join("\n"))(...Object.values(this.#tools), keptView()) as Part;
  }
}

/** Looks at the branch that comes next; a number's place cannot hold null. A padded index is legal. */
function nullStatement(place: number, written: AvroType): string {
  const isFirst = written.kind === "union" && written.branches[0]?.kind === "null";
  const [byte, index] = isFirst ? [0, 0] : [2, 1];
  return `k = b[p]; Z[${place}] = (k > 127 ? (c.at = p, c.index()) === ${index} : k === ${byte}) ? 1 : 0;`;
}
