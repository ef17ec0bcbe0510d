import { expect, test } from "vitest";
import { produceRequest } from "../../../src/adapters/kafkajs/produce-request.ts";
import type { Outgoing } from "../../../src/wire/index.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ""), "hex");
const batch = (topic: string, partition: number, bytes: Buffer): Outgoing => ({
  topic,
  partition,
  role: "output",
  recordCount: 1,
  bytes,
  timestampMinMs: 0,
  timestampMaxMs: 0,
});

async function bytesOf(batches: readonly Outgoing[]): Promise<Buffer> {
  const { request } = produceRequest(batches, 15_000);
  return Buffer.concat([(await request.encode()).buffer, ...(request.body ?? [])]);
}

test("a request names each topic once and each batch by its partition", async () => {
  const batches = [batch("a", 0, hex("aaaaaa")), batch("b", 2, hex("bb")), batch("a", 7, hex("cccc"))];
  // Kafka protocol guide, Produce Request (Version: 9), worked by hand: header tags; no transaction, acks -1, 15 s.
  const expected = `00 00 ffff 00003a98
    03 02 61 03 00000000 04 aaaaaa 00
                00000007 03 cccc 00 00
       02 62 02 00000002 02 bb 00 00
    00`;
  expect(await bytesOf(batches)).toEqual(hex(expected));
});

test("a large batch is sent out of its own memory, at its place among small ones", async () => {
  const large = Buffer.alloc(20_000, 0xee);
  const batches = [batch("a", 0, hex("aa")), batch("a", 1, large), batch("a", 2, hex("cc"))];
  const { request } = produceRequest(batches, 15_000);
  expect(request.body?.[0]).toBe(large);
  // 20,001 as a varint.
  const before = hex("00 00 ffff 00003a98 02 02 61 04 00000000 02 aa 00 00000001 a19c01");
  const after = hex("00 00000002 02 cc 00 00 00");
  expect(await bytesOf(batches)).toEqual(Buffer.concat([before, large, after]));
});

test("the answer is read partition by partition, with the records that are named", async () => {
  const { response } = produceRequest([], 15_000);
  // Produce Response (Version: 9), worked by hand: 3 of topic a is refused for its records 1 and 4.
  const offsets = "0000000000000005 ffffffffffffffff 0000000000000000";
  const answer = hex(`00 02 02 61 03
    00000000 0000 ${offsets} 01 00 00
    00000003 0057 ${offsets} 03 00000001 03 6e6f 00 00000004 00 00 04 626164 00
    00 0000002a 00`);
  const decoded = await response.decode(answer);
  expect(decoded).toMatchObject({ clientSideThrottleTime: 42 });
  expect(await response.parse(decoded)).toEqual([
    { topic: "a", partition: 0, errorCode: 0, refused: [], message: null },
    {
      topic: "a",
      partition: 3,
      errorCode: 87,
      refused: [
        { index: 1, message: "no" },
        { index: 4, message: null },
      ],
      message: "bad",
    },
  ]);
});
