import { expect, test } from "vitest";
import type { AvroType } from "../../../src/schema/avro-type.ts";
import { ByteCursor } from "../../../src/schema/byte-cursor.ts";
import type { Reads } from "../../../src/schema/index.ts";
import { parseType } from "../../../src/schema/parse-type.ts";
import { Resolution } from "../../../src/schema/resolved-reader.ts";
import { Skippers } from "../../../src/schema/skipper.ts";
import { bytes } from "./build.ts";

function typeOf(json: unknown): AvroType {
  const { type, problems } = parseType(json, { strictDefaults: true });
  if (type === undefined) throw new Error(JSON.stringify(problems));
  return type;
}

/** The value that is read, and the bytes it took, of a body that two more bytes follow. */
function read(writer: unknown, reader: unknown, reads: Reads, body: Buffer): [unknown, number] {
  const cursor = new ByteCursor();
  cursor.reset(Buffer.concat([body, bytes(9, 9)]), 0, body.length + 2);
  const value = new Resolution(new Skippers({ text: true })).reading(
    typeOf(writer),
    typeOf(reader),
    reads,
    "p",
  )(cursor);
  return [value, cursor.at];
}

const pair = {
  type: "record",
  name: "Pair",
  fields: [
    { name: "a", type: "int" },
    { name: "b", type: "string" },
  ],
};
const field = new Map<string, Reads>([["b", "whole"]]);
const isThere: Reads = new Map();

test("of a record the fields that are asked for are read, and what is only asked for is there", () => {
  const body = bytes(2, 4, "hi");
  expect(read(pair, pair, field, body)).toEqual([{ b: "hi" }, 4]);
  expect(read(pair, pair, isThere, body)).toEqual([true, 4]);
  expect(read(pair, pair, "whole", body)).toEqual([{ a: 1, b: "hi" }, 4]);
});

test("fields that are asked of what is no record, as it was written or as it is read, are stepped over", () => {
  expect(read("string", pair, field, bytes(4, "hi"))).toEqual([true, 3]);
  expect(read(pair, "string", field, bytes(2, 4, "hi"))).toEqual([true, 4]);
});

test("a null is null, whichever branch and whatever is asked of it", () => {
  const union = ["null", pair];
  for (const reads of [field, isThere, "whole"] as const)
    expect(read(union, union, reads, bytes(0))).toEqual([null, 1]);
  expect(read(union, union, field, bytes(2, 2, 4, "hi"))).toEqual([{ b: "hi" }, 5]);
  expect(read(pair, union, field, bytes(2, 4, "hi"))).toEqual([{ b: "hi" }, 4]);
});
