import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { type HandleOwner, KafkaTaskHandle } from "../../../src/adapters/kafkajs/task-handle.ts";
import { TaskLostError } from "../../../src/runtime/index.ts";
import { deferred } from "../../support/deadline.ts";
import { outgoingOf, textRecords } from "../../support/records.ts";

const owner: HandleOwner = {
  group: "bench",
  task: 0,
  owned: () => Promise.resolve(),
  commit: () => Promise.resolve(),
  settled: () => Promise.resolve(),
  isHeld: () => false,
};
const outgoing = [outgoingOf(textRecords("out", 0, 1))];
const next = new Map([["in-0", 1]]);

test("a handle that lives long keeps nothing of the calls that were answered", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const heapAfter = async (calls: number): Promise<number> => {
    for (let i = 0; i < calls; i++) {
      await handle.write(outgoing);
      await handle.commit(next);
    }
    collect();
    return process.memoryUsage().heapUsed;
  };
  const handle = new KafkaTaskHandle(owner, { offsetsNext: new Map(), notes: new Map() }, () => Promise.resolve());
  const before = await heapAfter(1_000);
  // Each call that was kept took some 300 bytes: this would be 6 MB.
  expect((await heapAfter(10_000)) - before).toBeLessThan(3_000_000);
});

test("a call that is under way when the handle ends rejects with the reason, though its work never ends", async () => {
  const handle = new KafkaTaskHandle(
    owner,
    { offsetsNext: new Map(), notes: new Map() },
    () => new Promise(() => undefined),
  );
  await handle.write(outgoing);
  const committing = handle.commit(next);
  const lost = new TaskLostError("the task moved");
  handle.end(lost);
  await expect(committing).rejects.toBe(lost);
  await expect(handle.write(outgoing)).rejects.toBe(lost);
});

test("R1: what is written is confirmed before the offsets are committed, and what is held goes with them", async () => {
  const committed: unknown[] = [];
  const confirmed = deferred();
  const held = outgoingOf(textRecords("changes", 0, 1), "changelog");
  const holding: HandleOwner = {
    ...owner,
    isHeld: ({ role }) => role === "changelog",
    commit: async (commit) => void committed.push(commit),
  };
  const sent: unknown[] = [];
  const handle = new KafkaTaskHandle(holding, { offsetsNext: new Map(), notes: new Map() }, (batch) => {
    sent.push(batch);
    return confirmed.promise;
  });
  await handle.write([held, ...outgoing]);
  expect(sent).toEqual(outgoing);
  const committing = handle.commit(next, "note");
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  expect(committed).toEqual([]);
  confirmed.resolve();
  await committing;
  await handle.commit(next);
  expect(committed).toEqual([
    { offsetsNext: next, held: [held], note: "note" },
    { offsetsNext: next, held: [], note: undefined },
  ]);
});

test("a handle is closed when no commit of its task is on its way any more", async () => {
  const settled = deferred();
  const waiting: HandleOwner = { ...owner, settled: () => settled.promise };
  const handle = new KafkaTaskHandle(waiting, { offsetsNext: new Map(), notes: new Map() }, () => Promise.resolve());
  let isClosed = false;
  const closing = handle.close().then(() => {
    isClosed = true;
  });
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  expect(isClosed).toBe(false);
  settled.resolve();
  await closing;
});
