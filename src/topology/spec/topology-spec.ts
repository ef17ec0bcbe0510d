import { z } from "zod";
import type { StepDefinition } from "../../step/index.ts";
import { alertsSpec } from "./alerts-spec.ts";
import { defaults } from "./defaults.ts";
import { modelSpec } from "./model-spec.ts";
import { monitorSpec } from "./monitor-spec.ts";
import { stageSpec } from "./stage-spec.ts";
import { testSpec } from "./test-spec.ts";
import { topicSpec } from "./topic-spec.ts";
import { kebabName, key, namespaceName, reference, topicName } from "./values.ts";

/** Everything of a file that is not topics, stages, models, monitors or tests. */
export const topologyHead = z.strictObject({
  apiVersion: key(z.literal("millrace/v1"), "Version of the language.", "millrace/v1"),
  kind: key(z.literal("Topology"), "What the file describes.", "Topology"),
  name: key(kebabName, "Name of the topology: groups, ids and Millrace's own topics begin with it.", "card-fraud"),
  description: key(z.string(), "What the topology is for.", "Scores card payments.").optional(),
  owner: key(z.string(), "Who answers for it.", "payments-risk").optional(),
  namespace: key(
    namespaceName,
    "Put before topics that are not external, groups and ids, so that one file runs in several environments.",
    "staging",
  ).optional(),
  delivery: key(
    z.enum(["exactly-once", "at-least-once"]),
    "What a crash may do: nothing that readers of committed records see (exactly-once), or repeat some records (at-least-once). There is no default.",
    "exactly-once",
  ),
  commit: key(
    z.strictObject({
      everyMs: key(
        z.int().min(1).max(60_000),
        "Longest time between two commits, in milliseconds.",
        100,
        defaults.commit.everyMs,
      ).optional(),
      records: key(
        z.int().min(1).max(1_000_000),
        "Most records between two commits.",
        2_000,
        defaults.commit.records,
      ).optional(),
      lingerMs: key(
        z.int().min(0).max(60_000),
        "How long outputs wait for more while a stage is busy, in milliseconds. With nothing left to compute they are sent at once.",
        5,
        defaults.commit.lingerMs,
      ).optional(),
    }),
    "How often a stage commits, and how soon it sends what it has made.",
    { everyMs: 100, records: 2_000, lingerMs: 5 },
  ).optional(),
  limits: key(
    z.strictObject({
      recordBytes: key(
        z.int().min(1_000).max(100_000_000),
        "Largest record, in and out: key, value and headers, in bytes.",
        900_000,
        defaults.limits.recordBytes,
      ).optional(),
    }),
    "Bounds on what is processed.",
    { recordBytes: 900_000 },
  ).optional(),
  sample: key(
    z.strictObject({
      generator: key(reference, "Name of a stock generator.", "card-payments"),
      seed: key(z.int(), "The same seed gives the same events.", 7, defaults.sample.seed).optional(),
      perSecond: key(
        z.number().positive().max(1_000_000),
        "Events per second.",
        200,
        defaults.sample.perSecond,
      ).optional(),
    }),
    "What `millrace dev` feeds when nothing else does.",
    { generator: "card-payments", seed: 7, perSecond: 200 },
  ).optional(),
  alerts: key(alertsSpec, "When somebody is told of what the monitors find, and whom.", {
    budget: { pages: 1, per: "30d" },
  }).optional(),
});

export type TopologyHead = z.infer<typeof topologyHead>;

/**
 * The one definition of a topology file: run-time check, JSON Schema and reference are all made from it.
 *
 * @param catalogue the steps that there are; each brings its own config
 */
export function topologySpec(catalogue: readonly StepDefinition<unknown>[]): z.ZodType {
  return topologyHead
    .extend({
      topics: key(z.record(topicName, topicSpec), "The topics, by the names used in this file.", {
        "payments.clean": { schema: "payment", key: "customer_id", time: "paid_at" },
      }),
      stages: key(z.array(stageSpec(catalogue)).min(1), "The stages; each is a consumer group.", [
        { name: "clean", from: "payments.raw", to: "payments.clean" },
      ]),
      models: key(z.record(kebabName, modelSpec), "The models, by name.", {
        "card-fraud": { task: "binary", features: { from: "payments.features" } },
      }).optional(),
      monitors: key(
        z.array(monitorSpec).min(1),
        "What is watched while the stages run, against a time when all was well.",
        [{ name: "inputs", on: "payments.features", window: "1h" }],
      ).optional(),
      tests: key(z.array(testSpec), "Cases that `millrace test` runs, offline.", [
        { name: "a refund is dropped", stage: "clean", given: [{ amount: -5 }], expect: { filtered: 1 } },
      ]).optional(),
    })
    .meta({
      title: "Millrace topology",
      description: "A stream topology: topics, stages, models, monitors and their tests.",
    });
}
