/** Monitors on a real broker, by the product as it is shipped: from the readings to the page, with a worker that dies. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { VerdictRecord } from "../../src/monitor/index.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { eventually } from "../support/deadline.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { baselineWindows, WatchedSensors } from "./support/watched-sensors.ts";
import { type BuiltMillrace, buildMillrace, endWorkers } from "./support/worker-process.ts";

const deadlineMs = 60_000;

describeKafka("a watched topology", () => {
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
    "pages once for a shift, names its cause, closes by itself, and judges each window once though workers die",
    async () => {
      const sensors = await WatchedSensors.open({
        bootstrap: testBroker().bootstrap,
        broker,
        millrace,
        namespace: uniqueNamespace(),
      });
      const first = sensors.start();
      await first.ready(deadlineMs);
      const judgedAt = async (fromMs: number, kind: VerdictRecord["kind"] | undefined): Promise<true | undefined> => {
        const verdicts = await sensors.verdicts();
        const found = verdicts.filter(
          (verdict) => verdict.fromMs === fromMs && (kind ?? verdict.kind) === verdict.kind,
        );
        return found.length > 0 || undefined;
      };
      for (let i = 0; i <= baselineWindows; i++) await sensors.minute();
      await first.until(eventually(deadlineMs, "a baseline", async () => (await sensors.hasBaseline()) || undefined));
      // Windows are judged by the baseline once the tasks count by it; which is the first is not the test's to say.
      let wellMs = 0;
      for (let i = 0; wellMs === 0; i++) {
        expect(i).toBeLessThan(10);
        const fromMs = await sensors.minute();
        await sensors.minute();
        await sensors.minute();
        await first.until(eventually(deadlineMs, "a window to be judged", () => judgedAt(fromMs, undefined)));
        if ((await judgedAt(fromMs, "OK")) === true) wellMs = fromMs;
      }

      const second = sensors.start();
      await second.ready(deadlineMs);
      const shifted = [await sensors.minute({ shift: 1 })];
      first.kill("SIGKILL");
      for (let i = 0; i < 5; i++) shifted.push(await sensors.minute({ shift: 1 }));
      const third = sensors.start();
      for (let i = 0; i < 3; i++) await sensors.minute();
      await third.until(eventually(deadlineMs, "the shift to be judged", () => judgedAt(shifted.at(-1)!, undefined)));
      second.kill("SIGKILL");
      let lastMs = 0;
      for (let i = 0; i < 8; i++) lastMs = await sensors.minute();
      await third.until(
        eventually(deadlineMs, "all but the last windows to be judged", () => judgedAt(lastMs - 180_000, undefined)),
      );

      const verdicts = await sensors.verdicts();
      const ids = verdicts.map(({ eventId }) => eventId);
      expect(ids).toHaveLength(new Set(ids).size);
      for (const [fromMs, rows] of sensors.sent) {
        if (fromMs > lastMs - 180_000) continue;
        const own = verdicts.filter((verdict) => verdict.fromMs === fromMs && verdict.field === "value");
        // A window in which the baseline came is judged by what each has counted.
        expect(own.reduce((sum, { m }) => sum + m, 0)).toBe(rows);
      }
      const drifted = verdicts.filter(({ kind }) => kind === "DRIFT");
      expect(drifted.map(({ field, fromMs, cause }) => [field, fromMs, cause])).toEqual(
        shifted.map((fromMs) => ["value", fromMs, "world"]),
      );
      const alerts = await sensors.alerts();
      expect(alerts.map(({ type, isPage, fields, field }) => [type, isPage, field ?? fields])).toEqual([
        ["millrace.incident.opened", true, ["value"]],
        ["millrace.alert.firing", false, "value"],
        ["millrace.alert.resolved", false, "value"],
        ["millrace.incident.closed", false, ["value"]],
      ]);
      third.kill("SIGTERM");
      await third.endedWell(deadlineMs);
      await sensors.remove();
    },
    5 * deadlineMs,
  );
});
