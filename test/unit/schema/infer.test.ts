import { expect, test } from "vitest";
import { inferSchema, parseRecordSchema, recordNameOf, widenedFields } from "../../../src/schema/index.ts";
import { rowSchema } from "./build.ts";

test.each([
  ["payments.features", "PaymentsFeatures"],
  ["flight-events_raw", "FlightEventsRaw"],
  ["2001.flights", "T2001Flights"],
])("the record of topic %s is %s", (topic, name) => {
  expect(recordNameOf(topic)).toBe(name);
});

test("the schema is the one that the contract describes", () => {
  const schema = inferSchema({
    topic: "payments.features",
    topology: "card-fraud",
    fields: [
      { name: "event_id", type: { kind: "string", nullable: false, avro: "string" } },
      { name: "pin", type: { kind: "string", nullable: false, avro: "string" }, sensitive: true },
      {
        name: "amount_mean_1d",
        type: { kind: "double", nullable: true, avro: "double" },
        doc: "rolling: mean(amount)",
      },
    ],
  });
  expect(schema.json).toEqual({
    type: "record",
    name: "PaymentsFeatures",
    namespace: "millrace.card_fraud",
    fields: [
      { name: "event_id", type: "string" },
      { name: "pin", type: "string", sensitive: true },
      { name: "amount_mean_1d", type: ["null", "double"], default: null, doc: "rolling: mean(amount)" },
    ],
  });
  expect(schema.shape[2]?.type).toEqual({ kind: "double", nullable: true, avro: "double" });
});

test("types of an input survive: times, enums used twice, wide unions, and their own attributes", () => {
  const input = rowSchema(
    { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "a", type: { type: "enum", name: "Side", symbols: ["L", "R"] } },
    { name: "b", type: ["null", "Side"], default: null },
    { name: "w", type: ["int", "null", "string"] },
    { name: "m", type: { type: "map", values: "Side" } },
  );
  const schema = inferSchema({ topic: "t", topology: "x", fields: input.shape });
  expect(schema.json).toMatchObject({
    fields: [
      { type: { type: "long", logicalType: "timestamp-millis" } },
      { type: { type: "enum", name: "test.Side", symbols: ["L", "R"] } },
      { type: ["null", "test.Side"], default: null },
      { type: ["null", "int", "string"], default: null },
      { type: { type: "map", values: "test.Side" } },
    ],
  });
  expect(parseRecordSchema(schema.json, "again")).toHaveProperty("schema");
  expect(inferSchema({ topic: "t", topology: "x", fields: input.shape }).canonical).toBe(schema.canonical);
});

test("a field that older records lack takes the stated default, else its input's, else null", () => {
  const older = rowSchema({ name: "event_id", type: "string" });
  const double = { kind: "double", nullable: false, avro: "double" } as const;
  const fields = [
    { name: "event_id", type: { kind: "string", nullable: false, avro: "string" } },
    { name: "stated", type: double, statedDefault: 1.5, default: 9 },
    { name: "given", type: double, default: 2.5 },
    { name: "neither", type: double },
    { name: "unfit", type: double, default: "a text" },
    { name: "open", type: { ...double, nullable: true }, statedDefault: 0.5 },
  ] as const;
  const schema = inferSchema({ topic: "t", topology: "x", fields, registered: [older] });
  const doc = "null in older records";
  expect((schema.json as { fields: unknown }).fields).toEqual([
    { name: "event_id", type: "string" },
    { name: "stated", type: "double", default: 1.5 },
    { name: "given", type: "double", default: 2.5 },
    { name: "neither", type: ["null", "double"], default: null, doc },
    { name: "unfit", type: ["null", "double"], default: null, doc },
    { name: "open", type: ["double", "null"], default: 0.5 },
  ]);
  const alone = inferSchema({ topic: "t", topology: "x", fields: fields.filter(({ name }) => name !== "given") });
  expect(widenedFields(alone, [older])).toEqual([
    { name: "neither", isAdded: true },
    { name: "unfit", isAdded: true },
  ]);
  // What the topic lacks nothing of asks for no default.
  const same = inferSchema({ topic: "t", topology: "x", fields, registered: [schema] });
  expect((same.json as { fields: readonly unknown[] }).fields[2]).toEqual({ name: "given", type: "double" });
});
