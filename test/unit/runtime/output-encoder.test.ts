import { describe, expect, test } from "vitest";
import { OutputEncoder } from "../../../src/runtime/output-encoder.ts";
import { createDecoder, parseRecordSchema } from "../../../src/schema/index.ts";

const parsed = parseRecordSchema({ type: "record", name: "R", fields: [{ name: "text", type: "string" }] }, "r");
if ("problems" in parsed) throw new Error("the schema of this test is wrong");
const { schema } = parsed;
const encoderOf = (format: "avro" | "json", bytesMax = 1_000_000) =>
  new OutputEncoder({ schema, format, schemaId: 0x01020304, bytesMax });

describe("a key", () => {
  /** The bytes of a key, after one of a few bytes was written before it. */
  const keyOf = (field: unknown): Buffer | number => {
    const encoder = encoderOf("avro");
    encoder.encodeKey("before");
    const end = encoder.encodeKey(field);
    return end < 0 ? end : Buffer.from(encoder.key.subarray(0, end));
  };

  test.each([
    "",
    "c1",
    "x".repeat(48),
    "x".repeat(49),
    "x".repeat(256),
    "x".repeat(5_000),
    "é",
    "aé",
    "€".repeat(48),
    "€".repeat(300),
    "\u007f\u0080",
  ])("of text is its UTF-8, however long: %j", (text) => {
    expect(keyOf(text)).toEqual(Buffer.from(text));
  });

  test.each([0, 1, 256, 257, 5_000])("of %i bytes is those bytes", (length) => {
    const bytes = Buffer.alloc(length, 0xe9);
    expect(keyOf(bytes)).toEqual(bytes);
  });

  test("of a number is its text, and of null there is none", () => {
    expect([keyOf(7), keyOf(2n ** 60n)]).toEqual([Buffer.from("7"), Buffer.from("1152921504606846976")]);
    expect([keyOf(null), keyOf(undefined)]).toEqual([-1, -1]);
  });
});

describe.each(["avro", "json"] as const)("a value in %s", (format) => {
  test.each([0, 300, 70_000, 1])("of %i characters is whole, also behind a longer one", (length) => {
    const encoder = encoderOf(format);
    for (const text of ["y".repeat(100_000), "x".repeat(length), "é".repeat(length)]) {
      const end = encoder.encode({ text });
      const own = Buffer.from(encoder.value.subarray(0, end));
      if (format === "json") expect(JSON.parse(own.toString())).toEqual({ text });
      else {
        expect(own.subarray(0, 5)).toEqual(Buffer.from([0, 1, 2, 3, 4]));
        expect(createDecoder(schema, schema).decode(own, 5, own.length)).toEqual({ text });
      }
    }
  });

  test("that is larger than the limit is refused", () => {
    expect(() => encoderOf(format, 1_000).encode({ text: "x".repeat(200_000) })).toThrow("at most 1000 are allowed");
  });
});
