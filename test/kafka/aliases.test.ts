import { beforeAll, expect, test } from "vitest";
import { promotionRecords, readAliases } from "../../src/runtime/control/aliases.ts";
import { changeAliases } from "../../src/runtime/control/change-aliases.ts";
import { controlRecordsIn } from "../../src/runtime/control/control-topic.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { describeKafka, testBroker } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";

const never = new AbortController().signal;
const topic = `aliases-${Math.random().toString(36).slice(2, 8)}.control`;
const place = { clusterName: topic, aliasesId: topic.replace("control", "aliases") };

describeKafka("aliases on a real Kafka", () => {
  let brokers: readonly [Broker, Broker];
  beforeAll(async () => {
    const { bootstrap } = testBroker();
    brokers = [await connect(bootstrap), await connect(bootstrap)];
    await brokers[0].admin.createTopics([{ topic, partitions: 1, replication: undefined, configs: {} }], never);
    return async () => {
      await brokers[0].admin.deleteTopics([topic], never);
      await Promise.all(brokers.map((broker) => broker.close()));
    };
  });

  test("of two that promote at once each has decided by the champion that it replaced", async () => {
    const promote = async (broker: Broker, version: number): Promise<void> => {
      const promotion = { model: "fraud", version, at: version, by: "test" };
      // Who is fenced five times has been told so; it has written nothing.
      await changeAliases(broker, place, (aliases) => promotionRecords(aliases, promotion), 0, never).catch(
        (thrown: { readonly code?: string }) => expect(thrown).toMatchObject({ code: "MR_FENCED" }),
      );
    };
    const several = async (broker: Broker, versions: readonly number[]): Promise<void> => {
      for (const version of versions) await promote(broker, version);
    };
    await Promise.all([several(brokers[0], [1, 2, 3, 4]), several(brokers[1], [11, 12, 13, 14])]);
    const { offsetNext } = await readAliases(brokers[0], topic, never);
    let [champion, promotions] = [0, 0];
    for await (const batch of brokers[0].read({ topic, partition: 0, from: 0, to: offsetNext }, never)) {
      for (const { key, value } of controlRecordsIn(batch)) {
        const { version } = JSON.parse(value ?? "") as { version: number };
        if (key === "alias/fraud/previous") expect(version).toBe(champion);
        else champion = version;
        if (key === "alias/fraud/champion") promotions++;
      }
    }
    expect(promotions).toBeGreaterThanOrEqual(2);
  });
});
