import { expect, test } from "vitest";
import type { JudgeOptions } from "../../../src/monitor/index.ts";
import { judgeOptionsOf, replayMonitors, stagePartitions } from "../../../src/monitoring/index.ts";
import { atEndOf, even, hourMs, options, partial, shifted, spec, startMs } from "../monitor/judging/rig.ts";
import { smallSchemas, smallText, soundPlan } from "../topology/fixture.ts";
import { History, topicsOf } from "./history.ts";

const never = new AbortController().signal;
const topics = topicsOf("t");

function replay(
  { broker, registry }: History,
  judges: readonly JudgeOptions[] = [options],
  { fromMs, toMs }: { readonly fromMs?: number; readonly toMs?: number } = {},
) {
  return replayMonitors({ broker, registry, topics, judges, fromMs, toMs }, never);
}

const drifted = [even, even, even, shifted, shifted, shifted, shifted];
const timeOf = (window: number): string => new Date(startMs + window * hourMs).toISOString();

test("history is judged as it was: three windows of drift in five open an incident that pages", async () => {
  const history = await History.open();
  await history.baseline(startMs);
  await history.windows(drifted);
  const { outcomes, unread } = await replay(history);
  expect(unread).toBe(0);
  expect(outcomes).toEqual([
    [
      {
        monitor: "m",
        from: timeOf(0),
        to: timeOf(6),
        windows: 7,
        verdicts: 7,
        drift: 4,
        insufficient: 0,
        suppressed: 0,
        // The windows 3, 4 and 5 drift; the last of them ends where 6 begins.
        incidents: [{ id: expect.stringMatching(/^t\/m\//), at: timeOf(6), isPage: true, fields: ["x"] }],
        pages: 1,
      },
    ],
  ]);
});

test("other settings are tried on the same history, each on its own", async () => {
  const history = await History.open();
  await history.baseline(startMs);
  await history.windows(drifted);
  const tried: JudgeOptions = { ...options, monitors: [{ ...spec, practical: 2 }] };
  const ticket: JudgeOptions = { ...options, monitors: [{ ...spec, severity: "ticket" }] };
  const { outcomes } = await replay(history, [options, tried, ticket]);
  expect(outcomes.map(([outcome]) => [outcome?.drift, outcome?.incidents.length, outcome?.pages])).toEqual([
    [4, 1, 1],
    [0, 0, 0],
    [4, 1, 0],
  ]);
});

test("what a task told at one time is judged together: a window of two baselines gets a verdict by each", async () => {
  const history = await History.open();
  for (const id of ["b", "c"]) await history.baseline(startMs, "x", id);
  for (const partition of [0, 1]) await history.partial(partial(partition, 0, even), atEndOf(0));
  await history.partial(partial(1, 0, [400, 400], { baseline: "c" }), atEndOf(0));
  const { outcomes } = await replay(history);
  expect(outcomes[0]).toMatchObject([{ windows: 1, verdicts: 2 }]);
});

test("windows outside of the range are judged and not told of", async () => {
  const history = await History.open();
  await history.baseline(startMs);
  await history.windows(drifted);
  const replayed = async (range: { fromMs?: number; toMs?: number }) =>
    (await replay(history, [options], range)).outcomes[0]?.[0];
  // The incident was opened by the window 5, with which the range begins or ends.
  const at5 = startMs + 5 * hourMs;
  expect(await replayed({ fromMs: at5 })).toMatchObject({ from: timeOf(5), windows: 2, drift: 2, pages: 1 });
  expect(await replayed({ fromMs: at5 + 1 })).toMatchObject({ from: timeOf(6), windows: 1, drift: 1, pages: 0 });
  expect(await replayed({ toMs: at5 })).toMatchObject({ to: timeOf(4), windows: 5, drift: 2, pages: 0 });
  expect(await replayed({ fromMs: at5 + 9 * hourMs })).toMatchObject({ from: null, to: null, windows: 0, verdicts: 0 });
});

test("a baseline is not known before it was written", async () => {
  const history = await History.open();
  await history.windows(drifted);
  // Behind the window 5, which is still waited with, and too late for those before.
  await history.baseline(atEndOf(5) + 1);
  const [[outcome] = []] = (await replay(history)).outcomes;
  expect(outcome).toMatchObject({ drift: 2, pages: 0 });
});

test("tasks that had nothing to read are not waited for", async () => {
  const history = await History.open();
  await history.baseline(startMs);
  for (const window of [0, 1]) {
    await history.idle(1, atEndOf(window));
    await history.partial(partial(0, window, [500, 500]), atEndOf(window));
  }
  const [[outcome] = []] = (await replay(history)).outcomes;
  expect(outcome).toMatchObject({ windows: 2, drift: 0, insufficient: 0 });
});

test("what cannot be read is counted, and passed over", async () => {
  const history = await History.open();
  await history.baseline(startMs);
  await history.write(topics.baselines, startMs, "m", Buffer.from("?"));
  await history.write(topics.partials, startMs, "k", Buffer.from([0, 0, 0, 0, 99, 1]));
  // Cleared away, which is nothing to read.
  await history.write(topics.partials, startMs, "k", null);
  await history.windows(drifted);
  const { outcomes, unread } = await replay(history);
  expect(unread).toBe(2);
  expect(outcomes[0]?.[0]?.pages).toBe(1);
});

test("a topology whose topics are not there says which command makes them", async () => {
  const { broker, registry } = await History.open();
  const missing = { partials: "u.partials", baselines: topics.baselines };
  await expect(
    replayMonitors({ broker, registry, topics: missing, judges: [options], fromMs: undefined, toMs: undefined }, never),
  ).rejects.toMatchObject({ code: "MR_TOPIC_MISSING", message: expect.stringContaining("millrace apply") });
});

test("the judge of a plan waits for the tasks of the stages that count, and knows what they read", async () => {
  const text = `${smallText}monitors:
  - { name: inputs, on: features }
  - { name: payments, on: raw }
  - { name: scores, on: { predictions: predictions } }
alerts: { ageMax: 2h, cooldown: 3h, budget: { pages: 4, per: 1d } }
`;
  const plan = soundPlan(text, { schemas: smallSchemas, namespace: "staging" });
  const { broker } = await History.open();
  const one = { replication: undefined, configs: {} };
  await broker.admin.createTopics(
    [
      { ...one, topic: "inbox", partitions: 3 },
      { ...one, topic: "staging.raw", partitions: 2 },
    ],
    never,
  );
  const partitions = await stagePartitions(plan, broker.admin, never);
  expect([...partitions]).toEqual([
    ["ingest", 3],
    ["features", 2],
    ["score", 0],
  ]);
  const judged = judgeOptionsOf(plan, plan.monitoring!, partitions);
  expect(judged).toMatchObject({
    topology: "small",
    ageMaxMs: 2 * hourMs,
    budget: { pages: 4, perMs: 24 * hourMs },
    rules: { cooldownMs: 3 * hourMs },
    partitions,
  });
  expect(judged.monitors.map(({ name }) => name)).toEqual(["inputs", "payments", "scores"]);
  expect([...judged.stagesOf]).toEqual([
    ["inputs", ["features"]],
    ["payments", ["ingest"]],
    ["scores", ["score"]],
  ]);
  // What drifts in the payments drifts in their features by itself.
  expect([...(judged.inputsOf ?? [])]).toEqual([
    ["inputs", ["payments"]],
    ["payments", []],
    ["scores", ["inputs"]],
  ]);
  // Where payments are broken, so is all that is made of them.
  expect([...(judged.upstreamOf ?? [])]).toEqual([
    ["inputs", ["payments"]],
    ["payments", []],
    ["scores", ["inputs", "payments"]],
  ]);
});
