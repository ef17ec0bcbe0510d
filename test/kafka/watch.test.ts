/** Monitors on a real broker, by the product as it is shipped: from the readings to the page, with a worker that dies. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createDetector, detectorCatalogue, type VerdictRecord } from "../../src/monitor/index.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { eventually } from "../support/deadline.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { judgedInOnePass, rowWindows } from "./support/one-pass.ts";
import { baselineWindows, WatchedSensors } from "./support/watched-sensors.ts";
import { type BuiltMillrace, buildMillrace, endWorkers, type WorkerProcess } from "./support/worker-process.ts";

const deadlineMs = 60_000;
/** Fewer than most minutes have, and more than some: windows are made of one minute, or of two. */
const countedRows = 700;
const fewRows = 600;
const detectorConfig = { warmUpSamples: 3, threshold: 10 };
const counted = (baseline: string): string => `  - name: counted
    on: readings
    fields: [value]
    window: { rows: ${countedRows} }
    late: 1min
    baseline: ${baseline}
    detectors: [page-hinkley: ${JSON.stringify(detectorConfig)}]
    severity: ticket
`;

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
        monitors: counted,
      });
      const first = sensors.start();
      await first.ready(deadlineMs);
      for (let i = 0; i <= baselineWindows; i++) await sensors.minute();
      for (const monitor of ["inputs", "counted"])
        await first.until(
          eventually(deadlineMs, "a baseline", async () => (await sensors.hasBaseline(monitor)) || undefined),
        );
      const wellMs = await untilWell(sensors, first);

      const second = sensors.start();
      await second.ready(deadlineMs);
      const shifted = [await sensors.minute({ shift: 1 })];
      first.kill("SIGKILL");
      for (let i = 0; i < 5; i++) shifted.push(await sensors.minute({ shift: 1, rows: unevenRows(i) }));
      const third = sensors.start();
      for (let i = 0; i < 3; i++) await sensors.minute();
      await third.until(eventually(deadlineMs, "the shift to be judged", () => judgedAt(sensors, shifted.at(-1)!)));
      second.kill("SIGKILL");
      let lastMs = 0;
      for (let i = 0; i < 8; i++) lastMs = await sensors.minute({ rows: unevenRows(i) });
      await third.until(
        eventually(deadlineMs, "all but the last windows to be judged", () => judgedAt(sensors, lastMs - 180_000)),
      );

      const verdicts = await sensors.verdicts();
      const ids = verdicts.map(({ eventId }) => eventId);
      expect(ids).toHaveLength(new Set(ids).size);
      for (const [fromMs, rows] of sensors.sent) {
        if (fromMs > lastMs - 180_000) continue;
        expect(rowsOf(verdicts, "inputs", fromMs)).toBe(rows);
      }
      await expectCounted(sensors, verdicts, { wellMs, shiftedMs: shifted[0]!, endMs: lastMs - 240_000 });

      const drifted = verdicts.filter(({ monitor, kind }) => monitor === "inputs" && kind === "DRIFT");
      expect(drifted.map(({ field, fromMs, cause }) => [field, fromMs, cause])).toEqual(
        shifted.map((fromMs) => ["value", fromMs, "world"]),
      );
      const alerts = (await sensors.alerts()).filter(({ monitor }) => monitor === "inputs");
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

function unevenRows(minute: number): number {
  return minute % 2 === 0 ? fewRows : 800;
}

/** Whether the monitor of the inputs has judged that window, and so. */
async function judgedAt(
  sensors: WatchedSensors,
  fromMs: number,
  kind?: VerdictRecord["kind"],
): Promise<true | undefined> {
  const own = (await sensors.verdicts()).filter((one) => one.monitor === "inputs" && one.fromMs === fromMs);
  return own.some((one) => (kind ?? one.kind) === one.kind) || undefined;
}

/**
 * Sends minutes until one is judged well, and answers its begin. Windows are judged by the baseline once the tasks count by
 * it; which is the first is not the test's to say.
 */
async function untilWell(sensors: WatchedSensors, worker: WorkerProcess): Promise<number> {
  for (let i = 0; i < 10; i++) {
    const fromMs = await sensors.minute();
    await sensors.minute();
    await sensors.minute();
    await worker.until(eventually(deadlineMs, "a window to be judged", () => judgedAt(sensors, fromMs)));
    if ((await judgedAt(sensors, fromMs, "OK")) === true) return fromMs;
  }
  throw new Error("no window was judged well by the baseline");
}

/**
 * Windows of so many rows, and what a detector finds in them, are what they are in one pass over all that was sent.
 *
 * @param wellMs the first window that was judged by the baseline: who judges it before is not the test's to say
 * @param endMs windows from here on may not be judged yet
 */
async function expectCounted(
  sensors: WatchedSensors,
  verdicts: readonly VerdictRecord[],
  { wellMs, shiftedMs, endMs }: { readonly wellMs: number; readonly shiftedMs: number; readonly endMs: number },
): Promise<void> {
  const windows = rowWindows(sensors.sent, countedRows).filter(({ fromMs }) => fromMs < endMs);
  expect(windows.map(({ fromMs }) => ({ fromMs, rows: rowsOf(verdicts, "counted", fromMs) }))).toEqual(windows);
  expect(windows.filter(({ rows }) => rows === fewRows + 800).length).toBeGreaterThanOrEqual(3);

  // The detector goes on where it was, whoever has died: its alarms are those of one that was given all values in a row.
  const levels = verdicts.filter(({ field, value }) => field === "value.page-hinkley" && value !== undefined);
  const config = detectorCatalogue["page-hinkley"].config.parse(detectorConfig);
  const detector = createDetector("page-hinkley", config);
  expect(levels.map(({ kind }) => kind === "DRIFT")).toEqual(
    levels.map(({ value = Number.NaN }) => detector.add(value) === "drift"),
  );
  const alarmsMs = levels.filter(({ kind }) => kind === "DRIFT").map(({ fromMs }) => fromMs);
  expect(Math.min(...alarmsMs)).toBeGreaterThanOrEqual(shiftedMs);
  expect(alarmsMs.length).toBeGreaterThan(0);

  const said = (all: readonly VerdictRecord[]) =>
    all.filter(({ fromMs }) => fromMs >= wellMs && fromMs < endMs).map(judgedOf);
  const onePass = said(await judgedInOnePass(sensors));
  expect(new Map(said(verdicts))).toEqual(new Map(onePass));
  expect(onePass.length).toBeGreaterThan(30);
}

/** Of all baselines: a window in which one came is judged by what each has counted. */
function rowsOf(verdicts: readonly VerdictRecord[], monitor: string, fromMs: number): number {
  return verdicts
    .filter((verdict) => verdict.monitor === monitor && verdict.fromMs === fromMs && verdict.field === "value")
    .reduce((sum, { m }) => sum + m, 0);
}

/** What follows from the rows alone. What a detector says depends on what it was given before. */
function judgedOf(verdict: VerdictRecord): readonly [id: string, judged: Partial<VerdictRecord>] {
  const { eventId, field, toMs, kind, reason, score, threshold, value, n, m, late, partitions, culprits } = verdict;
  const ofRows = { toMs, value, n, m, late };
  return [
    eventId,
    field === "value.page-hinkley" ? ofRows : { ...ofRows, kind, reason, score, threshold, partitions, culprits },
  ];
}
