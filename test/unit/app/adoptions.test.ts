/** A command that moves an alias answers when what it was to bring about is seen. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { adoptersText, adoptionsOf, awaitAdoption, refuseBehind } from "../../../src/app/adoptions.ts";
import { followPromotion } from "../../../src/app/promote-version.ts";
import { openMemoryBroker } from "../../../src/app/wire.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import {
  type Adoption,
  type ArtefactStore,
  adoptionKey,
  adoptionSchema,
  encodeAdoption,
} from "../../../src/model/index.ts";
import type { Broker, Membership } from "../../../src/runtime/index.ts";
import { MemoryRegistry } from "../../../src/testing/index.ts";
import type { Plan } from "../../../src/topology/index.ts";
import { within } from "../../support/deadline.ts";

const never = new AbortController().signal;
let broker: Broker;
let registry: MemoryRegistry;
let membership: Membership | undefined;
const epochs = new Map<number, number>();

const stageOf = (name: string, alias = "champion") => ({
  name,
  group: `shop.${name}`,
  from: { clusterName: "features" },
  infer: { model: "fraud", alias },
});
const planOf = (...stages: ReturnType<typeof stageOf>[]) =>
  ({ stages, adoptions: { clusterName: "shop.adoptions" } }) as unknown as Plan;
const plan = planOf(stageOf("score"));

beforeEach(async () => {
  broker = await openMemoryBroker(1024 * 1024, silentLogger);
  registry = new MemoryRegistry();
  await registry.register("shop.adoptions-value", adoptionSchema.json);
  const topic = (name: string, partitions: number) => ({
    topic: name,
    partitions,
    replication: undefined,
    configs: {},
  });
  await broker.admin.createTopics([topic("features", 2), topic("shop.adoptions", 1)], never);
  epochs.clear();
});
afterEach(async () => {
  await membership?.leave();
  membership = undefined;
  await broker.close();
});

/** Somebody who is in the group of a stage and owns its tasks. */
async function join(stage: string): Promise<void> {
  let given: () => void = () => undefined;
  const assigned = new Promise<void>((resolve) => {
    given = resolve;
  });
  membership = await broker.join(
    { group: `shop.${stage}`, topics: ["features"], start: { kind: "earliest" }, logger: silentLogger },
    {
      assigned: (tasks) => {
        for (const { task, epoch } of tasks) epochs.set(task, epoch);
        if (epochs.size === 2) given();
      },
      revoking: async () => undefined,
      lost: () => undefined,
      batch: async () => undefined,
      failed: () => undefined,
    },
  );
  await within(5_000, "the tasks", assigned);
}

async function commit(partition: number, offset: number): Promise<void> {
  const handle = await membership!.openTask(partition, epochs.get(partition)!, never);
  await handle.commit(new Map([[`features-${partition}`, offset]]));
  await handle.close();
}

async function adopt(partition: number, version: number, fromOffset: number, more: Partial<Adoption> = {}) {
  const place = { stage: "score", topic: "features", partition, model: "fraud", alias: "champion", ...more };
  const adoption = { share: 1, salt: "", atMs: 7, incident: null, ...place, version, fromOffset };
  const [key, value] = [Buffer.from(adoptionKey(adoption)), encodeAdoption(adoption, 1)];
  await broker.append([{ topic: "shop.adoptions", partition: 0, timestampMs: 0, key, value }], never);
}

/** A clock by which each asking is preceded by the next act, and asking takes as long as it says. */
function clockOf(...acts: (() => Promise<void>)[]) {
  let nowMs = 0;
  return {
    slept: 0,
    monotonicMs: () => nowMs,
    async sleep(ms: number) {
      nowMs += ms;
      this.slept++;
      await acts.shift()?.();
    },
  };
}
const wait = (version: number, clock: ReturnType<typeof clockOf>, on = plan) =>
  awaitAdoption("fraud", version, { plan: on, reach: { broker, registry } }, never, clock);

test("it waits until the last of the tasks that live has adopted the version, and says where each is", async () => {
  await join("score");
  for (const partition of [0, 1]) {
    await adopt(partition, 1, 0);
    await commit(partition, 10);
  }
  const clock = clockOf(
    () => adopt(0, 2, 10),
    () => adopt(1, 2, 10),
  );
  const found = await wait(2, clock);
  expect(clock.slept).toBe(2);
  expect(found).toMatchObject({ adopted: [{ partition: 0 }, { partition: 1 }], behind: [], idle: [] });
  expect(adoptersText(found)).toBe(
    "adopted by score features-0, at offset 10\nadopted by score features-1, at offset 10\n",
  );
  expect(() => refuseBehind("fraud", 2, found)).not.toThrow();
});

test("after ten seconds it names the task that has not adopted, with the version that it has, and ends with 75", async () => {
  await join("score");
  await adopt(0, 2, 4);
  for (const partition of [0, 1]) await commit(partition, 4);
  const clock = clockOf();
  const found = await wait(2, clock);
  expect(clock.monotonicMs()).toBe(10_000);
  expect(found).toMatchObject({ adopted: [{ partition: 0 }], behind: [{ partition: 1, version: undefined }] });
  await adopt(1, 1, 2);
  expect(() => refuseBehind("fraud", 2, found)).toThrow(
    expect.objectContaining({
      exitCode: 75,
      message:
        "version 2 of fraud is champion, and 10 s later not adopted by score features-1 (no version yet, at offset 4)",
    }),
  );
  const later = await wait(2, clockOf());
  expect(() => refuseBehind("fraud", 2, later)).toThrow("score features-1 (version 1, at offset 4)");
});

test("a promotion that a task has not adopted in time is done all the same, and ends with 75", async () => {
  await join("score");
  for (const partition of [0, 1]) {
    await adopt(partition, partition + 1, 4);
    await commit(partition, 4);
  }
  let said = "";
  const outcome = { model: "fraud", version: 2, replaced: 1, offset: 3 };
  const reach = { broker, registry, artefacts: {} as ArtefactStore };
  const clock = { ...clockOf(), now: () => 0 };
  const following = followPromotion(outcome, { plan, reach }, (text) => (said += text), never, clock);
  await expect(following).rejects.toMatchObject({ exitCode: 75, message: expect.stringContaining("features-0") });
  expect(said).toBe("adopted by score features-1, at offset 4\n");
});

test("a task whose offsets were set back has not adopted what it adopted behind them", async () => {
  await join("score");
  for (const partition of [0, 1]) {
    await adopt(partition, 1, 0);
    await adopt(partition, 2, 8);
    await commit(partition, partition === 0 ? 8 : 7);
  }
  expect(await wait(2, clockOf())).toMatchObject({
    adopted: [{ partition: 0, position: 8, version: 2 }],
    behind: [{ partition: 1, position: 7, version: 1 }],
  });
});

test("a stage that does not run holds nobody up, and is said to adopt when it starts", async () => {
  await adopt(0, 1, 0);
  const clock = clockOf();
  const found = await wait(2, clock);
  expect([clock.slept, found]).toEqual([0, { adopted: [], behind: [], idle: ["score"] }]);
  expect(adoptersText(found)).toBe("stage score does not run: it adopts when it starts\n");
});

test("a hint names the stages that do not run where another is late", async () => {
  await join("score");
  for (const partition of [0, 1]) await commit(partition, 0);
  const found = await wait(1, clockOf(), planOf(stageOf("score"), stageOf("again")));
  expect(() => refuseBehind("fraud", 1, found)).toThrow(
    expect.objectContaining({ hint: expect.stringContaining("; stage again does not run: it adopts when it starts") }),
  );
});

test("stages of other models and by other aliases are not waited for, nor is their adoption taken for one", async () => {
  await join("score");
  for (const partition of [0, 1]) {
    await commit(partition, 0);
    await adopt(partition, 2, 0, { alias: "challenger" });
    await adopt(partition, 2, 0, { stage: "other" });
  }
  const other = { ...stageOf("score"), infer: { model: "churn", alias: "champion" } };
  expect(await wait(2, clockOf(), planOf(stageOf("score", "challenger"), other))).toEqual({
    adopted: [],
    behind: [],
    idle: [],
  });
  expect((await wait(2, clockOf())).behind).toHaveLength(2);
});

test("nothing is waited for where no topic of adoptions is there yet", async () => {
  await join("score");
  await broker.admin.deleteTopics(["shop.adoptions"], never);
  expect(await wait(2, clockOf())).toEqual({ adopted: [], behind: [], idle: [] });
  const on = { plan: { ...plan, adoptions: undefined }, reach: { broker, registry } };
  expect(await adoptionsOf("fraud", 2, on, never)).toEqual([]);
});

test("what was adopted of a version is told in its order, and of no other version or model", async () => {
  await adopt(1, 2, 4);
  await adopt(0, 1, 0);
  await adopt(0, 2, 9, { incident: "shop/7" });
  await adopt(0, 2, 1, { model: "churn" });
  expect(await adoptionsOf("fraud", 2, { plan, reach: { broker, registry } }, never)).toMatchObject([
    { partition: 1, fromOffset: 4, incident: null },
    { partition: 0, fromOffset: 9, incident: "shop/7" },
  ]);
});
