import { expect, test } from "vitest";
import { codeOf, OperationError } from "../../../src/kernel/index.ts";
import type { Broker, GroupSink, GroupSpec, Membership, ModelSource, ServedModel } from "../../../src/runtime/index.ts";
import { deferred } from "../../support/deadline.ts";
import { Cluster } from "./cluster.ts";
import { modelOf, order, orderSchema, predictionSchema, scoreStage, totalSchema, totalsStage } from "./fixture.ts";

/** Totals are the input of the stage that scores, so the writer id of orders names their schema here. */
function scoringCluster(): Cluster {
  const cluster = new Cluster(scoreStage);
  cluster.registry.schemas.set(7, totalSchema);
  return cluster;
}

const totals = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    ...order(`o${i}`, { amount: i / 100, customer: `c${i}` }),
    event_id: `inbox-0-${i}`,
    orders: 1,
  }));

test("a stage whose alias does not exist yet joins, stays paused, counts as ready and starts by itself", async () => {
  const cluster = scoringCluster();
  await cluster.send(totals(20), totalSchema);
  const trained = deferred<ServedModel>();
  const models: ModelSource = {
    load: (_model, _alias, _signal, listener) => {
      listener?.onWaiting?.();
      return trained.promise;
    },
  };
  const runner = await cluster.run({}, models);
  for (let turn = 0; turn < 20; turn++) await cluster.turn();
  expect([runner.status, runner.isReady, runner.tasks, runner.counts().in]).toEqual(["waiting", true, [0, 1], 0]);
  expect(runner.caughtUp(new Map([[0, 10]]))).toBe(false);
  expect(cluster.messages("info").filter((message) => message.startsWith("waiting"))).toEqual([
    "waiting for model fraud: run millrace train",
  ]);
  trained.resolve(modelOf((amount) => amount));
  await cluster.catchUp();
  expect([runner.status, (await cluster.outputs(predictionSchema)).size]).toEqual(["running", 20]);
  await cluster.close();
});

test("a task that is lost while the stage waits for its model is not opened when that comes", async () => {
  const cluster = scoringCluster();
  await cluster.send(totals(20), totalSchema);
  const trained = deferred<ServedModel>();
  const runner = await cluster.run({}, { load: () => trained.promise });
  await cluster.until(() => runner.tasks.length === 2);
  runner.lost([1]);
  expect(runner.tasks).toEqual([0]);
  trained.resolve(modelOf((amount) => amount));
  await cluster.until(() => runner.status === "running");
  for (let turn = 0; turn < 20; turn++) await cluster.turn();
  expect(runner.tasks).toEqual([0]);
  await cluster.close();
});

test("R6: every prediction of a run has one model version: it is asked for once, whatever the alias says later", async () => {
  const cluster = scoringCluster();
  const versions = [modelOf((amount) => amount), modelOf(() => 1, 4)];
  const load = async (): Promise<ServedModel> => versions.shift() ?? modelOf(() => 0, 5);
  const runner = await cluster.run({}, { load });
  await cluster.send(totals(5), totalSchema);
  await cluster.catchUp();
  // Its tasks come back, as after a rebalance.
  const { tasks } = runner;
  runner.lost(tasks);
  runner.assigned(tasks.map((task) => ({ task, epoch: 1 })));
  await cluster.send(totals(12).slice(5), totalSchema);
  await cluster.catchUp();
  const texts = [...(await cluster.outputs(predictionSchema)).values()].flatMap((set) => [...set]);
  expect(texts).toHaveLength(12);
  expect(texts.every((text) => text.includes('"model_version":3'))).toBe(true);
  expect(versions).toHaveLength(1);
  await cluster.close();
});

test("a model that was trained on other inputs halts the stage and no other", async () => {
  const cluster = scoringCluster();
  const model = modelOf(() => 0);
  const other: ServedModel = { ...model, scorer: { ...model.scorer, signature: { task: "binary", inputs: [] } } };
  const runner = await cluster.run({}, { load: async () => other });
  await cluster.until(() => runner.status === "halted");
  expect(runner.haltReason?.message).toContain("it was trained on");
  await cluster.close();
});

// The worker ended with 70: the start that the halt cut short rejected with "stage score stops".
test("a stage that is halted while it still starts, by its model, leaves the others running", async () => {
  const cluster = scoringCluster();
  const refused = new OperationError("MR_MODEL", "opening model fraud/1: the models directory has no such version");
  const load = (): Promise<never> => Promise.reject(refused);
  // A join that waits for a cluster, as long as it is let.
  const join = (_spec: unknown, _sink: GroupSink, signal?: AbortSignal): Promise<never> =>
    new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  const runner = await cluster.run({ broker: { ...cluster.broker, join } }, { load });
  expect([runner.status, runner.haltReason]).toEqual(["halted", refused]);
  await cluster.close();
});

test("a topic that does not exist refuses the start and names the command", async () => {
  const cluster = new Cluster({ ...totalsStage, to: { ...totalsStage.to, clusterName: "elsewhere" } });
  await cluster.broker.admin.deleteTopics(["shop.dead-letters"], new AbortController().signal);
  await expect(cluster.run()).rejects.toThrow(
    "starting stage totals: topic shop.dead-letters does not exist; run millrace apply",
  );
  await cluster.close();
});

test("a subject that is missing, or holds another schema than the plan, refuses the start", async () => {
  const cluster = new Cluster(totalsStage);
  cluster.registry.latestBySubject.clear();
  await expect(cluster.run()).rejects.toThrow("subject totals-value is not registered; run millrace apply");
  cluster.registry.latestBySubject.set("totals-value", 7);
  await expect(cluster.run()).rejects.toThrow(
    "the plan's schema is no version of totals-value, and differs from the newest, 1; run millrace apply",
  );
  await cluster.close();
});

// `run` refused for ever and asked for an apply that had nothing to do.
test("a schema that went back to an older version runs, and is written under that version's id", async () => {
  const cluster = new Cluster(totalsStage);
  const { registry } = cluster;
  registry.schemas.set(11, orderSchema);
  registry.latestBySubject.set("totals-value", 11);
  registry.olderBySubject.set("totals-value", [9]);
  await cluster.send([order("a")]);
  await cluster.run();
  await cluster.catchUp();
  const [record] = await cluster.records("totals");
  expect(record?.value?.readUInt32BE(1)).toBe(9);
  await cluster.close();
});

test("a registry that is down when a stage starts is waited for", async () => {
  const cluster = new Cluster(totalsStage);
  cluster.registry.outage = new OperationError("MR_REGISTRY", "connection refused", { disposition: "retry" });
  const starting = cluster.run();
  await cluster.until(() => cluster.registry.asked > 3);
  cluster.registry.outage = undefined;
  expect((await starting).status).toBe("running");
  expect(cluster.messages("warn")[0]).toBe("The schema registry does not answer; waiting for it.");
  await cluster.close();
});

// It was said once: a log that had been silent for an hour did not show what the stage waited for.
test("a registry that stays down is said again every 30 s, with how long it has been waited for", async () => {
  const cluster = new Cluster(totalsStage);
  cluster.registry.outage = new OperationError("MR_REGISTRY", "connection refused", { disposition: "retry" });
  const began = cluster.clock.nowMs;
  const starting = cluster.run();
  await cluster.until(() => cluster.clock.nowMs - began > 100_000);
  cluster.registry.outage = undefined;
  await starting;
  const said = cluster.logged.filter(({ message }) => message.startsWith("The schema registry does not answer"));
  // Pauses double from 0.1 s to 5 s, so that each comes up to 5 s after its time.
  const waited = said.map(({ fields }) => fields["waitedSeconds"] as number);
  expect(waited).toHaveLength(4);
  expect(waited[0]).toBe(0);
  for (const [i, seconds] of waited.entries()) expect(seconds).toBeGreaterThanOrEqual(30 * i);
  expect(waited.at(-1)).toBeLessThan(110);
  expect(said.every(({ fields }) => fields["code"] === "MR_REGISTRY")).toBe(true);
  await cluster.close();
});

// `apply` never makes an external topic: the advice led nowhere.
test("an external topic that is missing is its owner's to create, and nobody is sent to apply", async () => {
  const external = { ...totalsStage, from: { ...totalsStage.from, clusterName: "orders.inbox", external: true } };
  for (const [stage, cure] of [
    [external, "it is external: whoever owns it has to create it"],
    [{ ...external, from: { ...external.from, external: false } }, "run millrace apply"],
  ] as const) {
    const cluster = new Cluster(stage);
    await cluster.broker.admin.deleteTopics(["orders.inbox"], new AbortController().signal);
    await expect(cluster.run()).rejects.toThrow(`topic orders.inbox does not exist; ${cure}`);
    await cluster.close();
  }
});

test("records that one topic could not take refuse the start instead of failing one by one", async () => {
  // The header of its batch, and the record's own lengths.
  const overheadBytes = 61 + 30;
  for (const [bytes, fits] of [
    [500_000, false],
    [900_000 + overheadBytes - 1, false],
    [900_000 + overheadBytes, true],
  ] as const) {
    const cluster = new Cluster({ ...totalsStage, to: { ...totalsStage.to, clusterName: "small" } });
    const { admin } = cluster.broker;
    const never = new AbortController().signal;
    await admin.deleteTopics(["small"], never);
    await admin.createTopics(
      [{ topic: "small", partitions: 2, replication: undefined, configs: { "max.message.bytes": String(bytes) } }],
      never,
    );
    if (fits) await cluster.run();
    else
      await expect(cluster.run()).rejects.toThrow(
        `limits.recordBytes 900000 does not fit max.message.bytes ${bytes} of small`,
      );
    await cluster.close();
  }
});

test("caught up means that everything before the end is committed, by all tasks of the member", async () => {
  const cluster = new Cluster(totalsStage);
  await cluster.send(Array.from({ length: 40 }, (_, i) => order(`o${i}`, { customer: `c${i}` })));
  const ends = await cluster.broker.admin.watermarks("orders", new AbortController().signal);
  const endOffsets = new Map(ends.map(({ partition, end }) => [partition, end]));
  const runner = await cluster.run();
  expect(runner.caughtUp(endOffsets)).toBe(false);
  await cluster.until(() => runner.caughtUp(endOffsets));
  expect(runner.counts().in).toBe(40);
  expect(runner.caughtUp(new Map([[0, 1_000]]))).toBe(false);
  await cluster.close();
  expect(runner.caughtUp(endOffsets)).toBe(false);
});

test("a drain of a stage that waits for its model ends at once", async () => {
  const cluster = scoringCluster();
  const runner = await cluster.run(
    {},
    {
      load: (_model, _alias, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    },
  );
  await runner.drain();
  expect([runner.status, runner.haltReason]).toEqual(["stopped", undefined]);
  await cluster.close();
});

// After a crash, the group gives nothing to the member that restarts until the dead one's session is over.
test("a member is not ready before its group has said what it has, however long that takes; with nothing it is", async () => {
  const cluster = new Cluster(totalsStage);
  const joined = deferred<GroupSink>();
  const unused = (): Promise<never> => Promise.reject(new Error("nothing is owned"));
  const ill = { topic: "orders", partition: 1, access: "read", node: 2, reason: "kafkaStorageError" } as const;
  const membership: Membership = {
    troubled: [{ ...ill, forMs: 10_000 }],
    openTask: unused,
    start: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
    leave: async () => undefined,
  };
  const join = async (_spec: unknown, sink: GroupSink): Promise<Membership> => {
    joined.resolve(sink);
    return membership;
  };
  const runner = await cluster.run({ broker: { ...cluster.broker, join } });
  for (let turn = 0; turn < 2_000; turn++) await cluster.turn();
  expect([runner.status, runner.isReady, runner.caughtUp(new Map())]).toEqual(["running", false, false]);
  (await joined.promise).assigned([]);
  expect([runner.isReady, runner.caughtUp(new Map([[0, 10]]))]).toEqual([true, true]);
  // What its member cannot read or write is for whoever asks the stage how it is.
  expect(runner.troubles).toEqual([
    { what: "partition orders-1", reason: "it cannot be read for 10 s: kafkaStorageError" },
  ]);
  await cluster.close();
});

// R3: two pumps of one partition, of which the first would never have been closed.
test("a task that is assigned again, without having been lost, is closed before it is opened anew", async () => {
  const cluster = new Cluster(totalsStage);
  const calls: string[] = [];
  const membership: Membership = {
    troubled: [],
    openTask: async (_task, epoch) => {
      calls.push(`open ${epoch}`);
      return {
        offsetsNext: new Map([["orders-0", 0]]),
        notes: new Map(),
        write: async () => undefined,
        flush: async () => undefined,
        commit: async () => undefined,
        close: async () => void calls.push(`close ${epoch}`),
      };
    },
    start: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
    leave: async () => undefined,
  };
  const runner = await cluster.run({ broker: { ...cluster.broker, join: async () => membership } });
  runner.assigned([{ task: 0, epoch: 1 }]);
  await cluster.until(() => runner.isReady);
  runner.assigned([{ task: 0, epoch: 2 }]);
  await cluster.until(() => calls.includes("open 2") && runner.isReady);
  expect(calls).toEqual(["open 1", "close 1", "open 2"]);
  await cluster.close();
  expect(calls.at(-1)).toBe("close 2");
});

test("partitions that the input gains are computed, and a stage with stores is warned once, with the names of the stores", async () => {
  const cluster = new Cluster(totalsStage);
  await cluster.run();
  await cluster.send([order("o1", { customer: "c1" })]);
  await cluster.catchUp();
  await cluster.broker.admin.growTopic("orders", 4, new AbortController().signal);
  await cluster.send(Array.from({ length: 20 }, (_, i) => order(`p${i}`, { customer: `c${i}` })));
  await cluster.catchUp();
  expect((await cluster.outputs()).size).toBe(21);
  // Longer than between two counts of the partitions.
  for (let turn = 0; turn < 5_000; turn++) await cluster.turn();
  const warned = cluster.logged.filter(({ fields }) => fields["code"] === "MR_KEY");
  expect(warned.map(({ level, fields }) => [level, fields])).toEqual([
    ["warn", { stage: "totals", topic: "orders", from: 2, to: 4, code: "MR_KEY", stores: ["seen", "count"] }],
  ]);
  await cluster.close();
});

test("an output that gains partitions is warned of, once, and written as before until the stage starts again", async () => {
  const cluster = new Cluster(totalsStage);
  await cluster.run();
  await cluster.broker.admin.growTopic("totals", 5, new AbortController().signal);
  for (let turn = 0; turn < 5_000; turn++) await cluster.turn();
  await cluster.send(Array.from({ length: 30 }, (_, i) => order(`p${i}`, { customer: `c${i}` })));
  await cluster.catchUp();
  const warned = cluster.logged.filter(({ fields }) => fields["code"] === "MR_KEY");
  expect(warned.map(({ level, fields }) => [level, fields])).toEqual([
    ["warn", { stage: "totals", topic: "totals", from: 2, to: 5, code: "MR_KEY" }],
  ]);
  expect([...(await cluster.values("totals")).keys()]).toEqual([0, 1]);
  await cluster.close();
});

test.for(["orders", "totals"])(
  "a stage whose topic %s is gone is halted and names it, and goes on by itself when somebody has made it anew",
  async (topic) => {
    const { signal } = new AbortController();
    // From the first record of an input that was made anew, wherever it begins with others.
    const cluster = new Cluster({ ...totalsStage, onLogChange: "restart", start: { kind: "latest" } });
    const runner = await cluster.run();
    await cluster.until(() => runner.isReady);
    const { admin } = cluster.broker;
    await admin.deleteTopics([topic], signal);
    if (topic === "totals") await cluster.send([order("o1")]);
    await cluster.until(() => runner.status === "halted");
    expect([codeOf(runner.haltReason), runner.awaitsTopic]).toEqual(["MR_TOPIC_MISSING", true]);
    expect(runner.haltReason?.message).toContain(topic);
    for (let turn = 0; turn < 50; turn++) await cluster.turn();
    expect(runner.status).toBe("halted");
    await admin.createTopics([{ topic, partitions: 2, replication: undefined, configs: {} }], signal);
    if (topic === "orders") await cluster.send([order("o1")]);
    await cluster.until(() => runner.isReady);
    expect([runner.awaitsTopic, runner.haltReason]).toEqual([false, undefined]);
    await cluster.catchUp();
    expect((await cluster.outputs()).size).toBe(1);
    await cluster.close();
    expect(runner.status).toBe("stopped");
  },
);

test("a stage whose input was made anew is halted with the command to go on, where it is not told otherwise", async () => {
  const { signal } = new AbortController();
  const cluster = new Cluster(totalsStage);
  const runner = await cluster.run();
  const { admin } = cluster.broker;
  await admin.deleteTopics(["orders"], signal);
  await cluster.until(() => runner.awaitsTopic);
  await cluster.turn();
  await admin.createTopics([{ topic: "orders", partitions: 2, replication: undefined, configs: {} }], signal);
  await cluster.until(() => !runner.awaitsTopic);
  expect([runner.status, codeOf(runner.haltReason)]).toEqual(["halted", "MR_LOG_CHANGED"]);
  expect(runner.haltReason?.message).toMatch(/--topic orders --reset-offsets --to-earliest --execute$/);
  await cluster.close();
});

test("a stage that waits for its topic does not go on after a drain, and one halted for another reason never does", async () => {
  const { signal } = new AbortController();
  const cluster = new Cluster(totalsStage);
  const runner = await cluster.run();
  await cluster.broker.admin.deleteTopics(["orders"], signal);
  await cluster.until(() => runner.awaitsTopic);
  await runner.drain();
  await cluster.broker.admin.createTopics(
    [{ topic: "orders", partitions: 2, replication: undefined, configs: {} }],
    signal,
  );
  for (let turn = 0; turn < 50; turn++) await cluster.turn();
  expect(runner.status).toBe("halted");
  const other = await cluster.run();
  other.failed(new OperationError("MR_LOG_CHANGED", "the log of orders-0 was cut back"));
  for (let turn = 0; turn < 50; turn++) await cluster.turn();
  expect([other.status, other.awaitsTopic]).toEqual(["halted", false]);
  await cluster.close();
});

test("the group is told what follows a log that changed while it is read", async () => {
  const cluster = new Cluster({ ...totalsStage, onLogChange: "restart" });
  const joined: GroupSpec[] = [];
  const broker: Broker = {
    ...cluster.broker,
    join: (spec, sink, signal) => {
      joined.push(spec);
      return cluster.broker.join(spec, sink, signal);
    },
  };
  await cluster.run({ broker });
  expect(joined.map(({ onLogChange }) => onLogChange)).toEqual(["restart"]);
  await cluster.close();
});
