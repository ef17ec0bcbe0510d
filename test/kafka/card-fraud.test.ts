import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { eventually } from "../support/deadline.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { CardFraudChain, type Surroundings } from "./support/card-fraud-chain.ts";
import { produceWithJava } from "./support/java-producer.ts";
import { type Copies, checkBalance, countBy, Ledger } from "./support/ledger.ts";
import { paymentEvents } from "./support/payment-events.ts";
import { buildMillrace, endWorkers, type WorkerProcess } from "./support/worker-process.ts";

// Each wait is bounded and says what it waited for; all of them together are longer than the lane's bound.
vi.setConfig({ testTimeout: 240_000 });

const { signal } = new AbortController();
const eventCount = 50_000;
const seed = Number(process.env["MILLRACE_TEST_SEED"] ?? 11);
/** As many as `payments.raw` has, and keyed like it. */
const partitions = 4;
const inboxBytesMax = 2_000_000;
const deadlineMs = 90_000;
const stages = ["ingest", "clean", "features", "score"] as const;
/** Kafka's producer as it is, but for records as large as the poison. */
const properties = { "max.request.size": String(inboxBytesMax) };

describeKafka(`card-fraud.yaml on a real Kafka, seed ${seed}`, () => {
  let around: Surroundings;
  let inbox: string;
  let ledger: Ledger;
  const chains: CardFraudChain[] = [];
  const topics: string[] = [];

  beforeAll(async () => {
    const { bootstrap } = testBroker();
    const [broker, millrace, folder] = await Promise.all([
      connect(bootstrap),
      buildMillrace(),
      mkdtemp(join(tmpdir(), "millrace-card-fraud-")),
    ]);
    around = { bootstrap, broker, millrace, folder, reports: `${uniqueNamespace()}.reports` };
    topics.push(around.reports);
    await broker.admin.createTopics([{ topic: around.reports, partitions, replication: 1, configs: {} }], signal);
    inbox = await newInbox();
    const events = paymentEvents({ count: eventCount, seed, endMs: Date.now() });
    ledger = new Ledger(inbox, events, await produceWithJava(events, { bootstrap, topic: inbox, properties }));
  });

  afterAll(async () => {
    await endWorkers();
    for (const chain of chains) await chain.remove();
    await around.broker.admin.deleteTopics(topics, signal);
    await around.broker.close();
    await around.millrace.remove();
    await rm(around.folder, { recursive: true, force: true });
  });

  async function newInbox(): Promise<string> {
    const topic = `${uniqueNamespace()}.inbox`;
    topics.push(topic);
    const configs = { "max.message.bytes": String(inboxBytesMax) };
    await around.broker.admin.createTopics([{ topic, partitions, replication: 1, configs }], signal);
    return topic;
  }

  async function openChain(from: string): Promise<CardFraudChain> {
    const chain = await CardFraudChain.open(around, uniqueNamespace(), from);
    chains.push(chain);
    return chain;
  }

  test("undisturbed, every event is a prediction, filtered or a dead letter, and each stage's out is the next one's in", async () => {
    const chain = await openChain(inbox);
    const worker = chain.start(["--until-caught-up"]);
    await worker.endedWell(deadlineMs);
    const outcome = await chain.outcome();
    const copies = ledger.check(outcome, { lossesPerPartition: 0 });
    expect(copies).toEqual({ predictions: 0, deadLetters: 0, repeatsScored: 0 });
    expect(countBy(outcome.deadLetters.map(({ code }) => code))).toEqual(ledger.codes);
    expect(new Set(outcome.deadLetters.map(({ stage }) => stage))).toEqual(new Set(["ingest"]));

    checkBalance(worker.counts);
    const [ingest, clean, features, score] = stages.map((stage) => worker.counts.get(stage)!);
    expect(ingest!.in).toBe(eventCount);
    expect([clean!.in, features!.in, score!.in]).toEqual([ingest!.out, clean!.out, features!.out]);
    expect(score!.out).toBe(outcome.predictions.length);
    const filtered = ingest!.filtered + clean!.filtered + features!.filtered + score!.filtered;
    expect(filtered).toBe(ledger.count("filtered"));
    expect(outcome.predictions.length + filtered + outcome.deadLetters.length).toBe(eventCount);
  });

  /** Sends the events of another inbox at a steady rate; `sent` is its ledger, when all are in. */
  function feed(topic: string, ownSeed: number, perSecond: number): { sent: Promise<Ledger> } {
    const events = paymentEvents({ count: eventCount, seed: ownSeed, endMs: Date.now() });
    const { bootstrap } = around;
    const sending = produceWithJava(events, { bootstrap, topic, properties, perSecond });
    return { sent: sending.then((at) => new Ledger(topic, events, at)) };
  }

  test("(a) two processes, the second joining after a third of the events: nothing is missing or misplaced", async () => {
    const own = await newInbox();
    const chain = await openChain(own);
    const first = chain.start();
    await first.ready(deadlineMs);
    const { sent } = feed(own, seed + 1, 5_000);
    await eventually(deadlineMs, "a third of the events", async () => {
      const marks = await around.broker.admin.watermarks(own, signal);
      return marks.reduce((sum, { end }) => sum + end, 0) >= eventCount / 3 || undefined;
    });
    const second = chain.start();
    await second.ready(deadlineMs);
    const ownLedger = await sent;
    await second.until(first.until(chain.workedOff(deadlineMs)));
    for (const worker of [first, second]) worker.kill("SIGTERM");
    for (const worker of [first, second]) await worker.endedWell(deadlineMs);

    const copies = ownLedger.check(await chain.outcome(), { lossesPerPartition: 2 });
    say("(a)", copies, [first, second]);
    for (const { counts } of [first, second]) checkBalance(counts);
    for (const { counts } of [first, second]) expect(counts.get("ingest")!.in).toBeGreaterThan(0);
  });

  test.for(["SIGTERM", "SIGKILL"] as const)(
    "(b, c) %s and a restart after a third of the predictions: nothing is missing or misplaced",
    async (ending) => {
      const chain = await openChain(inbox);
      const first = chain.start();
      const good = ledger.count("scored");
      await first.until(chain.predictionsOut(good * 0.3, deadlineMs));
      first.kill(ending);
      const { code, signal: endedBy } = await first.ended(deadlineMs);
      expect(ending === "SIGTERM" ? code : endedBy).toBe(ending === "SIGTERM" ? 0 : "SIGKILL");
      const out = await chain.predictionCount();
      expect(out / good).toBeGreaterThan(0.2);
      expect(out / good).toBeLessThan(0.8);
      const second = chain.start(["--until-caught-up"]);
      await second.endedWell(deadlineMs);
      const copies = ledger.check(await chain.outcome(), { lossesPerPartition: 1 });
      say(ending, copies, [first, second]);
      for (const { counts } of [first, second]) checkBalance(counts);
    },
  );

  test("(c) SIGKILL in the middle of live traffic, after the process has logged its counts: nothing is missing or misplaced", async () => {
    const own = await newInbox();
    const chain = await openChain(own);
    const first = chain.start();
    // The counts are logged every ten seconds: at this rate about half of the events have passed by then.
    const { sent } = feed(own, seed + 2, 3_000);
    const good = ledger.count("scored");
    await first.until(chain.predictionsOut(good * 0.25, deadlineMs));
    await first.hasCounted(stages.length, deadlineMs);
    first.kill("SIGKILL");
    expect((await first.ended(deadlineMs)).signal).toBe("SIGKILL");
    const out = await chain.predictionCount();
    expect(out / good).toBeLessThan(0.8);
    const ownLedger = await sent;
    const second = chain.start(["--until-caught-up"]);
    await second.endedWell(deadlineMs);
    const copies = ownLedger.check(await chain.outcome(), { lossesPerPartition: 1 });
    say("SIGKILL, live", copies, [first, second]);
    expect(first.counts.get("score")!.in).toBeGreaterThan(0);
    for (const { counts } of [first, second]) checkBalance(counts);
  });
});

/** Copies are allowed and counted: how many there were is part of what the run says. */
function say(name: string, copies: Copies, workers: readonly WorkerProcess[]): void {
  const scored = workers.map(({ counts }) => counts.get("score")?.out ?? "?").join(" + ");
  const { predictions, deadLetters, repeatsScored } = copies;
  const counted = `copies ${predictions}, copies of dead letters ${deadLetters}, repeats scored ${repeatsScored}`;
  process.stdout.write(`${name}: ${counted}, scored by the processes ${scored}\n`);
}
