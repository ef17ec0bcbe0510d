import { expect, test } from "vitest";
import { silentLogger, topicPartitionKey } from "../../../src/kernel/index.ts";
import { type TaskHandle, TaskLostError, TaskReopenError } from "../../../src/runtime/index.ts";
import { type FaultPlan, type FaultyBroker, faultyBroker } from "../../fakes/faulty-broker.ts";
import { deferred } from "../../support/deadline.ts";
import { RecordingSink } from "../../support/recording-sink.ts";
import { outgoingOf, textRecords } from "../../support/records.ts";
import { brokerOf, deadlineMs, never, topicOf } from "./bench.ts";

const error = new TaskReopenError("by plan");

async function opened(
  plan: FaultPlan,
): Promise<{ broker: FaultyBroker; sink: RecordingSink; open: () => Promise<TaskHandle> }> {
  const broker = faultyBroker(brokerOf({ topics: [topicOf("raw", 2), topicOf("out", 2)] }), plan);
  const sink = new RecordingSink({ deadlineMs });
  const spec = { group: "stage", topics: ["raw"], start: { kind: "earliest" }, logger: silentLogger } as const;
  const membership = await broker.join(spec, sink);
  await sink.until("the tasks", () => sink.owned.size === 2);
  return { broker, sink, open: () => membership.openTask(0, sink.epochOf(0), never) };
}

const ends = async ({ admin }: FaultyBroker): Promise<number[]> =>
  (await admin.watermarks("out", never)).map(({ end }) => end);

test("half of a write lands and the handle is dead", async () => {
  const { broker, open } = await opened({
    onWrite: ({ index }) => (index === 1 ? { kind: "half", error } : undefined),
  });
  const handle = await open();
  const both = [outgoingOf(textRecords("out", 0, 2)), outgoingOf(textRecords("out", 1, 2))];
  await handle.write(both);
  await expect(handle.write(both)).rejects.toBe(error);
  expect(await ends(broker)).toEqual([4, 2]);
  await expect(handle.write(both)).rejects.toThrow(TaskLostError);
  await (await open()).write(both);
  expect(await ends(broker)).toEqual([6, 4]);
});

test("a commit lands and its answer is lost", async () => {
  const { open } = await opened({ onCommit: ({ index }) => (index === 0 ? { kind: "unanswered", error } : undefined) });
  const handle = await open();
  const key = topicPartitionKey("raw", 0);
  await expect(handle.commit(new Map([[key, 7]]))).rejects.toBe(error);
  await expect(open()).rejects.toThrow("offset 7");
});

test("a refused commit does not land", async () => {
  const { open } = await opened({ onCommit: () => ({ kind: "refused", error }) });
  const handle = await open();
  const key = topicPartitionKey("raw", 0);
  await expect(handle.commit(new Map([[key, 7]]))).rejects.toBe(error);
  expect((await open()).offsetsNext.get(key)).toBe(0);
});

test("a call waits as long as the plan says", async () => {
  const go = deferred();
  const { broker, open } = await opened({ onWrite: () => go.promise.then(() => undefined) });
  const write = (await open()).write([outgoingOf(textRecords("out", 0, 2))]);
  expect(await ends(broker)).toEqual([0, 0]);
  go.resolve();
  await write;
  expect(await ends(broker)).toEqual([2, 0]);
});

test("a forced rebalance asks for every task, moves one and brings it back", async () => {
  const { broker, sink } = await opened({});
  await broker.forceRebalance("stage", ["raw"]);
  await sink.until("both tasks again", () => sink.calls.includes("assigned 1"));
  expect(sink.calls).toEqual([
    "assigned 0,1",
    "revoking 0,1",
    "revoked 0,1",
    "lost 1",
    "assigned ",
    "revoking 0",
    "revoked 0",
    "assigned 1",
  ]);
  expect([...sink.owned].sort()).toEqual([
    [0, 1],
    [1, 3],
  ]);
});
