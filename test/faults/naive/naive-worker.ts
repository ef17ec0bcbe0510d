/**
 * The shop as the first page of kafkajs's documentation has it: `eachMessage`, offsets that are committed by themselves,
 * `producer.send` for each output, windows in memory. Shorter sessions than the default are all that is not in it, so
 * that a member that was killed is not waited for longer than one of Millrace.
 */
import kafkajs from "kafkajs";
import type { SaleRow } from "../expected-reports.ts";
import { NaiveFeatures } from "./naive-features.ts";
import type { NaiveJob, NaiveStage } from "./naive-job.ts";

const job = JSON.parse(process.argv[2] ?? "") as NaiveJob;
const sessionTimeout = 6_000;
const kafka = new kafkajs.Kafka({
  clientId: job.clientId,
  brokers: [...job.brokers],
  logLevel: kafkajs.logLevel.NOTHING,
});
const producer = kafka.producer();
const consumers: kafkajs.Consumer[] = [];
let joined = 0;

/** What a message becomes; undefined for nothing. */
type Step = (value: string, partition: number, offset: string) => object | undefined;

async function run({ group, from, to }: NaiveStage, step: Step): Promise<void> {
  const consumer = kafka.consumer({ groupId: group, sessionTimeout, heartbeatInterval: 1_000 });
  consumers.push(consumer);
  consumer.on(consumer.events.GROUP_JOIN, () => {
    joined++;
    if (joined === 3) process.stderr.write(`${JSON.stringify({ level: "info", msg: "Ready." })}\n`);
  });
  await consumer.connect();
  await consumer.subscribe({ topic: from, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      const row = step(String(message.value), partition, message.offset);
      if (row === undefined) return;
      await producer.send({ topic: to, messages: [{ key: message.key, value: JSON.stringify(row) }] });
    },
  });
}

const features = new NaiveFeatures();
await producer.connect();
await run(job.ingest, (value, partition, offset) => {
  const sale = JSON.parse(value) as Omit<SaleRow, "event_id">;
  return { event_id: `${job.inbox}-${partition}-${offset}`, ...sale, sold_at: Date.parse(String(sale.sold_at)) };
});
await run(job.features, (value) => features.next(JSON.parse(value) as SaleRow));
await run(job.report, (value) => JSON.parse(value) as object);

process.once("SIGTERM", async () => {
  await Promise.all(consumers.map((consumer) => consumer.disconnect()));
  await producer.disconnect();
  process.exit(0);
});
