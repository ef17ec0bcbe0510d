/** Stores survive the death of their process: on a real cluster, judged by an oracle that shares no code. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { seededRng } from "../../src/kernel/index.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { paymentStream } from "../oracle/features-oracle.ts";
import { eventually } from "../support/deadline.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { PaymentShop } from "./support/payment-shop.ts";
import { type BuiltMillrace, buildMillrace, endWorkers } from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 180_000 });

const { signal } = new AbortController();
const deadlineMs = 60_000;

describeKafka("a stage with stores", () => {
  let broker: Broker;
  let millrace: BuiltMillrace;
  const shops: PaymentShop[] = [];
  beforeAll(async () => {
    [broker, millrace] = await Promise.all([connect(testBroker().bootstrap), buildMillrace()]);
  });
  afterEach(() => endWorkers());
  afterAll(async () => {
    await broker.close();
    await millrace.remove();
    await Promise.all(shops.map((shop) => shop.remove()));
  });

  test.each(["at-least-once", "exactly-once"] as const)(
    "goes on after each kill -9 with the windows, ids and stream time of its committed offset (%s)",
    async (delivery) => {
      const { bootstrap } = testBroker();
      const namespace = uniqueNamespace();
      const shop = await PaymentShop.open({ bootstrap, broker, millrace, namespace, delivery, partitions: 2 });
      shops.push(shop);
      const rng = seededRng(29);
      for (let round = 0; round < 4; round++) {
        const worker = shop.start(["--instance-id", "one"]);
        await worker.ready(deadlineMs);
        const before = await total(shop.changelogs);
        await shop.send(paymentStream(300, rng, round * 300));
        // In the middle of its work, where that can be met; else behind it.
        await eventually(deadlineMs, "something to be written down", async () =>
          (await total(shop.changelogs)) > before ? true : undefined,
        );
        if (round === 3) {
          await shop.workedOff(deadlineMs);
          expect(worker.warnings.filter(({ code }) => code?.startsWith("MR_STATE") === true)).toEqual([]);
        }
        worker.kill("SIGKILL");
        await worker.ended(deadlineMs);
      }
      expect(await shop.differences()).toEqual([]);
      // What the workers have counted, over all of their lives, is what the topics have; and what is not is told.
      expect(await shop.unreconciled()).toEqual([]);
      await shop.addByHand();
      expect(await shop.unreconciled()).toEqual([`1 strays in ${shop.features.to.clusterName}`]);
    },
  );

  test("with a state directory, what comes after a kill -9 reads the tail alone, and every output is right", async () => {
    const { bootstrap } = testBroker();
    const namespace = uniqueNamespace();
    const shop = await PaymentShop.open({
      bootstrap,
      broker,
      millrace,
      namespace,
      delivery: "exactly-once",
      partitions: 2,
    });
    shops.push(shop);
    const stateDir = await mkdtemp(join(tmpdir(), "millrace-state-dir-"));
    const rng = seededRng(31);
    const fromSnapshots: number[] = [];
    let sent = 0;
    try {
      for (let round = 0; round < 3; round++) {
        const worker = shop.start(["--instance-id", "one", "--state-dir", stateDir]);
        worker.onLine((line) => {
          if (line.includes('"The stores are restored."'))
            fromSnapshots.push(Number((JSON.parse(line) as { fromSnapshots?: number }).fromSnapshots ?? 0));
        });
        await worker.ready(deadlineMs);
        await shop.send(paymentStream(300, rng, sent));
        sent += 300;
        // A snapshot is there once a chunk behind it is committed.
        await eventually(deadlineMs, "snapshots of both stores of both tasks", async () => {
          await shop.workedOff(deadlineMs);
          if ((await snapshotsIn(stateDir)).length === 4) return true;
          await shop.send(paymentStream(20, rng, sent));
          sent += 20;
          return undefined;
        });
        expect(worker.warnings.filter(({ code }) => code === "MR_SNAPSHOT")).toEqual([]);
        worker.kill("SIGKILL");
        await worker.ended(deadlineMs);
      }
    } finally {
      await rm(stateDir, { recursive: true, force: true });
    }
    // Two tasks in each start but the first.
    expect(fromSnapshots.filter((count) => count > 0)).toHaveLength(4);
    expect(await shop.differences()).toEqual([]);
  });

  async function snapshotsIn(folder: string): Promise<string[]> {
    const names = await readdir(folder, { recursive: true }).catch(() => []);
    return names.filter((name) => name.endsWith(".snapshot"));
  }

  async function total(topics: readonly string[]): Promise<number> {
    const marks = await Promise.all(topics.map((topic) => broker.admin.watermarks(topic, signal)));
    return marks.flat().reduce((sum, { end }) => sum + end, 0);
  }
});
