/** What a challenger has done, read from the topic of its scores and from the adoptions. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { adoptionKey, adoptionSchema, encodeAdoption } from "../../../src/model/index.ts";
import { createModelTopics, type ShadowSeen } from "../../../src/retraining/index.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { createEncoder, writeSchemaId } from "../../../src/schema/index.ts";
import { MemoryRegistry } from "../../../src/testing/index.ts";
import type { Plan, PlannedStage } from "../../../src/topology/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { AutoClock, planOf, predictionSchema, scoreStage } from "../runtime/fixture.ts";

const { signal } = new AbortController();
const hourMs = 3_600_000;
const nowMs = 1_700_000_000_000;
const stage: PlannedStage = {
  ...scoreStage,
  infer: { ...scoreStage.infer!, shadow: { clusterName: "shop.score.shadow" } },
};
let broker: Broker;
let registry: MemoryRegistry;
let plan: Plan;
let look: (more?: { version?: number; recordsMax?: number }) => Promise<ShadowSeen>;

beforeEach(async () => {
  broker = createMemoryBroker({ codecs: noCodecs, clock: new AutoClock(), logger: silentLogger, bytesMax: 1e8 });
  registry = new MemoryRegistry();
  const topic = (name: string, partitions: number) => ({
    topic: name,
    partitions,
    replication: undefined,
    configs: {},
  });
  await broker.admin.createTopics([topic("shop.score.shadow", 2), topic("shop.adoptions", 1)], signal);
  plan = { ...planOf([stage]), adoptions: { clusterName: "shop.adoptions" } };
  begin(plan);
});
afterEach(() => broker.close());

function begin(of: Plan): void {
  const topics = createModelTopics(of, broker, registry, new AutoClock());
  look = ({ version = 2, recordsMax = 10 } = {}) =>
    topics.shadow({ model: "fraud", version, sinceMs: nowMs, recordsMax }, signal);
}

async function score(partition: number, version: number, times: readonly number[], timestampMs = nowMs) {
  const { id } = registry.add("predictions-value", predictionSchema.json);
  const encoder = createEncoder(predictionSchema);
  const records = times.map((event_time) => {
    const bytes = Buffer.alloc(300);
    const row = {
      event_id: "e",
      event_time,
      model: "fraud",
      model_version: version,
      score: 0.5,
      review: false,
      id: "a",
    };
    const value = bytes.subarray(0, encoder.encode(row, bytes, writeSchemaId(bytes, 0, id)));
    return { topic: "shop.score.shadow", partition, timestampMs, key: null, value };
  });
  await broker.append(records, signal);
}

async function adopt(version: number, share: number, more: object = {}): Promise<void> {
  const { id } = await registry.register("shop.adoptions-value", adoptionSchema.json);
  const place = { stage: "score", topic: "totals", partition: 1, model: "fraud", alias: "challenger" };
  const adoption = { ...place, version, share, salt: "", fromOffset: 7, atMs: 0, incident: null, ...more };
  const [key, value] = [Buffer.from(adoptionKey(adoption)), encodeAdoption(adoption, id)];
  await broker.append([{ topic: "shop.adoptions", partition: 0, timestampMs: 0, key, value }], signal);
}

const times = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i * 1_000);

test("nothing was done before there are scores", async () => {
  expect(await look()).toEqual({ records: 0, spanMs: 0, givenUp: undefined });
});

test("scores of the version are counted over partitions, with the event time from the first to the latest of them", async () => {
  await score(0, 2, [5_000, 4_000]);
  await score(1, 2, [9_000]);
  await score(1, 1, [60_000]);
  expect(await look()).toEqual({ records: 3, spanMs: 5_000, givenUp: undefined });
  await score(0, 2, [20_000]);
  expect(await look()).toMatchObject({ records: 4, spanMs: 16_000 });
  // Nothing has come: nothing is counted twice.
  expect(await look()).toMatchObject({ records: 4, spanMs: 16_000 });
});

test("once there are enough only the ends are read, for the latest event time", async () => {
  await score(0, 2, times(10));
  expect(await look()).toMatchObject({ records: 10, spanMs: 9_000 });
  let bytes = 0;
  const read = broker.read.bind(broker);
  broker.read = (range, stop) => {
    if (range.topic === "shop.score.shadow" && typeof range.from === "number") bytes += (range.to ?? 0) - range.from;
    return read(range, stop);
  };
  await score(0, 2, times(500, 10_000));
  expect(await look()).toMatchObject({ spanMs: 509_000 });
  expect(bytes).toBe(20);
});

test("a read that ends midway is gone on with, and nothing is counted twice", async () => {
  await score(0, 2, times(3));
  const read = broker.read.bind(broker);
  broker.read = async function* (range, stop) {
    yield* read(range, stop);
    broker.read = read;
    throw new Error("away");
  };
  await expect(look()).rejects.toThrow("away");
  await score(0, 2, times(4, 3_000));
  expect(await look()).toEqual({ records: 7, spanMs: 6_000, givenUp: undefined });
});

test("a challenger that came later is counted anew, and by its own version", async () => {
  await score(0, 2, times(4));
  await look();
  await score(0, 3, [50_000, 51_000]);
  expect(await look({ version: 3 })).toMatchObject({ records: 2, spanMs: 1_000 });
});

test("what was written long before the version was pointed at is not read, and an hour before is", async () => {
  await score(0, 2, [1_000], nowMs - hourMs - 1);
  await score(0, 2, [2_000, 3_000], nowMs - hourMs);
  expect(await look()).toMatchObject({ records: 2, spanMs: 1_000 });
});

test("scores that are JSON count as well", async () => {
  begin({ ...plan, stages: [{ ...stage, toFormat: "json" }] });
  const lines = [
    { model_version: 2, event_time: "1970-01-01T00:00:01.000Z" },
    { model_version: 2, event_time: "1970-01-01T00:00:04.000Z" },
    { model_version: 1, event_time: "1970-01-01T00:00:09.000Z" },
  ].map((row) => JSON.stringify(row));
  const records = [...lines, "{"].map((line) => ({
    topic: "shop.score.shadow",
    partition: 0,
    timestampMs: nowMs,
    key: null,
    value: Buffer.from(line),
  }));
  await broker.append(records, signal);
  expect(await look()).toMatchObject({ records: 2, spanMs: 3_000 });
});

test("a task that has given the version up is named; what ended of others is not", async () => {
  await adopt(2, 1);
  await adopt(1, 0);
  await adopt(2, 0, { model: "churn" });
  await adopt(2, 0, { alias: "champion" });
  expect((await look()).givenUp).toBeUndefined();
  await adopt(2, 0);
  expect((await look()).givenUp).toBe(
    "stage score gave version 2 up at offset 7 of totals-1; the log of its worker says why",
  );
});

describe("a version that tasks cannot open is given up", () => {
  const refuse = (partition: number): Promise<void> => adopt(2, 0, { partition, reason: "MR_MODEL: it is damaged" });
  const givenUp = async () => (await look()).givenUp;
  beforeEach(async () => {
    const spec = { topic: "totals", partitions: 2, replication: undefined, configs: {} };
    await broker.admin.createTopics([spec], signal);
  });
  const join = () =>
    broker.join(
      { group: stage.group, topics: ["totals"], start: { kind: "earliest" }, logger: silentLogger },
      {
        assigned: () => undefined,
        revoking: async () => undefined,
        lost: () => undefined,
        batch: async () => undefined,
        failed: () => undefined,
      },
    );

  test("when each that lives has said so, with the reason of one; and not by one alone", async () => {
    const membership = await join();
    await refuse(0);
    await refuse(0);
    expect(await givenUp()).toBeUndefined();
    await refuse(1);
    expect(await givenUp()).toBe("no task that runs can open version 2, in stage score: MR_MODEL: it is damaged");
    await membership.leave();
  });

  test("never while none lives, and by who lives where another stage does not run", async () => {
    await refuse(0);
    await refuse(1);
    expect(await givenUp()).toBeUndefined();
    begin({ ...plan, stages: [{ ...stage, name: "idle", group: "shop.idle" }, stage] });
    const membership = await join();
    expect(await givenUp()).toContain("in stage score");
    await membership.leave();
  });

  test("not where a stage that lives can, although another cannot", async () => {
    const membership = await join();
    begin({ ...plan, stages: [stage, { ...stage, name: "other" }] });
    await refuse(0);
    await refuse(1);
    await adopt(2, 1, { stage: "other", partition: 0 });
    await adopt(2, 1, { stage: "other", partition: 1 });
    expect(await givenUp()).toBeUndefined();
    await membership.leave();
  });

  test("and at once where one that could has failed", async () => {
    await refuse(0);
    await adopt(2, 1);
    await adopt(2, 0);
    expect(await givenUp()).toContain("gave version 2 up at offset 7 of totals-1");
  });
});

test("stages whose challengers score nowhere are not looked at", async () => {
  begin({ ...plan, stages: [scoreStage], adoptions: undefined });
  await score(0, 2, times(4));
  expect(await look()).toEqual({ records: 0, spanMs: 0, givenUp: undefined });
});
