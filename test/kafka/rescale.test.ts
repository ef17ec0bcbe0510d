/** Workers come, go and are replaced under load: on a real cluster, judged by an oracle that shares no code. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { seededRng } from "../../src/kernel/index.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { paymentStream } from "../oracle/features-oracle.ts";
import { eventually } from "../support/deadline.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { PaymentShop } from "./support/payment-shop.ts";
import { type BuiltMillrace, buildMillrace, endWorkers, type WorkerProcess } from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 240_000 });

const { signal } = new AbortController();
const deadlineMs = 60_000;
/** Records of one send, and how long it is until the next. */
const burst = 20;
const pauseMs = 100;
/** Outputs that come between two changes of the workers, so that each happens in the middle of the work. */
const outputsBetween = 100;

describeKafka("workers that come and go under load, exactly once", () => {
  let broker: Broker;
  let millrace: BuiltMillrace;
  const shops: PaymentShop[] = [];
  /** What goes on beside a test, and how it is ended. */
  const beside: { readonly over: AbortController; readonly ended: Promise<unknown> }[] = [];
  beforeAll(async () => {
    [broker, millrace] = await Promise.all([connect(testBroker().bootstrap), buildMillrace()]);
  });
  afterEach(async () => {
    for (const { over } of beside) over.abort();
    await Promise.allSettled(beside.splice(0).map(({ ended }) => ended));
    await endWorkers();
  });
  afterAll(async () => {
    await broker.close();
    await millrace.remove();
    await Promise.all(shops.map((shop) => shop.remove()));
  });

  /** A shop that payments keep coming to until `done`, which waits until all are worked off. */
  async function shopUnderLoad(seed: number) {
    const { bootstrap } = testBroker();
    const namespace = uniqueNamespace();
    const delivery = "exactly-once";
    const shop = await PaymentShop.open({ bootstrap, broker, millrace, namespace, delivery, partitions: 6 });
    shops.push(shop);
    const rng = seededRng(seed);
    let sent = 0;
    const send = async (count: number): Promise<void> => {
      await shop.send(paymentStream(count, rng, sent));
      sent += count;
    };
    const over = new AbortController();
    const loading = (async (): Promise<void> => {
      while (!over.signal.aborted) {
        await send(burst);
        await delay(pauseMs);
      }
    })();
    const gaps = watchGaps(shop, over.signal);
    beside.push({ over, ended: Promise.allSettled([loading, gaps]) });
    const outputs = async (): Promise<number> => {
      const marks = await broker.admin.watermarks(shop.features.to.clusterName, signal);
      return marks.reduce((sum, { end }) => sum + end, 0);
    };
    return {
      shop,
      /** Waits until the groups of all stages have so many members, and they have gone on with the work. */
      workedBy: async (members: number): Promise<void> => {
        for (const { group } of shop.plan.stages)
          await eventually(deadlineMs, `${group} to have ${members} members`, async () =>
            (await broker.admin.members(group, signal)).length === members ? true : undefined,
          );
        const enough = (await outputs()) + outputsBetween;
        await eventually(deadlineMs, "outputs", async () => ((await outputs()) >= enough ? true : undefined));
      },
      done: async (): Promise<void> => {
        over.abort();
        await loading;
        const { longestMs } = await gaps;
        await shop.workedOff(deadlineMs);
        process.stdout.write(`${sent} payments; longest without an output of a partition ${longestMs} ms\n`);
      },
      send,
    };
  }

  /** The longest time that a partition which has had an output has gone without one, seen every 50 ms. */
  async function watchGaps({ features }: PaymentShop, over: AbortSignal): Promise<{ readonly longestMs: number }> {
    const seen = new Map<number, { end: number; atMs: number }>();
    let longestMs = 0;
    while (!over.aborted) {
      const nowMs = performance.now();
      for (const { partition, end } of await broker.admin.watermarks(features.to.clusterName, signal)) {
        const before = seen.get(partition);
        if (end === (before?.end ?? 0)) continue;
        if (before !== undefined) longestMs = Math.max(longestMs, Math.round(nowMs - before.atMs));
        seen.set(partition, { end, atMs: nowMs });
      }
      await delay(50);
    }
    return { longestMs };
  }

  const ended = async (worker: WorkerProcess): Promise<void> => {
    worker.kill("SIGTERM");
    await worker.endedWell(deadlineMs);
  };

  test("from one worker to three and back to one, outputs and state are those of a run that nobody disturbed", async () => {
    const { shop, workedBy, send, done } = await shopUnderLoad(31);
    const workers: WorkerProcess[] = [];
    for (const count of [1, 2, 3]) {
      const worker = shop.start([]);
      workers.push(worker);
      await worker.ready(deadlineMs);
      await workedBy(count);
    }
    // The oldest goes first: who stays has every task from somebody else.
    for (const count of [2, 1]) {
      await ended(workers.shift()!);
      await workedBy(count);
    }
    await done();
    for (const worker of workers) await ended(worker);
    expect(await shop.differences()).toEqual([]);
    // What is written down is what they had: whoever comes after all of them goes on with it.
    const last = shop.start([]);
    await last.ready(deadlineMs);
    await send(300);
    await shop.workedOff(deadlineMs);
    await ended(last);
    expect(await shop.differences()).toEqual([]);
  });

  test("three workers restarted one after the other lose and copy nothing", async () => {
    const { shop, workedBy, done } = await shopUnderLoad(37);
    const names = ["one", "two", "three"];
    const start = (name: string): WorkerProcess => shop.start(["--instance-id", name]);
    const workers = new Map(names.map((name) => [name, start(name)]));
    for (const worker of workers.values()) await worker.ready(deadlineMs);
    await workedBy(3);
    for (const [name, worker] of workers) {
      await ended(worker);
      const next = start(name);
      workers.set(name, next);
      await next.ready(deadlineMs);
      await workedBy(3);
    }
    await done();
    for (const worker of workers.values()) await ended(worker);
    expect(await shop.differences()).toEqual([]);
  });
});
