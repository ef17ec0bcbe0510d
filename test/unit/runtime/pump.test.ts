import { expect, test } from "vitest";
import { codeOf, OperationError } from "../../../src/kernel/index.ts";
import { RecordRefusedError, type StageTask, TaskReopenError } from "../../../src/runtime/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import type { RawBatch } from "../../../src/wire/index.ts";
import { deferred } from "../../support/deadline.ts";
import {
  AutoClock,
  avro,
  batchOf,
  compiled,
  FakeRegistry,
  headersOf,
  modelOf,
  nextTurn,
  order,
  orderSchema,
  recordsOf,
  scoreStage,
  totalSchema,
  totalsStage,
} from "./fixture.ts";
import { pumpOf } from "./scripted.ts";

const taskOf = (): StageTask => compiled(totalsStage).openTask(0);
/** Orders `o<from>` to `o<from + count - 1>` at these offsets. */
const ordersAt = (from: number, count: number, more: Partial<RawBatch> = {}): RawBatch => ({
  ...batchOf(
    Array.from({ length: count }, (_, i) => ({ value: avro(orderSchema, order(`o${from + i}`)) })),
    { offset: from },
  ),
  ...more,
});
const reopen = new TaskReopenError("not confirmed");
const never = new AbortController().signal;

test("a chunk ends at its number of records, and may begin and end inside a batch", async () => {
  const { pump, broker, committed, settle } = pumpOf(taskOf());
  await settle();
  await pump.take(ordersAt(0, 14));
  await pump.take(ordersAt(14, 9));
  await settle();
  expect(broker.calls).toEqual(["open", "start 0", "write 10", "commit 10", "write 10", "commit 20", "write 3"]);
  expect(committed.in).toBe(20);
  await pump.drain();
  expect(broker.calls.slice(7)).toEqual(["commit 23", "close"]);
  expect(committed.in).toBe(23);
});

test("a tick ends a chunk that is old enough, and only then", async () => {
  const { pump, broker, clock, settle } = pumpOf(taskOf());
  await settle();
  await pump.take(ordersAt(0, 3));
  await settle();
  pump.tick(clock.nowMs + 99);
  await settle();
  expect(broker.calls).toEqual(["open", "start 0", "write 3"]);
  pump.tick(clock.nowMs + 100);
  await settle();
  expect(broker.calls.slice(3)).toEqual(["commit 3"]);
  await pump.drain();
});

test("a chunk without output only carries the offset, at most once a second", async () => {
  const { pump, broker, clock, settle } = pumpOf(taskOf());
  await settle();
  const batch = batchOf([{ value: avro(orderSchema, order("a", { amount: -1 })) }]);
  await pump.take(batch);
  await settle();
  pump.tick(clock.nowMs + 999);
  await settle();
  expect(broker.calls).toHaveLength(2);
  pump.tick(clock.nowMs + 1_000);
  await settle();
  expect(broker.calls.slice(2)).toEqual(["commit 1"]);
  await pump.drain();
});

test("nothing is computed while a commit is under way", async () => {
  const stage = taskOf();
  const { pump, broker, settle } = pumpOf(stage);
  const answer = deferred<undefined>();
  broker.onCommit = () => answer.promise;
  await settle();
  await pump.take(ordersAt(0, 10));
  await settle();
  await pump.take(ordersAt(10, 10));
  await settle();
  expect([broker.calls.at(-1), stage.tally.in]).toEqual(["commit 10", 10]);
  answer.resolve(undefined);
  await settle();
  expect(broker.calls.at(-1)).toBe("commit 20");
  await pump.drain();
});

test("a batch that asked for offsets past the position leaves a hole: it is dropped and the fetch is moved back", async () => {
  const { pump, broker, committed, settle } = pumpOf(taskOf());
  await settle();
  await pump.take(ordersAt(0, 10));
  await pump.take(ordersAt(15, 10));
  await settle();
  expect(broker.calls).toContain("start 10");
  expect(committed.in).toBe(10);
  await pump.drain();
});

test("a gap in the offsets of a batch that asked for the position is legitimate", async () => {
  const { pump, broker, committed, settle } = pumpOf(taskOf());
  await settle();
  await pump.take(ordersAt(5, 10, { offsetAsked: 0 }));
  await settle();
  expect([broker.calls.at(-1), committed.in]).toEqual(["commit 15", 10]);
  await pump.drain();
});

test("records behind the position are dropped, whether they come alone or in front of new ones", async () => {
  const { pump, committed, broker, settle } = pumpOf(taskOf());
  broker.offset = 4;
  await settle();
  await pump.take(ordersAt(0, 4));
  await pump.take(ordersAt(0, 10));
  await pump.take(ordersAt(6, 8));
  await settle();
  await pump.drain();
  expect([committed.in, broker.offset]).toEqual([10, 14]);
});

test("a batch of markers alone moves the offset", async () => {
  const { pump, broker, settle } = pumpOf(taskOf());
  await settle();
  await pump.take({ ...ordersAt(0, 1), count: 0, offsetNext: 8 });
  await settle();
  await pump.drain();
  expect(broker.offset).toBe(8);
});

test("records that retention deleted before they were read are said to be lost, and the task goes on behind them", async () => {
  const { pump, broker, logged, settle } = pumpOf(taskOf());
  await settle();
  await pump.take(ordersAt(50, 10, { logStartOffset: 50 }));
  await settle();
  expect(broker.calls).toContain("start 50");
  await pump.take(ordersAt(50, 10, { logStartOffset: 50 }));
  await settle();
  await pump.drain();
  expect(broker.offset).toBe(60);
  expect(logged.filter((line) => line.level === "error").map((line) => line.fields)).toEqual([
    { task: 0, code: "MR_OFFSET_RANGE", from: 0, to: 50 },
  ]);
});

test("records that are deleted while a chunk is in hand wait for its commit: the chunk does not grow over what is gone", async () => {
  const { pump, broker, clock, logged, settle } = pumpOf(taskOf());
  const isLossSaid = (): boolean => logged.some(({ fields }) => fields["code"] === "MR_OFFSET_RANGE");
  await settle();
  await pump.take(ordersAt(0, 5));
  await settle();
  await pump.take(ordersAt(50, 5, { logStartOffset: 50 }));
  await settle();
  expect([broker.calls.at(-1), isLossSaid()]).toEqual(["start 5", false]);
  pump.tick(clock.nowMs + 100);
  await settle();
  expect(broker.offset).toBe(5);
  await pump.take(ordersAt(50, 5, { logStartOffset: 50 }));
  await settle();
  expect([broker.calls.at(-1), isLossSaid()]).toEqual(["start 50", true]);
  await pump.drain();
});

test("a dead letter tells the attempt of its chunk, and after a commit that went well it is the first again", async () => {
  const { pump, broker, clock, settle } = pumpOf(taskOf());
  const poison = (offset: number) => batchOf([{ value: Buffer.from("poison") }], { offset });
  await settle();
  broker.onWrite = () => {
    broker.onWrite = () => undefined;
    return reopen;
  };
  for (const offset of [0, 0, 1]) {
    await pump.take(poison(offset));
    for (let turn = 0; turn < 3; turn++) await settle();
    pump.tick(clock.nowMs + 1_000);
    await settle();
  }
  const attempts = recordsOf(broker.written, "dead-letter").map((letter) => headersOf(letter)["millrace.attempt"]);
  expect([attempts, broker.offset]).toEqual([["2", "1"], 2]);
  await pump.drain();
});

test("a task that follows another of its partition in this process is opened when that one is gone, and not before", async () => {
  const gone = deferred();
  const { pump, broker, settle } = pumpOf(taskOf(), { after: gone.promise });
  await settle();
  expect(broker.calls).toEqual([]);
  gone.resolve();
  await settle();
  expect(broker.calls).toEqual(["open", "start 0"]);
  await pump.drain();
});

test("a chunk ends at its number of bytes too", async () => {
  const bytes = 3 * (avro(orderSchema, order("o1")).length + 1);
  const { pump, broker, settle } = pumpOf(taskOf(), {
    bounds: { records: 1_000, bytes, everyMs: 100, lingerMs: Number.POSITIVE_INFINITY },
  });
  await settle();
  for (let offset = 0; offset < 7; offset++) await pump.take(ordersAt(offset, 1));
  await settle();
  expect(broker.calls.slice(2)).toEqual(["write 3", "commit 3", "write 3", "commit 6"]);
  await pump.drain();
});

test("a busy task lets others have their turn after each time slice", async () => {
  let turns = 0;
  const clock = new AutoClock();
  const yieldToLoop = async (): Promise<void> => {
    turns++;
    await nextTurn();
  };
  const { pump, settle } = pumpOf(taskOf(), { yieldToLoop, timeSliceMs: 10 }, clock);
  await settle();
  await pump.take(ordersAt(0, 10));
  await settle();
  expect(turns).toBe(0);
  clock.nowMs += 10;
  await pump.take(ordersAt(10, 10));
  await settle();
  expect(turns).toBe(1);
  await pump.drain();
});

test("R2: when another owner has committed elsewhere, the stores start anew", async () => {
  const { pump, broker, committed, logged, settle } = pumpOf(taskOf());
  await settle();
  await pump.take(ordersAt(0, 10));
  await settle();
  broker.onCommit = () => {
    broker.offset = 17;
    broker.onCommit = () => undefined;
    return reopen;
  };
  await pump.take(ordersAt(10, 10));
  await settle();
  expect(broker.calls.at(-1)).toBe("start 17");
  // `o1` was seen before; a store that started anew lets it through.
  await pump.take({ ...batchOf([{ value: avro(orderSchema, order("o1")) }], { offset: 17 }) });
  await settle();
  await pump.drain();
  expect([committed.in, committed.out]).toEqual([11, 11]);
  expect(logged.map((line) => line.message)).toContain(
    "Another member has worked on the partition; its stores start empty.",
  );
});

test("nobody is told of stores that start empty where there are none", async () => {
  const stage = compiled(scoreStage, { registry: totalsRegistry() }).openTask(
    0,
    modelOf(() => 0.5),
  );
  const { pump, broker, logged, settle } = pumpOf(stage);
  await settle();
  broker.onCommit = () => {
    broker.offset = 17;
    broker.onCommit = () => undefined;
    return reopen;
  };
  const totals = Array.from({ length: 10 }, (_, i) => ({ value: avro(totalSchema, { ...order(`o${i}`), orders: 1 }) }));
  await pump.take(batchOf(totals));
  await settle();
  await pump.drain();
  expect(broker.calls).toContain("start 17");
  expect(logged.map((line) => line.message)).toEqual(["The task is opened again."]);
});

test("R3: a task that is lost while its piece waits for scores commits nothing and takes its changes back", async () => {
  const model = modelOf(() => 0.5);
  const slow = { ...model, scorer: { ...model.scorer, score: () => new Promise<void>(() => undefined) } };
  // A clock that stands still: the scorer is never late.
  const clock = new FakeClock(1_700_000_000_000);
  const stage = compiled(scoreStage, { registry: totalsRegistry(), clock }).openTask(0, slow);
  const { pump, broker, committed, settle } = pumpOf(stage);
  await settle();
  await pump.take(batchOf([{ value: avro(totalSchema, { ...order("a"), orders: 1 }) }]));
  await settle();
  const closed = pump.lose();
  await closed;
  expect(broker.calls).toEqual(["open", "start 0", "close"]);
  expect([pump.state.name, committed.in, stage.tally.in]).toEqual(["closed", 0, 0]);
});

test("a revocation commits the chunk in hand, forgets what is queued and moves the fetch back", async () => {
  const { pump, broker, budget, settle } = pumpOf(taskOf(), { timeSliceMs: 0 });
  await settle();
  const held = deferred<undefined>();
  broker.onCommit = () => held.promise;
  await pump.take(ordersAt(0, 10));
  await pump.take(ordersAt(10, 10));
  await settle();
  const settled = pump.settle(never);
  await pump.take(ordersAt(20, 10));
  held.resolve(undefined);
  await settled;
  expect(broker.calls).toEqual(["open", "start 0", "write 10", "commit 10", "start 10"]);
  expect([pump.state.name, budget.bytesHeld]).toEqual(["running", 0]);
  await pump.take(ordersAt(10, 10));
  await settle();
  expect(broker.offset).toBe(20);
  await pump.drain();
});

test("a revocation that takes too long is cut short by its signal", async () => {
  const { pump, broker, settle } = pumpOf(taskOf());
  await settle();
  const held = deferred<undefined>();
  broker.onCommit = () => held.promise;
  await pump.take(ordersAt(0, 10));
  await settle();
  const late = new AbortController();
  const settled = pump.settle(late.signal);
  late.abort();
  await settled;
  expect(pump.state.name).toBe("committing");
  held.resolve(undefined);
  await pump.drain();
});

test("neither a drain nor a revocation waits for a registry that is down", async () => {
  const registry = new FakeRegistry();
  registry.outage = new OperationError("MR_REGISTRY", "refused", { disposition: "retry" });
  const { pump, broker, settle } = pumpOf(compiled(totalsStage, { registry }).openTask(0));
  await settle();
  await pump.take(ordersAt(0, 10));
  await settle();
  expect(registry.asked).toBeGreaterThan(1);
  await pump.settle(never);
  expect(broker.calls.at(-1)).toBe("start 0");
  await pump.take(ordersAt(0, 10));
  await settle();
  await pump.drain();
  expect(broker.calls.at(-1)).toBe("close");
});

test("a task that cannot be reopened for 30 s is degraded, says so once, keeps trying and recovers", async () => {
  const { pump, broker, logged, settle } = pumpOf(taskOf());
  await settle();
  broker.onOpen = () => reopen;
  broker.onCommit = () => reopen;
  await pump.take(ordersAt(0, 10));
  for (let turn = 0; turn < 10; turn++) await settle();
  expect(pump.trouble).toBe("it could not be reopened for 30 s");
  expect(logged.filter((line) => line.level === "error")).toHaveLength(1);
  broker.onOpen = () => undefined;
  broker.onCommit = () => undefined;
  for (let turn = 0; turn < 3; turn++) await settle();
  await pump.take(ordersAt(0, 10));
  await settle();
  expect([pump.trouble, broker.offset]).toEqual([undefined, 10]);
  expect(logged.at(-1)?.message).toBe("The task works again.");
  await pump.drain();
});

test("a task without anything in hand is well once it is open again, though nothing comes that it could commit", async () => {
  const { pump, broker, logged, settle } = pumpOf(taskOf());
  await settle();
  // Its first commit fails, and then nobody can open it for long.
  broker.onCommit = () => reopen;
  broker.onOpen = () => reopen;
  broker.landsAnyway = true;
  await pump.take(ordersAt(0, 10));
  for (let turn = 0; turn < 10; turn++) await settle();
  expect(pump.trouble).toBe("it could not be reopened for 30 s");
  // Another owner has committed more meanwhile.
  broker.offset = 20;
  broker.onOpen = () => undefined;
  for (let turn = 0; turn < 3; turn++) await settle();
  expect([pump.isRunning, pump.trouble]).toEqual([true, undefined]);
  expect(logged.filter(({ message }) => message === "The task works again.")).toHaveLength(1);
  await pump.drain();
});

test("a task that is opened for the first time after a long outage is well at once", async () => {
  const bench = pumpOf(taskOf());
  bench.broker.onOpen = () => reopen;
  for (let turn = 0; turn < 10; turn++) await bench.settle();
  expect(bench.pump.trouble).toBe("it could not be reopened for 30 s");
  bench.broker.onOpen = () => undefined;
  for (let turn = 0; turn < 3; turn++) await bench.settle();
  expect([bench.pump.isRunning, bench.pump.trouble]).toEqual([true, undefined]);
  await bench.pump.drain();
});

test("a batch is taken when there is room for it, and not before", async () => {
  const { pump, budget, broker, settle } = pumpOf(taskOf());
  const { bytesMax } = budget;
  await settle();
  const held = deferred<undefined>();
  broker.onCommit = () => held.promise;
  await pump.take(ordersAt(0, 10));
  await pump.take(ordersAt(10, 1));
  await settle();
  let isTaken = false;
  const large = { ...ordersAt(11, 1), bytes: Buffer.concat([ordersAt(11, 1).bytes, Buffer.alloc(bytesMax)]) };
  const taking = pump.take(large).then(() => {
    isTaken = true;
  });
  await settle();
  expect(isTaken).toBe(false);
  held.resolve(undefined);
  await taking;
  await pump.drain();
  expect(budget.bytesHeld).toBe(0);
});

test("a dead letter that is refused is written again without its value, and one refused even then stops the offset", async () => {
  const { pump, broker, clock, logged, settle } = pumpOf(taskOf());
  const refused = new RecordRefusedError({ topic: "shop.dead-letters", partition: 0 }, 0, "too large");
  const attempt = async (): Promise<void> => {
    await pump.take(batchOf([{ value: Buffer.from("poison") }]));
    await settle();
    pump.tick(clock.nowMs + 1_000);
    await settle();
  };
  broker.onWrite = () => refused;
  await settle();
  await attempt();
  await attempt();
  expect(broker.offset).toBe(0);
  expect(logged.filter((line) => line.level === "error")).toHaveLength(1);
  broker.onWrite = () => undefined;
  await attempt();
  expect(broker.offset).toBe(1);
  const [letter] = recordsOf(broker.written, "dead-letter");
  expect(letter?.value).toBeNull();
  expect(headersOf(letter!)).toMatchObject({ "millrace.value.bytes": "6", "millrace.attempt": "3" });
  await pump.drain();
});

test("R4: a chunk whose records do not have exactly one fate each is not committed, and halts the stage", async () => {
  const stage = taskOf();
  const { pump, broker, fatal, logged, settle } = pumpOf(stage);
  await settle();
  await pump.take(ordersAt(0, 5));
  await settle();
  stage.tally.in++;
  await pump.take(ordersAt(5, 5));
  await settle();
  expect(broker.calls).toEqual(["open", "start 0", "write 5", "close"]);
  expect(String(fatal[0])).toContain("R4: 10 records in, 9 fates");
  expect(codeOf(fatal[0])).toBe("MR_UNBALANCED");
  expect(logged.filter(({ level }) => level === "error")).toMatchObject([
    { fields: { code: "MR_UNBALANCED", in: 10, fates: 9 } },
  ]);
  expect(pump.state.name).toBe("closed");
});

test("an error of ours halts the stage instead of being retried for ever", async () => {
  const { pump, broker, fatal, settle } = pumpOf(taskOf());
  await settle();
  broker.onWrite = () => new TypeError("a bug");
  await pump.take(ordersAt(0, 10));
  await settle();
  expect([fatal.map(String), pump.state.name]).toEqual([["TypeError: a bug"], "closed"]);
});

function totalsRegistry(): FakeRegistry {
  const registry = new FakeRegistry();
  registry.schemas.set(7, totalSchema);
  return registry;
}

test("nothing is fetched for a task while it is opened again: what came would be thrown away", async () => {
  const { pump, broker, settle } = pumpOf(taskOf());
  await settle();
  let refusals = 3;
  broker.onWrite = () => new TaskReopenError("writing");
  broker.onOpen = () => (refusals-- > 0 ? new TaskReopenError("opening") : undefined);
  await pump.take(ordersAt(0, 10));
  await settle();
  broker.onWrite = () => undefined;
  for (let turn = 0; turn < 10; turn++) await settle();
  const fetching = broker.calls.filter((call) => /^(pause|resume|open|start)/.test(call));
  expect(fetching.slice(0, 2)).toEqual(["open", "start 0"]);
  expect(fetching.slice(2).filter((call) => call !== "open" && call !== "pause")).toEqual(["resume", "start 0"]);
  expect(fetching.indexOf("pause")).toBeLessThan(fetching.lastIndexOf("open"));
  expect(fetching.lastIndexOf("pause")).toBeLessThan(fetching.indexOf("resume"));
  await pump.drain();
});

test("a task that cannot be restored waits longer each time, and is degraded after 30 s", async () => {
  let restores = 0;
  const { pump, broker, clock, logged, settle } = pumpOf(taskOf(), {
    restore: async () => {
      restores++;
      throw new TaskReopenError("its changelog has no leader");
    },
  });
  for (let turn = 0; turn < 10; turn++) await settle();
  expect(pump.trouble).toBe("it could not be reopened for 30 s");
  expect(logged.filter((line) => line.level === "error")).toHaveLength(1);
  // 100 ms, then longer and longer up to 10 s: at 100 ms each it would have been asked ten times a second.
  expect(restores).toBeLessThan(clock.now() / 1_000);
  expect(broker.calls).not.toContain("start 0");
  await pump.drain();
});
