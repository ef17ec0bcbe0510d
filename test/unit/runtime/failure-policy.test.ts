/** What becomes of a record that fails, by the place where it does and by what the stage says of it. */
import { afterEach, expect, test } from "vitest";
import { codeOf, type ProblemFields, RecordError } from "../../../src/kernel/index.ts";
import { FailurePolicy, RecordHeldUpError } from "../../../src/runtime/failure-policy.ts";
import { RecordRefusedError, readinessOf, type StageRunner } from "../../../src/runtime/index.ts";
import type { Row } from "../../../src/schema/index.ts";
import { errorPoliciesDefault, type PlannedStage } from "../../../src/topology/index.ts";
import type { FaultPlan } from "../../fakes/faulty-broker.ts";
import { Cluster } from "./cluster.ts";
import {
  batchOf,
  headersOf,
  modelOf,
  order,
  planOf,
  predictionSchema,
  scoreStage,
  totalSchema,
  totalsStage,
} from "./fixture.ts";

let open: Cluster[] = [];
afterEach(async () => {
  await Promise.all(open.map((cluster) => cluster.close()));
  open = [];
});

function clusterOf(errors: Partial<PlannedStage["errors"]>, plan: FaultPlan = {}, stage = totalsStage): Cluster {
  const cluster = new Cluster({ ...stage, errors: { ...errorPoliciesDefault, ...errors } }, plan);
  open.push(cluster);
  return cluster;
}

/** One customer, and so one partition; those at `bad` have no amount, which a step requires. */
const orders = (count: number, bad: readonly number[] = []): Row[] =>
  Array.from({ length: count }, (_, i) => ({
    ...order(`o${i}`, { customer: "c1", amount: bad.includes(i) ? null : i }),
    event_id: `inbox-0-${i}`,
  }));

/** The partition of those orders. */
const partition = 1;

const ids = (count: number, except: readonly number[] = []): string[] =>
  Array.from({ length: count }, (_, i) => `inbox-0-${i}`).filter((_, i) => !except.includes(i));

async function halted(cluster: Cluster, runner: StageRunner): Promise<void> {
  await cluster.until(() => runner.status === "halted");
}

const command = (offset: number): string =>
  `kafka-consumer-groups --bootstrap-server ... --group shop.totals --topic orders:${partition} --reset-offsets --to-offset ${offset} --execute`;

test("without a word of it a record that fails is a dead letter, wherever it fails", async () => {
  const cluster = clusterOf({});
  await cluster.send(orders(30, [7, 19]));
  await cluster.sendBytes(partition, [Buffer.from("no Avro")]);
  await cluster.run();
  await cluster.catchUp();
  const letters = await cluster.records("shop.dead-letters");
  expect(letters.map((letter) => headersOf(letter)["millrace.code"])).toEqual([
    "MR_REQUIRED",
    "MR_REQUIRED",
    "MR_DECODE_MAGIC",
  ]);
});

test("process: halt stops at the record, with all before it committed and counted once, and says how to pass over it", async () => {
  const cluster = clusterOf({ process: "halt" });
  await cluster.send(orders(130, [77]));
  const runner = await cluster.run();
  await halted(cluster, runner);
  expect(await cluster.committed(partition)).toBe(77);
  expect([...(await cluster.outputs()).keys()]).toEqual(ids(77));
  // The record has left no trace: a row more than once for the running count of its customer.
  expect([...(await cluster.outputs()).values()].every((texts) => texts.size === 1)).toBe(true);
  expect(await cluster.records("shop.dead-letters")).toEqual([]);
  expect(runner.counts()).toMatchObject({ in: 77, out: 77, deadLetters: {} });
  expect(codeOf(runner.haltReason)).toBe("MR_REQUIRED");
  const reason = runner.haltReason?.message ?? "";
  expect(reason).toContain("stage totals halts at record orders-1 at offset 77, as errors.process says");
  expect(reason).toContain("field amount: missing or null");
  expect(reason).toContain(command(78));
  const [line] = cluster.logged.filter(({ message }) => message === "The stage is halted.");
  expect(line?.fields).toMatchObject({ code: "MR_REQUIRED", reason });
  const checks = readinessOf([runner], {}, cluster.clock);
  expect(checks.find(({ name }) => name === "stage totals")).toMatchObject({
    isWell: false,
    state: `halted: ${reason}`,
  });
});

test("a restart halts at the same record again, and writes nothing in between", async () => {
  const cluster = clusterOf({ process: "halt" });
  await cluster.send(orders(20, [5]));
  await halted(cluster, await cluster.run());
  const before = (await cluster.records("totals")).length;
  for (let again = 0; again < 3; again++) await halted(cluster, await cluster.run());
  expect(await cluster.committed(partition)).toBe(5);
  expect((await cluster.records("totals")).length).toBe(before);
});

test("a halted stage does nothing more: it does not try the record again by itself", async () => {
  const cluster = clusterOf({ process: "halt" });
  await cluster.send(orders(20, [0]));
  const runner = await cluster.run();
  await halted(cluster, runner);
  const lines = cluster.logged.length;
  for (let turn = 0; turn < 200; turn++) await cluster.turn();
  expect(cluster.logged.length).toBe(lines);
  // The first record of all: there was nothing to commit before it.
  expect(await cluster.committed(partition)).toBe(0);
});

test("decode: halt stops at what cannot be read, and leaves what fails in a step to the dead letters", async () => {
  const cluster = clusterOf({ decode: "halt" });
  await cluster.send(orders(10, [3]));
  await cluster.sendBytes(partition, [Buffer.from("no Avro")]);
  const runner = await cluster.run();
  await halted(cluster, runner);
  expect(codeOf(runner.haltReason)).toBe("MR_DECODE_MAGIC");
  expect(runner.haltReason?.message).toContain("as errors.decode says");
  expect(await cluster.committed(partition)).toBe(10);
  expect(runner.counts()).toMatchObject({ in: 10, out: 9, deadLetters: { MR_REQUIRED: 1 } });
});

test("what is late is no failure: process: halt leaves it to the late policy", async () => {
  const cluster = clusterOf({ process: "halt" });
  const rows = orders(3);
  rows[2] = { ...rows[2], paid_at: Number(rows[0]?.["paid_at"]) - 7_200_000 };
  await cluster.send(rows);
  const runner = await cluster.run();
  await cluster.catchUp();
  expect(runner.counts()).toMatchObject({ in: 3, out: 2, late: 1 });
});

test("process: retry tries a record so often, by itself and with growing pauses, before it is a dead letter", async () => {
  const cluster = clusterOf({ process: { retry: 3 } });
  await cluster.send(orders(60, [20, 21, 45]));
  const runner = await cluster.run();
  await cluster.catchUp();
  expect(runner.counts()).toMatchObject({ in: 60, out: 57, deadLetters: { MR_REQUIRED: 3 } });
  const letters = (await cluster.records("shop.dead-letters")).map(headersOf);
  expect(letters.map((headers) => headers["__streams.errors.offset"])).toEqual(["20", "21", "45"]);
  const tries = cluster.logged.filter(({ message }) => message === "The task is opened again.");
  const reasons = tries.map(({ fields }) => String(fields["reason"]));
  for (const offset of [20, 21, 45])
    expect(reasons.filter((reason) => reason.includes(`offset ${offset} fails, and is tried again`))).toEqual(
      [1, 2, 3].map((time) => expect.stringContaining(`(${time} of 3)`)),
    );
  // What came before a record was committed before it was tried, and was written once.
  const outputs = await cluster.records("totals");
  expect(new Set(outputs.map(({ offset }) => offset)).size).toBe(outputs.length);
  expect([...(await cluster.outputs()).keys()]).toEqual(ids(60, [20, 21, 45]));
});

test("a record that no longer fails when it is tried again is worked on, and its retries are forgotten", async () => {
  let isSick = true;
  const scoring = modelOf((amount) => (isSick && amount === 4 ? Number.NaN : 0.5));
  const cluster = clusterOf({ process: { retry: 5 } }, {}, scoreStage);
  const rows = orders(10).map((row) => ({ ...row, orders: 1 }));
  await cluster.send(rows, totalSchema);
  cluster.registry.schemas.set(7, totalSchema);
  const runner = await cluster.run({ plan: planOf([cluster.stage]) }, { load: async () => scoring });
  await cluster.until(() => cluster.logged.some(({ fields }) => String(fields["reason"]).includes("(2 of 5)")));
  isSick = false;
  await cluster.catchUp();
  expect(runner.counts()).toMatchObject({ in: 10, out: 10, deadLetters: {} });
  expect((await cluster.outputs(predictionSchema)).size).toBe(10);
});

test("process: halt holds for what the model cannot score, behind good records of the same piece", async () => {
  const cluster = clusterOf({ process: "halt" }, {}, scoreStage);
  cluster.registry.schemas.set(7, totalSchema);
  await cluster.send(
    orders(10).map((row) => ({ ...row, orders: 1 })),
    totalSchema,
  );
  const scoring = modelOf((amount) => (amount === 4 ? Number.NaN : 0.5));
  const runner = await cluster.run({}, { load: async () => scoring });
  await halted(cluster, runner);
  expect(codeOf(runner.haltReason)).toBe("MR_INFER");
  expect(await cluster.committed(partition)).toBe(4);
  expect((await cluster.outputs(predictionSchema)).size).toBe(4);
});

/** Refuses every output of the order, by its index, and counts how often it was sent. */
function refusing(id: string): { plan: FaultPlan; times: () => number } {
  let times = 0;
  const plan: FaultPlan = {
    onWrite: (_at, outgoing) => {
      const batch = outgoing.find(
        ({ role, bytes }) => role === "output" && bytes.includes(`${id}\b`.slice(0, id.length)),
      );
      const at = batch?.bytes.indexOf(id) ?? -1;
      if (batch === undefined || at === -1) return undefined;
      times++;
      const before = batch.bytes.subarray(0, at).toString("latin1").split("inbox-0-");
      return { kind: "refused", error: new RecordRefusedError(batch, before.length - 1, "invalid record") };
    },
  };
  return { plan, times: () => times };
}

test("produce: halt stops at the record whose output is refused", async () => {
  const { plan } = refusing("inbox-0-33");
  const cluster = clusterOf({ produce: "halt" }, plan);
  await cluster.send(orders(60));
  const runner = await cluster.run();
  await halted(cluster, runner);
  expect(codeOf(runner.haltReason)).toBe("MR_TOO_LARGE");
  expect(runner.haltReason?.message).toContain("as errors.produce says: the broker refused the record");
  expect(await cluster.committed(partition)).toBe(33);
  expect([...(await cluster.outputs()).keys()]).toEqual(ids(33));
});

test("produce: retry writes again so often before the record is a dead letter", async () => {
  const { plan, times } = refusing("inbox-0-33");
  const cluster = clusterOf({ produce: { retry: 4 } }, plan);
  await cluster.send(orders(60));
  const runner = await cluster.run();
  await cluster.catchUp();
  expect(times()).toBe(5);
  expect(runner.counts()).toMatchObject({ in: 60, out: 59, deadLetters: { MR_TOO_LARGE: 1 } });
});

test("a halt under process does not answer a refusal, nor one under produce a step", async () => {
  const { plan } = refusing("inbox-0-3");
  const cluster = clusterOf({ process: "halt" }, plan);
  await cluster.send(orders(10));
  const runner = await cluster.run();
  await cluster.catchUp();
  expect(runner.counts()).toMatchObject({ out: 9, deadLetters: { MR_TOO_LARGE: 1 } });
  const other = clusterOf({ produce: "halt" });
  await other.send(orders(10, [3]));
  const second = await other.run();
  await other.catchUp();
  expect(second.counts()).toMatchObject({ out: 9, deadLetters: { MR_REQUIRED: 1 } });
});

test("the pauses between tries grow, so that what passes has time to", async () => {
  const cluster = clusterOf({ process: { retry: 5 } });
  const tries: number[] = [];
  const warn = (fields: ProblemFields): void => {
    if (String({ ...fields }["reason"]).includes("is tried again")) tries.push(cluster.clock.nowMs);
  };
  await cluster.send(orders(3, [1]));
  await cluster.run({ logger: { ...cluster.logger, warn } });
  await cluster.catchUp();
  const pauses = tries.slice(1).map((at, i) => at - tries[i]!);
  // 100 ms that double, each shortened by up to a half.
  expect(pauses).toHaveLength(4);
  for (const [i, leastMs] of [50, 100, 200, 400].entries()) expect(pauses[i]).toBeGreaterThanOrEqual(leastMs);
});

test("a dead letter that is refused is not written again in the name of an output", async () => {
  let refusals = 0;
  const cluster = clusterOf(
    { produce: { retry: 4 } },
    {
      onWrite: (_at, outgoing) => {
        const letter = outgoing.find(({ role }) => role === "dead-letter");
        if (letter === undefined || refusals > 0) return undefined;
        refusals++;
        return { kind: "refused", error: new RecordRefusedError(letter, 0, "invalid record") };
      },
    },
  );
  await cluster.send(orders(3, [1]));
  await cluster.run();
  await cluster.catchUp();
  const [letter] = await cluster.records("shop.dead-letters");
  // Its value was dropped at once, as always.
  expect(letter?.value).toBeNull();
});

const batch = batchOf([{ value: "a" }, { value: "b" }, { value: "c" }], { partition: 1, offset: 40 });
const policyOf = (errors: Partial<PlannedStage["errors"]>): FailurePolicy =>
  new FailurePolicy({ ...totalsStage, errors: { ...errorPoliciesDefault, ...errors } });
const failure = new RecordError("MR_CAST", "a field");
const heldUp = (policy: FailurePolicy): void =>
  expect(() => policy.judge("process", failure, { batch, index: 1, input: 0, isFirst: false })).toThrow(
    RecordHeldUpError,
  );

test("a record that is held up is a chunk of its own, until it is committed", () => {
  const policy = policyOf({ process: { retry: 1 } });
  expect(policy.endOf(batch, 0, 0, 3, true)).toBe(3);
  heldUp(policy);
  expect(policy.isHeldUp).toBe(true);
  expect(policy.endOf(batch, 0, 0, 3, true)).toBe(1);
  expect(policy.endOf(batch, 0, 1, 3, false)).toBe(1);
  expect(policy.endOf(batch, 0, 1, 3, true)).toBe(2);
  // Another input has nothing to do with it.
  expect(policy.endOf(batch, 1, 0, 3, true)).toBe(3);
  policy.keep([41]);
  expect(policy.isHeldUp).toBe(true);
  policy.keep([42]);
  expect([policy.isHeldUp, policy.endOf(batch, 0, 0, 3, true)]).toEqual([false, 3]);
  heldUp(policy);
  policy.clear();
  expect(policy.isHeldUp).toBe(false);
});

test("each chunk may be written again as often as the stage says, and none without its word", () => {
  const policy = policyOf({ produce: { retry: 2 } });
  expect([policy.rewrites(), policy.rewrites(), policy.rewrites()]).toEqual([true, true, false]);
  policy.keep([7]);
  expect([policy.rewrites(), policy.rewrites(), policy.rewrites()]).toEqual([true, true, false]);
  policy.clear();
  expect(policy.rewrites()).toBe(true);
  expect([policyOf({}).rewrites(), policyOf({ produce: "halt" }).rewrites()]).toEqual([false, false]);
});

test("a damaged batch is passed over whole", () => {
  const damaged = { ...batch, damage: { first: 40, last: 99, reason: "its checksum is wrong" } };
  const at = { batch: damaged as typeof batch, index: 0, input: 0, isFirst: true };
  expect(() => policyOf({ decode: "halt" }).judge("decode", failure, at)).toThrow(command(100));
});
