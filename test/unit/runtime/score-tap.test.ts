/** Scores that are counted where they are written, each under the version that gave it. */
import { expect, test } from "vitest";
import { seededRng } from "../../../src/kernel/index.ts";
import { countScores, scoreCells } from "../../../src/monitor/estimate/index.ts";
import { type MonitorSpec, merged } from "../../../src/monitor/index.ts";
import { StageTap } from "../../../src/runtime/tap/stage-tap.ts";
import type { TaskTap } from "../../../src/runtime/tap/task-tap.ts";
import { avro, batchOf, predictionSchema } from "./fixture.ts";

const hourMs = 3_600_000;
const monitor: MonitorSpec = {
  name: "model",
  fields: [{ name: "score", kind: "numbers", isSensitive: false }],
  cells: "scores",
  windowMs: hourMs,
  lateMs: 0,
  idleAfterMs: 60_000,
  season: "none",
  practical: 0,
  kind: "estimate",
  severity: "page",
  version: "v",
};

const tapOf = (tasks: number): TaskTap[] => {
  const topic = { topic: "partials", partitions: 1, messageBytesMax: 1_048_588 };
  const stage = new StageTap(
    {
      monitors: [{ monitor, store: { name: "monitor.model", kind: "counts", version: 1 } }],
      timeField: "event_time",
      baselines: { generation: 0, current: () => undefined },
      plan: "p",
      partials: topic,
      partialSchemaId: 1,
    },
    "score",
    predictionSchema,
  );
  return Array.from({ length: tasks }, (_, task) => stage.ofTask(task));
};

const batch = batchOf([{ value: "" }], { offset: 5 });

/** One chunk of predictions by a version. */
function predict(tap: TaskTap, model: string, scores: readonly number[]): void {
  tap.serve(model);
  tap.beginChunk();
  for (const score of scores) {
    const own = { event_id: "e", event_time: hourMs, model: "fraud", model_version: 1, review: false, id: "i" };
    const bytes = avro(predictionSchema, { ...own, score });
    tap.count(bytes, bytes.length, batch, 0, -1);
  }
  for (const { store } of tap.counters) store.keep();
  tap.keep(0);
}

const countedBy = (tap: TaskTap) =>
  tap.counters.flatMap(({ store }) =>
    store.behind.map((total) => ({ version: total.baseline, rows: total.rows, counts: total.byField(total.counts) })),
  );

test("each version's scores are counted under its name, in cells that no baseline has to give", () => {
  const [tap] = tapOf(1) as [TaskTap];
  predict(tap, "fraud/1", [0.2, 0.2, 0.9]);
  predict(tap, "fraud/2", [0.5]);
  predict(tap, "fraud/1", [0.9]);
  const found = countedBy(tap);
  expect(found.map(({ version, rows }) => [version, rows])).toEqual([
    ["fraud/1", 4],
    ["fraud/2", 1],
  ]);
  expect(found.map(({ counts }) => counts)).toEqual([
    [countScores(Float64Array.of(0.2, 0.2, 0.9, 0.9))],
    [countScores(Float64Array.of(0.5))],
  ]);
});

test("however rows are shared out among tasks, their counts add up to those of all rows", () => {
  const rng = seededRng(7);
  const scores = Array.from({ length: 500 }, () => rng.uniform());
  const taps = tapOf(3);
  for (const [i, score] of scores.entries()) predict(taps[(i * i) % 3]!, "fraud/1", [score]);
  const partials = taps.flatMap(countedBy);
  expect(partials.every(({ rows }) => rows > 0)).toBe(true);
  expect(merged(partials).counts[0]).toEqual(countScores(Float64Array.from(scores)));
  expect(merged(partials).rows).toBe(500);
});

test("rows that are of no version are in no cell", () => {
  const [tap] = tapOf(1) as [TaskTap];
  tap.beginChunk();
  const row = { event_id: "e", event_time: hourMs, model: "", model_version: 0, score: 0.5, review: false, id: "i" };
  const bytes = avro(predictionSchema, row);
  tap.count(bytes, bytes.length, batch, 0, -1);
  expect(countedBy(tap)).toEqual([{ version: "", rows: 1, counts: [] }]);
  expect(scoreCells.count).toBeGreaterThan(300);
});
