/** Stores survive the death of their process: on a real cluster, judged by an oracle that shares no code. */
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
    },
  );

  async function total(topics: readonly string[]): Promise<number> {
    const marks = await Promise.all(topics.map((topic) => broker.admin.watermarks(topic, signal)));
    return marks.flat().reduce((sum, { end }) => sum + end, 0);
  }
});
