import { describe, expect, test } from "vitest";
import { labelledSchema } from "../../../src/monitor/index.ts";
import { judgeOptionsOf } from "../../../src/monitoring/index.ts";
import { feedStage } from "../../../src/runtime/index.ts";
import type { RecordSchema, Row } from "../../../src/schema/index.ts";
import { graphOf, type Plan, printPlan } from "../../../src/topology/index.ts";
import { avro, batchOf, compiled, depsOf, FakeRegistry, recordsOf, rowOf } from "../runtime/fixture.ts";
import { problemLines, smallSchemas, smallText, soundPlan } from "./fixture.ts";

const schemas = smallSchemas;
const on = "on: { predictions: predictions, labels: labels }";
const withMonitor = (keys: string): string => `${smallText}monitors:\n  - { name: model, ${keys} }\n`;
const planned = (keys = on): Plan => soundPlan(withMonitor(keys), { schemas });
const performanceOf = (keys: string) => planned(keys).monitoring?.performance[0];
const refusals = (keys: string): string[] =>
  problemLines(withMonitor(keys), { schemas }).map((line) => line.replace(/^\S+ /, ""));

test("a monitor of predictions and labels says of each day how good the model is, and ADWIN watches its errors", () => {
  const plan = planned();
  const [predictions, labels] = ["predictions", "labels"].map((name) =>
    plan.topics.find((topic) => topic.name === name),
  );
  expect(plan.monitoring?.performance).toEqual([
    {
      name: "model",
      kind: "performance",
      severity: "page",
      model: "fraud",
      predictions,
      labels,
      join: "predictions/labels/payment_id/is_fraud",
      windowMs: 86_400_000,
      // As late as the stage before lets records through: two hours.
      lateMs: 7_200_000,
      waitMs: 7_200_000,
      withinMs: undefined,
      isAbsenceNegative: false,
      metrics: ["accuracy", "auc", "log_loss"],
      practical: { accuracy: 0.02, auc: 0.03, average_precision: 0.05, log_loss: 0.05, brier: 0.02, ece: 0.05 },
      detectors: [{ kind: "adwin", config: { delta: 0.002, everySamples: 32, warmUpSamples: 10, partSamples: 5 } }],
      version: expect.stringMatching(/^[0-9a-f]{16}$/),
    },
  ]);
  expect(plan.monitoring?.labelled).toEqual({ clusterName: "small.labelled.repartition", group: "small.labeller" });
});

test("window, metrics, detectors, thresholds, lateness and severity are as the file says", () => {
  const keys = `${on}, window: 6h, late: 10min, metrics: [brier], detectors: [{ hddm-a: {} }], thresholds: { brier: 0.1 }, severity: ticket`;
  const found = performanceOf(keys);
  expect(found).toMatchObject({ windowMs: 6 * 3_600_000, lateMs: 600_000, metrics: ["brier"], severity: "ticket" });
  expect(found?.practical.brier).toBe(0.1);
  expect(found?.detectors).toMatchObject([{ kind: "hddm-a" }]);
});

const estimating = `${on}, metrics: [auc, estimated_auc, estimated_accuracy], thresholds: { estimated_auc: 0.1 }`;

test("what is estimated is counted by the stage that scores, in a store of its own", () => {
  const plan = planned(estimating);
  const [monitor] = plan.monitoring?.performance ?? [];
  expect(monitor?.metrics).toEqual(["auc"]);
  expect(monitor?.estimate).toMatchObject({
    metrics: ["estimated_auc", "estimated_accuracy"],
    practical: { estimated_auc: 0.1, estimated_accuracy: 0.02 },
    counted: {
      name: "model",
      fields: [{ name: "score", kind: "numbers" }],
      cells: "scores",
      kind: "estimate",
      stages: ["score"],
      timeField: "event_time",
      windowMs: 86_400_000,
      lateMs: 7_200_000,
    },
  });
  const taps = plan.stages.map(({ name, taps: own }) => [name, own.map(({ monitor: of, store }) => [of, store.name])]);
  expect(Object.fromEntries(taps)).toMatchObject({ features: [], score: [["model", "monitor.model"]] });
  expect(performanceOf(on)?.estimate).toBeUndefined();
  expect(printPlan(plan)).toContain("  estimated before labels are there, by scores that score counts\n");
  expect(printPlan(plan)).toContain("  estimates estimated_auc (from 0.1 on), estimated_accuracy (from 0.02 on)\n");
});

test("the judge waits for the tasks that score, and asks what is broken before them", () => {
  const text = `${smallText}monitors:\n  - { name: model, ${estimating} }\n  - { name: inputs, on: features }\n  - { name: scores, on: { predictions: predictions } }\n`;
  const plan = soundPlan(text, { schemas });
  const { stagesOf, upstreamOf } = judgeOptionsOf(plan, plan.monitoring!, new Map());
  expect(Object.fromEntries(stagesOf)).toEqual({ model: ["score"], inputs: ["features"], scores: ["score"] });
  expect(upstreamOf?.get("model")).toEqual(["inputs"]);
});

test("thresholds and metrics change nothing of what is counted for estimates, and the window does", () => {
  const version = (keys: string) => performanceOf(keys)?.estimate?.counted.version;
  const known = version(estimating);
  expect(version(`${on}, metrics: [estimated_brier], severity: ticket`)).toBe(known);
  expect(version(`${on}, metrics: [estimated_brier], window: 2d`)).not.toBe(known);
});

test("what is measured changes no counts, and how it is joined does", () => {
  const version = (keys: string) => performanceOf(`${on}, ${keys}`)?.version;
  const known = performanceOf(on)?.version;
  expect(version("metrics: [ece], thresholds: { ece: 0.2 }, severity: ticket")).toBe(known);
  expect(version("window: 2d")).not.toBe(known);
  expect(version("detectors: []")).not.toBe(known);
});

test("Millrace adds a stage for each side, one topic on which they meet, and says so", () => {
  const plan = planned();
  expect(
    plan.stages.slice(3).map(({ name, group, from, to, keyField }) => [name, group, from.name, to.name, keyField]),
  ).toEqual([
    ["labelled-predictions", "small.labelled-predictions", "predictions", "small.labelled.repartition", "key"],
    ["labelled-labels", "small.labelled-labels", "labels", "small.labelled.repartition", "key"],
  ]);
  const added = plan.topics.at(-1);
  expect(added).toMatchObject({
    clusterName: "small.labelled.repartition",
    partitions: 1,
    retentionMs: 7 * 86_400_000,
  });
  expect(added?.writers).toEqual(["labelled-predictions", "labelled-labels"]);
  const printed = printPlan(plan);
  expect(printed).toContain("monitor model of model fraud: predictions beside labels\n");
  expect(printed).toContain("labeller, group small.labeller, reads small.labelled.repartition");
  expect(graphOf(plan)).toContain(`monitor0(["model"])`);
});

test("monitors of fields come first in the graph, and each has a node of its own", () => {
  const two = `${smallText}monitors:\n  - { name: first, ${on} }\n  - { name: second, ${on}, window: 2d }\n  - { name: inputs, on: features }\n`;
  const graph = graphOf(soundPlan(two, { schemas }));
  for (const node of [`monitor0(["inputs"])`, `monitor1(["first"])`, `monitor2(["second"])`])
    expect(graph).toContain(node);
  expect(graph).toContain("topic4 -. labels .-> monitor2");
});

test("a topology without such monitors has none of it", () => {
  const plan = soundPlan(smallText, { schemas });
  expect(plan.stages).toHaveLength(3);
  expect(plan.topics.some(({ name }) => name.includes("labelled"))).toBe(false);
});

test.each<[string, string[]]>([
  [
    `${on}, metrics: [auc], thresholds: { estimated_auc: 0.1 }`,
    [
      "MR_CONFLICT monitors[0].thresholds.estimated_auc: this monitor says nothing of estimated_auc, so its threshold does nothing; write metrics: [auc, estimated_auc], or remove it",
    ],
  ],
  [
    "on: { predictions: predictions }, metrics: [estimated_auc]",
    [
      "MR_CONFLICT monitors[0].metrics[0]: estimated_auc is of a model that has labels, and this monitor names none; write on: { predictions: TOPIC, labels: TOPIC }, or remove it",
    ],
  ],
  [
    `${on}, window: 2min, metrics: [estimated_auc]`,
    [
      "MR_OUT_OF_RANGE monitors[0].window: windows of 2min kept open for 2h are more than 48 at once; write window: 3min or more, or late: with a shorter time",
    ],
  ],
  [
    "on: { predictions: predictions, labels: lables }",
    ['MR_REFERENCE monitors[0].on.labels: there is no topic "lables"; did you mean "labels"?'],
  ],
  [
    "on: { predictions: features, labels: labels }",
    [
      "MR_CONFLICT monitors[0].on.predictions: topic features holds no predictions of this file; name a topic that one infer stage writes",
    ],
  ],
  [
    "on: { predictions: predictions, labels: raw }",
    [
      "MR_CONFLICT monitors[0].on.labels: model fraud, which makes these predictions, has its labels on topic labels; write labels: labels",
    ],
  ],
  [
    `${on}, fields: [score], season: none, thresholds: { psi: 0.2 }`,
    [
      "MR_CONFLICT monitors[0].fields: fields belongs to monitors that count values, and this one measures a model by its labels; remove it, or watch the values with another monitor",
      "MR_CONFLICT monitors[0].season: season belongs to monitors that count values, and this one measures a model by its labels; remove it, or watch the values with another monitor",
      "MR_CONFLICT monitors[0].thresholds.psi: psi is of values, and this monitor measures a model by its labels; write for example auc: 0.03",
    ],
  ],
  [
    "on: { predictions: predictions }, metrics: [auc], thresholds: { auc: 0.1 }",
    [
      "MR_CONFLICT monitors[0].metrics[0]: auc measures a model by its labels, and this monitor names none; write on: { predictions: TOPIC, labels: TOPIC }, or remove it",
      "MR_CONFLICT monitors[0].thresholds.auc: auc is measured by labels, and this monitor names none; remove it",
    ],
  ],
  [
    `${on}, detectors: [{ adwin: {} }, { adwin: { delta: 0.01 } }]`,
    ["MR_CONFLICT monitors[0].detectors[1]: adwin is there twice, and a verdict is named after it; remove one"],
  ],
  [
    `${on}, metrics: [auc, missing], thresholds: { rows: 0.2 }`,
    [
      "MR_CONFLICT monitors[0].metrics[1]: missing is of the rows of a topic, and this monitor measures a model by its labels; remove it, or watch the topic with another monitor",
      "MR_CONFLICT monitors[0].thresholds.rows: rows is of the rows of a topic, and this monitor measures a model by its labels; remove it, or watch the topic with another monitor",
    ],
  ],
  [
    `${on}, window: { rows: 1000 }`,
    [
      "MR_CONFLICT monitors[0].window: a window of labelled predictions is of event time, and this one is of rows; write for example window: 1d",
    ],
  ],
  [
    `${on}, window: 10s`,
    [
      "MR_OUT_OF_RANGE monitors[0].window: a window is at least 1min, and this one is 10s; write for example window: 1d",
    ],
  ],
])("a monitor with %s is refused", (keys, lines) => {
  expect(refusals(keys)).toEqual(lines);
});

test("a stage of the file may not be called as those that Millrace adds", () => {
  const text = withMonitor(on).replace("name: score\n", "name: labelled-scores\n");
  expect(problemLines(text, { schemas })[0]).toContain("MR_CONFLICT stages[2].name");
  expect(problemLines(smallText.replace("name: score\n", "name: labelled-scores\n"), { schemas })).toEqual([]);
});

describe("the stages that Millrace adds", () => {
  const outId = 77;

  /** What a stage makes of rows. */
  async function made(stageName: string, schema: RecordSchema, rows: readonly Row[]) {
    const stage = planned().stages.find(({ name }) => name === stageName)!;
    const registry = new FakeRegistry();
    registry.schemas.set(1, schema);
    const task = compiled(stage, { ...depsOf(), registry, outputSchemaId: outId }).openTask(0);
    const batch = batchOf(
      rows.map((row) => ({ value: avro(schema, row, 1) })),
      { topic: stage.from.clusterName },
    );
    const { outgoing } = await feedStage(task, [batch], new AbortController().signal);
    return {
      rows: recordsOf(outgoing, "output").map(({ key, value }) => [
        key?.toString(),
        { ...rowOf(labelledSchema, value) },
      ]),
      dead: recordsOf(outgoing, "dead-letter").length,
    };
  }

  const schemaOf = (topic: string): RecordSchema => planned().topics.find(({ name }) => name === topic)!.schema!;

  test("write of a prediction what the labeller needs, under the key that labels join by", async () => {
    const row = {
      event_id: "e1",
      event_time: 7,
      model: "fraud",
      model_version: 3,
      score: 0.25,
      review: false,
      payment_id: "p1",
    };
    const found = await made("labelled-predictions", schemaOf("predictions"), [row]);
    expect(found).toEqual({
      rows: [
        [
          "p1",
          {
            event_id: "e1",
            join: "predictions/labels/payment_id/is_fraud",
            key: "p1",
            event_time: 7,
            model: "fraud",
            model_version: 3,
            score: 0.25,
            label: null,
          },
        ],
      ],
      dead: 0,
    });
  });

  test("write of a label its key, its time and what came true", async () => {
    const schema = schemaOf("labels");
    const row = (id: string, isFraud: boolean) =>
      Object.fromEntries(
        schema.shape.map(({ name }) => [
          name,
          { event_id: id, payment_id: `p-${id}`, known_at: 9, is_fraud: isFraud }[name],
        ]),
      ) as Row;
    const found = await made("labelled-labels", schema, [row("a", true), row("b", false)]);
    expect(found.rows).toMatchObject([
      ["p-a", { event_id: "a", key: "p-a", event_time: 9, label: true, model: null, model_version: null, score: null }],
      ["p-b", { event_id: "b", label: false }],
    ]);
  });
});
