import { type Rng, seededRng } from "../../src/kernel/index.ts";
import { type Row, UnionValue } from "../../src/schema/index.ts";

type Json = Readonly<Record<string, unknown>>;

/** A schema and rows of it, the same for the same seed: unions of records, maps, enums, fixed, logical types. */
export interface AvroSample {
  readonly seed: number;
  /** JSON of a record. */
  readonly schema: Json & { readonly fields: readonly (Json & { readonly name: string; readonly type: unknown })[] };
  readonly rows: readonly Row[];
}

const logicalTypes: readonly (readonly [kind: string, logicalType: string])[] = [
  ["int", "date"],
  ["int", "time-millis"],
  ["long", "timestamp-micros"],
  ["long", "local-timestamp-millis"],
];
const texts = ["", "a", "twelve bytes", "ä", "日本語", "😀", "x".repeat(70)];
const longs = [0, -1, 63, 64, 2 ** 31, -(2 ** 40), 2 ** 53 - 1, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)];
const doubles = [0, -0, 0.1, -1e300, 5e-324, Number.POSITIVE_INFINITY, Number.NaN];

export function avroSample(seed: number): AvroSample {
  const maker = new SampleMaker(seededRng(seed));
  const schema = maker.schema();
  return { seed, schema, rows: [1, 2, 3].map(() => maker.row(schema)) };
}

class SampleMaker {
  readonly #rng: Rng;
  #names = 0;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  schema(): AvroSample["schema"] {
    const fields = Array.from({ length: 1 + this.#rng.below(9) }, (_, i) => ({ name: `f${i}`, type: this.#type(0) }));
    return { type: "record", name: "Sample", namespace: "test", fields };
  }

  row(schema: Json): Row {
    return this.#value(schema) as Row;
  }

  #type(depth: number): unknown {
    const simple = ["boolean", "int", "long", "float", "double", "string", "bytes"];
    const kind = this.#rng.below(depth < 3 ? 16 : 9);
    if (kind < 7) return simple[kind];
    switch (kind) {
      case 7:
        return this.#enum();
      case 8:
        return this.#define({ type: "fixed", size: 1 + this.#rng.below(9) });
      case 9: {
        const [type, logicalType] = this.#pick(logicalTypes);
        return { type, logicalType };
      }
      case 10:
        return { type: "bytes", logicalType: "decimal", precision: 9, scale: 2 };
      case 11:
        return { type: "array", items: this.#type(depth + 1) };
      case 12:
        return { type: "map", values: this.#type(depth + 1) };
      case 13:
        return this.#record(depth);
      case 14:
        return this.#nullable(depth);
      default:
        return this.#wideUnion(depth);
    }
  }

  #enum(): Json {
    return this.#define({ type: "enum", symbols: ["RED", "GREEN", "BLUE"].slice(0, 1 + this.#rng.below(3)) });
  }

  #record(depth: number): Json {
    const fields = Array.from({ length: this.#rng.below(4) }, (_, i) => ({
      name: `g${i}`,
      type: this.#type(depth + 1),
    }));
    return this.#define({ type: "record", fields });
  }

  #nullable(depth: number): unknown {
    let type = this.#type(depth + 1);
    while (Array.isArray(type)) type = this.#type(depth + 1);
    return this.#rng.below(2) === 0 ? ["null", type] : [type, "null"];
  }

  /** Two records that differ in nothing but their names, or by one field; sometimes numbers and null beside them. */
  #wideUnion(depth: number): unknown {
    const field = { name: "v", type: this.#type(depth + 1) };
    const first = this.#define({ type: "record", fields: [field] });
    const more = this.#rng.below(2) === 0 ? [] : [{ name: "why", type: "string" }];
    const second = this.#define({ type: "record", fields: [{ name: "v", type: "int" }, ...more] });
    const others = [["null"], ["int", "double"], ["float", "long", "null"], [this.#enum(), "string"]];
    return [first, ...this.#pick(others), second];
  }

  #define(type: Json): Json {
    return { ...type, name: `T${this.#names++}` };
  }

  #value(type: unknown): unknown {
    if (Array.isArray(type)) return this.#branch(type);
    if (typeof type === "string") return this.#primitive(type);
    const json = type as Json;
    switch (json["type"]) {
      case "record":
        return Object.fromEntries(
          (json["fields"] as readonly Json[]).map((field) => [field["name"], this.#value(field["type"])]),
        );
      case "enum":
        return this.#pick(json["symbols"] as readonly string[]);
      case "fixed":
        return Buffer.from(Array.from({ length: Number(json["size"]) }, () => this.#rng.below(256)));
      case "array":
        return Array.from({ length: this.#rng.below(3) }, () => this.#value(json["items"]));
      case "map":
        // Java's maps have no order: one entry has the same bytes everywhere.
        return this.#rng.below(2) === 0 ? {} : { key: this.#value(json["values"]) };
      default:
        return this.#primitive(String(json["type"]));
    }
  }

  #branch(branches: readonly unknown[]): unknown {
    const index = this.#rng.below(branches.length);
    if (branches[index] === "null") return null;
    const value = this.#value(branches[index]);
    return branches.filter((branch) => branch !== "null").length > 1 ? new UnionValue(index, value) : value;
  }

  #primitive(kind: string): unknown {
    switch (kind) {
      case "null":
        return null;
      case "boolean":
        return this.#rng.below(2) === 0;
      case "int":
        return this.#rng.below(2) === 0 ? this.#rng.below(200) - 100 : this.#rng.below(2 ** 32) - 2 ** 31;
      case "long":
        return this.#pick(longs);
      case "float":
        return Math.fround(this.#pick(doubles));
      case "double":
        return this.#pick(doubles);
      case "string":
        return this.#pick(texts);
      default:
        return Buffer.from(Array.from({ length: this.#rng.below(5) }, () => this.#rng.below(256)));
    }
  }

  #pick<T>(of: readonly T[]): T {
    const picked = of[this.#rng.below(of.length)];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  }
}

/**
 * Another schema that can read the sample's: fields in another order, the first renamed with an alias, int and float
 * at the top promoted, a union of null turned round, one field with a default that nobody wrote.
 */
export function changedSchema({ schema, seed }: AvroSample): AvroSample["schema"] {
  const rng = seededRng(seed + 1);
  const fields = schema.fields.map((field, i) => {
    const renamed = i === 0 ? { name: `renamed_${field.name}`, aliases: [field.name] } : { name: field.name };
    return { ...renamed, type: changedType(field.type) };
  });
  const added = { name: "added", type: ["null", { type: "array", items: "int" }], default: null };
  const given = { name: "given", type: { type: "map", values: "string" }, default: { a: "b" } };
  const all = [...fields, added, given].map((field) => ({ field, at: rng.uniform() })).sort((a, b) => a.at - b.at);
  return { ...schema, fields: all.map(({ field }) => field) };
}

function changedType(type: unknown): unknown {
  if (type === "int") return "long";
  if (type === "float") return "double";
  return Array.isArray(type) && type.length === 2 && type.includes("null") ? type.toReversed() : type;
}
