import fc from "fast-check";
import { expect, test } from "vitest";
import { fromJsonText, fromJsonValue, toJsonText, toJsonValue, UnionValue } from "../../../src/schema/index.ts";
import { rowSchema } from "./build.ts";

const schema = rowSchema(
  { name: "id", type: "string" },
  { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
  { name: "until", type: ["null", { type: "long", logicalType: "timestamp-millis" }], default: null },
  { name: "d", type: "double" },
  { name: "y", type: ["null", "bytes"], default: null },
  { name: "u", type: ["null", "int", "string"], default: null },
);

test("times are ISO 8601 in UTC, bytes base64, NaN and infinities text, unions bare", () => {
  const row = {
    id: "a",
    at: 1_700_000_000_123,
    until: 0,
    d: Number.NaN,
    y: Buffer.from([0xfe, 0xff]),
    u: new UnionValue(1, 7),
  };
  const json = toJsonValue(schema, row);
  expect(json).toEqual({
    id: "a",
    at: "2023-11-14T22:13:20.123Z",
    until: "1970-01-01T00:00:00.000Z",
    d: "NaN",
    y: "/v8=",
    u: 7,
  });
  expect(fromJsonValue(schema, json)).toEqual(row);
  expect(toJsonValue(schema, { ...row, d: Number.NEGATIVE_INFINITY })).toMatchObject({ d: "-Infinity" });
});

test("numbers are accepted as times, and times beyond four digits of year stay numbers", () => {
  expect(fromJsonValue(schema, { id: "a", at: 5, d: 0 })).toEqual({
    id: "a",
    at: 5,
    until: null,
    d: 0,
    y: null,
    u: null,
  });
  expect(toJsonValue(schema, { id: "a", at: 8e15, d: 0 })).toMatchObject({ at: 8e15, until: null });
});

test("lenient fills what is absent with default, null or zero; strict names it", () => {
  expect(fromJsonValue(schema, {}, { lenient: true })).toEqual({ id: "", at: 0, until: null, d: 0, y: null, u: null });
  expect(() => fromJsonValue(schema, {})).toThrow(expect.objectContaining({ code: "MR_REQUIRED" }));
  expect(() => fromJsonValue(schema, [], { lenient: true })).toThrow(expect.objectContaining({ code: "MR_CAST" }));
});

test("any row comes back from its JSON text", () => {
  const row = fc.record({
    id: fc.string({ unit: "grapheme" }),
    at: fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }),
    until: fc.option(fc.integer({ min: 0, max: 4e12 })),
    d: fc.double(),
    y: fc.option(fc.uint8Array().map((bytes) => Buffer.from(bytes))),
    u: fc.option(
      fc.oneof(
        fc.integer().map((value) => new UnionValue(1, value)),
        fc.string().map((value) => new UnionValue(2, value)),
      ),
    ),
  });
  fc.assert(
    fc.property(row, (value) => {
      expect(fromJsonText(schema, toJsonText(schema, value))).toEqual(value);
    }),
  );
});
