import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import type { BrokerUnderTest } from "../../contract/bench.ts";
import { brokerContract } from "../../contract/broker.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { textRecord } from "../../support/records.ts";

const create = async (): Promise<BrokerUnderTest> => {
  const { signal } = new AbortController();
  const broker = createMemoryBroker({
    codecs: noCodecs,
    clock: new FakeClock(1_700_000_000_000),
    logger: silentLogger,
    bytesMax: 64 * 1_048_576,
  });
  return {
    broker,
    createTopic: (topic, partitions, configs = {}) =>
      broker.admin.createTopics([{ topic, partitions, replication: undefined, configs }], signal),
    dispose: () => broker.close(),
    // Each of the two fills a segment of its own, so the ones before go.
    dropOldest: async (topic, partition) => {
      const filler = { ...textRecord(topic, partition, "filler"), value: Buffer.alloc(100_000) };
      await broker.append([filler], signal);
      await broker.append([filler], signal);
    },
  };
};

for (const delivery of ["at-least-once", "exactly-once"] as const)
  brokerContract({ name: "the in-process broker", delivery, deadlineMs: 5_000, create });
