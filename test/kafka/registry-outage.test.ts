import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock, yieldToLoop } from "../../src/adapters/node/index.ts";
import { createFolderRegistry } from "../../src/adapters/registry-fs/index.ts";
import { applyChanges, compareWithCluster } from "../../src/app/apply-plan.ts";
import { OperationError, silentLogger } from "../../src/kernel/index.ts";
import { type Broker, BufferBudget, createStageRunner } from "../../src/runtime/index.ts";
import { createEncoder, parseRecordSchema, type SchemaRegistry, writeSchemaId } from "../../src/schema/index.ts";
import { clusterNamesOf, planTopology } from "../../src/topology/index.ts";
import { eventually } from "../support/deadline.ts";
import { nodeHasher } from "../support/node-hasher.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";

const { signal } = new AbortController();
const deadlineMs = 60_000;
const framingBytes = 5;
const file = `
apiVersion: millrace/v1
kind: Topology
name: visits
delivery: exactly-once
commit: { everyMs: 50 }
topics:
  inbox: { format: json, external: true, name: "\${INBOX}" }
  visits: { schema: visit, key: page, time: at, partitions: 1 }
  counted: { schema: inferred }
stages:
  - { name: ingest, from: { topic: inbox, format: json }, to: visits, steps: [filter: page != ''] }
  - name: count
    from: visits
    to: counted
    steps: [rolling: { by: page, over: [1h], features: { n: count() } }]
`;
const fields = [
  { name: "event_id", type: "string" },
  { name: "page", type: "string" },
  { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
];
const visit = { type: "record", name: "Visit", fields };
const laterVisit = { ...visit, fields: [...fields, { name: "from", type: ["null", "string"], default: null }] };

describeKafka("an outage of the registry, exactly once", () => {
  let broker: Broker;
  let folder: string;
  const made: string[] = [];
  beforeAll(async () => {
    broker = await connect(testBroker().bootstrap);
    folder = await mkdtemp(join(tmpdir(), "millrace-registry-outage-"));
  });
  afterAll(async () => {
    await broker.admin.deleteTopics(made, signal);
    await broker.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("holds no transaction open: what came before the unknown schema is committed, and the last stable offset is the end", async () => {
    const namespace = uniqueNamespace();
    const inbox = `${namespace}.inbox`;
    const schemas = new Map([["visit", JSON.stringify(visit)]]);
    const environment = { INBOX: inbox };
    const { plan, problems } = planTopology({
      text: file,
      file: "v.yaml",
      environment,
      namespace,
      schemas,
      hasher: nodeHasher,
    });
    if (plan === undefined) throw new Error(JSON.stringify(problems));
    made.push(...clusterNamesOf(plan));
    await broker.admin.createTopics([{ topic: inbox, partitions: 1, replication: 1, configs: {} }], signal);
    const registry = createFolderRegistry(folder);
    await applyChanges(await compareWithCluster(plan, broker, registry, signal), broker, registry, signal);
    const stage = plan.stages.find(({ name }) => name === "count")!;
    const { clusterName: topic, subject = "" } = stage.from;
    const known = await registry.latest(subject, signal);
    const later = await registry.register(subject, laterVisit, signal);
    const record = (index: number, schemaId: number, json: unknown) => {
      const parsed = parseRecordSchema(json, "visit", { strictDefaults: true });
      if (!("schema" in parsed)) throw new Error("the schema of the test is none");
      const bytes = Buffer.alloc(200);
      writeSchemaId(bytes, 0, schemaId);
      const row = { event_id: `e${index}`, page: "p", at: 1_750_000_000_000 + index, from: null };
      const value = bytes.subarray(0, createEncoder(parsed.schema).encode(row, bytes, framingBytes));
      return { topic, partition: 0, timestampMs: Date.now(), key: Buffer.from("p"), value };
    };
    const earlier = Array.from({ length: 50 }, (_, i) => record(i, known!.id, visit));
    await broker.append([...earlier, record(50, later.id, laterVisit), record(51, known!.id, visit)], signal);

    let isDown = true;
    let asked = 0;
    const flaky: SchemaRegistry = {
      ...registry,
      byId: async (id, cancelled) => {
        if (id !== later.id || !isDown) return registry.byId(id, cancelled);
        asked++;
        throw new OperationError("MR_REGISTRY", "asking the registry: refused", { disposition: "retry" });
      },
      latest: (name, cancelled) => registry.latest(name, cancelled),
      versions: (name, cancelled) => registry.versions(name, cancelled),
      lookUp: (name, json, cancelled) => registry.lookUp(name, json, cancelled),
      register: (name, json, cancelled) => registry.register(name, json, cancelled),
    };
    const runner = createStageRunner({
      plan,
      stage,
      broker,
      registry: flaky,
      models: { load: () => Promise.reject(new Error("there is no model")) },
      clock: systemClock,
      logger: silentLogger,
      budget: new BufferBudget({ bytesMax: 16_000_000, reservedBytesPerTask: 500_000 }),
      yieldToLoop,
      deflateGzip: undefined,
    });
    await runner.start();
    const committed = async () => (await broker.admin.committed(stage.group, topic, signal))[0]?.offset;
    await eventually(
      deadlineMs,
      "what came before to be committed",
      async () => (await committed()) === 50 || undefined,
    );

    const outputs = [stage.to.clusterName, ...made.filter((name) => name.endsWith(".changelog"))];
    expect(outputs).toHaveLength(2);
    for (let look = 0; look < 3; look++) {
      const before = asked;
      await eventually(deadlineMs, "the registry to be asked again", async () => asked > before || undefined);
      for (const output of outputs) {
        const { end } = await broker.admin.extent({ topic: output, partition: 0 }, signal);
        const [mark] = await broker.admin.watermarks(output, signal);
        expect([output, mark?.end]).toEqual([output, end]);
      }
    }
    expect(runner.counts().out).toBe(50);
    isDown = false;
    await eventually(deadlineMs, "the rest to be committed", async () => (await committed()) === 52 || undefined);
    await runner.drain();
    expect(runner.counts().out).toBe(52);
  });
});
