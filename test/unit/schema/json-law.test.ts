import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createDecoder,
  createEncoder,
  fromJsonText,
  isWellFormed,
  toJsonText,
  UnionValue,
} from "../../../src/schema/index.ts";
import { record, schemaOf } from "./build.ts";

/** A type whose names are not given yet. */
type Spec =
  | { readonly kind: "boolean" | "int" | "long" | "float" | "double" | "string" | "bytes" | "time" }
  | { readonly kind: "enum"; readonly symbols: readonly string[] }
  | { readonly kind: "fixed"; readonly size: number }
  | { readonly kind: "array" | "map"; readonly of: Spec }
  | { readonly kind: "record"; readonly fields: readonly Spec[] }
  | { readonly kind: "union"; readonly branches: readonly Spec[]; readonly nullAt: number };

/** A type in Avro's JSON, and its values as rows hold them. */
interface Sample {
  readonly type: unknown;
  readonly value: fc.Arbitrary<unknown>;
}

const scalar = fc.constantFrom("boolean", "int", "long", "float", "double", "string", "bytes", "time");
const named = fc.oneof(
  fc.record({
    kind: fc.constant("enum" as const),
    symbols: fc.subarray(["A", "B", "NaN", "AAAA"], { minLength: 1 }),
  }),
  fc.record({ kind: fc.constant("fixed" as const), size: fc.constantFrom(0, 3, 4) }),
);

const { spec } = fc.letrec<{ spec: Spec; branch: Spec }>((tie) => ({
  branch: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    scalar.map((kind) => ({ kind })),
    named,
    fc.record({ kind: fc.constantFrom("array" as const, "map" as const), of: tie("spec") }),
    fc.record({ kind: fc.constant("record" as const), fields: fc.array(tie("spec"), { maxLength: 3 }) }),
  ),
  spec: fc.oneof(
    tie("branch"),
    fc.record({
      kind: fc.constant("union" as const),
      // Of types without a name a union has one of a kind; records of the same fields are what is hard to tell apart.
      branches: fc.uniqueArray(tie("branch"), { minLength: 1, maxLength: 5, selector: branchKind }),
      nullAt: fc.integer({ min: -2, max: 5 }),
    }),
  ),
}));

function branchKind(branch: Spec): unknown {
  if (branch.kind === "time") return "long";
  return branch.kind === "record" || branch.kind === "enum" || branch.kind === "fixed" ? branch : branch.kind;
}

const long = fc
  .oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -200n, max: 200n }))
  .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value));
const text = fc
  .oneof(
    fc.string({ unit: "grapheme" }),
    fc.constantFrom("A", "NaN", "-Infinity", "AAAA", "", "2024-01-01T00:00:00.000Z", "null", "1", "__proto__"),
  )
  .filter(isWellFormed);
const bytes = (size?: number): fc.Arbitrary<Buffer> =>
  fc
    .uint8Array(size === undefined ? { maxLength: 6 } : { minLength: size, maxLength: size })
    .map((value) => Buffer.from(value));
const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-0, 2 ** 53, 1e300, 0.1));
const scalars = {
  boolean: { type: "boolean", value: fc.boolean() },
  int: { type: "int", value: fc.integer() },
  long: { type: "long", value: long },
  float: { type: "float", value: number.map(Math.fround) },
  double: { type: "double", value: number },
  string: { type: "string", value: text },
  bytes: { type: "bytes", value: bytes() },
  time: {
    type: { type: "long", logicalType: "timestamp-millis" },
    value: fc.oneof(fc.integer({ min: -62_135_596_800_000, max: 4e12 }), fc.constantFrom(0, 1, -1, 9e15, -9e15)),
  },
} as const satisfies Record<string, Sample>;

/** Names types in their order, so that no two are one. */
class Builder {
  #named = 0;

  build(spec: Spec): Sample {
    switch (spec.kind) {
      case "enum":
        return {
          type: { type: "enum", name: this.#name(), symbols: spec.symbols },
          value: fc.constantFrom(...spec.symbols),
        };
      case "fixed":
        return { type: { type: "fixed", name: this.#name(), size: spec.size }, value: bytes(spec.size) };
      case "array": {
        const { type, value } = this.build(spec.of);
        return { type: { type: "array", items: type }, value: fc.array(value, { maxLength: 3 }) };
      }
      case "map": {
        const { type, value } = this.build(spec.of);
        const keys = fc.oneof(text, fc.constantFrom("n.T0", "n.T1", "n.T2", "map", "string", "f0"));
        return {
          type: { type: "map", values: type },
          value: fc.dictionary(keys, value, { maxKeys: 2, noNullPrototype: true }),
        };
      }
      case "record": {
        const name = this.#name();
        const fields = spec.fields.map((field) => this.build(field));
        const values = Object.fromEntries(fields.map(({ value }, i) => [`f${i}`, value]));
        const typed = fields.map(({ type }, i) => ({ name: `f${i}`, type, ...defaultOf(type) }));
        return { type: { type: "record", name, fields: typed }, value: fc.record(values, { noNullPrototype: true }) };
      }
      case "union":
        return this.#union(spec);
      default:
        return scalars[spec.kind];
    }
  }

  #union({ branches, nullAt }: Spec & { kind: "union" }): Sample {
    const built: Sample[] = branches.map((branch) => this.build(branch));
    if (nullAt >= 0) built.splice(nullAt, 0, { type: "null", value: fc.constant(null) });
    const isWide = branches.length > 1;
    const values = built.map(({ type, value }, i) =>
      type !== "null" && isWide ? value.map((inner) => new UnionValue(i, inner)) : value,
    );
    return { type: built.map(({ type }) => type), value: fc.oneof(...values) };
  }

  #name(): string {
    return `n.T${this.#named++}`;
  }
}

/** A record with optional fields alone fits many objects. */
function defaultOf(type: unknown): { readonly default?: null } {
  return Array.isArray(type) && type[0] === "null" ? { default: null } : {};
}

const schemaAndRow = fc.array(spec, { minLength: 1, maxLength: 4 }).chain((specs) => {
  const builder = new Builder();
  const fields = specs.map((each) => builder.build(each));
  const schema = schemaOf(record(...fields.map(({ type }, i) => ({ name: `f${i}`, type }))));
  return fc.record({
    schema: fc.constant(schema),
    row: fc.record(Object.fromEntries(fields.map(({ value }, i) => [`f${i}`, value])), { noNullPrototype: true }),
  });
});

test("a row printed as JSON is read back as the same branches, and again after Avro", () => {
  fc.assert(
    fc.property(schemaAndRow, ({ schema, row }) => {
      const printed = toJsonText(schema, row);
      const read = fromJsonText(schema, printed);
      expect(read).toEqual(row);
      const into = Buffer.alloc(65_536);
      const end = createEncoder(schema).encode(read, into, 0);
      const decoded = createDecoder(schema, schema).decode(into, 0, end);
      expect(decoded).toEqual(row);
      expect(toJsonText(schema, decoded)).toBe(printed);
    }),
    { numRuns: 500 },
  );
});
