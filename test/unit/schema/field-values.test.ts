import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createDecoder,
  createEncoder,
  type FieldValues,
  fieldValues,
  parseRecordSchema,
} from "../../../src/schema/index.ts";

function schemaOf(fields: readonly unknown[]) {
  const parsed = parseRecordSchema({ type: "record", name: "Row", fields }, "Row");
  if (!("schema" in parsed)) throw new Error(JSON.stringify(parsed.problems));
  return parsed.schema;
}

const nullable = (type: unknown) => ["null", type];
const schema = schemaOf([
  { name: "id", type: "string" },
  { name: "d", type: "double" },
  { name: "f", type: nullable("float") },
  { name: "tags", type: { type: "map", values: "string" } },
  { name: "i", type: ["int", "null"] },
  { name: "l", type: "long" },
  { name: "dec", type: { type: "bytes", logicalType: "decimal", precision: 9, scale: 2 } },
  { name: "s", type: nullable("string") },
  { name: "e", type: { type: "enum", name: "E", symbols: ["A", "B", "C"] } },
  { name: "b", type: nullable("boolean") },
  { name: "t", type: { type: "long", logicalType: "timestamp-millis" } },
  { name: "rest", type: { type: "array", items: "double" } },
]);

const row = fc.record({
  id: fc.string({ unit: "binary" }),
  d: fc.double(),
  f: fc.option(fc.float()),
  tags: fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), { maxKeys: 3 }),
  i: fc.option(fc.integer()),
  l: fc.maxSafeInteger(),
  dec: fc.constant(Buffer.from([1, 2])),
  s: fc.option(fc.string({ unit: "binary", maxLength: 40 })),
  e: fc.constantFrom("A", "B", "C"),
  b: fc.option(fc.boolean()),
  t: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  rest: fc.array(fc.double(), { maxLength: 3 }),
});

function encoded(value: Record<string, unknown>): Buffer {
  const into = Buffer.alloc(100_000);
  return into.subarray(0, createEncoder(schema).encode(value, into, 0));
}

function expectValue(values: FieldValues, place: number, as: string, value: FieldValues["scalars"][number]): void {
  if (as === "scalar") {
    expect(values.scalars[place]).toBe(value);
    return;
  }
  expect(values.areNull[place]).toBe(value === null ? 1 : 0);
  if (value !== null) expect(values.numbers[place]).toBe(Number(value));
}

test("values read out of a body are those of the decoded row, whichever are wanted and in which order", () => {
  const names = schema.type.fields.map(({ name }) => name).filter((name) => !["tags", "dec", "rest"].includes(name));
  const isNumber = (name: string): boolean => ["d", "f", "i", "l", "t"].includes(name);
  fc.assert(
    fc.property(fc.shuffledSubarray(names), fc.array(row, { minLength: 2, maxLength: 4 }), (chosen, rows) => {
      const wanted = chosen.map((name) => ({ name, as: isNumber(name) ? ("number" as const) : ("scalar" as const) }));
      const values = fieldValues(schema.type, wanted);
      const decoder = createDecoder(schema, schema);
      for (const each of rows) {
        const bytes = encoded(each);
        // Anywhere in a buffer.
        const moved = Buffer.concat([Buffer.alloc(7, 255), bytes, Buffer.alloc(3, 255)]);
        values.read(moved, 7, 7 + bytes.length);
        const expected = decoder.decode(bytes, 0, bytes.length);
        for (const [place, { name, as }] of wanted.entries())
          expectValue(values, place, as, (expected[name] as FieldValues["scalars"][number] | undefined) ?? null);
      }
    }),
  );
});

test("a number may be read as it is, for categories, and a long beyond 2^53 keeps its digits then", () => {
  const values = fieldValues(schema.type, [
    { name: "i", as: "scalar" },
    { name: "l", as: "scalar" },
  ]);
  const numbers = fieldValues(schema.type, [{ name: "l", as: "number" }]);
  const bytes = encoded({ ...base, i: null, l: 2n ** 60n + 1n });
  values.read(bytes, 0, bytes.length);
  numbers.read(bytes, 0, bytes.length);
  expect(values.scalars).toEqual([null, 2n ** 60n + 1n]);
  expect(numbers.numbers[0]).toBe(2 ** 60);
});

test("a branch whose index is padded is read as what it is: what is copied through may have come so", () => {
  const own = schemaOf([
    { name: "a", type: nullable("double") },
    { name: "b", type: ["long", "null"] },
    { name: "c", type: nullable("string") },
  ]);
  const values = fieldValues(own.type, [
    { name: "a", as: "number" },
    { name: "b", as: "number" },
    { name: "c", as: "scalar" },
  ]);
  const double = Buffer.alloc(8);
  double.writeDoubleLE(1.5);
  const given = Buffer.concat([
    Buffer.from([0x82, 0]),
    double,
    Buffer.from([0x80, 0, 6]),
    Buffer.from([0x82, 0, 2, 0x78]),
  ]);
  values.read(given, 0, given.length);
  expect([[...values.areNull], values.numbers[0], values.numbers[1], values.scalars[2]]).toEqual([
    [0, 0, 0],
    1.5,
    3,
    "x",
  ]);
  const nulls = Buffer.from([0x80, 0, 0x82, 0, 0x80, 0]);
  values.read(nulls, 0, nulls.length);
  expect([[...values.areNull], values.scalars[2]]).toEqual([[1, 1, 0], null]);
});

test("of a record of a thousand fields the last is read as the first", () => {
  const many = schemaOf(
    Array.from({ length: 1_000 }, (_, i) => ({ name: `f${i}`, type: i % 2 === 0 ? "int" : "string" })),
  );
  const into = Buffer.alloc(100_000);
  const made = Object.fromEntries(many.type.fields.map(({ name }, i) => [name, i % 2 === 0 ? i : `text ${i}`]));
  const end = createEncoder(many).encode(made, into, 0);
  const values = fieldValues(many.type, [
    { name: "f998", as: "number" },
    { name: "f0", as: "number" },
    { name: "f999", as: "scalar" },
    { name: "f400", as: "number" },
  ]);
  values.read(into, 0, end);
  expect([...values.numbers]).toEqual([998, 0, 0, 400]);
  expect(values.scalars[2]).toBe("text 999");
});

test("a field that is not there, or is no number, is refused when it is asked for", () => {
  expect(() => fieldValues(schema.type, [{ name: "gone", as: "number" }])).toThrow("record Row has no field gone");
  expect(() => fieldValues(schema.type, [{ name: "s", as: "number" }])).toThrow(
    "field s of record Row is string, and no number",
  );
  expect(() => fieldValues(schema.type, [{ name: "tags", as: "scalar" }])).toThrow("field tags of record Row is map");
});

const base = {
  id: "x",
  d: 1,
  f: null,
  tags: {},
  i: 1,
  l: 1,
  dec: Buffer.from([1]),
  s: null,
  e: "A",
  b: null,
  t: 0,
  rest: [],
};
