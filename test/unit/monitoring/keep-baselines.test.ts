import { afterEach, beforeEach, expect, test } from "vitest";
import { Facts, type LogFields } from "../../../src/kernel/index.ts";
import {
  type BaselinedMonitor,
  isInService,
  keepBaselines,
  LearntWindows,
  readBaselines,
  readVerdicts,
  writeBaseline,
} from "../../../src/monitoring/index.ts";
import { BaselineScene, hourMs, rowsMonitor } from "./baseline-scene.ts";
import { verdictOf } from "./verdicts.ts";

const never = new AbortController().signal;
let scene: BaselineScene;
let told: (readonly [message: string, fields: LogFields])[];
beforeEach(async () => {
  scene = await BaselineScene.open();
  told = [];
});
afterEach(() => scene.broker.close());

const monitorOf = (name: string, baseline: BaselinedMonitor["baseline"]): BaselinedMonitor => ({
  ...rowsMonitor,
  name,
  baseline,
});
const learning = (monitor: string, hour: number, m: number) =>
  verdictOf({ monitor, fromMs: hour * hourMs, kind: "LEARNING", baseline: "", m });
const hourOf = (hour: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ at: hour * hourMs + i, amount: i, country: "IT" }));

/** Keeps the baselines of these monitors; between two looks, `meanwhile` happens, and the end of it ends the keeping. */
async function keep(monitors: readonly BaselinedMonitor[], meanwhile: readonly (() => Promise<void>)[] = []) {
  const stop = new AbortController();
  const steps = [...meanwhile];
  const clock = {
    now: () => scene.clock.now(),
    monotonicMs: () => scene.clock.monotonicMs(),
    sleep: async (ms: number) => {
      expect(ms).toBe(30_000);
      const step = steps.shift();
      if (step === undefined) stop.abort(new Error("nothing more happens"));
      await step?.();
      stop.signal.throwIfAborted();
    },
  };
  const log = (fields: LogFields, message: string): void => void told.push([message, fields]);
  const facts = new Facts({ debug: log, info: log, warn: log, error: log });
  const { broker, registry, hasher, topic, controlTopic, verdictsTopic } = scene;
  const artefacts = { read: async () => undefined };
  const by = { broker, registry, hasher, topic, controlTopic, verdictsTopic, artefacts, alias: "champion" };
  await keepBaselines({ ...by, monitors, clock, facts }, stop.signal);
}

const first = { kind: "first", windows: 2 } as const;

async function readFieldsOf(monitor: string) {
  const { baselines } = await readBaselines(scene.broker, scene.registry, scene.topic, never);
  return baselines.current(monitor)?.fields ?? [];
}

test("measures what can be measured, waits for the rest, and ends when all monitors have a baseline", async () => {
  await scene.send(0, [...hourOf(10, 300), ...hourOf(11, 300)]);
  const range = { kind: "range", fromMs: 10 * hourMs, toMs: 11 * hourMs } as const;
  const monitors = [monitorOf("a", first), monitorOf("b", range)];
  await keep(monitors, [
    () =>
      scene.judge([
        learning("a", 10, 300),
        learning("other", 11, 300),
        verdictOf({ monitor: "a", fromMs: 11 * hourMs }),
      ]),
    () => scene.judge([learning("a", 11, 300)]),
  ]);
  expect(told.map(([message, { monitor, rows }]) => [message, monitor, rows])).toEqual([
    ["A monitor has no baseline yet.", "a", undefined],
    ["A baseline is in service.", "b", 300],
    ["A monitor has no baseline yet.", "a", undefined],
    ["A baseline is in service.", "a", 600],
  ]);
  const { baselines } = await readBaselines(scene.broker, scene.registry, scene.topic, never);
  for (const monitor of monitors) expect(isInService(baselines, monitor, scene.hasher)).toBe(true);
  expect(isInService(baselines, { name: "a", version: "another", baseline: first }, scene.hasher)).toBe(false);
});

test("measures anew what the topology asks for otherwise now, and leaves what was written before heads said so", async () => {
  await scene.send(0, [...hourOf(10, 300), ...hourOf(11, 200)]);
  const range = (toHour: number) => ({ kind: "range", fromMs: 0, toMs: toHour * hourMs }) as const;
  await keep([monitorOf("a", range(11))]);
  await keep([monitorOf("a", range(12))]);
  await keep([monitorOf("a", range(12))]);
  expect(told.map(([, { rows }]) => rows)).toEqual([300, 500]);
  const { baselines } = await readBaselines(scene.broker, scene.registry, scene.topic, never);
  expect(isInService(baselines, monitorOf("a", range(11)), scene.hasher)).toBe(false);
  const { broker, registry, topic, clock, hasher } = scene;
  const fields = (await readFieldsOf("a")).map((field) => ({ ...field, id: "" }));
  const old = { monitor: rowsMonitor, fields, model: undefined, origin: "of an older version", asked: "" };
  await writeBaseline({ broker, registry, topic, clock, hasher }, { ...old, monitor: monitorOf("a", first) }, never);
  told = [];
  await keep([monitorOf("a", range(11))]);
  expect(told).toEqual([]);
});

test("reads what it has read of its topics no second time", async () => {
  await scene.send(0, hourOf(10, 300));
  await scene.judge([learning("a", 10, 300)]);
  const from: string[] = [];
  const { read } = scene.broker;
  scene.broker.read = (range, signal) => {
    if (range.topic !== rowsMonitor.topic.clusterName) from.push(`${range.topic} ${JSON.stringify(range.from)}`);
    return read.call(scene.broker, range, signal);
  };
  await expect(keep([monitorOf("a", first)], [() => scene.judge([learning("a", 11, 7)])])).rejects.toThrow();
  expect(from).toEqual([`${scene.verdictsTopic} 0`, `${scene.verdictsTopic} 1`]);
  // The number of rows of the second window tells that both were seen.
  expect(told.at(-1)?.[1]["reason"]).toContain("2 are over, with 307 rows");
});

test("has nothing to do where all have a baseline", async () => {
  await scene.send(0, hourOf(10, 300));
  const monitors = [monitorOf("a", { kind: "range", fromMs: 0, toMs: 11 * hourMs })];
  await keep(monitors);
  told = [];
  await keep(monitors);
  expect(told).toEqual([]);
});

test("says once why it waits, and again when that is another reason", async () => {
  const nothing = async (): Promise<void> => undefined;
  const waiting = keep([monitorOf("a", first)], [nothing, nothing, () => scene.judge([learning("a", 10, 7)]), nothing]);
  await expect(waiting).rejects.toThrow("nothing more happens");
  expect(told.map(([, { reason }]) => reason)).toEqual([
    "its first 2 windows are the reference, and 0 are over, with 0 rows",
    "its first 2 windows are the reference, and 1 are over, with 7 rows",
  ]);
});

test("tries again what failed, and lets the other monitors have theirs", async () => {
  await scene.send(0, hourOf(10, 300));
  const { topic } = rowsMonitor;
  const range = { kind: "range", fromMs: 0, toMs: 11 * hourMs } as const;
  const broken = { ...monitorOf("a", range), topic: { ...topic, schema: undefined } };
  await expect(keep([broken, monitorOf("b", range)], [async () => undefined])).rejects.toThrow("nothing more happens");
  expect(told.map(([message, { code }]) => [message, code])).toEqual([
    ["A baseline cannot be measured now; it is tried again.", "MR_UNSUPPORTED"],
    ["A baseline is in service.", undefined],
  ]);
});

test("reads a topic that was made anew from its beginning", async () => {
  await scene.judge([learning("a", 10, 300), learning("a", 11, 300)]);
  const { broker, registry, verdictsTopic } = scene;
  const learnt = new LearntWindows(broker, registry, verdictsTopic, [monitorOf("a", first)]);
  expect(await learnt.of(monitorOf("a", first), never)).toHaveLength(2);
  await broker.admin.deleteTopics([verdictsTopic], never);
  await broker.admin.createTopics(
    [{ topic: verdictsTopic, partitions: 1, replication: undefined, configs: {} }],
    never,
  );
  await scene.judge([learning("a", 12, 7)]);
  expect((await learnt.of(monitorOf("a", first), never)).at(-1)).toEqual({
    fromMs: 12 * hourMs,
    toMs: 13 * hourMs,
    rows: 7,
  });
});

test("waits for the baselines topic", async () => {
  await scene.broker.admin.deleteTopics([scene.topic], never);
  await expect(keep([monitorOf("a", first)])).rejects.toThrow("nothing more happens");
  expect(told).toMatchObject([["A topic of Millrace's own is read again.", { code: "MR_TOPIC_MISSING" }]]);
});

test("reads of the verdicts what is wanted, the last one of a window, in the order of time", async () => {
  await scene.judge([
    verdictOf({ fromMs: 12 * hourMs }),
    verdictOf({ fromMs: 11 * hourMs, kind: "NO_DATA" }),
    verdictOf({ fromMs: 11 * hourMs, kind: "DRIFT" }),
    verdictOf({ fromMs: 11 * hourMs, field: "country" }),
  ]);
  const { broker, registry, verdictsTopic } = scene;
  await broker.append(
    [{ topic: verdictsTopic, partition: 0, timestampMs: 0, key: Buffer.from("x"), value: Buffer.from("?") }],
    never,
  );
  const isAmount = ({ field }: { readonly field: string }): boolean => field === "amount";
  const read = await readVerdicts(broker, registry, verdictsTopic, isAmount, never);
  expect(read.unread).toBe(1);
  expect(read.verdicts.map(({ fromMs, kind }) => [fromMs / hourMs, kind])).toEqual([
    [11, "DRIFT"],
    [12, "OK"],
  ]);
  const late = await readVerdicts(broker, registry, verdictsTopic, isAmount, never, 14 * hourMs);
  expect(late.verdicts.map(({ fromMs }) => fromMs / hourMs)).toEqual([12]);
});
