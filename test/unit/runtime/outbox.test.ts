/** A task writes to a list of outlets; these tests give it one more than its output and its dead letters. */
import { expect, test } from "vitest";
import { feedStage, RecordRefusedError, type StageTask, TaskReopenError } from "../../../src/runtime/index.ts";
import { Outbox, type RefusalPolicy } from "../../../src/runtime/outbox.ts";
import { OutputBatches } from "../../../src/runtime/output-batches.ts";
import { errorPoliciesDefault } from "../../../src/topology/index.ts";
import type { Outgoing } from "../../../src/wire/index.ts";
import { avro, batchOf, compiled, order, orderSchema, totalsStage } from "./fixture.ts";
import { type PumpBench, pumpOf } from "./scripted.ts";

const never = new AbortController().signal;
const audits = { topic: "audits", partitions: 3, messageBytesMax: 1_048_588 };
const key = Buffer.from("k");

/** A task that also writes one record per record that it computes to `audits`, partition 2. */
function auditedTask(onRefusal: RefusalPolicy): StageTask {
  const batches = new OutputBatches(audits, "internal", undefined);
  const task = compiled(totalsStage, { furtherOutlets: () => [{ batches, onRefusal }] }).openTask(0);
  const compute = task.compute.bind(task);
  task.compute = (batch, from, to, untilMs) => {
    const end = compute(batch, from, to, untilMs);
    for (let index = from; index < end; index++)
      batches.appendWithHeaders(batch.offsets[index]!, 2, 1, key, Buffer.from(`seen ${batch.offsets[index]}`), []);
    return end;
  };
  return task;
}

const ordersAt = (from: number, count: number) =>
  batchOf(
    Array.from({ length: count }, (_, i) => ({ value: avro(orderSchema, order(`o${from + i}`)) })),
    { offset: from },
  );
const writtenTo = ({ broker }: PumpBench, topic: string): number[] =>
  broker.written.filter((batch) => batch.topic === topic).map((batch) => batch.recordCount);
const refusalOf = (topic: string, partition: number, index = 0): RecordRefusedError =>
  new RecordRefusedError({ topic, partition }, index, "refused");

test("what goes to a second outlet is sent with the outputs, sealed with them, and covered by the same commit", async () => {
  const bench = pumpOf(auditedTask("halt"));
  const { pump, broker, settle } = bench;
  await settle();
  await pump.take(ordersAt(0, 14));
  await settle();
  expect([writtenTo(bench, "audits"), broker.offset]).toEqual([[10, 4], 10]);
  await pump.drain();
  expect([writtenTo(bench, "out"), broker.offset]).toEqual([[10, 4], 14]);
  expect(new Set(broker.written.filter(({ topic }) => topic === "audits").map(({ role }) => role))).toEqual(
    new Set(["internal"]),
  );
});

test("a chunk that writes to the second outlet alone is a chunk with output, and commits as often", async () => {
  const { pump, broker, clock, settle } = pumpOf(auditedTask("halt"));
  await settle();
  await pump.take(batchOf([{ value: avro(orderSchema, order("a", { amount: -1 })) }]));
  await settle();
  expect(broker.calls.slice(2)).toEqual(["write 1"]);
  pump.tick(clock.nowMs + 100);
  await settle();
  expect(broker.calls.slice(3)).toEqual(["commit 1"]);
  await pump.drain();
});

test("R2: a failed chunk leaves nothing behind in the second outlet", async () => {
  const bench = pumpOf(auditedTask("halt"));
  const { pump, broker, settle } = bench;
  await settle();
  broker.onWrite = () => {
    broker.onWrite = () => undefined;
    return new TaskReopenError("not confirmed");
  };
  await pump.take(ordersAt(0, 10));
  await settle();
  await pump.take(ordersAt(0, 10));
  await settle();
  expect([writtenTo(bench, "audits"), writtenTo(bench, "out")]).toEqual([[10], [10]]);
  await pump.drain();
});

test("a refusal in an outlet that halts ends the task, commits nothing and says what was refused", async () => {
  const { pump, broker, fatal, settle } = pumpOf(auditedTask("halt"));
  await settle();
  broker.onWrite = () => refusalOf("audits", 2);
  await pump.take(ordersAt(0, 10));
  await settle();
  expect(fatal).toMatchObject([{ code: "MR_RECORD_REFUSED", message: "refused" }]);
  expect([pump.state.name, broker.offset]).toEqual(["closed", 0]);
});

test("an output that is refused beside it is still its input's dead letter", async () => {
  const bench = pumpOf(auditedTask("halt"));
  const { pump, broker, committed, fatal, settle } = bench;
  await settle();
  broker.onWrite = (outgoing) => {
    broker.onWrite = () => undefined;
    return refusalOf("out", outgoing.find(({ topic }) => topic === "out")!.partition);
  };
  await pump.take(ordersAt(0, 10));
  await settle();
  await pump.take(ordersAt(0, 10));
  await settle();
  expect([committed.in, committed.out, fatal]).toEqual([10, 9, []]);
  expect(writtenTo(bench, "shop.dead-letters")).toEqual([1]);
  await pump.drain();
});

function outboxOf(...policies: readonly RefusalPolicy[]): Outbox {
  const outlets = policies.map((onRefusal, index) => {
    const topic = { topic: `t${index}`, partitions: 1, messageBytesMax: 1_000_000 };
    return { batches: new OutputBatches(topic, "output", undefined), onRefusal };
  });
  return new Outbox(outlets, 2);
}

function fill(outbox: Outbox, ...offsets: readonly number[]): void {
  for (const [index] of outbox.outlets.entries())
    for (const offset of offsets) outbox.batchesOf(index).appendWithHeaders(offset, 0, 1, key, key, []);
  outbox.sealAll();
}

test("marks are kept by outlet, outlive the chunk, and are forgotten when their input is committed", () => {
  const outbox = outboxOf("set-aside", "shorten", "halt");
  fill(outbox, 10, 11, 12);
  expect(outbox.mark(refusalOf("t0", 0, 2))).toBe("marked");
  expect(outbox.mark(refusalOf("t1", 0, 1))).toBe("marked");
  expect(outbox.mark(refusalOf("t2", 0, 1))).toBe("halt");
  outbox.reset();
  const marks = () =>
    [10, 11, 12].map((offset) => [0, 1, 2].filter((outlet) => outbox.refusalOf(outlet, 0, offset) !== undefined));
  expect(marks()).toEqual([[], [1], [0]]);
  outbox.forgetBelow([12, 99]);
  expect([marks(), outbox.hasRefused]).toEqual([[[], [], [0]], true]);
  outbox.forgetBelow([13, 0]);
  expect([marks(), outbox.hasRefused]).toEqual([[[], [], []], false]);
});

test("what cannot be named, belongs to no outlet, or was shortened before is stuck", () => {
  const outbox = outboxOf("set-aside", "shorten");
  expect(outbox.mark(refusalOf("t0", 0))).toBe("stuck");
  fill(outbox, 10);
  expect(outbox.mark(refusalOf("elsewhere", 0))).toBe("stuck");
  expect(outbox.mark(refusalOf("t1", 0))).toBe("marked");
  expect(outbox.mark(refusalOf("t1", 0))).toBe("stuck");
  expect(outbox.mark(refusalOf("t0", 0))).toBe("marked");
  outbox.clearMarks();
  expect([
    outbox.hasRefused,
    outbox.refusalOf(0, 0, 10) !== undefined,
    outbox.refusalOf(1, 0, 10) !== undefined,
  ]).toEqual([false, false, false]);
});

test("a refused record is named by input and offset: the same offset of another input is another record", () => {
  const outbox = outboxOf("set-aside");
  const marks = () =>
    [0, 1].map((input) => [10, 11].filter((offset) => outbox.refusalOf(0, input, offset) !== undefined));
  outbox.readFrom(1);
  outbox.batchesOf(0).appendWithHeaders(10, 0, 1, key, key, []);
  outbox.readFrom(0);
  outbox.batchesOf(0).appendWithHeaders(10, 0, 1, key, Buffer.alloc(50), []);
  outbox.batchesOf(0).appendWithHeaders(11, 0, 1, key, key, []);
  outbox.sealAll();
  expect(outbox.mark(refusalOf("t0", 0, 0))).toBe("marked");
  expect(marks()).toEqual([[], [10]]);
  // Without an index it is the largest.
  expect(outbox.mark(refusalOf("t0", 0, -1))).toBe("marked");
  expect(marks()).toEqual([[10], [10]]);
  outbox.forgetBelow([11, 10]);
  expect(marks()).toEqual([[], [10]]);
  outbox.forgetBelow([11, 11]);
  expect(outbox.hasRefused).toBe(false);
});

test("behind another owner nothing is marked any more: what was refused is written again", async () => {
  const outcome = async (end: (task: StageTask) => void) => {
    const task = compiled(totalsStage).openTask(0);
    const records = ordersAt(0, 2);
    task.compute(records, 0, 2, Number.POSITIVE_INFINITY);
    await task.resolve(never);
    task.compute(records, 0, 2, Number.POSITIVE_INFINITY);
    task.sealBatches();
    const outgoing: Outgoing[] = [];
    task.take(outgoing);
    const batch = outgoing.find(({ role }) => role === "output")!;
    const refusal = { code: "MR_REFUSED", reason: "no", batch, indices: [0] } as const;
    expect(task.markRefused(new RecordRefusedError(batch, 0, "refused", { refusal }))).toBe("marked");
    end(task);
    return (await feedStage(task, [ordersAt(0, 2)], never)).counts;
  };
  expect(await outcome((task) => task.undo())).toMatchObject({ out: 1, deadLetters: { MR_REFUSED: 1 } });
  expect(await outcome((task) => task.clear())).toMatchObject({ out: 2, deadLetters: {} });
});

test("behind another owner a chunk may be written again as often as the stage says", () => {
  const stage = { ...totalsStage, errors: { ...errorPoliciesDefault, produce: { retry: 1 } } };
  const task = compiled(stage).openTask(0);
  const refusal = refusalOf("out", 0);
  expect(task.markRefused(refusal)).toBe("again");
  expect(task.markRefused(refusal)).not.toBe("again");
  task.clear();
  expect(task.markRefused(refusal)).toBe("again");
});
