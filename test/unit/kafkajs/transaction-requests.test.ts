import { expect, test } from "vitest";
import { addOffsetsRequest, addPartitionsRequest } from "../../../src/adapters/kafkajs/add-to-transaction-request.ts";
import type { ProtocolRequest } from "../../../src/adapters/kafkajs/client-types.ts";
import { endTransactionRequest } from "../../../src/adapters/kafkajs/end-transaction-request.ts";
import { featuresRequest } from "../../../src/adapters/kafkajs/features-request.ts";
import { initProducerIdRequest } from "../../../src/adapters/kafkajs/init-producer-id-request.ts";
import { produceRequest } from "../../../src/adapters/kafkajs/produce-request.ts";
import { transactionOffsetsRequest } from "../../../src/adapters/kafkajs/transaction-offsets-request.ts";

// What Kafka's own classes write for these fields (kafka-clients 4.4.0, MessageUtil.toByteBufferAccessor), with the empty
// tags of the request's or the answer's header before it.
const transactionalId = "app.in.7";
const identity = { producerId: 5_000_000_001, producerEpoch: 3 };
const producer = { transactionalId, ...identity };
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

async function written({ request }: ProtocolRequest): Promise<unknown> {
  const bytes = Buffer.concat([(await request.encode()).buffer, ...(request.body ?? [])]);
  return [request.apiKey, request.apiVersion, bytes.toString("hex")];
}
const read = async ({ response }: ProtocolRequest, bytes: string): Promise<unknown> =>
  response.parse(await response.decode(hex(bytes)));

test("a transactional id is taken as nobody", async () => {
  const taken = initProducerIdRequest(transactionalId, 60_000);
  expect(await written(taken)).toEqual([22, 4, "00096170702e696e2e370000ea60ffffffffffffffffffff00"]);
  expect(await read(taken, "00 000000090033000000012a05f201000300")).toEqual({ errorCode: 51, ...identity });
});

test("a transaction's end answers as whom the next one is written", async () => {
  const end = endTransactionRequest(transactionalId, identity, { isCommitted: true, isSecondVersion: true });
  expect(await written(end)).toEqual([26, 5, "00096170702e696e2e37000000012a05f20100030100"]);
  expect(await read(end, "00 000000090000000000012a05f201000400")).toEqual({
    errorCode: 0,
    next: { producerId: 5_000_000_001, producerEpoch: 4 },
  });
});

test("in the version before, the end of a transaction answers nobody", async () => {
  const end = endTransactionRequest(transactionalId, identity, { isCommitted: false, isSecondVersion: false });
  expect(await written(end)).toEqual([26, 3, "00096170702e696e2e37000000012a05f20100030000"]);
  expect(await read(end, "00 00000009002f00")).toEqual({ errorCode: 47, next: undefined });
});

test.each([
  [true, 5, "slot", "05736c6f74"],
  [false, 3, undefined, "00"],
])("offsets in a transaction say who commits them, in which generation (second version: %s)", async (...row) => {
  const [isSecondVersion, version, instanceId, instance] = row;
  const by = { group: "g1", memberId: "m-1", generation: 12, instanceId };
  const offsets = [
    { topic: "in", partition: 0, offset: 7, leaderEpoch: 2, metadata: "m" },
    { topic: "in", partition: 3, offset: 9, leaderEpoch: -1, metadata: "" },
  ];
  const commit = transactionOffsetsRequest({ ...producer, isSecondVersion }, by, offsets);
  const before = "00096170702e696e2e37036731000000012a05f20100030000000c046d2d31";
  const behind = "0203696e0300000000000000000000000700000002026d00000000030000000000000009ffffffff01000000";
  expect(await written(commit)).toEqual([28, version, `${before}${instance}${behind}`]);
  expect(await read(commit, "00 000000090203696e0300000000000000000000030016000000")).toEqual([
    { topic: "in", partition: 0, errorCode: 0 },
    { topic: "in", partition: 3, errorCode: 22 },
  ]);
});

test.each([
  [true, 12],
  [false, 9],
])("a produce names its transaction (second version: %s)", async (isSecondVersion, version) => {
  const produce = produceRequest([], 15_000, { transactionalId, isSecondVersion });
  expect(await written(produce)).toEqual([0, version, "00096170702e696e2e37ffff00003a980100"]);
});

test("the features that are in force are told from those that are supported", async () => {
  const asked = featuresRequest();
  expect(await written(asked)).toEqual([18, 3, "00096d696c6c72616365023000"]);
  const answer = `00000200000003000c000000000903001a02147472616e73616374696f6e2e76657273696f6e00000003000108
    000000000000004d022d03147472616e73616374696f6e2e76657273696f6e00020001000e67726f75702e76657273696f6e0001000100`;
  expect(await read(asked, answer)).toEqual(
    new Map([
      ["transaction.version", 2],
      ["group.version", 1],
    ]),
  );
  await expect(asked.response.decode(hex("0023 00000000"))).rejects.toMatchObject({ code: 35 });
});

test("in the first version partitions and offsets are added to a transaction before they are written", async () => {
  const partitions = [
    { topic: "out", partition: 1 },
    { topic: "out", partition: 300 },
  ];
  const added = addPartitionsRequest(producer, partitions);
  const words = "00096170702e696e2e37000000012a05f201000302046f757403000000010000012c0000";
  expect(await written(added)).toEqual([24, 3, words]);
  expect(await read(added, "00 0000000902046f757403000000010000000000012c0033000000")).toEqual([
    { topic: "out", partition: 1, errorCode: 0 },
    { topic: "out", partition: 300, errorCode: 51 },
  ]);
  const offsets = addOffsetsRequest(producer, "g1");
  expect(await written(offsets)).toEqual([25, 3, "00096170702e696e2e37000000012a05f201000303673100"]);
  expect(await read(offsets, "00 00000009000f00")).toBe(15);
});
