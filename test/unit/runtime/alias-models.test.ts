import { afterEach, expect, test } from "vitest";
import { createCodecs } from "../../../src/adapters/codecs/index.ts";
import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { nodeHasher, systemClock } from "../../../src/adapters/node/index.ts";
import { type Clock, OperationError, silentLogger } from "../../../src/kernel/index.ts";
import { fitLogistic, versionFiles } from "../../../src/model/index.ts";
import { type AliasModelSource, createAliasModelSource } from "../../../src/runtime/control/alias-models.ts";
import { aliasGone, writeAlias } from "../../../src/runtime/control/aliases.ts";
import { writeControl } from "../../../src/runtime/control/control-topic.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { deferred, eventually } from "../../support/deadline.ts";
import { listenersOf } from "../../support/listeners.ts";
import { manifestOf } from "../../support/manifest.ts";

const controlTopic = "shop.control";
const { signal } = new AbortController();
const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function controlBroker(): Promise<Broker> {
  const configs = { "cleanup.policy": "compact" };
  const broker = createMemoryBroker({
    codecs: await createCodecs(),
    clock: systemClock,
    logger: silentLogger,
    bytesMax: 1_000_000,
    topics: [{ topic: controlTopic, partitions: 1, replication: 1, configs }],
  });
  opened.push(broker);
  return broker;
}

function sourceOf(broker: Broker, clock: Clock = systemClock, more: SourceOptions = {}): AliasModelSource {
  const signature = { task: "binary", inputs: [{ name: "amount", kind: "number" }] } as const;
  const inputs = Float64Array.from([0, 1, 2, 3]);
  const model = fitLogistic({ inputs, labels: Float64Array.from([0, 1, 0, 1]), width: 1 });
  const files = versionFiles(
    { learner: "logistic", signature, model, metrics: null, manifest: manifestOf() },
    nodeHasher,
  );
  const source = createAliasModelSource({
    broker,
    controlTopic,
    artefacts: {
      read: async (_model, version) => {
        await more.beforeRead?.(version);
        return more.missing?.has(version) ? undefined : files;
      },
      remove: async () => undefined,
      versions: async () => [1, 2, 3],
      prepare: async () => undefined,
      write: async () => 4,
    },
    openTfjs: async () => {
      throw new Error("no model here is of that kind");
    },
    hasher: nodeHasher,
    clock,
    logger: { ...silentLogger, warn: (fields) => void more.warned?.push(fields) },
  });
  opened.push(source);
  return source;
}

interface SourceOptions {
  readonly missing?: ReadonlySet<number>;
  readonly warned?: object[];
  /** Awaited before a version is handed out. */
  readonly beforeRead?: (version: number) => Promise<void>;
}

const pointAt = (broker: Broker, version: number): Promise<void> =>
  writeAlias(broker, controlTopic, { model: "fraud", alias: "champion", version }, 0, signal);

// The first record of the key was served, and the newer ones only at a start after the topic had been compacted.
test("serves the version that the alias points at now, not one that it pointed at before", async () => {
  const broker = await controlBroker();
  for (const version of [1, 2, 3]) await pointAt(broker, version);
  const source = sourceOf(broker);
  expect((await source.load("fraud", "champion", signal)).version).toBe(3);
});

test("says that it waits when the alias does not exist, and takes the first one that appears", async () => {
  const broker = await controlBroker();
  const source = sourceOf(broker);
  let waits = 0;
  const waiting = deferred();
  const stop = new AbortController();
  const loading = source.load("fraud", "champion", stop.signal, {
    onWaiting: () => {
      waits++;
      waiting.resolve();
    },
  });
  await waiting.promise;
  expect(listenersOf(stop.signal)).toBe(1);
  await pointAt(broker, 2);
  expect((await loading).version).toBe(2);
  expect([waits, listenersOf(stop.signal)]).toEqual([1, 0]);
});

test("does not say that it waits for an alias that exists", async () => {
  const broker = await controlBroker();
  await pointAt(broker, 1);
  let waits = 0;
  await sourceOf(broker).load("fraud", "champion", signal, { onWaiting: () => waits++ });
  expect(waits).toBe(0);
});

test("stops waiting when the signal is aborted", async () => {
  const stop = new AbortController();
  const loading = sourceOf(await controlBroker()).load("fraud", "champion", stop.signal);
  stop.abort(new Error("stopped"));
  await expect(loading).rejects.toThrow("stopped");
});

test("rejects when the control topic does not exist", async () => {
  const broker = await controlBroker();
  await broker.admin.deleteTopics([controlTopic], signal);
  await expect(sourceOf(broker).load("fraud", "champion", signal)).rejects.toThrow(controlTopic);
});

test("reads the control topic again after an outage, and then serves what it finds", async () => {
  const broker = await controlBroker();
  await pointAt(broker, 2);
  let refusals = 2;
  const flaky: Broker = {
    join: broker.join.bind(broker),
    writer: broker.writer.bind(broker),
    append: broker.append.bind(broker),
    transaction: broker.transaction.bind(broker),
    read: (range, until) => {
      if (refusals-- > 0) throw new OperationError("MR_BROKER", "reading: nobody answers", { disposition: "retry" });
      return broker.read(range, until);
    },
    admin: broker.admin,
    close: async () => undefined,
  };
  const source = sourceOf(flaky, { ...systemClock, sleep: async () => undefined });
  expect((await source.load("fraud", "champion", signal)).version).toBe(2);
  expect(refusals).toBeLessThan(0);
});

test("gives up on what asking again cannot mend, and says why to whoever waits", async () => {
  const broker = await controlBroker();
  const denied: Broker = {
    join: broker.join.bind(broker),
    writer: broker.writer.bind(broker),
    append: broker.append.bind(broker),
    transaction: broker.transaction.bind(broker),
    read: broker.read.bind(broker),
    admin: { ...broker.admin, watermarks: () => Promise.reject(new OperationError("MR_BROKER", "access is denied")) },
    close: async () => undefined,
  };
  await expect(sourceOf(denied).load("fraud", "champion", signal)).rejects.toThrow("access is denied");
});

// A folder on a file system that hangs kept its stage waiting, which counts as ready, without a word.
// Then it was asked again every 30 s, each time by one more of Node's four threads for files, until none was left.
test("a store that does not answer is said every 30 s, asked a second time and no more, and taken at its word at last", async () => {
  const broker = await controlBroker();
  for (const version of [1, 2]) await pointAt(broker, version);
  const clock = new FakeClock(1_700_000_000_000);
  const warned: object[] = [];
  const told: (string | undefined)[] = [];
  const readings: ReturnType<typeof deferred<void>>[] = [];
  const beforeRead = (): Promise<void> => {
    const reading = deferred();
    readings.push(reading);
    return reading.promise;
  };
  const source = sourceOf(broker, clock, { warned, beforeRead });
  const onSilent = (reason: string | undefined) => told.push(reason);
  const loading = source.load("fraud", "champion", signal, { onSilent });
  const waits = (count: number) =>
    eventually(
      5_000,
      "the wait for the store",
      async () => (clock.sleeping === 1 && warned.length === count) || undefined,
    );
  for (const [round, asked] of [1, 2, 2, 2].entries()) {
    await waits(round);
    expect(readings.length).toBe(asked);
    clock.advance(30_000);
  }
  await waits(4);
  readings[0]?.resolve();
  expect((await loading).version).toBe(2);
  const said = { model: "fraud", version: 2, code: "MR_MODEL" };
  expect(warned).toEqual([30, 60, 90, 120].map((waitedSeconds) => ({ ...said, waitedSeconds })));
  expect(told).toEqual([
    ...[30, 60, 90, 120].map((seconds) => `the model store has not answered for ${seconds} s`),
    undefined,
  ]);

  // One reading stands still yet: another model has its own, and one more when that is silent too.
  await writeAlias(broker, controlTopic, { model: "churn", alias: "champion", version: 5 }, 0, signal);
  const other = source.load("churn", "champion", signal);
  for (const asked of [3, 3]) {
    await eventually(5_000, "the store to be asked", async () => clock.sleeping === 1 || undefined);
    expect(readings.length).toBe(asked);
    clock.advance(30_000);
    await eventually(5_000, "the store to be said silent", async () => clock.sleeping === 1 || undefined);
  }
  readings[1]?.resolve();
  clock.advance(30_000);
  await eventually(5_000, "the store to be asked again", async () => readings.length === 4 || undefined);
  readings[3]?.resolve();
  expect((await other).version).toBe(5);
});

test("tells who follows an alias of each move, the last that was made before first, and opens what it names now", async () => {
  const broker = await controlBroker();
  for (const version of [1, 2]) await pointAt(broker, version);
  const source = sourceOf(broker);
  await source.followed.exists("fraud", "champion", signal);
  const moves: number[] = [];
  const stop = new AbortController();
  source.followed.onMoved("fraud", "champion", (alias) => moves.push(alias?.version ?? 0), stop.signal);
  for (const version of [3, 1]) await pointAt(broker, version);
  await eventually(5_000, "the moves to be told", async () => moves.length === 3 || undefined);
  expect(moves).toEqual([2, 3, 1]);
  expect((await source.load("fraud", "champion", signal)).version).toBe(1);
  stop.abort();
  await pointAt(broker, 2);
  await source.followed.catchUp(signal);
  expect([moves.length, source.followed.now("fraud", "champion")?.version]).toEqual([3, 2]);
});

test("tells who follows an alias that there is none any more, and not again of what came before that", async () => {
  const broker = await controlBroker();
  const source = sourceOf(broker);
  await pointAt(broker, 1);
  await source.followed.catchUp(signal);
  const moves: (number | undefined)[] = [];
  source.followed.onMoved("fraud", "champion", (alias) => moves.push(alias?.version), signal);
  await writeControl(broker, controlTopic, [aliasGone("fraud", "champion"), aliasGone("churn", "champion")], 0, signal);
  await source.followed.catchUp(signal);
  expect([moves, source.followed.now("fraud", "champion")]).toEqual([[1, undefined], undefined]);
  await pointAt(broker, 2);
  await source.followed.catchUp(signal);
  await eventually(5_000, "the moves", async () => moves.length === 3 || undefined);
  expect(moves).toEqual([1, undefined, 2]);
  // Whoever begins to follow where there is none is told nothing.
  let told = 0;
  source.followed.onMoved("churn", "champion", () => told++, signal);
  expect(told).toBe(0);
});

test("knows all that the control topic holds once it has caught up, however far the following has come", async () => {
  const broker = await controlBroker();
  const source = sourceOf(broker);
  for (const version of [1, 2, 3]) {
    await pointAt(broker, version);
    await source.followed.catchUp(signal);
    expect(source.followed.now("fraud", "champion")?.version).toBe(version);
  }
});

test("a version that the models directory does not have is MR_MODEL_MISSING, and is looked for again when it is asked for", async () => {
  const broker = await controlBroker();
  const source = sourceOf(broker, systemClock, { missing: new Set([7]) });
  await expect(source.followed.open("fraud", 7, signal)).rejects.toMatchObject({
    code: "MR_MODEL_MISSING",
    message: expect.stringContaining("opening model fraud/7: the models directory has no such version"),
  });
  await expect(source.followed.open("fraud", 7, signal)).rejects.toMatchObject({ code: "MR_MODEL_MISSING" });
  const first = await source.followed.open("fraud", 1, signal);
  expect((await source.followed.open("fraud", 1, signal)) === first).toBe(true);
});
