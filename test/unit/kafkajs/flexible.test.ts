import { expect, test } from "vitest";
import { FlexibleReader, FlexibleWriter } from "../../../src/adapters/kafkajs/flexible.ts";
import { type OffsetFetchAnswer, offsetFetchRequest } from "../../../src/adapters/kafkajs/offset-fetch-request.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

test("committed offsets are asked for in version 7, and only stable ones", async () => {
  // Kafka protocol guide, OffsetFetch Request (Version: 7), worked by hand. The first byte ends the header's tags.
  const { request } = offsetFetchRequest("g1", [
    { topic: "in", partition: 0 },
    { topic: "in", partition: 300 },
  ]);
  const { buffer } = await request.encode();
  expect([request.apiKey, request.apiVersion]).toEqual([9, 7]);
  expect(buffer).toEqual(hex("00 03 6731 02 03 696e 03 00000000 0000012c 00 01 00"));
});

test("an answer of version 7 is read with its tags, whatever they hold", async () => {
  const { response } = offsetFetchRequest("g1", []);
  const answer = hex(`00 00000000
    02 03 696e 03 00000000 0000000000000007 00000002 01 0000 00
                  00000001 ffffffffffffffff ffffffff 03 6162 0003 01 05 02 abcd 00
    0058 00`);
  expect(await response.parse(await response.decode(answer))).toEqual({
    errorCode: 88,
    partitions: [
      { topic: "in", partition: 0, offset: 7, leaderEpoch: 2, metadata: "", errorCode: 0 },
      { topic: "in", partition: 1, offset: -1, leaderEpoch: -1, metadata: "ab", errorCode: 3 },
    ],
  } satisfies OffsetFetchAnswer);
});

test("an answer that is cut off is no answer", async () => {
  const { response } = offsetFetchRequest("g1", []);
  await expect(response.decode(hex("00 00000000 02 09 696e"))).rejects.toThrow("cut off");
});

test("what is written is read back, also beyond the first buffer and the first byte of a length", () => {
  const long = "ä".repeat(300);
  const writer = new FlexibleWriter();
  writer
    .int8(-1)
    .int16(-2)
    .int32(-3)
    .int64(-(2 ** 53))
    .boolean(true)
    .string(long)
    .string(null)
    .array(
      Array.from({ length: 200 }, (_, i) => i),
      (i) => writer.int32(i),
    )
    .array<number>(null, () => undefined)
    .end();
  const reader = new FlexibleReader(writer.bytes);
  expect([reader.int8(), reader.int16(), reader.int32(), reader.int64(), reader.boolean()]).toEqual([
    -1,
    -2,
    -3,
    -(2n ** 53n),
    true,
  ]);
  expect([reader.string(), reader.string()]).toEqual([long, null]);
  expect(reader.array(() => reader.int32())).toEqual(Array.from({ length: 200 }, (_, i) => i));
  expect(reader.array(() => reader.int32())).toEqual([]);
  reader.end();
  expect(() => reader.int8()).toThrow(RangeError);
});

test("tagged fields that somebody reads are read, the others are stepped over", () => {
  const seen: number[] = [];
  const reader = new FlexibleReader(hex("02 07 01 ff 01 04 0000 0009 2a"));
  reader.end({ 1: (field) => seen.push(field.int32()) });
  expect([seen, reader.int8()]).toEqual([[9], 42]);
});

test("an answer says how long the broker wants to be left alone, under the name that kafkajs looks for", async () => {
  const { response } = offsetFetchRequest("g1", []);
  expect(await response.decode(hex("00 000004d2 01 0000 00"))).toMatchObject({ clientSideThrottleTime: 1_234 });
});
