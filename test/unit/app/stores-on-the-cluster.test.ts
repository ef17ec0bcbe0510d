import { afterEach, beforeEach, expect, test } from "vitest";
import { applyChanges, checkStart, compareWithCluster } from "../../../src/app/apply-plan.ts";
import { HeldStoreReader } from "../../../src/app/held-stores.ts";
import { openMemoryBroker } from "../../../src/app/wire.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { writeAlias } from "../../../src/runtime/control/aliases.ts";
import { readControl, writeControl } from "../../../src/runtime/control/control-topic.ts";
import type { Broker } from "../../../src/runtime/index.ts";
import { MemoryRegistry } from "../../../src/testing/index.ts";
import { type Changes, onHeldStores, type Plan } from "../../../src/topology/index.ts";
import { RecordingSink } from "../../support/recording-sink.ts";
import { replaced, smallSchemas, smallText, soundPlan } from "../topology/fixture.ts";

const never = new AbortController().signal;
const changelog = "small.features.rolling.changelog";
const key = "features/rolling";

let broker: Broker;
let registry: MemoryRegistry;

beforeEach(async () => {
  broker = await openMemoryBroker(1_000_000, silentLogger);
  registry = new MemoryRegistry();
  const inbox = { topic: "inbox", partitions: 2, replication: undefined, configs: {} };
  await broker.admin.createTopics([inbox], never);
});
afterEach(() => broker.close());

/** The small chain with another rolling step, or another line of the stage `features`. */
function planWith(step: string, stage = "late: { within: 2h }"): Plan {
  const line = /rolling: \{ by.*$/m.exec(smallText)?.[0] ?? "";
  const text = replaced(replaced(smallText, line, step), "late: { within: 2h }", stage);
  return soundPlan(text.replace("except: [payment_id, customer_id, paid_at]", "only: [amount]"), {
    schemas: smallSchemas,
  });
}
const plain =
  "rolling: { by: customer_id, over: [1h, 1d], features: { n: { is: count(), default: 0 }, mean: mean(amount) } }";

const compare = (plan: Plan, ...reset: string[]): Promise<Changes> =>
  compareWithCluster(plan, broker, registry, never, new Set(reset));

async function apply(plan: Plan, ...reset: string[]): Promise<readonly string[]> {
  const changes = await compare(plan, ...reset);
  await applyChanges(changes, broker, registry, never);
  return changes.lines.filter((line) => /store|changelog/.test(line));
}

const allHeld = async (): Promise<HeldStoreReader["stores"]> => {
  const reader = new HeldStoreReader();
  await readControl(broker, "small.control", (record) => reader.take(record), never);
  return reader.stores;
};
const held = async () => (await allHeld()).get(key);
const start = async (plan: Plan): Promise<void> => checkStart("small", await compare(plan));

/** Something in the changelog, as a task would write it. */
async function fill(): Promise<void> {
  const record = { topic: changelog, partition: 0, timestampMs: 0, key: Buffer.from("k"), value: Buffer.from("v") };
  await broker.append([record], never);
}
async function filled(): Promise<number> {
  const marks = await broker.admin.watermarks(changelog, never);
  return marks.reduce((sum, { low, end }) => sum + end - low, 0);
}

test("apply describes each store beside its changelog, with the id of an input that it has just made; again it has nothing to do", async () => {
  const plan = planWith(plain);
  await expect(start(plan)).rejects.toThrow(
    `store ${key} is not on the cluster as the plan has it; run millrace apply`,
  );
  expect(await apply(plan)).toEqual([
    `+ topic ${changelog}: 2 partitions, cleanup.policy compact`,
    `+ store ${key}: rolling by customer_id of amount, held for 1d`,
  ]);
  const [raw] = (await broker.admin.describe(["raw"], never)).topics;
  expect(raw?.id).toBeDefined();
  expect(await held()).toMatchObject({
    columns: ["amount"],
    windowsMs: [3_600_000, 86_400_000],
    inputTopicId: raw?.id,
  });
  expect((await compare(plan)).lines).toEqual([]);
  await start(plan);
});

test("a store that goes on with less waits for apply, and is made in the form in which it is held", async () => {
  await apply(planWith(plain));
  const less = planWith("rolling: { by: customer_id, over: [1h], features: { n: { is: count(), default: 0 } } }");
  await expect(start(less)).rejects.toMatchObject({ code: "MR_STATE_CHANGED" });
  expect(await apply(less)).toEqual([`+ store ${key}: goes on as rolling by customer_id, held for 1d`]);
  await start(less);
  expect(await held()).toMatchObject({ columns: [null], windowsMs: [3_600_000], longestMs: 86_400_000 });
  const memory = onHeldStores(less, (await compare(less)).stores.held).stages[1]!.memories[0]!.create();
  memory.texts[0] = "c";
  memory.numbers.set([5, 1]);
  memory.update({ offset: 0, streamTimeMs: 5, processingTimeMs: 0, out: null });
  // A time, and the column that is null now.
  expect(memory.store.byteCount).toBe(16);
});

test("a store that is of no use stands in the way of apply and run, with the reason and both ways out", async () => {
  await apply(planWith(plain));
  await fill();
  const more = planWith(
    "rolling: { by: customer_id, over: [7d], features: { n: { is: count(), default: 0 }, mean: mean(amount) } }",
  );
  const line = `! what store ${key} holds is of no use to the plan: it holds rows for 1d, and the longest window is 7d; it reaches 26h behind stream time, and the plan needs 170h; change the step back, give it another store:, or drop what is held: apply --reset-state ${key}`;
  expect((await compare(more)).lines).toContain(line);
  await expect(start(more)).rejects.toMatchObject({ code: "MR_STATE_CHANGED" });
  await expect(apply(more)).rejects.toMatchObject({ code: "MR_STATE_CHANGED" });
  expect(await filled()).toBe(1);
});

test("a reset makes the changelog anew and describes the store as the plan has it; shown alone it changes nothing", async () => {
  await apply(planWith(plain));
  await fill();
  const more = planWith("rolling: { by: customer_id, over: [7d], features: { n: { is: count(), default: 0 } } }");
  const lines = [
    `- topic ${changelog}: what it holds is dropped`,
    `+ topic ${changelog}: 2 partitions, cleanup.policy compact`,
    `+ store ${key}: rolling by customer_id, held for 7d`,
  ];
  expect((await compare(more, key)).lines.filter((line) => !line.includes("schema"))).toEqual(lines);
  expect(await filled()).toBe(1);
  expect(await apply(more, key)).toEqual(lines);
  expect(await filled()).toBe(0);
  expect(await held()).toMatchObject({ windowsMs: [604_800_000], columns: [] });
  await start(more);
});

test("a store whose stage has workers is not emptied, and it is said which; once they have left it is", async () => {
  const plan = planWith(plain);
  await apply(plan);
  await fill();
  const group = plan.stages.find(({ name }) => name === "features")!.group;
  const spec = {
    group,
    topics: ["raw"],
    start: { kind: "earliest" },
    instanceId: "w-1",
    logger: silentLogger,
  } as const;
  const membership = await broker.join(spec, new RecordingSink({ deadlineMs: 1_000 }));
  const line = `! store ${key} is in use: group ${group} has 1 member, w-1; end the workers of the stage; one that has ended without leaving is a member until its session is over`;
  expect((await compare(plan, key)).lines).toEqual([line]);
  await expect(apply(plan, key)).rejects.toMatchObject({ code: "MR_STATE_IN_USE" });
  expect(await filled()).toBe(1);
  // Nothing else is refused to a stage that runs.
  expect((await compare(plan)).lines).toEqual([]);
  await membership.leave();
  await apply(plan, key);
  expect(await filled()).toBe(0);
});

test("a reset of a store whose changelog is not there yet is a first apply", async () => {
  expect(await apply(planWith(plain), key)).toEqual([
    `+ topic ${changelog}: 2 partitions, cleanup.policy compact`,
    `+ store ${key}: rolling by customer_id of amount, held for 1d`,
  ]);
});

// A changelog that was not written for a while would be taken up as if nothing were missing.
test.each([
  ["volatile", plain, "late: { within: 2h }\n    state: { volatile: true }", "it is volatile from now on"],
  ["taken out", "filter: amount == null || amount >= 0", "", "no step has it any more"],
] as const)(
  "a store that is %s is forgotten, and refused when it comes back to a changelog that holds something",
  async (_, step, stage, why) => {
    await apply(planWith(plain));
    await fill();
    const without = planWith(step, stage);
    await expect(start(without)).rejects.toMatchObject({ code: "MR_STATE_CHANGED" });
    expect(await apply(without)).toEqual([`- store ${key}: ${why}, and what was written down of it is forgotten`]);
    await start(without);
    expect(await held()).toBeUndefined();
    await expect(start(planWith(plain))).rejects.toThrow(`nothing says what topic ${changelog} holds`);
    await apply(planWith(plain), key);
    await start(planWith(plain));
    expect(await filled()).toBe(0);
  },
);

test("an input that was deleted and made anew makes another store of it", async () => {
  const plan = planWith(plain);
  await apply(plan);
  await broker.admin.deleteTopics(["raw"], never);
  await expect(apply(plan)).rejects.toThrow("it was deleted and made anew");
  await apply(plan, key);
  await start(plan);
});

test("a changelog grows with its input", async () => {
  const direct = soundPlan(
    `apiVersion: millrace/v1
kind: Topology
name: small
delivery: exactly-once
topics:
  inbox: { format: json, external: true }
  raw: { schema: payment, key: customer_id, time: paid_at, partitions: 2 }
stages:
  - name: features
    from: inbox
    to: raw
    steps:
      - dedupe: { store: rolling, by: payment_id, within: 1d }
`,
    { schemas: smallSchemas },
  );
  await apply(direct);
  await broker.admin.growTopic("inbox", 5, never);
  await expect(start(direct)).rejects.toThrow(`topic ${changelog} has fewer than 5 partitions; run millrace apply`);
  expect(await apply(direct)).toEqual([`+ topic ${changelog}: 5 partitions, has 2`]);
  await start(direct);
  expect(await broker.admin.watermarks(changelog, never)).toHaveLength(5);
});

test("stages that run alone are held to their own stores", async () => {
  const plan = planWith(plain);
  await apply(plan);
  const alone = { ...plan, stages: plan.stages.slice(0, 1) };
  expect((await compare(alone)).lines).toEqual([]);
});

test("a record of the control topic that describes no store, or another one than its key says, describes none", async () => {
  await apply(planWith(plain));
  const described = await held();
  expect(described).toBeDefined();
  const write = (name: string, value: string | null): Promise<void> =>
    writeControl(broker, "small.control", [{ key: `store/${name}`, value }], 0, never);
  await write("clean/other", JSON.stringify(described));
  await write("clean/empty", "{}");
  await write("clean/gone", null);
  expect([...(await allHeld()).keys()]).toEqual([key]);
  await write(key, "damaged");
  expect(await held()).toBeUndefined();
});

test("a comparison reads the control topic once, for stores and aliases together", async () => {
  const plan = planWith(plain);
  await apply(plan);
  await writeAlias(broker, "small.control", { model: "fraud", alias: "champion", version: 1 }, 0, never);
  const read: string[] = [];
  const counting: Broker = {
    ...broker,
    read: (range, signal) => {
      read.push(range.topic);
      return broker.read(range, signal);
    },
  };
  const changes = await compareWithCluster(plan, counting, registry, never);
  expect(read).toEqual(["small.control"]);
  // Both are known: nothing is to be described, and no model is missing.
  expect([changes.lines, changes.warnings]).toEqual([[], []]);
});
