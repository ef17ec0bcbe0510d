import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { silentLogger } from "../../src/kernel/index.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { RecordingSink } from "../support/recording-sink.ts";
import { textRecord } from "../support/records.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";

const { signal } = new AbortController();

/** A member that reads a topic of one partition. */
async function reading(broker: Broker, topic: string): Promise<RecordingSink> {
  await broker.admin.createTopics([{ topic, partitions: 1, replication: 1, configs: {} }], signal);
  const sink = new RecordingSink({ deadlineMs: 30_000 });
  const spec = { group: topic, topics: [topic], start: { kind: "earliest" } as const, logger: silentLogger };
  const membership = await broker.join(spec, sink);
  await sink.until("the task", () => sink.owned.size === 1);
  const handle = await membership.openTask(0, sink.epochOf(0), signal);
  membership.start(0, handle.offsetsNext);
  return sink;
}

describeKafka("the connections of one process", () => {
  // A broker answers a connection's requests one after the other.
  test("a stage whose fetch waits for records delays the fetches of no other stage", async () => {
    const broker = await connect(testBroker().bootstrap);
    const topics = Array.from({ length: 4 }, () => uniqueNamespace());
    const [busy, ...idle] = await Promise.all(topics.map((topic) => reading(broker, topic)));
    const tookMs: number[] = [];
    for (let i = 0; i < 30; i++) {
      const sentMs = performance.now();
      await broker.append([textRecord(topics[0] ?? "", 0, `r${i}`)], signal);
      await busy?.until("the record", () => busy.records.length > i);
      tookMs.push(performance.now() - sentMs);
      await delay(20);
    }
    const median = [...tookMs].sort((a, b) => a - b)[15] ?? 0;
    process.stdout.write(`written and read again beside three idle stages: median ${median.toFixed(1)} ms\n`);
    // Each idle fetch is held for 200 ms or longer: behind one of them the median would be half of that.
    expect(median).toBeLessThan(60);
    expect(idle.map(({ records }) => records.length)).toEqual([0, 0, 0]);
    await broker.admin.deleteTopics(topics, signal);
    await broker.close();
  });
});
