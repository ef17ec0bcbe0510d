import { expect, test } from "vitest";
import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { createModelTopics, trainedModels } from "../../../src/retraining/index.ts";
import { createEncoder, writeSchemaId } from "../../../src/schema/index.ts";
import { MemoryRegistry } from "../../../src/testing/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { AutoClock } from "../runtime/fixture.ts";
import { replaced, smallSchemas as schemas, smallText, soundPlan } from "../topology/fixture.ts";

test("monitors of a model's features, predictions and labels are its concern, and those of other topics are not", () => {
  const text = `${smallText}monitors:
  - { name: inputs, on: features }
  - { name: outputs, on: predictions }
  - { name: early, on: raw }
  - { name: truth, on: { predictions: predictions, labels: labels } }
  - { name: behind, on: lag, warn: { seconds: 30 } }
`;
  const [fraud] = trainedModels(soundPlan(text, { schemas }));
  // Alerts of performance were nobody's reason once: only monitors of one topic were looked through.
  expect([...(fraud?.monitors ?? [])]).toEqual(["inputs", "outputs", "truth"]);
});

const { signal } = new AbortController();
const writtenMs = Date.UTC(2026, 0, 5);

/** What is taken for the time after labels that became known so long after their records were written. */
async function timeAfter(text: string, aheads: readonly number[], timestampMs = writtenMs) {
  const plan = soundPlan(text, { schemas });
  const { clusterName, schema } = plan.topics.find(({ name }) => name === "labels")!;
  const clock = new AutoClock();
  const broker = createMemoryBroker({ codecs: noCodecs, clock, logger: silentLogger, bytesMax: 1e8 });
  const topics = plan.topics.map((one) => ({
    topic: one.clusterName,
    partitions: 2,
    replication: undefined,
    configs: {},
  }));
  await broker.admin.createTopics(topics, signal);
  const registry = new MemoryRegistry();
  const { id } = registry.add(`${clusterName}-value`, schema!.json);
  const encoder = createEncoder(schema!);
  const records = aheads.map((ahead, partition) => {
    const bytes = Buffer.alloc(100);
    const row = { event_id: "e", payment_id: "p", known_at: writtenMs + ahead, is_fraud: true };
    const value = bytes.subarray(0, encoder.encode(row, bytes, writeSchemaId(bytes, 0, id)));
    return { topic: clusterName, partition: partition % 2, timestampMs, key: null, value };
  });
  await broker.append(records, signal);
  const { timeMs, labels } = await createModelTopics(plan, broker, registry, clock).look("fraud", signal);
  await broker.close();
  return [timeMs === undefined ? undefined : timeMs - writtenMs, labels];
}

test("the time is that of the latest label, but of none that lies ten minutes ahead of its record", async () => {
  const minutesMs = 60_000;
  expect(await timeAfter(smallText, [-7, 5, -9])).toEqual([5, 3]);
  expect(await timeAfter(smallText, [-7, 10 * minutesMs])).toEqual([10 * minutesMs, 2]);
  expect(await timeAfter(smallText, [-7, 10 * minutesMs + 1])).toEqual([-7, 2]);
  expect(await timeAfter(smallText, [Date.UTC(2099, 0) - writtenMs])).toEqual([undefined, 1]);
  // Nothing is known of a record without a time.
  expect(await timeAfter(smallText, [-7], -1)).toEqual([-7, 1]);
});

test("the time of labels that a stage writes is what its ingest let through", async () => {
  const written = replaced(
    smallText,
    "  - name: features\n",
    "  - name: outcomes\n    from: { topic: reports, ahead: none }\n    to: labels\n    steps: [cast: { known_at: timestamp-millis }]\n  - name: features\n",
  )
    .replace("  inbox: {", "  reports: { format: json, external: true }\n  inbox: {")
    .replace("time: known_at }", "time: known_at, partitions: 2 }");
  const aheadMs = Date.UTC(2099, 0) - writtenMs;
  expect(await timeAfter(written, [aheadMs, 0])).toEqual([aheadMs, 2]);
});
