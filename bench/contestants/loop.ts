import avro from "avsc";
import kafkajs from "kafkajs";
import { CpuWindow } from "../cpu-window.ts";
import { partitionCount } from "../events.ts";
import type { Job, JobResult } from "../job.ts";
import { benchModel } from "../logistic-weights.ts";
import { schemaTexts } from "../schema-texts.ts";

const chunkRecords = 500;
const dayMs = 86_400_000;
const hourMs = 3_600_000;
const framingBytes = 5;
/** A quarter of the client's default: fewer objects wait for their turn, and live long enough to be promoted. */
export const fetchBytes = 262_144;

/** A decoded payment; avsc makes an object of this shape. */
interface Payment {
  readonly event_id: string;
  readonly card: string;
  readonly paid_at: number;
  readonly amount: number | null;
  readonly country: string;
  readonly merchant: string | null;
  readonly channel: number;
  readonly latitude: number;
}

/** Payments of a card, oldest first; those before `first` have left the window. */
interface CardHistory {
  readonly times: number[];
  readonly amounts: number[];
  first: number;
}

/**
 * What somebody would write by hand against kafkajs's public API, with care: no framework, no dead letters, no
 * accounting, no undo. Records of a partition are written in order because one send per partition is in flight.
 */
export async function runLoop(job: Job): Promise<JobResult> {
  const kafka = new kafkajs.Kafka({
    brokers: [job.bootstrap],
    clientId: "hand-written",
    logLevel: kafkajs.logLevel.ERROR,
  });
  const { reader, readerText, writer, writerId, textOf } = await schemaTexts(job.folder);
  const codec = new PaymentCodec(reader, readerText, writer, writerId, textOf);
  const histories = Array.from({ length: partitionCount }, () => new Map<string, CardHistory>());
  const inputs = new Float64Array(benchModel.weights.length);
  const done = { in: 0, out: 0, filtered: 0, deadLetters: 0 };

  const producer = kafka.producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
  });
  const consumer = kafka.consumer({
    groupId: job.group,
    maxWaitTimeInMs: 200,
    maxBytesPerPartition: fetchBytes,
  });
  await producer.connect();
  await consumer.connect();
  await consumer.subscribe({ topic: job.inputTopic, fromBeginning: true });

  const processChunk = async (partition: number, chunk: readonly kafkajs.KafkaMessage[]): Promise<void> => {
    const messages: kafkajs.Message[] = [];
    const cards = histories[partition]!;
    let filtered = 0;
    let deadLetters = 0;
    for (const { key, value } of chunk) {
      const payment = codec.decode(value!);
      if (payment.amount === null || payment.merchant === null) {
        deadLetters++;
        continue;
      }
      if (!(payment.amount >= 0)) {
        filtered++;
        continue;
      }
      const amount = Math.min(payment.amount, 10_000);
      const amountLog = Math.log1p(amount);
      const hour = Math.floor(payment.paid_at / hourMs) % 24;
      const isAbroad = payment.country !== "AT";
      const history = remember(cards, payment.card, payment.paid_at, amount);
      const count = history.times.length - history.first;
      let sum = 0;
      for (let i = history.first; i < history.amounts.length; i++) sum += history.amounts[i]!;
      const mean = sum / count;
      inputs[0] = amount;
      inputs[1] = amountLog;
      inputs[2] = hour;
      inputs[3] = isAbroad ? 1 : 0;
      inputs[4] = payment.channel;
      inputs[5] = payment.latitude;
      inputs[6] = count;
      inputs[7] = mean;
      const prediction = {
        event_id: payment.event_id,
        event_time: payment.paid_at,
        model: "bench-chain",
        model_version: 1,
        score: score(inputs),
        card: payment.card,
        amount,
        amount_log: amountLog,
        hour,
        is_abroad: isAbroad,
        payments_1d: count,
        amount_mean_1d: mean,
      };
      // Both topics have the same number of partitions and the key stays, so the partition does too.
      messages.push({ key, value: codec.encode(prediction), partition });
    }
    if (messages.length > 0) await producer.send({ topic: job.outputTopic, acks: -1, messages });
    const offset = String(Number(chunk.at(-1)!.offset) + 1);
    await consumer.commitOffsets([{ topic: job.inputTopic, partition, offset }]);
    done.in += chunk.length;
    done.out += messages.length;
    done.filtered += filtered;
    done.deadLetters += deadLetters;
  };

  const window = new CpuWindow(job.records, () => done.in);
  const finished = new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    void consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: partitionCount,
      eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
        for (let from = 0; from < batch.messages.length; from += chunkRecords) {
          const chunk = batch.messages.slice(from, from + chunkRecords);
          await processChunk(batch.partition, chunk);
          resolveOffset(chunk.at(-1)!.offset);
          await heartbeat();
        }
        if (done.in >= job.records) resolve();
      },
    });
  });
  await finished;
  const measured = window.result();
  await consumer.disconnect();
  await producer.disconnect();
  return { ...done, window: measured, rssPeakBytes: process.resourceUsage().maxRSS * 1024 };
}

/** Decodes with a resolver cached per writer schema, encodes into one scratch buffer. */
export class PaymentCodec {
  readonly #reader: avro.Type;
  readonly #readerText: string;
  readonly #writer: avro.Type;
  readonly #textOf: (id: number) => string;
  readonly #decoders = new Map<number, (bytes: Buffer) => Payment>();
  #scratch = Buffer.alloc(4_096);

  constructor(
    reader: avro.Type,
    readerText: string,
    writer: avro.Type,
    writerId: number,
    textOf: (id: number) => string,
  ) {
    this.#reader = reader;
    this.#readerText = readerText;
    this.#writer = writer;
    this.#textOf = textOf;
    this.#scratch.writeUInt8(0, 0);
    this.#scratch.writeInt32BE(writerId, 1);
  }

  decode(value: Buffer): Payment {
    const id = value.readInt32BE(1);
    let decode = this.#decoders.get(id);
    if (decode === undefined) {
      decode = this.#decoderOf(id);
      this.#decoders.set(id, decode);
    }
    return decode(value);
  }

  encode(row: object): Buffer {
    const end = this.#writer.encode(row, this.#scratch, framingBytes);
    if (end < 0) throw new Error("a prediction is larger than 4 kB");
    const value = Buffer.allocUnsafe(end);
    this.#scratch.copy(value, 0, 0, end);
    return value;
  }

  /** A payment that was written with the reader's own schema needs no resolver, which is cheaper. */
  #decoderOf(id: number): (bytes: Buffer) => Payment {
    const reader = this.#reader;
    const text = this.#textOf(id);
    if (text === this.#readerText) return (value) => reader.decode(value, framingBytes).value as Payment;
    const resolver = reader.createResolver(avro.Type.forSchema(JSON.parse(text)));
    return (value) => reader.decode(value, framingBytes, resolver).value as Payment;
  }
}

/** Adds a payment to its card and lets those go that left the window. */
function remember(cards: Map<string, CardHistory>, card: string, timeMs: number, amount: number): CardHistory {
  let history = cards.get(card);
  if (history === undefined) {
    history = { times: [], amounts: [], first: 0 };
    cards.set(card, history);
  }
  history.times.push(timeMs);
  history.amounts.push(amount);
  const limit = timeMs - dayMs;
  while (history.times[history.first]! <= limit) history.first++;
  if (history.first >= 16) {
    history.times.splice(0, history.first);
    history.amounts.splice(0, history.first);
    history.first = 0;
  }
  return history;
}

/** The logistic regression of `inputs`, which the caller fills anew for each record. */
function score(inputs: Float64Array): number {
  const { intercept, weights, scaler } = benchModel;
  const { mean, scale, low, high } = scaler;
  let sum = intercept;
  for (let i = 0; i < inputs.length; i++) {
    const x = inputs[i]!;
    const held = x < low[i]! ? low[i]! : x > high[i]! ? high[i]! : x;
    sum += (weights[i]! * (held - mean[i]!)) / scale[i]!;
  }
  return 1 / (1 + Math.exp(-sum));
}
