/** R6 on a real broker, by the product as it is shipped: an alias moves, and workers die in the middle of it. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createFolderArtefacts } from "../../src/adapters/artefact-fs/index.ts";
import { createFolderRegistry } from "../../src/adapters/registry-fs/index.ts";
import { awaitAdoption } from "../../src/app/adoptions.ts";
import { applyChanges, compareWithCluster } from "../../src/app/apply-plan.ts";
import { loadPlan } from "../../src/app/load-topology.ts";
import { createValueReader } from "../../src/app/record-values.ts";
import { decodeAdoption, numbersEncoder, versionFiles } from "../../src/model/index.ts";
import { aliasRecord, promotionRecords } from "../../src/runtime/control/aliases.ts";
import { changeAliases } from "../../src/runtime/control/change-aliases.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { eventually } from "../support/deadline.ts";
import { manifestOf } from "../support/manifest.ts";
import { nodeHasher } from "../support/node-hasher.ts";
import { type PlainRecord, plainRecords } from "../support/records.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { type BuiltMillrace, buildMillrace, endWorkers, WorkerProcess } from "./support/worker-process.ts";

const { signal } = new AbortController();
const deadlineMs = 60_000;
const partitions = 3;
/** Records that are sent while the challenger scores, before anything moves. */
const scoredBeside = 150;

const schema = {
  type: "record",
  name: "Item",
  fields: [
    { name: "event_id", type: "string" },
    { name: "id", type: "string" },
    { name: "amount", type: "double" },
    { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
  ],
};

const topologyText = (delivery: string, inbox: string): string => `apiVersion: millrace/v1
kind: Topology
name: items
delivery: ${delivery}
commit: { everyMs: 50, records: 200 }
topics:
  inbox: { name: ${inbox}, format: json, external: true }
  features: { schema: item, key: id, time: at, partitions: ${partitions} }
  predictions: { schema: inferred }
  labels: { schema: label, key: id, time: at }
stages:
  - name: ingest
    from: { topic: inbox, format: json, start: earliest }
    to: features
    steps: [cast: { amount: double, at: timestamp-millis }]
  - name: score
    from: features
    to: predictions
    steps: [infer: { model: items@champion, keep: [id] }]
models:
  items:
    task: binary
    features: { from: features, only: [amount] }
    label: { topic: labels, on: id, field: is_bad }
    rollout: { shadow: { for: 1h } }
`;

const labelSchema = {
  type: "record",
  name: "Label",
  fields: [...schema.fields.filter(({ name }) => name !== "amount"), { name: "is_bad", type: "boolean" }],
};

describeKafka("an alias that moves while workers die", () => {
  let broker: Broker;
  let millrace: BuiltMillrace;
  let folder: string;
  beforeAll(async () => {
    [broker, millrace] = await Promise.all([connect(testBroker().bootstrap), buildMillrace()]);
    folder = await mkdtemp(join(tmpdir(), "millrace-adoption-"));
    await mkdir(join(folder, "schemas"));
    await mkdir(join(folder, "topologies"));
    await writeFile(join(folder, "schemas/item.avsc"), JSON.stringify(schema));
    await writeFile(join(folder, "schemas/label.avsc"), JSON.stringify(labelSchema));
  });
  afterEach(() => endWorkers());
  afterAll(async () => {
    await broker.close();
    await millrace.remove();
    await rm(folder, { recursive: true, force: true });
  });

  const readAll = async (topic: string): Promise<(PlainRecord & { readonly partition: number })[]> => {
    const all: (PlainRecord & { readonly partition: number })[] = [];
    for (const { partition, low, end } of await broker.admin.watermarks(topic, signal)) {
      if (low === end) continue;
      for await (const batch of broker.read({ topic, partition, from: low, to: end }, signal))
        all.push(...plainRecords(batch).map((record) => ({ ...record, partition })));
    }
    return all;
  };

  test.each(["at-least-once", "exactly-once"])(
    "%s: each partition has one offset from which each version serves, and every prediction and every score beside it is of the version adopted there",
    async (delivery) => {
      const namespace = uniqueNamespace();
      const inbox = `${namespace}.inbox`;
      const file = join(folder, `topologies/${delivery}.yaml`);
      const models = join(folder, `models-${delivery}`);
      const registryFolder = join(folder, `registry-${delivery}`);
      await writeFile(file, topologyText(delivery, inbox));
      await broker.admin.createTopics([{ topic: inbox, partitions, replication: 1, configs: {} }], signal);
      const plan = loadPlan(file, {}, namespace);
      const registry = createFolderRegistry(registryFolder);
      await applyChanges(await compareWithCluster(plan, broker, registry, signal), broker, registry, signal);
      const [planned] = plan.models;
      for (const intercept of [-3, 3, 1]) {
        const model = {
          intercept,
          weights: [1],
          scaler: { mean: [40], scale: [100], low: [0], high: [1_000] },
          encoder: numbersEncoder(1),
        };
        const signature = { task: planned!.task, inputs: planned!.features };
        const manifest = manifestOf({ topology: plan.topology, planHash: plan.hash });
        const files = versionFiles({ learner: "logistic", signature, model, metrics: null, manifest }, nodeHasher);
        await createFolderArtefacts(models).write("items", files, async () => undefined, signal);
      }
      const promote = (version: number): Promise<unknown> =>
        changeAliases(
          broker,
          plan.control,
          (aliases) => promotionRecords(aliases, { model: "items", version, at: version, by: "test" }),
          Date.now(),
          signal,
        );
      const flags = ["--brokers", testBroker().bootstrap, "--registry", registryFolder, "--namespace", namespace];
      const start = (stage: string): WorkerProcess =>
        new WorkerProcess(millrace.entry, ["run", file, ...flags, "--models-dir", models, "--stage", stage], {});
      let sent = 0;
      const send = async (count: number): Promise<void> => {
        const records = Array.from({ length: count }, () => {
          const id = `i${sent}`;
          const value = Buffer.from(JSON.stringify({ id, amount: sent % 97, at: Date.now() }));
          return { topic: inbox, partition: sent++ % partitions, timestampMs: Date.now(), key: Buffer.from(id), value };
        });
        await broker.append(records, signal);
      };
      const adopted = async () => {
        const adoptions = await readAll(plan.adoptions!.clusterName);
        return adoptions.map(({ value }) => decodeAdoption(value!));
      };
      const hasAdopted = async (version: number, alias = "champion"): Promise<true | undefined> => {
        const own = (await adopted()).filter((one) => one.version === version && one.alias === alias);
        return new Set(own.map(({ partition }) => partition)).size === partitions || undefined;
      };

      await promote(1);
      await send(300);
      const workers = [start("ingest"), start("score"), start("score")] as const;
      for (const worker of workers) await worker.ready(deadlineMs);
      const [, dying, living] = workers;
      await living.until(eventually(deadlineMs, "version 1", () => hasAdopted(1)));
      const challenge = { model: "items", alias: "challenger", version: 3 };
      await changeAliases(broker, plan.control, () => [aliasRecord(challenge)], Date.now(), signal);
      await living.until(eventually(deadlineMs, "a challenger", () => hasAdopted(3, "challenger")));
      const besideTopic = `${namespace}.items.score.shadow`;
      await send(scoredBeside);
      await living.until(
        eventually(deadlineMs, "scores beside", async () =>
          (await readAll(besideTopic)).length >= scoredBeside ? true : undefined,
        ),
      );
      let isOver = false;
      const flowing = (async () => {
        while (!isOver) {
          await send(45);
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      })();
      await promote(2);
      // In the middle of the move: some partition has adopted it, or all have, and nobody waits for the others.
      await living.until(
        eventually(deadlineMs, "a first adoption", async () =>
          (await adopted()).some(({ version, alias }) => version === 2 && alias === "champion") ? true : undefined,
        ),
      );
      dying.kill("SIGKILL");
      await promote(3);
      await living.until(eventually(deadlineMs, "version 3", () => hasAdopted(3)));
      // What `models promote` waits for and says.
      const {
        adopted: tasks,
        behind,
        idle,
      } = await awaitAdoption("items", 3, { plan, reach: { broker, registry } }, signal);
      expect([tasks.map(({ partition }) => partition).sort(), behind, idle]).toEqual([
        Array.from({ length: partitions }, (_, partition) => partition),
        [],
        [],
      ]);
      isOver = true;
      await flowing;
      const reader = createValueReader(registry, signal);
      const rowOf = async (value: Buffer | null): Promise<Record<string, unknown>> =>
        (await reader.read(value ?? Buffer.alloc(0))) as unknown as Record<string, unknown>;
      const predictions = plan.stages.find(({ name }) => name === "score")!.to.clusterName;
      const seen = async () => Promise.all((await readAll(predictions)).map(async ({ value }) => rowOf(value)));
      const out = await living.until(
        eventually(deadlineMs, "all predictions", async () => {
          const all = await seen();
          return new Set(all.map((one) => one["id"])).size === sent ? all : undefined;
        }),
      );

      // Versions of each partition in their order, each from one offset on.
      const allAdoptions = await adopted();
      const adoptions = allAdoptions.filter(({ alias }) => alias === "champion");
      for (let partition = 0; partition < partitions; partition++) {
        const own = adoptions.filter((adoption) => adoption.partition === partition);
        const versions = own.map(({ version }) => version);
        expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
        expect([versions[0], versions.at(-1)]).toEqual([1, 3]);
        const offsets = own.map(({ fromOffset }) => fromOffset);
        expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      }
      // Where each event stands in the input of the stage that scores; its stage before died never.
      const placed = new Map<string, { readonly partition: number; readonly offset: number }>();
      for (const { partition, offset, value } of await readAll(plan.stages[0]!.to.clusterName))
        placed.set(String((await rowOf(value))["event_id"]), { partition, offset: Number(offset) });
      expect(placed.size).toBe(sent);
      const wrong = out.filter((one) => {
        const at = placed.get(String(one["event_id"]))!;
        const last = adoptions.findLast((one) => one.partition === at.partition && one.fromOffset <= at.offset);
        return last?.version !== Number(one["model_version"]);
      });
      expect(wrong).toEqual([]);
      if (delivery === "exactly-once") expect(out).toHaveLength(sent);
      expect(new Set(out.map((one) => Number(one["model_version"])))).toContain(3);
      // Version 3 scored beside the others until it served, and no record lacks its score or has two that are one.
      const besides = allAdoptions.filter(({ alias }) => alias === "challenger");
      expect(besides.filter(({ share }) => share === 0)).toHaveLength(partitions);
      const scores = await readAll(besideTopic);
      const counts = new Map<string, number>();
      for (const { value } of scores) {
        const row = await rowOf(value);
        expect(row["model_version"]).toBe(3);
        const id = String(row["event_id"]);
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      const unlike = [...placed].filter(([id, at]) => {
        const last = besides.findLast((one) => one.partition === at.partition && one.fromOffset <= at.offset);
        const isBeside = last !== undefined && last.share > 0;
        const count = counts.get(id) ?? 0;
        return isBeside ? count === 0 || (delivery === "exactly-once" && count !== 1) : count !== 0;
      });
      expect(unlike).toEqual([]);
      expect(counts.size).toBeGreaterThanOrEqual(scoredBeside);
      for (const worker of [workers[0], living]) worker.kill("SIGTERM");
      for (const worker of [workers[0], living]) await worker.endedWell(deadlineMs);
      const own = plan.topics.map(({ clusterName }) => clusterName);
      await broker.admin.deleteTopics(
        [...own, besideTopic, plan.retraining!.clusterName, plan.adoptions!.clusterName, plan.control.clusterName],
        signal,
      );
    },
    4 * deadlineMs,
  );
});
