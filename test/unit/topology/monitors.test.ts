import { expect, test } from "vitest";
import type { Plan } from "../../../src/topology/index.ts";
import { smallSchemas, smallText, soundPlan } from "./fixture.ts";

const schemas = smallSchemas;
const hour = 3_600_000;
const minute = 60_000;

const watched = (monitors: string, text = smallText): string => `${text}monitors:\n${monitors}`;
const planned = (monitors: string, text?: string): Plan => soundPlan(watched(monitors, text), { schemas });

test("a monitor that says nothing more watches what the one model learns from, against what it has learnt", () => {
  const plan = planned("  - { name: inputs, on: features }\n");
  expect(plan.monitoring?.monitors).toEqual([
    {
      name: "inputs",
      // All fields but those that the model leaves out, and event_id.
      fields: [
        { name: "amount", kind: "numbers", isSensitive: false },
        { name: "n_1h", kind: "numbers", isSensitive: false },
        { name: "mean_1h", kind: "numbers", isSensitive: false },
      ],
      windowMs: hour,
      // As late as the stage lets records through.
      lateMs: 2 * hour,
      idleAfterMs: minute,
      season: "none",
      practical: 0.1,
      severity: "page",
      version: expect.stringMatching(/^[0-9a-f]{16}$/),
      topic: plan.topics.find(({ name }) => name === "features"),
      stages: ["features"],
      timeField: "paid_at",
      baseline: { kind: "model", model: "fraud" },
    },
  ]);
  expect(plan.monitoring?.alerts).toEqual({
    budget: { pages: 1, perMs: 30 * 24 * hour },
    rules: { fire: { windows: 3, of: 5 }, clear: { windows: 3, below: 0.8 }, cooldownMs: hour },
    ageMaxMs: 6 * hour,
    perMinute: 10,
    notify: [],
  });
});

test("the stage that writes the topic counts for its monitors, and writes that down in a changelog for each", () => {
  const monitors = "  - { name: inputs, on: features }\n  - { name: amounts, on: features, fields: [amount] }\n";
  const plan = soundPlan(watched(monitors), { schemas, namespace: "staging" });
  expect(plan.stages.map(({ taps }) => taps)).toEqual([
    [],
    ["inputs", "amounts"].map((monitor) => ({
      monitor,
      store: { name: `monitor.${monitor}`, kind: "counts", version: 1 },
      changelog: { clusterName: `staging.small.features.monitor.${monitor}.changelog`, partitions: 2 },
    })),
    [],
  ]);
  expect(plan.monitoring?.judgeGroup).toBe("staging.small.monitor");
  expect(plan.monitoring?.notifierGroup).toBe("staging.small.notifier");
});
