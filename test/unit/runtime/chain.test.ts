import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { seededRng, silentLogger } from "../../../src/kernel/index.ts";
import {
  BufferBudget,
  createStageRunner,
  type ModelSource,
  type ServedModel,
  type StageCounts,
  TaskReopenError,
} from "../../../src/runtime/index.ts";
import type { RecordSchema, RegisteredSchema, Row, SchemaRegistry } from "../../../src/schema/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { changelogsOf, type Plan, planTopology } from "../../../src/topology/index.ts";
import { partitionOf } from "../../../src/wire/index.ts";
import { type FaultPlan, faultyBroker } from "../../fakes/faulty-broker.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { plainRecords } from "../../support/records.ts";
import { AutoClock, nextTurn, rowOf } from "./fixture.ts";

/** JSON in, `dedupe` and `rolling` in one stage, predictions out. */
const file = `
apiVersion: millrace/v1
kind: Topology
name: shop
delivery: at-least-once
commit: { everyMs: 100, records: 40 }
topics:
  inbox: { format: json, external: true, partitions: 2 }
  payments: { schema: payment, key: customer, time: paid_at, partitions: 2 }
  features: { schema: inferred }
  predictions: { schema: inferred }
stages:
  - name: ingest
    from: { topic: inbox, format: json, ahead: none }
    to: payments
    steps:
      - cast: { paid_at: timestamp-millis }
  - name: features
    from: payments
    to: features
    steps:
      - require: [amount]
      - dedupe: { by: id, within: 1h }
      - filter: amount >= 0
      - rolling: { by: customer, over: [10min, 1h], features: { n: count(), mean: mean(amount) } }
  - name: score
    from: features
    to: predictions
    steps:
      - infer: { model: fraud@champion, keep: [id], decide: { review: score >= 0.5 } }
models:
  fraud:
    task: binary
    features: { from: features, except: [id, customer, paid_at] }
    candidates: [logistic]
`;

const paymentSchema = JSON.stringify({
  type: "record",
  name: "Payment",
  fields: [
    { name: "event_id", type: "string" },
    { name: "id", type: "string" },
    { name: "customer", type: "string" },
    { name: "paid_at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "amount", type: ["null", "double"], default: null },
  ],
});

function shopPlan(): Plan {
  const { plan, problems } = planTopology({
    text: file,
    file: "shop.yaml",
    environment: {},
    schemas: new Map([["payment", paymentSchema]]),
    hasher: { sha256: (input) => createHash("sha256").update(input).digest("hex") },
  });
  if (plan === undefined) throw new Error(JSON.stringify(problems));
  // One version, for good.
  return { ...plan, adoptions: undefined };
}

/** Everything registered, ids in the order of the topics. */
function registryOf(plan: Plan): SchemaRegistry {
  const entries = plan.topics.flatMap(({ subject, schema }, id): RegisteredSchema[] =>
    subject === undefined || schema === undefined
      ? []
      : [{ id, version: 1, subject, text: JSON.stringify(schema.json) }],
  );
  return {
    byId: async (id) => entries.find((entry) => entry.id === id),
    latest: async (subject) => entries.find((entry) => entry.subject === subject),
    versions: async (subject) => entries.filter((entry) => entry.subject === subject),
    lookUp: async (subject) => entries.find((entry) => entry.subject === subject),
    register: () => Promise.reject(new Error("not in this test")),
  };
}

/** Scores by the number of payments in the last ten minutes. */
function modelFor(plan: Plan): ServedModel {
  const inputs = plan.stages.find((stage) => stage.infer !== undefined)!.infer!.features;
  const at = inputs.indexOf("n_10min");
  return {
    version: 1,
    scorer: {
      signature: { task: "binary", inputs: inputs.map((name) => ({ name, kind: "number" })) },
      score: (rows, count, into, intoAt) => {
        for (let i = 0; i < count; i++) into[intoAt + i] = 1 - 1 / (1 + rows[i * inputs.length + at]!);
      },
    },
  };
}

/** Payments of a few customers in random order of time, with repeats, refunds, missing amounts and junk. */
function inbox(count: number, seed: number): (string | null)[] {
  const rng = seededRng(seed);
  return Array.from({ length: count }, (_, i) => {
    if (i % 50 === 49) return i % 100 === 99 ? "{junk" : null;
    return JSON.stringify({
      id: `p${rng.below(10) === 0 ? Math.max(0, i - 5) : i}`,
      customer: `c${rng.below(6)}`,
      paid_at: new Date(1_700_000_000_000 + i * 20_000 - rng.below(100_000)).toISOString(),
      amount: rng.below(20) === 0 ? null : rng.below(30) - 2,
    });
  });
}

interface Run {
  /** Different rows per event id, of each topic that a stage writes. */
  readonly rows: Readonly<Record<string, ReadonlyMap<string, ReadonlySet<string>>>>;
  readonly counts: Readonly<Record<string, StageCounts>>;
}

async function runChain(values: readonly (string | null)[], faults: FaultPlan = {}): Promise<Run> {
  const plan = shopPlan();
  const never = new AbortController().signal;
  const names = [...plan.topics, plan.deadLetters, plan.accounts].map(({ clusterName }) => clusterName);
  const memory = createMemoryBroker({
    codecs: noCodecs,
    clock: new FakeClock(1_700_000_000_000),
    logger: silentLogger,
    bytesMax: 100_000_000,
    topics: [
      ...names.map((topic) => ({ topic, partitions: 2, replication: undefined, configs: {} })),
      ...changelogsOf(plan).map(({ changelog }) => ({
        topic: changelog.clusterName,
        partitions: 2,
        replication: undefined,
        configs: { "cleanup.policy": "compact" },
      })),
    ],
  });
  const broker = faultyBroker(memory, faults);
  await memory.append(
    values.map((text, i) => ({
      topic: "inbox",
      // Keyed like `payments`, so that no two tasks of the ingest write into one partition in an order of chance.
      partition: partitionByCustomer(text, i),
      timestampMs: 1_700_000_000_000,
      key: null,
      value: text === null ? null : Buffer.from(text),
    })),
    never,
  );
  const clock = new AutoClock();
  const served = modelFor(plan);
  const models: ModelSource = { load: async () => served };
  const budget = new BufferBudget({ bytesMax: 1_000_000, reservedBytesPerTask: 50_000 });
  const shared = {
    plan,
    broker,
    models,
    clock,
    budget,
    logger: silentLogger,
    yieldToLoop: nextTurn,
    deflateGzip: undefined,
  };
  const rows: Record<string, Map<string, Set<string>>> = {};
  const counts: Record<string, StageCounts> = {};
  // One stage after the other: a copy from upstream then cannot meet a window that has moved on.
  for (const stage of plan.stages) {
    const runner = createStageRunner({ ...shared, stage, registry: registryOf(plan) });
    await runner.start();
    const ends = await memory.admin.watermarks(stage.from.clusterName, never);
    const endOffsets = new Map(ends.map(({ partition, end }) => [partition, end]));
    while (!runner.caughtUp(endOffsets)) {
      if (runner.haltReason !== undefined) throw runner.haltReason;
      await nextTurn();
      clock.nowMs += 30;
      runner.tick(clock.nowMs);
    }
    await runner.drain();
    counts[stage.name] = runner.counts();
    rows[stage.name] = await rowsOf(stage.to.clusterName, stage.to.schema!);
  }
  await broker.close();
  return { rows, counts };

  async function rowsOf(topic: string, schema: RecordSchema): Promise<Map<string, Set<string>>> {
    const found = new Map<string, Set<string>>();
    for (const { partition, end } of await memory.admin.watermarks(topic, never)) {
      if (end === 0) continue;
      for await (const batch of memory.read({ topic, partition, from: "earliest", to: end }, never))
        for (const record of plainRecords(batch)) {
          const row: Row = rowOf(schema, record.value);
          const id = String(row["event_id"]);
          found.set(id, (found.get(id) ?? new Set()).add(JSON.stringify(row)));
        }
    }
    return found;
  }
}

function partitionByCustomer(text: string | null, index: number): number {
  const customer = /"customer":"(\w+)"/.exec(text ?? "")?.[1];
  if (customer === undefined) return index % 2;
  return partitionOf(Buffer.from(customer), 0, customer.length, 2);
}

const asideOf = (counts: StageCounts): number =>
  counts.late + [...Object.values(counts.filtered), ...Object.values(counts.deadLetters)].reduce((a, b) => a + b, 0);

test("R4: through three stages every event is a prediction, filtered, late or a dead letter, and each out is the next in", async () => {
  const values = inbox(600, 1);
  const { rows, counts } = await runChain(values);
  const { ingest, features, score } = counts;
  expect(ingest).toMatchObject({ in: 600, deadLetters: { MR_PARSE: 12 } });
  expect(features?.in).toBe(ingest?.out);
  expect(score?.in).toBe(features?.out);
  expect(features?.filtered["duplicate"]).toBeGreaterThan(10);
  for (const stage of Object.values(counts)) expect(stage.in).toBe(stage.out + asideOf(stage));
  expect(rows["score"]?.size).toBe(score?.out);
  const [text] = rows["score"]!.values().next().value!;
  expect(JSON.parse(text!)).toMatchObject({ model: "fraud", model_version: 1 });
});

test("R2: a stage with a dedupe and a rolling leaves no trace of a chunk whose write failed after half of it", async () => {
  const values = inbox(500, 2);
  const undisturbed = await runChain(values);
  const error = new TaskReopenError("not confirmed");
  const disturbed = await runChain(values, {
    onWrite: ({ index }) => (index % 3 === 1 ? { kind: "half", error } : undefined),
  });
  expect(disturbed.rows["features"]).toEqual(undisturbed.rows["features"]);
});

test("R2: nor does it lose one whose commit landed while the answer was lost", async () => {
  const values = inbox(500, 3);
  const undisturbed = await runChain(values);
  const error = new TaskReopenError("not confirmed");
  const disturbed = await runChain(values, {
    onCommit: ({ index }) => (index % 3 === 1 ? { kind: "unanswered", error } : undefined),
  });
  expect(disturbed).toEqual(undisturbed);
});

test("R7: whatever fails in the stage with stores, its outputs by event id are those of the undisturbed run", async () => {
  const values = inbox(300, 4);
  const undisturbed = await runChain(values);
  const error = new TaskReopenError("not confirmed");
  const kind = fc.constantFrom("half" as const, "unanswered" as const, "refused" as const, undefined);
  await fc.assert(
    fc.asyncProperty(fc.array(kind, { maxLength: 10 }), fc.array(kind, { maxLength: 10 }), async (writes, commits) => {
      const plan = (kinds: typeof writes) => (at: { group: string; index: number }) => {
        const found = at.group === "shop.features" ? kinds[at.index] : undefined;
        return found === undefined ? undefined : { kind: found, error };
      };
      const { rows, counts } = await runChain(values, { onWrite: plan(writes), onCommit: plan(commits) });
      expect(rows).toEqual(undisturbed.rows);
      expect(counts["features"]).toEqual(undisturbed.counts["features"]);
    }),
    { numRuns: 25 },
  );
});
