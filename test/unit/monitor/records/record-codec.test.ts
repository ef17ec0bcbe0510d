import { expect, test } from "vitest";
import { RecordCodec, whole, wholes } from "../../../../src/monitor/records/record-codec.ts";

const codec = new RecordCodec(
  {
    type: "record",
    name: "Counted",
    fields: [
      { name: "id", type: "string" },
      { name: "n", type: "long" },
    ],
  },
  "counted",
);

test("a row is written behind the id of its schema, also one that is longer than what is first made for it", () => {
  for (const length of [1, 4_080, 4_096, 100_000]) {
    const row = { id: "x".repeat(length), n: 7 };
    const value = codec.encode(row, 258);
    expect([...value.subarray(0, 5)]).toEqual([0, 0, 0, 1, 2]);
    expect(codec.decode(value)).toEqual(row);
  }
});

test("what has no framing is refused", () => {
  expect(() => codec.decode(Buffer.from([1, 0, 0, 0, 1, 0, 0]))).toThrow(
    expect.objectContaining({ code: "MR_DECODE_MAGIC" }),
  );
  expect(() => codec.decode(Buffer.from([0, 0]))).toThrow(expect.objectContaining({ code: "MR_DECODE_SHORT" }));
});

test("a count beyond 2^53 is refused rather than made another number", () => {
  expect(whole(7)).toBe(7);
  expect(() => whole(2n ** 53n + 1n)).toThrow("reading a count: 9007199254740993 is beyond 2^53");
  expect([...wholes([1, 2])]).toEqual([1, 2]);
  expect(() => wholes([1, 2n ** 60n])).toThrow("is beyond 2^53");
});
