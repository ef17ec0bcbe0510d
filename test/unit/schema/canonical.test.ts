import avro from "avsc";
import { expect, test } from "vitest";
import { normalSchemaText } from "../../../src/schema/index.ts";
import { record, rowSchema, schemaOf } from "./build.ts";

// The rules are those of the Avro specification, "Transforming into Parsing Canonical Form".
test("strips doc, aliases, defaults and logical types, and writes full names", () => {
  const schema = rowSchema(
    { name: "t", type: { type: "long", logicalType: "timestamp-millis" }, doc: "When.", default: 0, aliases: ["u"] },
    { name: "f", type: { type: "fixed", name: "Four", size: 4, doc: "x" } },
    { name: "g", type: "Four" },
    { name: "m", type: { type: "map", values: { type: "array", items: "int" } } },
  );
  expect(schema.canonical).toBe(
    '{"name":"test.Row","type":"record","fields":[{"name":"t","type":"long"},' +
      '{"name":"f","type":{"name":"test.Four","type":"fixed","size":4}},{"name":"g","type":"test.Four"},' +
      '{"name":"m","type":{"type":"map","values":{"type":"array","items":"int"}}}]}',
  );
});

test("is the canonical form that avsc prints", () => {
  const json = record(
    { name: "e", type: { type: "enum", name: "other.E", symbols: ["a", "b"], doc: "x" } },
    { name: "again", type: ["null", "other.E"] },
    { name: "inner", type: { type: "record", name: "Inner", fields: [{ name: "x", type: "float", default: 1 }] } },
  );
  const oracle = avro.Type.forSchema(json as avro.Schema).schema();
  expect(JSON.parse(schemaOf(json).canonical)).toEqual(oracle);
});

test("normal text keeps doc, default and logical type, and ignores the order of attributes", () => {
  const a = { name: "Row", type: "record", fields: [{ type: "int", name: "a", default: 1 }], doc: "x" };
  const b = { doc: "x", fields: [{ default: 1, name: "a", type: "int" }], type: "record", name: "Row" };
  expect(normalSchemaText(a)).toBe(normalSchemaText(b));
  expect(normalSchemaText(a)).toBe(
    '{"type":"record","name":"Row","doc":"x","fields":[{"type":"int","name":"a","default":1}]}',
  );
  expect(normalSchemaText({ ...a, doc: "y" })).not.toBe(normalSchemaText(b));
});
