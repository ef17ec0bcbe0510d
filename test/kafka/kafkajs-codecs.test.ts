import { expect, test } from "vitest";
import { silentLogger } from "../../src/kernel/index.ts";
import { RecordingSink } from "../support/recording-sink.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { runJava } from "./harness/java.ts";
import { storedBatches } from "./harness/stored-batches.ts";

const codecNumbers = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;
const largeBytes = 200_000;

describeKafka("batches that the Java producer compressed", () => {
  for (const [codec, number] of Object.entries(codecNumbers)) {
    test(`${codec}: batches of 200 records and more, and a value of 200 kB, arrive byte for byte`, async () => {
      const { bootstrap } = testBroker();
      const namespace = uniqueNamespace();
      const topic = `${namespace}.${codec}`;
      const broker = await connect(bootstrap);
      const { signal } = new AbortController();
      await broker.admin.createTopics([{ topic, partitions: 1, replication: 1, configs: {} }], signal);
      const values = Array.from({ length: 1_000 }, (_, i) => `{"id":${i},"text":"${"wörter ".repeat(i % 13)}"}`);
      values.splice(500, 0, `large ${pseudoText(largeBytes - 6)}`);
      const produced = await runJava(
        "org.apache.kafka.tools.ConsoleProducer",
        ["--bootstrap-server", bootstrap, "--topic", topic, ...producerProperties(codec)],
        { input: `${values.join("\n")}\n` },
      );
      expect(produced.stderr).toBe("");

      const sink = new RecordingSink({ deadlineMs: 20_000 });
      const membership = await broker.join(
        { group: `${namespace}.group`, topics: [topic], start: { kind: "earliest" }, logger: silentLogger },
        sink,
      );
      await sink.until("the task", () => sink.owned.size === 1);
      const handle = await membership.openTask(0, sink.epochOf(0), signal);
      membership.start(0, handle.offsetsNext);
      await sink.until("every record", () => sink.records.length >= values.length);
      expect(sink.records.map(({ value }) => value?.toString())).toEqual(values);

      const batches = await storedBatches(bootstrap, topic, 0);
      expect(new Set(batches.map(({ attributes }) => attributes & 7))).toEqual(new Set([number]));
      expect(Math.max(...batches.map(({ recordCount }) => recordCount))).toBeGreaterThanOrEqual(200);
      await membership.leave();
      await broker.admin.deleteTopics([topic], signal);
      await broker.close();
    });
  }
});

/** Batches as large as the topic takes, and time to fill them. The tool's own options win over producer properties. */
function producerProperties(codec: string): string[] {
  return [
    "--compression-codec",
    codec,
    "--timeout",
    "2000",
    "--batch-size",
    "400000",
    "--command-property",
    "acks=all",
  ];
}

/** Text that does not compress to nothing: digits of a linear congruence (Numerical Recipes' constants). */
function pseudoText(length: number): string {
  let state = 12_345;
  let text = "";
  while (text.length < length) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += state.toString(36);
  }
  return text.slice(0, length);
}
