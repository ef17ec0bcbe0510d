import { expect, test } from "vitest";
import { kafkaCode } from "../../../src/adapters/kafkajs/errors.ts";
import type { ClusterLink } from "../../../src/adapters/kafkajs/link.ts";
import type { ProducedPartition } from "../../../src/adapters/kafkajs/produce-request.ts";
import { BatchProducer } from "../../../src/adapters/kafkajs/producer.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { outgoingOf, textRecords } from "../../support/records.ts";
import { AutoClock } from "../runtime/fixture.ts";

/** A producer whose broker answers as the test says; answers how often it was asked. */
function producerOf(answers: readonly (readonly Partial<ProducedPartition>[])[]) {
  const left = [...answers];
  const asked: string[] = [];
  const link = {
    leaderOf: async () => 1,
    forget: () => undefined,
    send: async () => {
      asked.push("produce");
      return left.shift() ?? [{ topic: "out", partition: 0, errorCode: kafkaCode.none }];
    },
  };
  return { producer: new BatchProducer(link as unknown as ClusterLink, noCodecs, new AutoClock()), asked };
}

test("an answer that names another partition, another topic or nothing confirms nothing: the batch is sent again", async () => {
  const { producer, asked } = producerOf([
    [{ topic: "out", partition: 1, errorCode: kafkaCode.none }],
    [{ topic: "other", partition: 0, errorCode: kafkaCode.none }],
    [],
  ]);
  await producer.send(outgoingOf(textRecords("out", 0, 3)));
  expect(asked).toHaveLength(4);
});
