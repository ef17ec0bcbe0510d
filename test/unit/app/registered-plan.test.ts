import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createFolderRegistry } from "../../../src/adapters/registry-fs/index.ts";
import { checkStart, compareWithCluster } from "../../../src/app/apply-plan.ts";
import { loadFilePlan } from "../../../src/app/load-topology.ts";
import { openMemoryBroker } from "../../../src/app/wire.ts";
import { Facts, OperationError, silentLogger } from "../../../src/kernel/index.ts";
import { patientRegistry } from "../../../src/runtime/index.ts";
import { MemoryRegistry } from "../../../src/testing/index.ts";
import type { Changes } from "../../../src/topology/index.ts";
import { millrace } from "./command-line.ts";

const { signal } = new AbortController();
const root = join(import.meta.dirname, "../../..");
const folder = mkdtempSync(join(tmpdir(), "millrace-registered-"));
cpSync(join(root, "schemas"), join(folder, "schemas"), { recursive: true });
afterAll(() => rmSync(folder, { recursive: true }));

const card = readFileSync(join(root, "topologies/card-fraud.yaml"), "utf8");

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function registered(file: string): Promise<MemoryRegistry> {
  const registry = new MemoryRegistry();
  const { first } = loadFilePlan(file, {}, undefined);
  for (const { subject, schema } of first.topics) if (subject !== undefined) registry.add(subject, schema!.json);
  return registry;
}

test("a plan that is sound by itself and not with what is registered is refused with the fields that may be null", async () => {
  const registry = await registered(written("before.yaml", card));
  const derived = card
    .replace("is_night: hour(paid_at) < 6", "is_night: hour(paid_at) < 6\n          is_large: amount > 5")
    .replace("review: score >= 0.8", 'review: "score >= 0.8 || is_large"');
  const loaded = loadFilePlan(written("after.yaml", derived), {}, undefined);
  const refused = await loaded.against(registry, signal).catch((thrown: unknown) => thrown);
  expect(refused).toMatchObject({
    exitCode: 1,
    message: expect.stringMatching(/after\.yaml:\d+:\d+ MR_EXPRESSION_TYPE/),
  });
  expect((refused as { hint: string }).hint).toBe(
    [
      "this follows from the schemas that are registered:",
      "is_large of topic payments.features may be null: records written before lack it",
      "guard the field where it is read, or give it a default where it is made: { is: ..., default: ... }",
    ].join("\n  "),
  );
});

test("a registry that has nothing of the topology changes nothing", async () => {
  const loaded = loadFilePlan(written("alone.yaml", card), {}, undefined);
  expect(await loaded.against(new MemoryRegistry(), signal)).toBe(loaded.first);
});

test("plan asks the registry that is named also where no cluster is", async () => {
  const file = written("named.yaml", card.slice(0, card.indexOf("\ntests:") + 1));
  const where = join(folder, "registry");
  const registry = createFolderRegistry(where);
  for (const { subject, schema } of loadFilePlan(file, {}, undefined).first.topics)
    if (subject !== undefined) await registry.register(subject, schema!.json, signal);
  const before = await millrace(["plan", file, "--registry", where]);
  expect(before.stdout).not.toContain("older records");
  written("named.yaml", readFileSync(file, "utf8").replace("is_night:", "is_large: amount > 5\n          is_night:"));
  const after = await millrace(["plan", file, "--registry", where]);
  expect(after.stdout).toContain("older records lack is_large (null)");
});

test("a worker waits for a registry that is down, and not for one that refuses", async () => {
  const registry = new MemoryRegistry();
  let outages = 3;
  const down = patientRegistry(
    {
      byId: (id) => registry.byId(id),
      latest: (subject) => registry.latest(subject),
      lookUp: (subject, json) => registry.lookUp(subject, json),
      register: (subject, json) => registry.register(subject, json),
      versions: async (subject) => {
        if (outages-- > 0) throw new OperationError("MR_REGISTRY", "asking: no answer", { disposition: "retry" });
        if (subject === "refused") throw new OperationError("MR_REGISTRY", "asking: 401");
        return registry.versions(subject);
      },
    },
    { clock: { now: () => 0, monotonicMs: () => 0, sleep: async () => undefined }, facts: new Facts(silentLogger) },
  );
  expect(await down.versions("a-value", signal)).toEqual([]);
  expect(outages).toBe(-1);
  await expect(down.versions("refused", signal)).rejects.toThrow("401");
});

test("a start is refused with every reason, one a line, and the first one's code", () => {
  const changes: Changes = {
    createTopics: [{ topic: "raw", partitions: 1, replication: undefined, configs: {} }],
    registerSchemas: [
      { subject: "raw-value", json: {}, isAlike: false },
      { subject: "clean-value", json: {}, isAlike: true },
    ],
    growTopics: [],
    deleteTopics: [],
    stores: { describe: [], forget: [], reset: [], lines: [], problems: [], held: new Map() },
    controlTopic: "shop.control",
    lines: [],
    problems: [{ code: "MR_TOPIC_MISMATCH", path: [], message: "topic a differs", hint: "mend it" }],
    warnings: [],
  };
  const start = (): void => checkStart("shop", changes);
  expect(start).toThrow(expect.objectContaining({ code: "MR_TOPIC_MISMATCH" }));
  expect(start).toThrow(
    "starting shop: topic a differs; mend it\ntopic raw does not exist; run millrace apply\nthe plan's schema is no version of raw-value; run millrace apply",
  );
  expect(() => checkStart("shop", { ...changes, createTopics: [], registerSchemas: [], problems: [] })).not.toThrow();
});

test("a plan is compared with a cluster that has no control topic yet, and with every version of a subject", async () => {
  const broker = await openMemoryBroker(1_000_000, silentLogger);
  const file = written("compared.yaml", card);
  const registry = await registered(file);
  const { first: plan } = loadFilePlan(file, {}, undefined);
  const [older] = plan.topics.flatMap(({ subject, schema, external }) =>
    subject === undefined || schema === undefined || external ? [] : [{ subject, json: schema.json }],
  );
  if (older === undefined) throw new Error("the example registers schemas");
  const json = older.json as { fields: unknown[] };
  const more = { name: "added_later", type: ["null", "string"], default: null };
  registry.add(older.subject, { ...json, fields: [...json.fields, more] });
  try {
    const changes = await compareWithCluster(plan, broker, registry, signal);
    // Of the topology's own schemas nothing is left to do; that of adoptions nobody has registered here.
    expect(changes.registerSchemas.map(({ subject }) => subject)).toEqual(["card-fraud.adoptions-value"]);
    expect(new Set(changes.problems.map(({ code }) => code))).toEqual(new Set(["MR_TOPIC_MISSING"]));
    expect(changes.warnings.map(({ code }) => code)).toContain("MR_MODEL_MISSING");
  } finally {
    await broker.close();
  }
});
