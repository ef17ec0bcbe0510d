import { expect, test } from "vitest";
import { bytesMin } from "../../../src/schema/avro-type.ts";
import { rowSchema } from "./build.ts";

const place = { type: "record", name: "Place", fields: [{ name: "lat", type: "double" }] };
const node = {
  type: "record",
  name: "Node",
  fields: [
    { name: "weight", type: "float" },
    { name: "next", type: ["null", "Node"] },
  ],
};

test.each<[unknown, number]>([
  ["null", 0],
  ["boolean", 1],
  ["long", 1],
  ["string", 1],
  ["float", 4],
  ["double", 8],
  [{ type: "fixed", name: "F", size: 16 }, 16],
  [{ type: "enum", name: "E", symbols: ["x"] }, 1],
  [{ type: "array", items: "double" }, 1],
  [{ type: "map", values: "double" }, 1],
  [["null", "double"], 1],
  [["float", "double"], 5],
  [place, 8],
  // The way out of what stands inside itself is the null of its union.
  [node, 5],
])("a value of %j takes at least %i bytes", (type, least) => {
  expect(bytesMin(rowSchema({ name: "a", type }).type)).toBe(least);
});

test("a record that stands in another twice counts twice", () => {
  expect(bytesMin(rowSchema({ name: "from", type: place }, { name: "to", type: "Place" }).type)).toBe(16);
});
