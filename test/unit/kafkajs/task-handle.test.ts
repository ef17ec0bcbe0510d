import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { type HandleOwner, KafkaTaskHandle } from "../../../src/adapters/kafkajs/task-handle.ts";
import { TaskLostError } from "../../../src/runtime/index.ts";
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
