/** What monitors are told survives the death of its process: on a real cluster, against one pass over the rows. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { seededRng } from "../../src/kernel/index.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { paymentStream } from "../oracle/features-oracle.ts";
import { shopMonitors } from "../oracle/monitored-windows.ts";
import { eventually } from "../support/deadline.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { PaymentShop } from "./support/payment-shop.ts";
import { type BuiltMillrace, buildMillrace, endWorkers } from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 180_000 });

const { signal } = new AbortController();
const deadlineMs = 60_000;

describeKafka("monitors of what a stage writes", () => {
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
    "after kills -9 in the middle of the work every row is counted once, in its window (%s)",
    async (delivery) => {
      const { bootstrap } = testBroker();
      const namespace = uniqueNamespace();
      const options = { bootstrap, broker, millrace, namespace, delivery, partitions: 2, monitors: shopMonitors };
      const shop = await PaymentShop.open(options);
      shops.push(shop);
      await shop.putBaselines("b1");
      const rng = seededRng(41);
      const stages = ["--stage", "ingest", "--stage", "features"];
      for (let round = 0; round < 4; round++) {
        const worker = shop.start(["--instance-id", "one", ...stages]);
        await worker.ready(deadlineMs);
        const before = await written();
        await shop.send(paymentStream(300, rng, round * 300));
        await eventually(deadlineMs, "something to be counted", async () => (await written()) > before || undefined);
        if (round < 3) worker.kill("SIGKILL");
        else {
          await shop.workedOff(deadlineMs);
          worker.kill("SIGTERM");
        }
        await worker.ended(deadlineMs);
      }
      const { told, expected } = await shop.partials();
      expect(told).toEqual(expected);
      expect(expected.length).toBeGreaterThan(40);
      expect(await shop.differences()).toEqual([]);

      async function written(): Promise<number> {
        const topics = shop.features.taps.map(({ changelog }) => changelog.clusterName);
        const marks = await Promise.all(topics.map((topic) => broker.admin.watermarks(topic, signal)));
        return marks.flat().reduce((sum, { end }) => sum + end, 0);
      }
    },
  );
});
