import { setMaxListeners } from "node:events";
import { expect, test } from "vitest";
import { silentLogger, topicPartitionKey } from "../../src/kernel/index.ts";
import { RecordingSink } from "../support/recording-sink.ts";
import { outgoingOf, plainRecords, textOf } from "../support/records.ts";
import { describeFaults, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { runJava } from "./harness/java.ts";

const { signal } = new AbortController();
// Every task is opened under it.
setMaxListeners(0, signal);
const partitions = 64;
const rounds = 8;
/**
 * A broker lets through eleven seconds' worth before it holds anything back. `MILLRACE_TEST_LONG=1` runs 6.4 MB under
 * 100 kB/s, a minute in which each chunk waits for its turn.
 */
const isLong = process.env["MILLRACE_TEST_LONG"] === "1";
const { batchBytes, bytesPerSecond } = isLong
  ? { batchBytes: 12_500, bytesPerSecond: 100_000 }
  : { batchBytes: 2_000, bytesPerSecond: 60_000 };
const recordBytes = 500;
/** Not long ago, or the broker would delete the records by their age. */
const writtenAtMs = Date.now();

describeFaults("a produce quota", () => {
  test("holds chunks back until the quota lets them pass: they commit, and nothing is lost or written twice", async () => {
    const { bootstrap } = testBroker();
    const topic = uniqueNamespace();
    const clientId = `client-${topic}`;
    const quota = await runJava("org.apache.kafka.tools.ConfigCommand", [
      ...["--bootstrap-server", bootstrap, "--alter", "--entity-type", "clients", "--entity-name", clientId],
      ...["--add-config", `producer_byte_rate=${bytesPerSecond}`],
    ]);
    expect([quota.code, quota.stderr]).toEqual([0, ""]);
    const broker = await connect(bootstrap, { clientId });
    await broker.admin.createTopics([{ topic, partitions, replication: 1, configs: {} }], signal);
    const sink = new RecordingSink({ deadlineMs: 30_000 });
    const spec = { group: topic, topics: [topic], start: { kind: "earliest" } as const, logger: silentLogger };
    const membership = await broker.join(spec, sink);
    await sink.until("the tasks", () => sink.owned.size === partitions);

    const startedMs = performance.now();
    await Promise.all(
      Array.from({ length: partitions }, async (_, partition) => {
        const handle = await membership.openTask(partition, sink.epochOf(partition), signal);
        for (let round = 0; round < rounds; round++) {
          await handle.write([outgoingOf(recordsOf(topic, partition, round))]);
          await handle.commit(new Map([[topicPartitionKey(topic, partition), 0]]));
        }
      }),
    );
    const tookMs = Math.round(performance.now() - startedMs);

    let count = 0;
    for (const { partition, low, end } of await broker.admin.watermarks(topic, signal)) {
      const texts: (string | undefined)[] = [];
      for await (const batch of broker.read({ topic, partition, from: low, to: end }, signal))
        texts.push(...plainRecords(batch).map((record) => textOf(record)));
      const sent = Array.from({ length: rounds }, (_, round) => recordsOf(topic, partition, round)).flat();
      expect([partition, texts.length, new Set(texts)]).toEqual([
        partition,
        sent.length,
        new Set(sent.map(({ value }) => value.toString())),
      ]);
      count += texts.length;
    }
    const bytes = partitions * batchBytes * rounds;
    process.stdout.write(
      `${bytes} bytes under ${bytesPerSecond} bytes/s: ${tookMs} ms, ${count} records, none twice\n`,
    );
    // Or the quota was none. The answer to the last round does not wait.
    const heldBack = (bytes * (rounds - 1)) / rounds - 11 * bytesPerSecond;
    expect(tookMs).toBeGreaterThan((heldBack / bytesPerSecond) * 1_000);
    await broker.admin.deleteTopics([topic], signal);
    await broker.close();
  });
});

function recordsOf(topic: string, partition: number, round: number) {
  return Array.from({ length: batchBytes / recordBytes }, (_, i) => {
    const value = Buffer.from(`${partition}.${round}.${i} `.padEnd(recordBytes, "."));
    return { topic, partition, timestampMs: writtenAtMs, key: null, value };
  });
}
