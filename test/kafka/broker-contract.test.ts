import type { BrokerUnderTest } from "../contract/bench.ts";
import { brokerContract } from "../contract/broker.ts";
import { describeKafka, testBroker } from "./harness/broker.ts";
import { connect, deleteRecords } from "./harness/client.ts";

describeKafka("the port's contract on a real Kafka", () => {
  for (const delivery of ["at-least-once", "exactly-once"] as const)
    brokerContract({ name: "kafkajs", delivery, create });
});

async function create(): Promise<BrokerUnderTest> {
  const { bootstrap } = testBroker();
  const broker = await connect(bootstrap);
  const created: string[] = [];
  const { signal } = new AbortController();
  return {
    broker,
    createTopic: async (topic, partitions, configs = {}) => {
      created.push(topic);
      await broker.admin.createTopics([{ topic, partitions, replication: undefined, configs }], signal);
    },
    secondClient: () => connect(bootstrap),
    dropOldest: (topic, partition) => deleteRecords(bootstrap, topic, partition, 1),
    dispose: async () => {
      await broker.admin.deleteTopics(created, signal);
      await broker.close();
    },
  };
}
