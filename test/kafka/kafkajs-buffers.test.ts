import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCodecs } from "../../src/adapters/codecs/index.ts";
import { loadKafkajs } from "../../src/adapters/kafkajs/client.ts";
import { ClusterLink } from "../../src/adapters/kafkajs/link.ts";
import { BatchProducer } from "../../src/adapters/kafkajs/producer.ts";
import { systemClock } from "../../src/adapters/node/index.ts";
import { silentLogger, topicPartitionKey } from "../../src/kernel/index.ts";
import { type Broker, BufferBudget, type GroupSink, type OwnedTask, type Room } from "../../src/runtime/index.ts";
import { Intake } from "../../src/runtime/intake.ts";
import { type Codecs, type Outgoing, RecordBatchBuilder } from "../../src/wire/index.ts";
import { eventually } from "../support/deadline.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";

const { signal } = new AbortController();
const mebibyte = 1024 * 1024;
const partitions = 64;
/** What each partition holds, inflated, where the test does not say it. The figures of the documents are taken with 18. */
const inflatedMebibytesSet = process.env["MILLRACE_TEST_INFLATED_MIB"];
const valueBytes = 1_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Takes what the tasks' intakes have room for, and computes nothing until it is told to. */
class BlockedSink implements GroupSink {
  readonly owned: OwnedTask[] = [];
  readonly failures: Error[] = [];
  readonly counts = new Map<number, number>();
  readonly #budget = new BufferBudget({ bytesMax: 128 * mebibyte, reservedBytesPerTask: 512 * 1024 });
  readonly #intakes = new Map<number, Intake>();
  isBlocked = true;

  assigned(tasks: readonly OwnedTask[]): void {
    this.owned.push(...tasks);
    for (const { task } of tasks) this.#intakes.set(task, new Intake(this.#budget.join(), () => true));
  }

  get bytesHeld(): number {
    return this.#budget.bytesHeld;
  }

  open(task: number, offset: number): void {
    this.#intakes.get(task)!.restart(offset);
  }

  room(task: number): Room | Promise<Room | undefined> {
    return this.#intakes.get(task)!.room();
  }

  async batch({ task, batch, room }: Parameters<GroupSink["batch"]>[0]): Promise<void> {
    expect(await this.#intakes.get(task)!.take(batch, room)).toBe("taken");
    if (!this.isBlocked) this.work(task);
  }

  /** Computes what a task has, and sees that its values are whole and that none is missing. */
  work(task: number): void {
    const intake = this.#intakes.get(task)!;
    for (let batch = intake.head; batch !== undefined; batch = intake.head) {
      for (let i = 0; i < batch.count; i++) {
        const count = this.counts.get(task) ?? 0;
        if (batch.offsets[i] !== count || batch.valueTo[i]! - batch.valueFrom[i]! !== valueBytes)
          throw new Error(`record ${batch.offsets[i]} came where ${count} was due`);
        this.counts.set(task, count + 1);
      }
      intake.advance(batch.count);
    }
  }

  workAll(): void {
    this.isBlocked = false;
    for (const task of this.#intakes.keys()) this.work(task);
  }

  revoking = async (): Promise<void> => undefined;
  lost = (): void => undefined;
  failed = (error: Error): void => void this.failures.push(error);
}

/** Finished batches that compress to about an eighteenth, of so many values each. */
function batchesOf(topic: string, codecs: Codecs, count: number, perBatch: number): Outgoing[] {
  const spec = { topic, partition: 0, role: "output" as const, bytesMax: 64 * mebibyte };
  const builder = new RecordBatchBuilder({ ...spec, compression: "gzip", codecs });
  const built: Outgoing[] = [];
  for (let i = 0; i < count; i++) {
    const value = Buffer.concat([randomBytes(35), Buffer.alloc(valueBytes - 35, "a field of text ")]);
    builder.append(Date.now(), null, 0, 0, value, 0, value.length);
    if (builder.recordCount === perBatch || i === count - 1) built.push(builder.finish());
  }
  return built;
}

describeKafka("a backlog of gzip on many partitions", () => {
  let broker: Broker;
  let codecs: Codecs;
  const topics: string[] = [];
  beforeAll(async () => {
    broker = await connect(testBroker().bootstrap);
    codecs = await createCodecs();
  });
  afterAll(async () => {
    await broker.admin.deleteTopics(topics, signal);
    await broker.close();
  });

  async function filled(topic: string, perBatch: number, inflatedMebibytes: number): Promise<number> {
    topics.push(topic);
    const configs = { "max.message.bytes": String(16 * mebibyte) };
    await broker.admin.createTopics([{ topic, partitions, replication: 1, configs }], signal);
    const { brokers } = testBroker();
    const options = { brokers, clientId: "fill", logger: silentLogger, requestTimeoutMs: 30_000, clock: systemClock };
    const link = new ClusterLink(loadKafkajs(), options);
    const producer = new BatchProducer(link, codecs, systemClock);
    const count = Math.floor((inflatedMebibytes * mebibyte) / valueBytes);
    const built = batchesOf(topic, codecs, count, perBatch);
    const stored = built.reduce((sum, { bytes }) => sum + bytes.length, 0);
    say(`${built.length} batches per partition, ratio ${((count * valueBytes) / stored).toFixed(1)}`);
    for (let partition = 0; partition < partitions; partition++)
      for (const outgoing of built) await producer.send({ ...outgoing, partition });
    await link.close();
    return count;
  }

  test.each([
    ["many batches each", 200, 4],
    // Large enough that a budget which does not count batches as stored is passed.
    ["one batch each, which is inflated in pieces", Number.MAX_SAFE_INTEGER, 18],
  ])(
    "takes no more memory than the budget and a quarter, while nobody works and while all is read: %s",
    async (_, perBatch, inflatedMebibytes) => {
      const topic = `${uniqueNamespace()}.backlog`;
      const count = await filled(topic, perBatch, Number(inflatedMebibytesSet ?? inflatedMebibytes));
      const group = `${topic}.g`;
      const sink = new BlockedSink();
      await delay(200);
      globalThis.gc?.();
      const idle = process.memoryUsage();
      let [external, arrayBuffers, rss, held] = [0, 0, 0, 0];
      const sampling = setInterval(() => {
        const now = process.memoryUsage();
        // What Node counts as external includes the array buffers.
        external = Math.max(external, now.external - idle.external);
        arrayBuffers = Math.max(arrayBuffers, now.arrayBuffers - idle.arrayBuffers);
        rss = Math.max(rss, now.rss);
        held = Math.max(held, sink.bytesHeld);
      }, 100);
      try {
        const spec = { group, topics: [topic], start: { kind: "earliest" } as const, logger: silentLogger };
        const membership = await broker.join(spec, sink);
        await eventually(30_000, "the tasks", async () => sink.owned.length === partitions || undefined);
        for (const { task, epoch } of sink.owned) {
          const { offsetsNext } = await membership.openTask(task, epoch, signal);
          sink.open(task, offsetsNext.get(topicPartitionKey(topic, task))!);
          membership.start(task, offsetsNext);
        }
        // Long enough for a client without bounds to fetch and inflate everything.
        await delay(6_000);
        const blocked = [external, held].map((bytes) => (bytes / mebibyte).toFixed(0));
        sink.workAll();
        const startedMs = performance.now();
        const all = partitions * count;
        const read = (): number => [...sink.counts.values()].reduce((sum, n) => sum + n, 0);
        await eventually(90_000, "all records", async () => read() === all || sink.failures.length > 0 || undefined);
        const seconds = (performance.now() - startedMs) / 1_000;
        say(
          `blocked: external ${blocked[0]} MiB over idle with ${blocked[1]} MiB held; peak of all: external ${(external / mebibyte).toFixed(0)}, array buffers ${(arrayBuffers / mebibyte).toFixed(0)}, RSS ${(rss / mebibyte).toFixed(0)} MiB; ${all} records in ${seconds.toFixed(1)} s`,
        );
        expect(sink.failures).toEqual([]);
        // 143 to 149 on a quiet machine; how much garbage V8 has not collected yet depends on who else runs. What the budget
        // itself lets stand is held exactly by its unit test. Before there was one it was 237 to 278.
        expect(external).toBeLessThan(192 * mebibyte);
        await membership.leave();
      } finally {
        clearInterval(sampling);
      }
    },
  );
});
