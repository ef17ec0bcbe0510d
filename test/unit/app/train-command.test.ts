/** `millrace train` as it is typed: who trains, what it begins with, and what it waits for when the version serves. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type DevSessionServer, serveDevSession } from "../../../src/adapters/dev-session/index.ts";
import { applyChanges, compareWithCluster } from "../../../src/app/apply-plan.ts";
import { loadPlan } from "../../../src/app/load-topology.ts";
import { devFolders, openMemoryBroker, openRegistry } from "../../../src/app/wire.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { readRetrainings } from "../../../src/retraining/index.ts";
import { readAliases } from "../../../src/runtime/control/aliases.ts";
import type { Broker, Membership } from "../../../src/runtime/index.ts";
import { createEncoder, type Row, type SchemaRegistry, writeSchemaId } from "../../../src/schema/index.ts";
import type { Plan } from "../../../src/topology/index.ts";
import { type RetrainingEvent, retrainingRecord } from "../../../src/training/index.ts";
import { smallSchemas, smallText } from "../topology/fixture.ts";
import { millrace } from "./command-line.ts";

const never = new AbortController().signal;
const before = process.cwd();
const beginMs = Date.UTC(2026, 0, 1);
let folder = "";
let broker: Broker;
let registry: SchemaRegistry;
let server: DevSessionServer;
let plan: Plan;
let trainer: Membership | undefined;

beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "millrace-train-")));
  process.chdir(folder);
  mkdirSync("schemas");
  for (const [name, text] of smallSchemas) writeFileSync(join("schemas", `${name}.avsc`), text);
  writeFileSync("small.yaml", smallText);
  broker = await openMemoryBroker(64 * 1024 * 1024, silentLogger);
  const folders = devFolders(folder);
  server = await serveDevSession(broker, folders.session, silentLogger);
  registry = await openRegistry(folders.registry, undefined, "write");
  plan = loadPlan("small.yaml", {}, "");
  await broker.admin.createTopics([{ topic: "inbox", partitions: 2, replication: undefined, configs: {} }], never);
  await applyChanges(await compareWithCluster(plan, broker, registry, never), broker, registry, never);
  const rows = Array.from({ length: 60 }, (_, i) => i);
  await send(
    "features",
    rows.map((i) => ({ ...idsOf(i), customer_id: "c", paid_at: beginMs + i, amount: i % 20, n_1h: 1, mean_1h: 1 })),
  );
  await send(
    "labels",
    rows.map((i) => ({ ...idsOf(i), known_at: beginMs + i, is_fraud: i % 20 >= 10 })),
  );
});
afterEach(async () => {
  await trainer?.leave();
  trainer = undefined;
  await server.close();
  await broker.close();
  process.chdir(before);
  rmSync(folder, { recursive: true, force: true });
});

const idsOf = (i: number) => ({ event_id: `e-0-${i}`, payment_id: `p${i}` });

async function send(name: string, rows: readonly Row[]): Promise<void> {
  const { schema, clusterName: topic } = plan.topics.find((planned) => planned.name === name)!;
  const { id } = (await registry.lookUp(`${topic}-value`, schema!.json, never))!;
  const encoder = createEncoder(schema!);
  const records = rows.map((row) => {
    const bytes = Buffer.alloc(500);
    const value = bytes.subarray(0, encoder.encode(row, bytes, writeSchemaId(bytes, 0, id)));
    return { topic, partition: 0, timestampMs: beginMs, key: null, value };
  });
  await broker.append(records, never);
}

const train = (...more: string[]) => millrace(["train", "small.yaml", "--dev", ...more], { environment: {} });
async function aliases(): Promise<Readonly<Record<string, number>>> {
  const { aliases: found } = await readAliases(broker, "small.control", never);
  return Object.fromEntries(found.map(({ alias, version }) => [alias, version]));
}
function manifestOf(version: number): Record<string, unknown> {
  const path = join(devFolders(folder).models, "fraud", String(version), "manifest.json");
  return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
}
/** A trainer that is there and does nothing. */
async function runTrainer(): Promise<void> {
  const { clusterName: topic, group } = plan.retraining!;
  trainer = await broker.join(
    { group, topics: [topic], start: { kind: "earliest" }, logger: silentLogger },
    {
      assigned: () => undefined,
      revoking: async () => undefined,
      lost: () => undefined,
      batch: async () => undefined,
      failed: () => undefined,
    },
  );
}
async function answer(...types: readonly RetrainingEvent["type"][]): Promise<void> {
  const [{ request }] = (await requested()) as [RetrainingEvent];
  const base = { request, model: "fraud", at: "2026-01-01T00:00:00Z", cause: "manual", by: "trainer" } as const;
  const at = { topic: plan.retraining!.clusterName, partition: 0, timestampMs: 0 };
  const events = types.map((type): RetrainingEvent => ({ ...base, type, id: type, reason: `it is ${type}` }));
  await broker.append(
    events.map((event) => ({ ...at, ...retrainingRecord(event) })),
    never,
  );
}
const requested = async () =>
  (await readRetrainings(broker, plan.retraining!.clusterName, never)).filter(({ type }) => type === "requested");

describe("beside a trainer", () => {
  test("--local trains here all the same, and asks nobody", async () => {
    await runTrainer();
    const { code, stdout } = await train("--local");
    expect([code, stdout.split("\n")[0]]).toEqual([0, "model fraud version 1"]);
    expect([await aliases(), await requested()]).toEqual([{ champion: 1 }, []]);
  });

  test("it asks, with --warm and who and why, and trains nothing here", async () => {
    await runTrainer();
    let answered: Promise<void> | undefined;
    const words = ["train", "small.yaml", "--dev", "--warm", "--by", "ann", "--reason", "new fraud"];
    const { code, stdout } = await millrace(words, {
      onOutput: (said) => {
        if (said.startsWith("request ")) answered ??= answer("started", "rejected");
      },
    });
    await answered;
    expect([code, stdout.split("\n").slice(1)]).toEqual([
      1,
      ["started: it is started", "rejected: it is rejected", ""],
    ]);
    expect(await requested()).toMatchObject([{ mode: "warm", by: "ann", reason: "new fraud", cause: "manual" }]);
    expect(await aliases()).toEqual({});
  });

  test.each([
    ["--from", "2026-01-01"],
    ["--to", "2026-01-01"],
    ["--force", "--reason", "x"],
  ])("%s is refused, since a request does not carry it", async (...flags) => {
    await runTrainer();
    expect(await train(...flags)).toMatchObject({
      code: 64,
      stderr: expect.stringContaining(`${flags[0]} needs --local`),
    });
    expect(await requested()).toEqual([]);
  });
});

test("--warm goes on from the version in service, and needs one", async () => {
  writeFileSync("small.yaml", `${smallText}    candidates: [mlp]\n`);
  const nothing = await train("--warm");
  expect([nothing.code, nothing.stderr]).toEqual([64, expect.stringContaining("--warm: no version is in service")]);
  expect((await train()).code).toBe(0);
  expect(manifestOf(1)).not.toHaveProperty("warmFrom");
  const { code, stderr } = await train("--warm", "--local");
  expect([code, stderr]).toEqual([0, expect.stringContaining("models promote small.yaml 2 --model fraud --dev")]);
  expect(manifestOf(2)).toMatchObject({ warmFrom: 1 });
  expect(await aliases()).toEqual({ champion: 1, challenger: 2 });
});

// `models promote` waited for the tasks, and these said that it serves when none had it yet.
describe("a version that is to serve at once is followed into its tasks as one that is promoted", () => {
  const idle = "stage score does not run: it adopts when it starts\n";

  test("with --force, and not without", async () => {
    const first = await train();
    expect(first.stdout).not.toContain(idle);
    const forced = await train("--force", "--reason", "the first is broken");
    expect([forced.code, forced.stdout.endsWith(idle)]).toEqual([0, true]);
    expect(await aliases()).toEqual({ champion: 2, previous: 1 });
  });

  test("with --promote, where there is a version before it and where there is none", async () => {
    const first = await train("--promote");
    expect([first.code, first.stdout.endsWith(idle)]).toEqual([0, true]);
    const text = smallText.replace("field: is_fraud }", "field: is_fraud }\n    gate: { recent: { rowsMin: 5 } }");
    writeFileSync("small.yaml", text);
    const rows = Array.from({ length: 40 }, (_, i) => 60 + i);
    await send(
      "features",
      rows.map((i) => ({ ...idsOf(i), customer_id: "c", paid_at: beginMs + i, amount: i % 20, n_1h: 1, mean_1h: 1 })),
    );
    await send(
      "labels",
      rows.map((i) => ({ ...idsOf(i), known_at: beginMs + i, is_fraud: i % 20 >= 10 })),
    );
    const second = await train("--promote");
    expect(second).toMatchObject({ code: 0, stdout: expect.stringMatching(/^gate accepted/) });
    expect(second.stdout.endsWith(idle)).toBe(true);
    expect(await aliases()).toEqual({ champion: 2, previous: 1 });
  });
});
