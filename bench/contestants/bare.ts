/** What the parts of the loop cost alone: the client reading, the client writing, the Avro library. */
import kafkajs from "kafkajs";
import { CpuWindow } from "../cpu-window.ts";
import { partitionCount, payments } from "../events.ts";
import type { Job, JobResult } from "../job.ts";
import { schemaTexts } from "../schema-texts.ts";
import { fetchBytes, PaymentCodec } from "./loop.ts";

const chunkRecords = 500;

function clientOf(job: Job): kafkajs.Kafka {
  return new kafkajs.Kafka({ brokers: [job.bootstrap], clientId: "bare", logLevel: kafkajs.logLevel.ERROR });
}

function resultOf(records: number, window: CpuWindow): JobResult {
  const rssPeakBytes = process.resourceUsage().maxRSS * 1024;
  return { in: records, out: 0, filtered: 0, deadLetters: 0, window: window.result(), rssPeakBytes };
}

/** eachBatch that only counts. */
export async function runConsume(job: Job): Promise<JobResult> {
  let done = 0;
  const consumer = clientOf(job).consumer({
    groupId: job.group,
    maxWaitTimeInMs: 200,
    maxBytesPerPartition: fetchBytes,
  });
  await consumer.connect();
  await consumer.subscribe({ topic: job.inputTopic, fromBeginning: true });
  const window = new CpuWindow(job.records, () => done);
  await new Promise<void>((resolve) => {
    void consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: partitionCount,
      eachBatch: async ({ batch }) => {
        done += batch.messages.length;
        if (done >= job.records) resolve();
      },
    });
  });
  const result = resultOf(done, window);
  await consumer.disconnect();
  return result;
}

/** One send per partition and 500 records, four partitions side by side, the same bytes again and again. */
export async function runProduce(job: Job): Promise<JobResult> {
  let done = 0;
  const producer = clientOf(job).producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  const window = new CpuWindow(job.records, () => done);
  const key = Buffer.from("c012345");
  const value = Buffer.alloc(averagePredictionBytes, 7);
  await Promise.all(
    Array.from({ length: partitionCount }, async (_, partition) => {
      for (let sent = 0; sent < job.records / partitionCount; sent += chunkRecords) {
        const messages = Array.from({ length: chunkRecords }, () => ({ key, value, partition }));
        await producer.send({ topic: job.outputTopic, acks: -1, messages });
        done += chunkRecords;
      }
    }),
  );
  const result = resultOf(done, window);
  await producer.disconnect();
  return result;
}

/** About what the chain writes per record. */
const averagePredictionBytes = 90;
const distinctPayments = 10_000;

/** Decoding and encoding with avsc as the loop does it, in memory. */
export async function runCodec(job: Job): Promise<JobResult> {
  const { reader, readerText, readerId, writer, writerId, textOf } = await schemaTexts(job.folder);
  const codec = new PaymentCodec(reader, readerText, writer, writerId, textOf);
  const source = payments(1);
  const values = Array.from({ length: distinctPayments }, () => {
    const body = reader.toBuffer(source.next().value.payment);
    const framed = Buffer.alloc(5 + body.length);
    framed.writeInt32BE(readerId, 1);
    body.copy(framed, 5);
    return framed;
  });
  let done = 0;
  let bytes = 0;
  const window = new CpuWindow(job.records, () => done);
  while (done < job.records) {
    for (let i = 0; i < chunkRecords; i++) {
      const payment = codec.decode(values[(done + i) % distinctPayments]!);
      const amount = payment.amount ?? 0;
      bytes += codec.encode({
        event_id: payment.event_id,
        event_time: payment.paid_at,
        model: "bench-chain",
        model_version: 1,
        score: 0.5,
        card: payment.card,
        amount,
        amount_log: amount,
        hour: 1,
        is_abroad: true,
        payments_1d: 3,
        amount_mean_1d: amount,
      }).length;
    }
    done += chunkRecords;
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (bytes === 0) throw new Error("nothing was encoded");
  return resultOf(done, window);
}
