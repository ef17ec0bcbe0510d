import { type AvroType, isTimestamp, type RecordType, type UnionType } from "./avro-type.ts";
import { type ByteSink, misfit, writableText } from "./byte-sink.ts";
import { isLong, type Long } from "./long.ts";
import { UnionValue } from "./union-value.ts";

/** Writes one value; throws RecordError MR_CAST, naming the field, when the value does not fit. */
export type ValueWriter = (sink: ByteSink, value: unknown, path: string) => void;

/** Objects inside objects; a cyclic value must end as an error. */
const depthMax = 256;

/**
 * The writer of any type. A union writes the branch that its value names; a plain value takes the first that fits,
 * numbers the narrowest.
 */
export function valueWriter(type: AvroType): ValueWriter {
  return new WriterFactory().make(type);
}

class WriterFactory {
  readonly #records = new Map<RecordType, ValueWriter>();
  #depth = 0;

  make(type: AvroType): ValueWriter {
    switch (type.kind) {
      case "union":
        return this.#union(type);
      case "record":
        return this.#record(type);
      case "array": {
        const item = this.make(type.items);
        return (sink, value, path) => {
          if (!Array.isArray(value)) misfit(path, "list", value);
          if (value.length > 0) sink.long(value.length);
          for (const [i, entry] of value.entries()) item(sink, entry, `${path}[${i}]`);
          sink.byte(0);
        };
      }
      case "map": {
        const write = this.make(type.values);
        return (sink, value, path) => {
          if (!isPlain(value)) misfit(path, "map", value);
          const entries = Object.entries(value);
          if (entries.length > 0) sink.long(entries.length);
          for (const [key, entry] of entries) {
            if (!sink.string(key)) misfit(`${path} key`, writableText, key);
            write(sink, entry, `${path} value`);
          }
          sink.byte(0);
        };
      }
      default:
        return scalarWriter(type);
    }
  }

  #record(type: RecordType): ValueWriter {
    const made = this.#records.get(type);
    if (made !== undefined) return made;
    const fields: { name: string; write: ValueWriter }[] = [];
    const writer: ValueWriter = (sink, value, path) => {
      if (!isPlain(value)) misfit(path, "record", value);
      this.#depth += 1;
      try {
        if (this.#depth > depthMax) misfit(path, `record nested at most ${depthMax} deep`, value);
        for (const field of fields)
          field.write(sink, value[field.name], path === "" ? field.name : `${path}.${field.name}`);
      } finally {
        this.#depth -= 1;
      }
    };
    this.#records.set(type, writer);
    for (const field of type.fields) fields.push({ name: field.name, write: this.make(field.type) });
    return writer;
  }

  #union(type: UnionType): ValueWriter {
    const order = branchOrder(type);
    const branches = order.map(({ branch, index }) => ({ branch, index, write: this.make(branch) }));
    const byIndex = new Map(branches.map(({ index, write }) => [index, write]));
    return (sink, value, path) => {
      if (value instanceof UnionValue) {
        const write = byIndex.get(value.branch) ?? misfit(path, "value of its union", value.value);
        sink.long(value.branch);
        write(sink, value.value, path);
        return;
      }
      for (const { branch, index, write } of branches) {
        if (!accepts(branch, value)) continue;
        sink.long(index);
        write(sink, value, path);
        return;
      }
      misfit(path, `value of the union [${type.branches.map((branch) => branch.kind).join(", ")}]`, value);
    };
  }
}

/** Narrow numbers before wide ones, so that 1 is an int where the union has int and double; else as written. */
function branchOrder(type: UnionType): { branch: AvroType; index: number }[] {
  const rank: Readonly<Record<string, number>> = { int: 1, long: 2, double: 3, float: 4, enum: 1, string: 2, fixed: 1 };
  const order = type.branches.map((branch, index) => ({ branch, index }));
  return order.sort((a, b) => (rank[a.branch.kind] ?? 3) - (rank[b.branch.kind] ?? 3) || a.index - b.index);
}

/**
 * Whether a branch of a union can hold the value, judged by its outer shape: an object is taken by the first record
 * whose fields without default are all there.
 */
export function accepts(type: AvroType, value: unknown): boolean {
  switch (type.kind) {
    case "null":
      return value === null || value === undefined;
    case "boolean":
      return typeof value === "boolean";
    case "int":
      return typeof value === "number" && (value | 0) === value;
    case "long":
      return isLong(value);
    case "float":
    case "double":
      return typeof value === "number";
    case "string":
      return typeof value === "string";
    case "enum":
      return typeof value === "string" && type.symbols.includes(value);
    case "bytes":
      return Buffer.isBuffer(value);
    case "fixed":
      return Buffer.isBuffer(value) && value.length === type.size;
    case "array":
      return Array.isArray(value);
    case "map":
      return isPlain(value);
    case "record":
      return (
        isPlain(value) &&
        type.fields.every((field) => Object.hasOwn(value, field.name) || field.default !== undefined) &&
        Object.keys(value).some((key) => type.fields.some((field) => field.name === key)) === type.fields.length > 0
      );
    case "union":
      return type.branches.some((branch) => accepts(branch, value));
  }
}

/** Writes a type without parts. */
function scalarWriter(type: AvroType): ValueWriter {
  const wanted = isTimestamp(type) ? "timestamp-millis" : type.kind;
  const check =
    (write: (sink: ByteSink, value: never) => void): ValueWriter =>
    (sink, value, path) => {
      if (!accepts(type, value)) misfit(path, wanted, value);
      write(sink, value as never);
    };
  switch (type.kind) {
    case "null":
      return check(() => undefined);
    case "boolean":
      return check((sink, value: boolean) => sink.byte(value ? 1 : 0));
    case "int":
    case "long":
      return check((sink, value: Long) => sink.long(value));
    case "float":
      return check((sink, value: number) => sink.float(value));
    case "double":
      return check((sink, value: number) => sink.double(value));
    case "string":
      return (sink, value, path) => {
        if (typeof value !== "string") misfit(path, wanted, value);
        if (!sink.string(value)) misfit(path, writableText, value);
      };
    case "enum": {
      const indices = new Map(type.symbols.map((symbol, index) => [symbol, index]));
      return check((sink, value: string) => sink.long(indices.get(value) ?? 0));
    }
    case "bytes":
      return check((sink, value: Buffer) => {
        sink.long(value.length);
        sink.raw(value);
      });
    default:
      return check((sink, value: Buffer) => sink.raw(value));
  }
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}
