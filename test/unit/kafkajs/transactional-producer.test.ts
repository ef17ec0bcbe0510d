import { expect, test } from "vitest";
import { TransactionalProducer } from "../../../src/adapters/kafkajs/transactional-producer.ts";
import type { Outgoing } from "../../../src/wire/index.ts";
import { crc32c } from "../../../src/wire/index.ts";
import { outgoingOf, textRecords } from "../../support/records.ts";

/** Fields of a batch v2 by their place in it (Kafka protocol guide, "Record Batch"). */
const bornBy = ({ bytes }: Outgoing) => ({
  isTransactional: (bytes.readInt16BE(21) & 0x10) !== 0,
  producerId: Number(bytes.readBigInt64BE(43)),
  producerEpoch: bytes.readInt16BE(51),
  baseSequence: bytes.readInt32BE(53),
});
const made = (producerEpoch = 3): TransactionalProducer =>
  new TransactionalProducer("app.0", { producerId: 7, producerEpoch }, true);
const batch = (partition = 0, count = 2, topic = "out"): Outgoing => outgoingOf(textRecords(topic, partition, count));

test("a batch bears the producer in a copy, with a checksum that fits", () => {
  const outgoing = batch();
  const before = Buffer.from(outgoing.bytes);
  const stamped = made().stamped(outgoing);
  expect(bornBy(stamped)).toEqual({ isTransactional: true, producerId: 7, producerEpoch: 3, baseSequence: 0 });
  expect(stamped.bytes.readUInt32BE(17)).toBe(crc32c(stamped.bytes, 21, stamped.bytes.length));
  expect(outgoing.bytes).toEqual(before);
});

test("records are counted in each topic-partition, and only those that are in the log", () => {
  const producer = made();
  const sequences = (): number[] =>
    [batch(0), batch(1), batch(0, 2, "other")].map((outgoing) => bornBy(producer.stamped(outgoing)).baseSequence);
  producer.stamped(batch(0, 5));
  expect(sequences()).toEqual([0, 0, 0]);
  producer.written(batch(0, 5), producer.identity);
  producer.written(batch(0, 2, "other"), producer.identity);
  expect(sequences()).toEqual([5, 0, 2]);
  producer.written(batch(0, 1), producer.identity);
  expect(sequences()).toEqual([6, 0, 2]);
});

test("the count begins anew behind 2^31 - 1, as brokers count", () => {
  const producer = made();
  producer.written({ ...batch(), recordCount: 2 ** 31 - 1 }, producer.identity);
  expect(bornBy(producer.stamped(batch())).baseSequence).toBe(2 ** 31 - 1);
  producer.written({ ...batch(), recordCount: 3 }, producer.identity);
  expect(bornBy(producer.stamped(batch())).baseSequence).toBe(2);
});

test("the next transaction is written under the next epoch, from the first sequence on", () => {
  const producer = made();
  const before = producer.identity;
  producer.written(batch(0, 4), before);
  producer.renew({ producerId: 8, producerEpoch: 4 });
  // An answer that comes when its transaction is over.
  producer.written(batch(0, 4), before);
  expect(bornBy(producer.stamped(batch()))).toEqual({
    isTransactional: true,
    producerId: 8,
    producerEpoch: 4,
    baseSequence: 0,
  });
});
