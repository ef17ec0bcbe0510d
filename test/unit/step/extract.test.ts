import { expect, test } from "vitest";
import { lower } from "./lowering.ts";

const ingest = { ingest: true };

test("an extract says where the reader finds fields, and is no operation on rows", () => {
  expect(lower([["extract", { amount: "/data/amount" }]], ingest)).toMatchObject({ ops: [], problems: [] });
});

test.each([
  [{ event_id: "/id" }, "MR_EVENT_ID", "source_event_id"],
  [{ amuont: "/data/amount" }, "MR_REFERENCE", "amount"],
  [{ amount: "data.amount" }, "MR_WRONG_TYPE", "amount: /data/amount"],
  [{ amount: "$.data/amount" }, "MR_WRONG_TYPE", "amount: /data/amount"],
  [{ amount: "" }, "MR_WRONG_TYPE", "amount: /"],
  [{ amount: "/a~2" }, "MR_WRONG_TYPE", ""],
])("%j is %s", (config, code, words) => {
  const { problems } = lower([["extract", config]], ingest);
  expect(problems.map((problem) => problem.code)).toEqual([code]);
  expect(problems[0]?.hint ?? "").toContain(words);
});

test("it belongs to ingest stages, stands once, and before what works on rows", () => {
  expect(lower([["extract", { amount: "/a" }]]).problems).toMatchObject([{ code: "MR_CONFLICT" }]);
  const behind = lower([["extract", { amount: "/a" }]], { ...ingest, isBehindReading: true });
  expect(behind.problems).toMatchObject([{ code: "MR_CONFLICT" }]);
});
