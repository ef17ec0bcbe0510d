import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentLogger, topicPartitionKey } from "../../src/kernel/index.ts";
import { type Broker, type TaskHandle, TaskReopenError } from "../../src/runtime/index.ts";
import { RecordingSink } from "../support/recording-sink.ts";
import { outgoingOf, plainRecords, textOf, textRecords } from "../support/records.ts";
import { describeFaults, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { KafkaNode } from "./harness/node.ts";

const { signal } = new AbortController();
const chunks = 60;
const chunkRecords = 50;

/** A broker of their own, which they stop and start. */
describeFaults("a broker that goes away", () => {
  let node: KafkaNode;
  beforeAll(async () => {
    node = await KafkaNode.start();
  });
  afterAll(() => node?.remove());

  for (const end of ["kill", "stop"] as const) {
    test(`${end}: is waited for by whoever writes, commits and reads; nothing is lost and the task stays`, async () => {
      const broker = await connect(node.bootstrap);
      const { sink, handle, reopen, input, output } = await chain(broker);
      const copied = copyChunks(handle, reopen, input, output);
      await sink.until("some records", () => sink.records.length >= 10);
      await node[end]();
      await delay(3_000);
      await node.restart();
      await copied;

      const [marks] = await broker.admin.watermarks(output, signal);
      const texts: (string | undefined)[] = [];
      for await (const batch of broker.read({ topic: output, partition: 0, from: 0, to: marks!.end }, signal)) {
        texts.push(...plainRecords(batch).map((record) => textOf(record)));
      }
      const expected = Array.from(
        { length: chunks * chunkRecords },
        (_, i) => `${Math.floor(i / chunkRecords)}.${i % chunkRecords}`,
      );
      // Copies are allowed at least once; the first of each record keeps its place.
      expect([...new Set(texts)]).toEqual(expected);
      expect(sink.failures).toEqual([]);
      expect(sink.calls.filter((call) => call.startsWith("lost"))).toEqual([]);

      await broker.append(textRecords(input, 0, 5, "after"), signal);
      await sink.until("what came after the restart", () => textOf(sink.records.at(-1)!) === "after4");
      await broker.close();
    });
  }

  async function chain(broker: Broker) {
    const namespace = uniqueNamespace();
    const [input, output] = [`${namespace}.in`, `${namespace}.out`];
    const topics = [input, output].map((topic) => ({ topic, partitions: 1, replication: 1, configs: {} }));
    await broker.admin.createTopics(topics, signal);
    const sink = new RecordingSink({ deadlineMs: 60_000 });
    const spec = {
      group: `${namespace}.g`,
      topics: [input],
      start: { kind: "earliest" } as const,
      logger: silentLogger,
    };
    const membership = await broker.join(spec, sink);
    await sink.until("the task", () => sink.owned.size === 1);
    const reopen = () => membership.openTask(0, sink.epochOf(0), signal);
    const handle = await reopen();
    membership.start(0, handle.offsetsNext);
    await broker.append(textRecords(input, 0, 10), signal);
    return { sink, handle, reopen, input, output };
  }

  /** Writes chunk after chunk, each with its commit; a handle that asks for it is opened again. */
  async function copyChunks(opened: TaskHandle, reopen: () => Promise<TaskHandle>, input: string, output: string) {
    let handle = opened;
    for (let chunk = 0; chunk < chunks; ) {
      try {
        await handle.write([outgoingOf(textRecords(output, 0, chunkRecords, `${chunk}.`))]);
        await handle.commit(new Map([[topicPartitionKey(input, 0), chunk % 10]]));
        await delay(50);
        chunk++;
      } catch (error) {
        if (!(error instanceof TaskReopenError)) throw error;
        handle = await reopen();
      }
    }
  }
});
