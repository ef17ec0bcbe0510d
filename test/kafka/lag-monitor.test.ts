/** A monitor of the lag on a real broker: the judge runs in a process of its own, and what it watches is killed. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Broker } from "../../src/runtime/index.ts";
import { eventually } from "../support/deadline.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { WatchedSensors } from "./support/watched-sensors.ts";
import { type BuiltMillrace, buildMillrace, endWorkers } from "./support/worker-process.ts";

const deadlineMs = 90_000;
/** Three looks that say so, ten seconds apart, after the session of the killed member. */
const monitors = () => `  - { name: behind, on: lag, page: { records: 500 } }
`;

describeKafka("a monitor of the lag", () => {
  let broker: Broker;
  let millrace: BuiltMillrace;
  beforeAll(async () => {
    [broker, millrace] = await Promise.all([connect(testBroker().bootstrap), buildMillrace()]);
  });
  afterEach(() => endWorkers());
  afterAll(async () => {
    await broker.close();
    await millrace.remove();
  });

  test(
    "tells of a killed consumer once, though the judge is killed too, and that it has caught up",
    async () => {
      const { bootstrap } = testBroker();
      const namespace = uniqueNamespace();
      const sensors = await WatchedSensors.open({ bootstrap, broker, millrace, namespace, monitors });
      const judge = sensors.start({}, ["monitor"]);
      const consumer = sensors.start({}, ["ingest"]);
      await Promise.all([judge.ready(deadlineMs), consumer.ready(deadlineMs)]);
      await sensors.minute({ rows: 300 });
      consumer.kill("SIGKILL");
      await sensors.minute({ rows: 800 });
      const told = async () => (await sensors.alerts()).filter(({ monitor }) => monitor === "behind");
      const untilTold = (type: string) =>
        eventually(deadlineMs, type, async () => (await told()).some((event) => event.type === type) || undefined);
      await judge.until(untilTold("millrace.incident.opened"));
      expect((await told())[0]).toMatchObject({ kind: "lag", severity: "page", isPage: true, fields: ["ingest"] });
      judge.kill("SIGKILL");
      const next = sensors.start({}, ["monitor"]);
      const second = sensors.start({}, ["ingest"]);
      await next.until(untilTold("millrace.incident.closed"));
      const events = await told();
      expect(events.map(({ type, field, isPage }) => [type, field, isPage])).toEqual([
        ["millrace.incident.opened", undefined, true],
        ["millrace.alert.firing", "ingest/page", false],
        ["millrace.alert.resolved", "ingest/page", false],
        ["millrace.incident.closed", undefined, false],
      ]);
      expect(new Set(events.map(({ incident }) => incident)).size).toBe(1);
      for (const worker of [next, second]) {
        worker.kill("SIGTERM");
        await worker.endedWell(deadlineMs);
      }
      await sensors.remove();
    },
    5 * deadlineMs,
  );
});
