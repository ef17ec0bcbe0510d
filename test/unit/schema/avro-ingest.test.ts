import { describe, expect, test } from "vitest";
import { type RecordSchema, type RowReads, UnionValue } from "../../../src/schema/index.ts";
import { rowSchema } from "./build.ts";
import { ingested } from "./ingested.ts";

const one = (type: unknown): RecordSchema => rowSchema({ name: "v", type });
const time = { type: "long", logicalType: "timestamp-millis" };
const logical = (type: string, logicalType: string) => ({ type, logicalType });
const day = 20_454;
const ms = day * 86_400_000;
const decimal = (scale: number, precision = 9) => ({ type: "bytes", logicalType: "decimal", precision, scale });

const map = (values: unknown) => ({ type: "map", values });
const record = (type: unknown) => ({ type: "record", name: "X", fields: [{ name: "d", type }] });

test.each([
  ["a date as its midnight in UTC", logical("int", "date"), day, time, ms],
  ["a date before 1970", logical("int", "date"), -1, time, -86_400_000],
  ["microseconds, floored", logical("long", "timestamp-micros"), ms * 1000 + 1999, time, ms + 1],
  ["microseconds before 1970, floored", logical("long", "timestamp-micros"), -1, time, -1],
  [
    "nanoseconds beyond 2^53, exactly",
    logical("long", "timestamp-nanos"),
    BigInt(ms) * 1_000_000n + 1_999_999n,
    time,
    ms + 1,
  ],
  ["milliseconds as microseconds", time, ms, logical("long", "timestamp-micros"), ms * 1000],
  ["a decimal of a larger scale", decimal(2), Buffer.from([0x04, 0xd2]), decimal(3), Buffer.from([0x30, 0x34])],
  ["a decimal whose last digit is 0", decimal(2), Buffer.from([0x78]), decimal(1), Buffer.from([12])],
  ["a negative decimal", decimal(1), Buffer.from([0xff]), decimal(2), Buffer.from([0xf6])],
  [
    "an enum symbol that is not known as the default",
    { type: "enum", name: "E", symbols: ["A", "Z"] },
    "Z",
    { type: "enum", name: "E", symbols: ["A"], default: "A" },
    "A",
  ],
  ["text as its UTF-8", "string", "ä", "bytes", Buffer.from("ä")],
  ["bytes as the text they are", "bytes", Buffer.from("ä"), "string", "ä"],
  ["a long that fits as an int", "long", 7, "int", 7],
  ["a double that is whole as a long", "double", 2 ** 40, "long", 2 ** 40],
  ["an int as a double", "int", 7, "double", 7],
  [
    "a map as a record, where all is as it was written",
    map(decimal(2)),
    { d: Buffer.from([7]) },
    record(decimal(2)),
    { d: Buffer.from([7]) },
  ],
  ["a symbol as text", { type: "enum", name: "E", symbols: ["A"] }, "A", "string", "A"],
  ["NaN as it is", "double", Number.NaN, "double", Number.NaN],
  ["a long beyond 2^53", "long", 2n ** 60n + 1n, "long", 2n ** 60n + 1n],
  [
    "a record under another name",
    { type: "record", name: "X", fields: [{ name: "a", type: "int" }] },
    { a: 1 },
    {
      type: "record",
      name: "Y",
      fields: [
        { name: "a", type: "long" },
        { name: "b", type: ["null", "int"] },
      ],
    },
    { a: 1, b: null },
  ],
])("reads %s", (_, written, value, wanted, expected) => {
  expect(ingested(one(written), one(wanted), { v: value }).out).toEqual({ v: expected });
  const nullable = (type: unknown) => one(["null", type]);
  expect(ingested(nullable(written), nullable(wanted), { v: value }).out).toEqual({ v: expected });
  expect(ingested(nullable(written), nullable(wanted), { v: null }).out).toEqual({ v: null });
});

test.each([
  ["a decimal that would lose a digit", decimal(2), Buffer.from([0x7b]), decimal(1)],
  ["a decimal of too many digits", decimal(0), Buffer.from([0x7f, 0xff]), decimal(2, 4)],
  ["a decimal as a double", decimal(2), Buffer.from([0x7b]), "double"],
  ["a decimal as text", decimal(2), Buffer.from([0x7b]), "string"],
  ["text as a decimal, whose digits its characters are not", "string", "1.23", decimal(2)],
  ["a map of decimals as a record of another scale", map(decimal(2)), { d: Buffer.from([0x7b]) }, record(decimal(3))],
  ["a record of a decimal as a map of another scale", record(decimal(2)), { d: Buffer.from([0x7b]) }, map(decimal(3))],
  [
    "a map of microseconds as a record of milliseconds",
    map(logical("long", "timestamp-micros")),
    { d: ms },
    record(time),
  ],
  [
    "a symbol that is not known, without a default",
    { type: "enum", name: "E", symbols: ["A", "Z"] },
    "Z",
    { type: "enum", name: "E", symbols: ["A"] },
  ],
  ["a long beyond 32 bits as an int", "long", 2 ** 31, "int"],
  ["a fraction as a long", "double", 0.5, "long"],
  ["text as a number", "string", "7", "int"],
  ["a number without a unit that looks like seconds", "long", 1_767_225_600, time],
  ["a time beyond 2100", time, Date.UTC(2100, 0), time],
  ["microseconds beyond 2100", logical("long", "timestamp-micros"), Date.UTC(2100, 0) * 1000, time],
])("refuses %s as MR_CAST", (_, written, value, wanted) => {
  expect(() => ingested(one(written), one(wanted), { v: value })).toThrow(expect.objectContaining({ code: "MR_CAST" }));
});

test("a time without UTC is refused until a cast says utc", () => {
  for (const unit of [logical("long", "local-timestamp-millis"), logical("int", "time-millis")]) {
    const [writer, to] = [one(["null", unit]), one(["null", time])];
    expect(() => ingested(writer, to, { v: 5 })).toThrow(expect.objectContaining({ code: "MR_CAST" }));
    expect(ingested(writer, to, { v: null }).out).toEqual({ v: null });
    expect(ingested(writer, to, { v: null }).never).toEqual([
      { field: "v", why: expect.stringContaining("timestamp-millis") },
    ]);
    expect(ingested(writer, to, { v: 5 }, { casts: { v: "utc" } }).out).toEqual({ v: 5 });
  }
});

test("casts take what the writer meant: digits of a decimal, of a long beyond 2^53, text", () => {
  const casts = { v: "string" } as const;
  expect(ingested(one(decimal(2)), one("string"), { v: Buffer.from([0xff]) }, { casts }).out).toEqual({ v: "-0.01" });
  expect(ingested(one("long"), one("string"), { v: 2n ** 60n + 1n }, { casts }).out).toEqual({
    v: "1152921504606846977",
  });
  expect(ingested(one(decimal(2)), one("double"), { v: Buffer.from([0x7d]) }, { casts: { v: "double" } }).out).toEqual({
    v: 1.25,
  });
  expect(ingested(one("string"), one(time), { v: "2026-01-01" }, { casts: { v: "timestamp-millis" } }).out).toEqual({
    v: ms,
  });
});

test("a time cast to a long is its milliseconds, whatever unit its writer counts in", () => {
  const long = { casts: { v: "long" } } as const;
  const logical = (logicalType: string, type = "long") => one({ type, logicalType });
  const wanted = { v: 1_767_225_600_000 };
  expect(ingested(logical("timestamp-micros"), one("long"), { v: 1_767_225_600_000_999 }, long).out).toEqual(wanted);
  const nanos = 1_767_225_600_000_999_999n;
  expect(ingested(logical("timestamp-nanos"), one("long"), { v: nanos }, long).out).toEqual(wanted);
  expect(ingested(logical("date", "int"), one("long"), { v: 20_454 }, long).out).toEqual(wanted);
  const nullable = one(["null", { type: "long", logicalType: "timestamp-micros" }]);
  expect(ingested(nullable, one(["null", "long"]), { v: null }, long).out).toEqual({ v: null });
});

describe("fields", () => {
  const writer = rowSchema(
    { name: "old", type: "string" },
    { name: "gone", type: "long" },
    {
      name: "in",
      type: {
        type: "record",
        name: "In",
        fields: [
          { name: "a", type: "int" },
          { name: "more", type: "int" },
        ],
      },
    },
  );
  const row = { old: "k", gone: 2n ** 63n - 1n, in: { a: 1, more: 2 } };
  const inner = { type: "record", name: "In", fields: [{ name: "a", type: "int" }] };

  test("are found by alias, filled in, dropped and counted, those of nested records too", () => {
    const to = rowSchema(
      { name: "k", type: "string", aliases: ["other", "old"] },
      { name: "n", type: "int", default: 4 },
      { name: "in", type: inner },
      { name: "o", type: ["null", "int"] },
    );
    expect(ingested(writer, to, row, { key: "k" })).toMatchObject({
      out: { k: "k", n: 4, in: { a: 1 }, o: null },
      unknown: 2,
      never: [],
    });
  });

  test.each([
    ["a required field that nobody wrote", [{ name: "k", type: "string" }], undefined],
    ["a key that nobody wrote, whatever its default", [{ name: "k", type: "string", default: "x" }], "k"],
    [
      "a nested field that nobody wrote",
      [{ name: "in", type: { ...inner, fields: [{ name: "b", type: "int" }] } }],
      undefined,
    ],
  ])("are MR_REQUIRED for %s", (_, fields, key) => {
    const options = key === undefined ? {} : { key };
    expect(() => ingested(writer, rowSchema(...fields), row, options)).toThrow(
      expect.objectContaining({ code: "MR_REQUIRED" }),
    );
  });

  test("are MR_REQUIRED where null was written and none is taken", () => {
    expect(() => ingested(one(["null", "int"]), one("int"), { v: null })).toThrow(
      expect.objectContaining({ code: "MR_REQUIRED" }),
    );
    expect(ingested(one(["null", "int"]), one("int"), { v: 3 }).out).toEqual({ v: 3 });
  });
});

test.each<[string, string, RowReads]>([
  ["nothing of it", "v", new Map()],
  ["whether it is null", "v", new Map([["v", new Map()]])],
  ["a part beside the time", "v", new Map([["v", new Map([["n", "whole"]])]])],
  ["all of it", "v.t", new Map([["v", "whole"]])],
])("a time out of range in a field that is copied kills the record, when %s is read", (_, path, reads) => {
  const time = { type: "long", logicalType: "timestamp-millis" };
  const schema = one(["null", { type: "record", name: "N", fields: ["n", "t"].map((name) => ({ name, type: time })) }]);
  const in2128 = 5_000_000_000_000;
  expect(() => ingested(schema, schema, { v: { n: 0, t: in2128 } }, { reads })).toThrow(
    `field ${path}: a time outside 0001-2100`,
  );
  expect(ingested(schema, schema, { v: { n: 0, t: 1 } }, { reads }).out).toEqual({ v: { n: 0, t: 1 } });
});

test("a branch stays the one that was written", () => {
  const [a, b] = ["A", "B"].map((name) => ({ type: "record", name, fields: [{ name: "v", type: "int" }] }));
  const u = new UnionValue(1, { v: 7 });
  expect(ingested(one([a, b]), one([a, b]), { v: u }).out).toEqual({ v: u });
  expect(ingested(one([a, b]), one(["null", b, a]), { v: u }).out).toEqual({ v: u });
  expect(() => ingested(one([a, b]), one(["null", a, "int"]), { v: u })).toThrow(
    expect.objectContaining({ code: "MR_CAST" }),
  );
});

test("a field that can never fit is told once, with the reason", () => {
  const { never } = ingested(one(["null", "string"]), one(["null", "int"]), { v: null });
  expect(never).toEqual([{ field: "v", why: "a string is no int" }]);
});
