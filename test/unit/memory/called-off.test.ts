import { expect, test } from "vitest";
import type { Broker } from "../../../src/runtime/index.ts";
import { textRecord } from "../../support/records.ts";
import { brokerOf, never, topicOf } from "./bench.ts";

const reason = new Error("stopped by SIGINT");
const over = AbortSignal.abort(reason);

test.each<[string, (broker: Broker) => Promise<unknown>]>([
  ["describe", ({ admin }) => admin.describe(["raw"], over)],
  ["createTopics", ({ admin }) => admin.createTopics([topicOf("more", 1)], over)],
  ["growTopic", ({ admin }) => admin.growTopic("raw", 5, over)],
  ["watermarks", ({ admin }) => admin.watermarks("raw", over)],
  ["extent", ({ admin }) => admin.extent({ topic: "raw", partition: 0 }, over)],
  ["committed", ({ admin }) => admin.committed("g", "raw", over)],
  ["members", ({ admin }) => admin.members("g", over)],
  ["deleteTopics", ({ admin }) => admin.deleteTopics(["raw"], over)],
  ["deleteGroups", ({ admin }) => admin.deleteGroups(["g"], over)],
  ["append", (broker) => broker.append([textRecord("raw", 0, "a")], over)],
  ["read", (broker) => broker.read({ topic: "raw", partition: 0, from: 0 }, over)[Symbol.asyncIterator]().next()],
])("%s that was called off before ends with the reason, and does nothing", async (_, call) => {
  const broker = brokerOf({ topics: [topicOf("raw", 1)] });
  await expect(call(broker)).rejects.toBe(reason);
  const { topics } = await broker.admin.describe(["raw", "more"], never);
  expect(topics).toMatchObject([{ topic: "raw", partitions: 1 }]);
  expect(await broker.admin.watermarks("raw", never)).toEqual([{ partition: 0, low: 0, end: 0 }]);
});
