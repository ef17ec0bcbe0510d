import { expect, test } from "vitest";
import { silentLogger, topicPartitionKey } from "../../../src/kernel/index.ts";
import { TaskFatalError } from "../../../src/runtime/index.ts";
import { RecordingSink } from "../../support/recording-sink.ts";
import { outgoingOf, textRecords } from "../../support/records.ts";
import { brokerOf, deadlineMs, never, topicOf } from "./bench.ts";

test("a topic that goes between a write and its commit takes the whole chunk with it: all of it is seen or nothing", async () => {
  const broker = brokerOf({ topics: [topicOf("in", 1), topicOf("kept", 1), topicOf("gone", 1)] });
  const sink = new RecordingSink({ deadlineMs });
  const spec = { group: "g", topics: ["in"], start: { kind: "earliest" }, logger: silentLogger } as const;
  const membership = await broker.join({ ...spec, delivery: "exactly-once" }, sink);
  await sink.until("the task", () => sink.owned.size === 1);
  const handle = await membership.openTask(0, sink.epochOf(0), never);
  await handle.write([outgoingOf(textRecords("kept", 0, 2)), outgoingOf(textRecords("gone", 0, 2))]);
  await broker.admin.deleteTopics(["gone"], never);
  await expect(handle.commit(new Map([[topicPartitionKey("in", 0), 5]]))).rejects.toThrow(TaskFatalError);
  expect(await broker.admin.watermarks("kept", never)).toEqual([{ partition: 0, low: 0, end: 0 }]);
  expect(await broker.admin.committed("g", "in", never)).toEqual([{ partition: 0, offset: 0 }]);
  await broker.close();
});
