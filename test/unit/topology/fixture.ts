import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { Hasher } from "../../../src/kernel/index.ts";
import {
  formatProblem,
  type Plan,
  type PlanRequest,
  type PlanResult,
  planTopology,
} from "../../../src/topology/index.ts";

const hasher: Hasher = { sha256: (input) => createHash("sha256").update(input).digest("hex") };

const root = new URL("../../../", import.meta.url);

/** Texts of the repository's schemas, by name. */
const exampleSchemas: ReadonlyMap<string, string> = new Map(
  readdirSync(new URL("schemas/", root))
    .filter((file) => file.endsWith(".avsc"))
    .map((file) => [file.slice(0, -".avsc".length), readFileSync(new URL(`schemas/${file}`, root), "utf8")]),
);

export const exampleNames = ["card-fraud", "flights"] as const;

/** Examples whose events are nested. */
export const nestedExampleNames = ["cloudevents", "debezium", "webhook"] as const;

/** The text of an example topology. */
export function exampleText(name: string): string {
  return readFileSync(new URL(`topologies/${name}.yaml`, root), "utf8");
}

const generators = ["card-payments"];

/** Plans a text with the repository's schemas and an empty environment. */
export function planText(text: string, options: Partial<PlanRequest> = {}): PlanResult {
  return planTopology({
    text,
    file: "t.yaml",
    environment: {},
    schemas: exampleSchemas,
    generators,
    hasher,
    ...options,
  });
}

/** The plan of a text that must be sound. */
export function soundPlan(text: string, options: Partial<PlanRequest> = {}): Plan {
  const { plan, problems } = planText(text, options);
  if (plan === undefined) throw new Error(problems.map(formatProblem).join("\n"));
  return plan;
}

/** All problems of a text as they are printed. */
export function problemLines(text: string, options: Partial<PlanRequest> = {}): string[] {
  return planText(text, options).problems.map(formatProblem);
}

/** Replaces text that must occur exactly once. */
export function replaced(text: string, from: string, to: string): string {
  if (text.split(from).length !== 2) throw new Error(`${JSON.stringify(from)} does not occur exactly once`);
  return text.replace(from, () => to);
}

export const payment = `{
  "type": "record", "name": "Payment", "fields": [
    { "name": "event_id", "type": "string" },
    { "name": "payment_id", "type": "string" },
    { "name": "customer_id", "type": "string" },
    { "name": "paid_at", "type": { "type": "long", "logicalType": "timestamp-millis" } },
    { "name": "amount", "type": ["null", "double"], "default": null }
  ]
}`;

const label = `{
  "type": "record", "name": "Label", "fields": [
    { "name": "event_id", "type": "string" },
    { "name": "payment_id", "type": "string" },
    { "name": "known_at", "type": { "type": "long", "logicalType": "timestamp-millis" } },
    { "name": "is_fraud", "type": "boolean" }
  ]
}`;

/** A small chain of four stages; the line numbers in tests count from its first line. */
export const smallText = `apiVersion: millrace/v1
kind: Topology
name: small
delivery: at-least-once
topics:
  inbox: { format: json, external: true }
  raw: { schema: payment, key: customer_id, time: paid_at, partitions: 2 }
  features: { schema: inferred }
  predictions: { schema: inferred }
  labels: { schema: label, key: payment_id, time: known_at }
stages:
  - name: ingest
    from: { topic: inbox, ahead: 5min }
    to: raw
    steps:
      - cast: { paid_at: timestamp-millis }
  - name: features
    from: raw
    to: features
    late: { within: 2h }
    steps:
      - rolling: { by: customer_id, over: [1h], features: { n: count(), mean: mean(amount) } }
  - name: score
    from: features
    to: predictions
    steps:
      - infer:
          model: fraud@champion
          keep: [payment_id]
          decide: { review: score >= 0.8 }
models:
  fraud:
    task: binary
    features: { from: features, except: [payment_id, customer_id, paid_at] }
    label: { topic: labels, on: payment_id, field: is_fraud }
`;

export const smallSchemas: ReadonlyMap<string, string> = new Map([
  ["payment", payment],
  ["label", label],
]);
