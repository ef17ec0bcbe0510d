import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DevSessionServer, serveDevSession } from "../../../src/adapters/dev-session/index.ts";
import { applyChanges, compareWithCluster } from "../../../src/app/apply-plan.ts";
import { loadPlan } from "../../../src/app/load-topology.ts";
import { createRoles } from "../../../src/app/roles.ts";
import { devFolders, openMemoryBroker, openRegistry } from "../../../src/app/wire.ts";
import { type RecordOut, silentLogger } from "../../../src/kernel/index.ts";
import {
  type AlertEvent,
  alertRecord,
  encodePartial,
  encodeVerdict,
  partialKey,
  partialSchema,
  verdictKey,
  verdictSchema,
} from "../../../src/monitor/index.ts";
import { readTestAnswer } from "../../../src/monitor/telling/index.ts";
import { AlertsSince, readBaselines, readMonitorCommands } from "../../../src/monitoring/index.ts";
import type { Broker, Follower } from "../../../src/runtime/index.ts";
import { createEncoder, type SchemaRegistry, writeSchemaId } from "../../../src/schema/index.ts";
import type { Plan } from "../../../src/topology/index.ts";
import { eventually } from "../../support/deadline.ts";
import { hourMs } from "../monitoring/baseline-scene.ts";
import { verdictOf } from "../monitoring/verdicts.ts";
import { smallSchemas, smallText } from "../topology/fixture.ts";
import { millrace } from "./command-line.ts";

const never = new AbortController().signal;
const before = process.cwd();
const noon = Date.UTC(2026, 0, 1, 12);
let folder = "";
let broker: Broker;
let registry: SchemaRegistry;
let server: DevSessionServer;
let plan: Plan;
let roles: readonly Follower[] = [];
/** Bodies that the place which is told has been sent. */
const hooked: Record<string, unknown>[] = [];
const hook = createServer((request, response) => {
  let text = "";
  request.on("data", (part) => (text += String(part)));
  request.on("end", () => {
    hooked.push(JSON.parse(text));
    response.writeHead(request.url === "/gone" ? 404 : 204).end();
  });
});

/** Judge and notifier, as a worker runs them; a tick is what its timer gives them. */
async function startRoles(): Promise<() => Promise<void>> {
  roles = createRoles({ plan, broker, registry, logger: silentLogger });
  for (const role of roles) await role.start();
  const timer = setInterval(() => {
    for (const role of roles) role.tick(performance.now());
  }, 20);
  return async () => {
    clearInterval(timer);
    for (const role of roles) await role.drain();
  };
}

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "millrace-monitors-")));
  process.chdir(folder);
  mkdirSync("schemas");
  for (const [name, text] of smallSchemas) writeFileSync(join("schemas", `${name}.avsc`), text);
  writeFileSync("plain.yaml", smallText);
  hook.listen(0, "127.0.0.1");
  await once(hook, "listening");
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}`;
  const monitors = `monitors:\n  - { name: inputs, on: features }\n  - { name: mean, on: features, fields: [mean_1h] }\n`;
  const notify = `alerts: { notify: [{ webhook: { url: "${url}/hook" } }, { slack: { url: "${url}/gone" } }] }\n`;
  writeFileSync("small.yaml", `${smallText}${monitors}${notify}`);
  writeFileSync("untold.yaml", `${smallText}${monitors}`);
  broker = await openMemoryBroker(64 * 1024 * 1024, silentLogger);
  const folders = devFolders(folder);
  server = await serveDevSession(broker, folders.session, silentLogger);
  registry = await openRegistry(folders.registry, undefined, "write");
  plan = loadPlan("small.yaml", {}, "");
  await broker.admin.createTopics([{ topic: "inbox", partitions: 2, replication: undefined, configs: {} }], never);
  await applyChanges(await compareWithCluster(plan, broker, registry, never), broker, registry, never);
});
afterAll(async () => {
  hook.closeAllConnections();
  hook.close();
  await server.close();
  await broker.close();
  process.chdir(before);
  rmSync(folder, { recursive: true, force: true });
});

const on = (words: string, ...more: string[]) => millrace([...words.split(" "), "small.yaml", ...more, "--dev"]);
async function rowsOf(words: string, ...more: string[]): Promise<readonly Record<string, unknown>[]> {
  const { code, stdout, stderr } = await on(words, ...more, "-o", "json");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout) as Record<string, unknown>[];
}

const monitoring = () => plan.monitoring!;
async function idOf(topic: string, schema: { readonly json: unknown }): Promise<number> {
  return (await registry.lookUp(`${topic}-value`, schema.json, never))!.id;
}

/** Features of an hour from noon on. */
async function sendFeatures(count: number): Promise<void> {
  const topic = plan.topics.find(({ name }) => name === "features")!;
  const encoder = createEncoder(topic.schema!);
  const id = await idOf(topic.clusterName, topic.schema!);
  const records = Array.from({ length: count }, (_, i): RecordOut => {
    const bytes = Buffer.alloc(300);
    const texts = { event_id: `inbox-0-${i}`, payment_id: `p${i}`, customer_id: "c" };
    const row = { ...texts, amount: i, paid_at: noon + i, n_1h: i % 3, mean_1h: i / 2 };
    const value = bytes.subarray(0, encoder.encode(row, bytes, writeSchemaId(bytes, 0, id)));
    return { topic: topic.clusterName, partition: i % 2, timestampMs: Date.now(), key: null, value };
  });
  await broker.append(records, never);
}

// The tests follow one another, as a person would go on.

test("before anything was measured or judged, every field is there with nothing said of it", async () => {
  expect(await rowsOf("drift status")).toMatchObject(
    ["inputs amount", "inputs n_1h", "inputs mean_1h", "mean mean_1h"].map((both) => {
      const [monitor, field] = both.split(" ");
      return { monitor, field, verdict: "NONE", score: null, n: null, m: null, baseline: null };
    }),
  );
  expect(await rowsOf("drift baseline")).toMatchObject([
    { monitor: "inputs", state: "none", baseline: null, fields: 3 },
    { monitor: "mean", state: "none", baseline: null, fields: 1 },
  ]);
  expect([await rowsOf("alerts list"), await rowsOf("incidents list"), await rowsOf("drift report")]).toEqual([
    [],
    [],
    [],
  ]);
});

test("a baseline that the topology asks for waits for its model, with exit code 1", async () => {
  expect(await on("drift baseline", "--monitor", "inputs", "--measure")).toEqual({
    code: 1,
    stdout: "",
    stderr: "monitor inputs has no new baseline: no version of model fraud is in service; run millrace train\n",
  });
});

const commands = () => readMonitorCommands(broker, plan.control.clusterName, never);
const whole = ["--for", "1h", "--by", "bob", "--reason", "move"];

test("commands that nobody takes say who is missing, with exit code 75, and count all the same", async () => {
  await sendFeatures(600);
  const range = ["--from", "2026-01-01T12:00:00Z", "--to", "2026-01-01T12:30:00Z"];
  const [measured, tested, silenced] = await Promise.all([
    on("drift baseline", "--monitor", "mean", "--measure", ...range),
    on("alerts send-test", "--by", "ann"),
    on("alerts silence", "--monitor", "mean", ...whole),
  ]);
  const untaken = { code: 75, stderr: expect.stringContaining("no judge has taken it yet") };
  expect(measured).toMatchObject({ ...untaken, stdout: expect.stringMatching(/^mean +in-service /m) });
  expect(silenced).toMatchObject({ ...untaken, stdout: expect.stringContaining("mean pages nobody until") });
  expect(tested).toMatchObject({ code: 75, stderr: expect.stringContaining("no notifier runs") });
  expect(tested.stdout).toMatch(/^notify\[0\] webhook +none +-$/m);
  const [silence] = await commands();
  expect(silence).toMatchObject({ kind: "silence", monitor: "mean" });
  const since = await AlertsSince.open(broker, monitoring().topics.alerts.clusterName, never);
  const stop = await startRoles();
  const id = silence?.kind === "silence" ? silence.id : "";
  expect(await on("alerts silence", "--end", id)).toMatchObject({ code: 0, stderr: "" });
  // The test of before is seconds old, and is told too; once, when that is over before the notifier is.
  const answered: string[] = [];
  await eventually(20_000, "what both places answer to ann", async () => {
    for (const text of await since.texts(never)) {
      const answer = readTestAnswer(text);
      if (answer !== undefined) answered.push(answer.target);
    }
    return answered.length >= 2 || undefined;
  });
  await stop();
}, 60_000);

test("a test of the alerts goes through the notifier to every place, and says what each has answered", async () => {
  expect(await on("alerts send-test")).toMatchObject({ code: 64, stdout: "" });
  const untold = await millrace(["alerts", "send-test", "untold.yaml", "--by", "ann", "--dev"]);
  expect(untold).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("tells nobody of alerts") });
  const stop = await startRoles();
  const { code, stdout, stderr } = await on("alerts send-test", "--by", "bob");
  expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  expect(stdout).toMatch(/^notify\[0\] webhook +sent +-$/m);
  expect(stdout).toMatch(/^notify\[1\] slack +refused +status 404$/m);
  const events = hooked.filter(({ specversion }) => specversion === "1.0");
  expect(events.map(({ type }) => type)).toEqual(["millrace.alert.test", "millrace.alert.test"]);
  expect(events.map(({ data }) => data)).toMatchObject([{ who: "ann" }, { who: "bob", topology: "small" }]);
  expect(await rowsOf("alerts list", "--all")).toEqual([]);
  await stop();
}, 20_000);

test("a baseline is measured by hand over a range, and is in service from then on", async () => {
  const stop = await startRoles();
  const range = ["--from", "2026-01-01T12:00:00Z", "--to", "2026-01-01T13:00:00Z"];
  const [measured, ...others] = await rowsOf("drift baseline", "--monitor", "inputs", "--measure", ...range);
  expect(others).toEqual([]);
  expect(measured).toMatchObject({
    monitor: "inputs",
    state: "in-service",
    rows: 600,
    windows: 1,
    origin: "2026-01-01T12:00:00.000Z to 2026-01-01T13:00:00.000Z, by hand",
  });
  expect(await rowsOf("drift baseline")).toMatchObject([measured, { monitor: "mean", state: "in-service" }]);
  const empty = ["--from", "2025-01-01T12:00:00Z", "--to", "2025-01-01T13:00:00Z"];
  const refused = await on("drift baseline", "--monitor", "inputs", "--measure", ...empty);
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toContain(
    "MR_BASELINE measuring a baseline of monitor inputs: topic features holds no row in that time",
  );
  // Measured again it comes out the same, and is answered again.
  const again = await on("drift baseline", "--monitor", "inputs", "--measure", ...range);
  expect(again).toMatchObject({ code: 0, stderr: "" });
  await stop();
});

test("what was judged is shown, as a table, as JSON and as a page", async () => {
  const { topics } = monitoring();
  const { baselines } = await readBaselines(broker, registry, topics.baselines.clusterName, never);
  const held = baselines.current("inputs")!;
  const window = { monitor: "inputs", baseline: held.id, fromMs: noon, toMs: noon + hourMs, n: 600, m: 550 };
  const drifted = { ...window, field: "amount", kind: "DRIFT", score: 0.7, cause: "world", phase: "firing" } as const;
  const verdicts = [
    verdictOf({ ...window, fromMs: noon - hourMs, field: "amount" }),
    verdictOf(drifted),
    verdictOf({ ...window, field: "n_1h", kind: "INSUFFICIENT", reason: "rows", score: Number.NaN }),
  ];
  const verdictId = await idOf(topics.verdicts.clusterName, verdictSchema);
  const at = { partition: 0, timestampMs: Date.now() };
  const judged = verdicts.map((verdict): RecordOut => {
    const [key, value] = [Buffer.from(verdictKey(verdict)), encodeVerdict(verdict, verdictId)];
    return { ...at, topic: topics.verdicts.clusterName, key, value };
  });
  const counts = held.fields.map(({ windows }) => Float64Array.from(windows[0]!.counts));
  const partial = {
    ...{ monitor: "inputs", version: held.version, stage: "features", partition: 0, fromMs: noon, baseline: held.id },
    ...{ rows: 600, late: 0, counts, offsetFrom: 0, offsetNext: 300, schemas: [], recent: undefined },
    ...{ streamTimeMs: noon, isClosed: true, plan: "", model: undefined },
  };
  const partialId = await idOf(topics.partials.clusterName, partialSchema);
  const value = encodePartial(partial, partialId);
  const counted = { ...at, topic: topics.partials.clusterName, key: Buffer.from(partialKey(partial)), value };
  await broker.append([...judged, counted], never);

  const [amount, n] = await rowsOf("drift status", "--monitor", "inputs");
  expect(amount).toMatchObject({
    field: "amount",
    verdict: "DRIFT",
    score: 0.7,
    threshold: 0.1,
    n: 600,
    m: 550,
    cause: "world",
  });
  expect(n).toMatchObject({ field: "n_1h", verdict: "INSUFFICIENT", reason: "rows", score: null });
  const { stdout } = await on("drift status");
  expect(stdout).toMatch(
    /^inputs +amount +DRIFT +0\.7 +0\.1 +600 +550 +2026-01-01T12:00:00\.000Z +firing +world +\S+$/m,
  );
  expect(stdout).toMatch(/^inputs +n_1h +INSUFFICIENT \(rows\) +- /m);

  const history = await rowsOf("drift report");
  expect(history.map(({ field, kind, from }) => [field, kind, from])).toEqual([
    ["amount", "OK", "2026-01-01T11:00:00.000Z"],
    ["amount", "DRIFT", "2026-01-01T12:00:00.000Z"],
    ["n_1h", "INSUFFICIENT", "2026-01-01T12:00:00.000Z"],
  ]);
  expect(history[2]).toMatchObject({ score: null, n: 600, m: 550 });
  expect(await on("drift report", "--html", "out.html")).toEqual({ code: 0, stdout: "out.html\n", stderr: "" });
  const page = readFileSync("out.html", "utf8");
  expect(page).toContain("<h2>inputs / amount</h2>");
  expect(page).toContain("Reference (n = 600) against window (m = 600)");
  expect(page).toContain("<h2>mean / mean_1h</h2>");
  expect(page).toContain("No window was judged yet.");
  const failed = await on("drift report", "--html", "no/folder/out.html");
  expect(failed).toMatchObject({ code: 1, stdout: "" });
  expect(failed.stderr).toContain("MR_IO writing no/folder/out.html: ");
});

const incident = "small/inputs/20260101T120000Z";
const eventOf = (type: AlertEvent["type"], field: string | undefined, at: string): AlertEvent => ({
  ...{
    type,
    id: `${type} ${at}`,
    topology: "small",
    monitor: "inputs",
    field,
    kind: "drift",
    severity: "page",
    incident,
  },
  fingerprint: field === undefined ? "small/inputs" : `small/inputs/${field}`,
  ...{ isPage: field === undefined, cause: "world", at, from: undefined, to: undefined },
  ...{
    score: 0.7,
    threshold: 0.1,
    n: 600,
    m: 550,
    summary: `${field} drifts`,
    fields: field === undefined ? ["amount"] : [],
  },
});

test("alerts and incidents are listed, and one that nobody knows is refused with the nearest", async () => {
  const opened = eventOf("millrace.incident.opened", undefined, "2026-01-01T13:00:00.000Z");
  const events = [opened, eventOf("millrace.alert.firing", "amount", opened.at)];
  const topic = monitoring().topics.alerts.clusterName;
  const records = events.map((event) => ({ topic, partition: 0, timestampMs: Date.now(), ...alertRecord(event) }));
  await broker.append(records, never);
  expect(await rowsOf("alerts list")).toMatchObject([
    { alert: "small/inputs/amount", state: "firing", n: 600, m: 550, incident, mutedBy: null },
  ]);
  expect(await rowsOf("incidents list")).toMatchObject([{ incident, state: "open", fields: ["amount"], isPage: true }]);
  const [shown] = await rowsOf("incidents show", incident);
  expect(shown).toMatchObject({ incident, events: [{ type: "millrace.incident.opened" }, { field: "amount" }] });
  const { stdout } = await on("incidents show", incident);
  expect(stdout).toMatch(
    /^2026-01-01T13:00:00\.000Z +alert\.firing +amount +0\.7 +0\.1 +600 +550 +world +amount drifts$/m,
  );
  const unknown = await on("incidents show", incident.replace("12", "13"));
  expect(unknown).toMatchObject({ code: 64, stdout: "" });
  expect(unknown.stderr).toContain(`did you mean ${incident}?`);
});

test("an alert is acknowledged by somebody for a while, and is listed so", async () => {
  expect(await on("alerts ack", "small/inputs/amount")).toMatchObject({ code: 64, stdout: "" });
  expect(await on("alerts ack", "small/inputs/amuont", "--by", "ann")).toMatchObject({
    code: 64,
    stderr: expect.stringContaining("did you mean small/inputs/amount?"),
  });
  expect(await commands()).toEqual([]);
  const stop = await startRoles();
  const { code, stdout } = await on(
    "alerts ack",
    "small/inputs/amount",
    "--by",
    "ann",
    "--reason",
    "known",
    "--for",
    "2h",
  );
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^small\/inputs\/amount pages nobody until 20/),
  });
  expect(await commands()).toMatchObject([
    { kind: "ack", fingerprint: "small/inputs/amount", who: "ann", reason: "known" },
  ]);
  const [alert] = await rowsOf("alerts list");
  expect(alert).toMatchObject({ mutedBy: "ann" });
  const left = Date.parse(String(alert?.["mutedUntil"])) - Date.now();
  expect(left).toBeGreaterThan(hourMs);
  expect(left).toBeLessThanOrEqual(2 * hourMs);
  await stop();
});

test("a silence says for whom, how long, who wants it and why, and is taken back by its id", async () => {
  for (const wrong of [
    [],
    whole.slice(2),
    ["--for", "soon", "--by", "bob", "--reason", "move"],
    ["--monitor", "input", ...whole],
    ["--field", "amount", ...whole],
    ["--monitor", "inputs", "--field", "amuont", ...whole],
    ["--end", "x", "--by", "bob"],
    ["--end", "unknown"],
  ])
    expect(await on("alerts silence", ...wrong), wrong.join(" ")).toMatchObject({ code: 64, stdout: "" });
  expect(await commands()).toHaveLength(1);
  const stop = await startRoles();
  const { code, stdout } = await on("alerts silence", "--monitor", "inputs", "--field", "amount", ...whole);
  expect(code).toBe(0);
  const [, id] = /^silence (\S+): inputs\/amount pages nobody until 20/.exec(stdout) ?? [];
  expect((await commands())[1]).toMatchObject({
    kind: "silence",
    id,
    monitor: "inputs",
    field: "amount",
    who: "bob",
    reason: "move",
  });
  expect(await on("alerts silence", "--end", String(id))).toMatchObject({ code: 0, stdout: `silence ${id} is over\n` });
  expect(await commands()).toHaveLength(1);
  await stop();
}, 30_000);

test("flags that do not go together, and a topology without monitors, are refused before anything is asked", async () => {
  for (const wrong of [
    ["--measure"],
    ["--from", "2026-01-01T12:00:00Z"],
    ["--measure", "--monitor", "inputs", "--to", "2026-01-01T12:00:00Z"],
  ])
    expect(await on("drift baseline", ...wrong), wrong.join(" ")).toMatchObject({ code: 64, stdout: "" });
  expect((await on("drift status", "--monitor", "input")).stderr).toContain('did you mean "inputs"?');
  expect(await on("drift status", "--since", "0s")).toMatchObject({ code: 64 });
  const none = await millrace(["drift", "status", "plain.yaml", "--dev"]);
  expect(none).toMatchObject({ code: 1, stdout: "" });
  expect(none.stderr).toContain(
    "plain.yaml: topology small has no monitors\n  name what is to be watched under `monitors:`",
  );
});
