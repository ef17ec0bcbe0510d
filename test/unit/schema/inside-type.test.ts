import { expect, test } from "vitest";
import {
  avroTypeName,
  type FieldType,
  fieldsIn,
  parseRecordSchema,
  unionOfReads,
  valuesIn,
} from "../../../src/schema/index.ts";

function typeOfField(avro: unknown): FieldType {
  const parsed = parseRecordSchema({ type: "record", name: "R", fields: [{ name: "f", type: avro }] }, "R");
  if ("problems" in parsed) throw new Error(parsed.problems.map((problem) => problem.message).join("; "));
  const [field] = parsed.schema.shape;
  if (field === undefined) throw new Error("no field");
  return field.type;
}

const card = { type: "record", name: "shop.Card", fields: [{ name: "limit", type: ["null", "long"] }] };

test("tells records, lists and maps from what cannot be looked into", () => {
  const kinds = [card, { type: "array", items: "int" }, { type: "map", values: "int" }, ["int", "string"]].map(
    (avro) => typeOfField(avro).kind,
  );
  expect(kinds).toEqual(["record", "list", "map", "other"]);
  expect(typeOfField(["null", card])).toMatchObject({ kind: "record", nullable: true });
});

test("opens a record into the types of its fields, in their order", () => {
  const avro = { ...card, fields: [{ name: "b", type: "string" }, ...card.fields] };
  expect([...(fieldsIn(typeOfField(avro)) ?? [])]).toEqual([
    ["b", { kind: "string", nullable: false, avro: "string" }],
    ["limit", { kind: "long", nullable: true, avro: "long" }],
  ]);
});

test("opens a record that holds itself one level at a time", () => {
  const node = {
    type: "record",
    name: "Node",
    fields: [
      { name: "next", type: ["null", "Node"] },
      { name: "id", type: "int" },
    ],
  };
  let type: FieldType | undefined = typeOfField(node);
  for (let depth = 0; depth < 5 && type !== undefined; depth++) type = fieldsIn(type)?.get("next");
  expect(type).toMatchObject({ kind: "record", nullable: true });
  expect(type && fieldsIn(type)?.get("id")).toEqual({ kind: "int", nullable: false, avro: "int" });
});

test("opens a list and a map into the type of what is in them, and other types not at all", () => {
  expect(valuesIn(typeOfField({ type: "array", items: ["null", card] }))).toMatchObject({
    kind: "record",
    nullable: true,
  });
  expect(valuesIn(typeOfField({ type: "map", values: "long" }))).toMatchObject({ kind: "long", nullable: false });
  expect(valuesIn(typeOfField("string"))).toBeUndefined();
  expect(fieldsIn(typeOfField({ type: "map", values: "long" }))).toBeUndefined();
});

test.each<[unknown, string]>([
  ["long", "long"],
  [card, "record shop.Card"],
  [{ ...card, name: "Card", namespace: "shop" }, "record shop.Card"],
  [{ type: "array", items: "string" }, "list of string"],
  [{ type: "map", values: card }, "map of record shop.Card"],
  [["null", card, "string"], "union of shop.Card and string"],
  [["int", "long", "float", "double", "string"], "union of int, long, float and 2 more"],
  [{ type: "bytes", logicalType: "decimal", precision: 10, scale: 2 }, "decimal(10, 2)"],
  [{ type: "bytes", logicalType: "decimal", precision: 10 }, "decimal(10, 0)"],
  [{ type: "long", logicalType: "timestamp-micros" }, "timestamp-micros"],
  [{ type: "fixed", name: "shop.Md5", size: 16 }, "fixed shop.Md5"],
  [{ type: "string", "some.attribute": 1 }, "string"],
])("names %j as %s", (avro, name) => {
  expect(avroTypeName(avro)).toBe(name);
});

test("reads what either reads: a null test adds nothing to a part, and a part nothing to the whole", () => {
  const part = new Map([["amount", "whole" as const]]);
  expect(unionOfReads(new Map(), part)).toEqual(part);
  expect(unionOfReads(part, new Map([["op", new Map()]]))).toEqual(
    new Map<string, unknown>([
      ["amount", "whole"],
      ["op", new Map()],
    ]),
  );
  expect(unionOfReads(part, "whole")).toBe("whole");
  expect(unionOfReads(undefined, part)).toBe(part);
});
