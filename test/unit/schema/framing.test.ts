import { expect, test } from "vitest";
import { readSchemaId, writeSchemaId } from "../../../src/schema/index.ts";
import { bytes } from "./build.ts";

test("the id is four bytes, big-endian, after a zero", () => {
  const into = Buffer.alloc(7, 0xee);
  expect(writeSchemaId(into, 1, 0x01020304)).toBe(6);
  expect(into).toEqual(bytes(0xee, 0, 1, 2, 3, 4, 0xee));
  expect(readSchemaId(into, 1, 7)).toBe(0x01020304);
});

test("an id above 2^31 stays positive", () => {
  expect(readSchemaId(bytes(0, 0xff, 0xff, 0xff, 0xff), 0, 5)).toBe(4_294_967_295);
});

test.each([0, 1, 4])("%d bytes are MR_DECODE_SHORT, whatever follows in the buffer", (length) => {
  expect(() => readSchemaId(Buffer.alloc(100), 10, 10 + length)).toThrow(
    expect.objectContaining({ code: "MR_DECODE_SHORT" }),
  );
});

test("JSON where framing should be is MR_DECODE_MAGIC", () => {
  const json = Buffer.from('{"a":1}');
  expect(() => readSchemaId(json, 0, json.length)).toThrow(expect.objectContaining({ code: "MR_DECODE_MAGIC" }));
});
