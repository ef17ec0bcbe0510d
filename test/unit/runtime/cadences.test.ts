/** Writing and committing are two cadences: parts of a chunk are sent before its offset is committed. */
import { expect, test } from "vitest";
import { OperationError } from "../../../src/kernel/index.ts";
import { RecordRefusedError, type StageTask, TaskReopenError } from "../../../src/runtime/index.ts";
import type { RawBatch } from "../../../src/wire/index.ts";
import { deferred } from "../../support/deadline.ts";
import {
  AutoClock,
  avro,
  batchOf,
  compiled,
  FakeRegistry,
  headersOf,
  order,
  orderSchema,
  recordsOf,
  rowOf,
  totalSchema,
  totalsStage,
} from "./fixture.ts";
import { type PumpBench, pumpOf } from "./scripted.ts";

const taskOf = (): StageTask => compiled(totalsStage).openTask(0);
const ordersAt = (from: number, count: number, schemaId?: number): RawBatch =>
  batchOf(
    Array.from({ length: count }, (_, i) => ({ value: avro(orderSchema, order(`o${from + i}`), schemaId) })),
    { offset: from },
  );
const large = { records: 1_000, bytes: 1_000_000, everyMs: 100 } as const;
const outputsOf = ({ broker }: PumpBench): Record<string, unknown>[] =>
  recordsOf(broker.written, "output").map(({ value }) => rowOf(totalSchema, value));

/** Time passes by looking at it: 4 ms a look, so that a piece of 32 records lasts a few. */
class LookedAtClock extends AutoClock {
  override monotonicMs(): number {
    this.nowMs += 4;
    return this.nowMs;
  }
}

test("what is made is written as soon as nothing is left to compute; its offset follows at the next commit", async () => {
  const { pump, broker, clock, settle } = pumpOf(taskOf(), { bounds: { ...large, lingerMs: 60_000 } });
  await settle();
  await pump.take(ordersAt(0, 2));
  await settle();
  await pump.take(ordersAt(2, 3));
  await settle();
  expect(broker.calls).toEqual(["open", "start 0", "write 2", "write 3"]);
  pump.tick(clock.nowMs + 100);
  await settle();
  expect(broker.calls.slice(4)).toEqual(["commit 5"]);
  await pump.drain();
});

/** Calls of `write`, for 320 records that wait when the task is let go and are computed in pieces of 32. */
async function writesWhileBusy(lingerMs: number): Promise<number[]> {
  const clock = new LookedAtClock();
  const stage = compiled(totalsStage, { clock }).openTask(0);
  const { pump, broker, settle } = pumpOf(stage, { bounds: { ...large, lingerMs }, timeSliceMs: 0 }, clock);
  const open = deferred<undefined>();
  await settle();
  broker.onWrite = () => open.promise;
  await pump.take(ordersAt(0, 1));
  await settle();
  for (let from = 1; from < 321; from += 80) await pump.take(ordersAt(from, 80));
  broker.onWrite = () => undefined;
  open.resolve(undefined);
  for (let turn = 0; turn < 10; turn++) await settle();
  const writes = broker.calls.filter((call) => call.startsWith("write")).map((call) => Number(call.split(" ")[1]));
  await pump.drain();
  return writes.slice(1);
}

test("a busy task holds its outputs together until the linger has passed, and sends the rest when it is through", async () => {
  expect(await writesWhileBusy(60_000)).toEqual([320]);
  const writes = await writesWhileBusy(25);
  expect(writes.length).toBeGreaterThan(1);
  expect(writes.length).toBeLessThan(10);
  expect(writes.reduce((sum, count) => sum + count, 0)).toBe(320);
  // A piece ends at the batch's end too: 80 is 32 + 32 + 16.
  expect((await writesWhileBusy(0)).length).toBe(12);
});

test("R1: the offset waits for every part of its chunk, also for those that were sent early", async () => {
  const { pump, broker, clock, settle } = pumpOf(taskOf());
  const durable = deferred<undefined>();
  await settle();
  broker.onWrite = () => durable.promise;
  await pump.take(ordersAt(0, 3));
  await settle();
  pump.tick(clock.nowMs + 100);
  await settle();
  expect(broker.calls.slice(2)).toEqual(["write 3"]);
  durable.resolve(undefined);
  await settle();
  expect(broker.calls.slice(2)).toEqual(["write 3", "commit 3"]);
  await pump.drain();
});

test("R2, R4: a chunk that fails after parts of it were sent is done again as if nothing had been", async () => {
  const bench = pumpOf(taskOf());
  const { pump, broker, clock, committed, settle } = bench;
  await settle();
  await pump.take(ordersAt(0, 3));
  await settle();
  broker.onWrite = () => {
    broker.onWrite = () => undefined;
    return new TaskReopenError("not confirmed");
  };
  await pump.take(ordersAt(3, 2));
  await settle();
  expect(broker.calls.slice(2)).toEqual(["write 3", "write 2", "pause", "close", "open", "resume", "start 0"]);
  await pump.take(ordersAt(0, 5));
  await settle();
  pump.tick(clock.nowMs + 1_000);
  await settle();
  expect([broker.offset, committed.in, committed.out]).toEqual([5, 5, 5]);
  // The running count of each order is the same in both copies: the store did not remember the first.
  const counts = outputsOf(bench).map((row) => [row["id"], row["orders"]]);
  expect(counts).toEqual([
    ["o0", 1],
    ["o1", 2],
    ["o2", 3],
    ["o0", 1],
    ["o1", 2],
    ["o2", 3],
    ["o3", 4],
    ["o4", 5],
  ]);
  await pump.drain();
});

test("a refused record in a part that was sent early is named, and becomes a dead letter", async () => {
  const bench = pumpOf(taskOf());
  const { pump, broker, clock, committed, settle } = bench;
  await settle();
  await pump.take(ordersAt(0, 3));
  await settle();
  // The broker refuses with the answer to the first part, which the second call hears of.
  const { partition } = broker.written[0]!;
  broker.onWrite = () => {
    broker.onWrite = () => undefined;
    return new RecordRefusedError({ topic: "out", partition }, -1, "too large");
  };
  await pump.take(batchOf([{ value: avro(orderSchema, order("o3", { amount: -1 })) }], { offset: 3 }));
  await pump.take(ordersAt(4, 1));
  await settle();
  await pump.take(ordersAt(0, 3));
  await settle();
  pump.tick(clock.nowMs + 1_000);
  await settle();
  expect([broker.offset, committed.in, committed.out]).toEqual([3, 3, 2]);
  const letters = recordsOf(broker.written, "dead-letter").map(headersOf);
  expect(letters).toMatchObject([{ "millrace.code": "MR_TOO_LARGE", "millrace.attempt": "2" }]);
  await pump.drain();
});

test("a record that the broker refused for what it holds is a dead letter MR_REFUSED in the broker's words, after one repetition", async () => {
  const bench = pumpOf(taskOf());
  const { pump, broker, clock, committed, settle } = bench;
  await settle();
  broker.onWrite = (outgoing) => {
    broker.onWrite = () => undefined;
    const batch = outgoing.find(({ recordCount }) => recordCount > 0)!;
    const refusal = { code: "MR_REFUSED", reason: "error 87, no key", batch, indices: [0] } as const;
    return new RecordRefusedError(batch, 0, "refused", { refusal });
  };
  await pump.take(ordersAt(0, 3));
  await settle();
  await pump.take(ordersAt(0, 3));
  await settle();
  pump.tick(clock.nowMs + 1_000);
  await settle();
  expect([broker.offset, committed.in, committed.out]).toEqual([3, 3, 2]);
  const letters = recordsOf(broker.written, "dead-letter").map(headersOf);
  expect(letters).toMatchObject([{ "millrace.code": "MR_REFUSED", "millrace.attempt": "2" }]);
  expect(JSON.stringify(letters)).toContain("error 87, no key");
  await pump.drain();
});

test("what is made already is committed before a registry that is down is waited for", async () => {
  const registry = new FakeRegistry();
  const { pump, broker, settle } = pumpOf(compiled(totalsStage, { registry }).openTask(0), {
    bounds: { ...large, lingerMs: 60_000 },
  });
  await settle();
  await pump.take(ordersAt(0, 1));
  await settle();
  registry.outage = new OperationError("MR_REGISTRY", "refused", { disposition: "retry" });
  const mixed = batchOf(
    [
      { value: avro(orderSchema, order("o1")) },
      { value: avro(orderSchema, order("o2"), 8) },
      { value: avro(orderSchema, order("o3")) },
    ],
    { offset: 1 },
  );
  await pump.take(mixed);
  await settle();
  expect(registry.asked).toBeGreaterThan(1);
  expect(broker.calls.slice(2)).toEqual(["write 1", "write 1", "commit 2"]);
  expect(broker.offset).toBe(2);
  await pump.drain();
  expect(broker.offset).toBe(2);
});

test("a chunk that is begun again in the same millisecond asks for a tick of its own", async () => {
  const asked: number[] = [];
  const { pump, broker, clock, settle } = pumpOf(taskOf(), { alarm: { setFor: (dueMs) => asked.push(dueMs) } });
  await settle();
  const beganMs = clock.nowMs;
  broker.onWrite = () => {
    broker.onWrite = () => undefined;
    return new RecordRefusedError({ topic: "out", partition: 0 }, -1, "too large");
  };
  await pump.take(ordersAt(0, 3));
  await settle();
  await pump.take(ordersAt(0, 3));
  await settle();
  // The retry is at once, so that no time has passed.
  expect(clock.nowMs).toBe(beganMs);
  expect(asked).toEqual([beganMs + 100, beganMs + 100]);
  await pump.drain();
});

/** A task that commits every 100 ms, exactly once, on a clock that stands; and when it has asked for a tick. */
async function exactlyOnce() {
  const asked: number[] = [];
  const bounds = { ...large, lingerMs: Number.POSITIVE_INFINITY };
  const alarm = { setFor: (dueMs: number) => void asked.push(dueMs) };
  const bench = pumpOf(taskOf(), { bounds, alarm, isExactlyOnce: true });
  await bench.settle();
  return { ...bench, asked, beganMs: bench.clock.nowMs };
}

test("exactly once a task that has waited long enough commits as soon as it has nothing left to compute", async () => {
  const { pump, broker, clock, settle, asked, beganMs } = await exactlyOnce();
  await pump.take(ordersAt(0, 2));
  await settle();
  expect(asked).toEqual([beganMs]);
  pump.tick(beganMs);
  await settle();
  expect(broker.calls.slice(2)).toEqual(["write 2", "commit 2"]);
  // 30 ms after that commit the next one is due 70 ms later, and not when its own chunk is 100 ms old.
  clock.nowMs = beganMs + 30;
  await pump.take(ordersAt(2, 1));
  await settle();
  expect(asked.at(-1)).toBe(beganMs + 100);
  pump.tick(beganMs + 99);
  await settle();
  expect(broker.calls.slice(4)).toEqual([]);
  pump.tick(beganMs + 100);
  await settle();
  expect(broker.calls.slice(4)).toEqual(["write 1", "commit 3"]);
  await pump.drain();
});

test("exactly once a task that has more to compute goes on until its chunk is as old as commits are apart", async () => {
  const { pump, settle, asked, beganMs } = await exactlyOnce();
  await Promise.all([pump.take(ordersAt(0, 2)), pump.take(ordersAt(2, 2))]);
  await settle();
  // Between the two pieces, and behind the second.
  expect(asked).toEqual([beganMs + 100, beganMs]);
  await pump.drain();
});

test("exactly once the time between two commits counts from when the former was begun", async () => {
  const { pump, broker, clock, settle, asked, beganMs } = await exactlyOnce();
  const answered = deferred<undefined>();
  broker.onCommit = () => answered.promise;
  await pump.take(ordersAt(0, 2));
  await settle();
  pump.tick(beganMs);
  await settle();
  await pump.take(ordersAt(2, 1));
  clock.nowMs = beganMs + 40;
  answered.resolve(undefined);
  await settle();
  expect(asked.at(-1)).toBe(beganMs + 100);
  await pump.drain();
});

test("at least once the time between two commits counts from the chunk's first record: its outputs are seen already", async () => {
  const asked: number[] = [];
  const { pump, clock, settle } = pumpOf(taskOf(), {
    bounds: { ...large, lingerMs: 5 },
    alarm: { setFor: (dueMs) => void asked.push(dueMs) },
  });
  await settle();
  await pump.take(ordersAt(0, 2));
  await settle();
  expect(asked).toEqual([clock.nowMs + 100]);
  await pump.drain();
});
