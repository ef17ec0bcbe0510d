/** Whenever a trainer is killed, a request has one end, one promotion, and versions are whole: by the product as shipped. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { seededRng } from "../../src/kernel/index.ts";
import { type AlertEvent, alertRecord } from "../../src/monitor/index.ts";
import { readRetrainings } from "../../src/retraining/index.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { readAliasRecords, readRetrainingRecords, readVersions } from "../loop/read-logs.ts";
import { eventually, within } from "../support/deadline.ts";
import { describeFaults, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { apiKey } from "./harness/gated-proxy.ts";
import { freePorts } from "./harness/properties.ts";
import { ProxiedNode } from "./harness/proxied-node.ts";
import { beginMs, windowMs, windowRows } from "./support/item-rows.ts";
import { ModelLoop, model } from "./support/model-loop.ts";
import { type BuiltMillrace, buildMillrace, endWorkers, type WorkerProcess } from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 180_000 });

const { signal } = new AbortController();
const deadlineMs = 60_000;
const incident = "loop/inputs/1";

describeFaults("a trainer that is killed -9", () => {
  let node: ProxiedNode;
  let broker: Broker;
  let millrace: BuiltMillrace;
  const loops: ModelLoop[] = [];
  beforeAll(async () => {
    [node, millrace] = await Promise.all([ProxiedNode.start(), buildMillrace()]);
    broker = await connect(node.bootstrap);
  });
  afterEach(() => endWorkers());
  afterAll(async () => {
    await broker?.close();
    await node?.remove();
    await millrace?.remove();
    await Promise.all(loops.map((loop) => loop.remove()));
  });

  /** A model in service, more rows than it has learned from, and a trainer that has nothing to do yet. */
  async function begin(
    isHooked = false,
    flags: readonly string[] = [],
    environment = {},
  ): Promise<{ readonly loop: ModelLoop; readonly dying: WorkerProcess }> {
    const { bootstrap } = node;
    const namespace = uniqueNamespace();
    const loop = await ModelLoop.open({ bootstrap, broker, millrace, namespace, delivery: "exactly-once", isHooked });
    loops.push(loop);
    const rng = seededRng(5);
    await loop.send(windowRows(0, 800, "large-is-bad", 0, rng));
    await loop.send(windowRows(1, 1_200, "small-is-bad", 800, rng));
    await loop.runThrough("ingest", "outcomes");
    await loop.trainFirst(beginMs + windowMs);
    const dying = startTrainer(loop, flags, environment);
    await dying.ready(deadlineMs);
    return { loop, dying };
  }

  function startTrainer(loop: ModelLoop, flags: readonly string[] = [], environment = {}): WorkerProcess {
    return loop.start(["--role", "trainer", "--instance-id", "trainer", ...flags], environment);
  }

  /** What a judge says when the features drift: an incident is open. */
  async function alarm(loop: ModelLoop): Promise<void> {
    const event: AlertEvent = {
      type: "millrace.incident.opened",
      id: `${incident}/opened`,
      fingerprint: "loop/inputs",
      topology: "loop",
      monitor: "inputs",
      field: undefined,
      kind: "drift",
      severity: "page",
      incident,
      isPage: true,
      cause: "world",
      at: new Date(beginMs + 2 * windowMs).toISOString(),
      from: undefined,
      to: undefined,
      score: undefined,
      threshold: undefined,
      n: undefined,
      m: undefined,
      summary: "size drifts.",
      fields: ["size"],
    };
    const topic = loop.plan.monitoring?.topics.alerts.clusterName ?? "";
    await broker.append([{ topic, partition: 0, timestampMs: Date.now(), ...alertRecord(event) }], signal);
  }

  const told = async (loop: ModelLoop): Promise<string[]> =>
    (await readRetrainingRecords(loop)).map(({ type }) => type);

  /** Kills it and has another one end what was begun. */
  async function replaced(loop: ModelLoop, dying: WorkerProcess): Promise<void> {
    dying.kill("SIGKILL");
    expect(await dying.ended(deadlineMs)).toEqual({ code: null, signal: "SIGKILL" });
    const next = startTrainer(loop);
    await next.until(
      eventually(deadlineMs, "the promotion", async () => (await told(loop)).includes("promoted") || undefined),
    );
    const { group = "", clusterName = "" } = loop.plan.retraining ?? {};
    // Its offset says that nothing is due any more.
    await next.until(
      eventually(
        deadlineMs,
        "the trainer to be done",
        async () => (await loop.hasReadAll(group, clusterName)) || undefined,
      ),
    );
    next.kill("SIGTERM");
    await next.endedWell(deadlineMs);
  }

  /** What stands on the topics and in the folder in the end, whenever the first trainer died. */
  async function expectOneEnd(loop: ModelLoop, champion: number): Promise<void> {
    const records = await readRetrainingRecords(loop);
    expect(records.map(({ type }) => type)).toEqual(["requested", "started", "started", "trained", "promoted"]);
    const [request] = records.map((record) => record.request);
    expect(new Set(records.map((record) => `${record.request} of ${record.incident}`))).toEqual(
      new Set([`${request} of ${incident}`]),
    );
    expect(records.slice(3).map(({ version }) => version)).toEqual([champion, champion]);
    expect(await readAliasRecords(loop)).toEqual([
      { model, alias: "champion", version: 1, incident: null, request: null },
      { model, alias: "previous", version: 1, incident, request },
      { model, alias: "champion", version: champion, incident, request },
    ]);
    const found = await readVersions(join(loop.modelsFolder, model));
    expect(found.map(({ version, broken }) => [version, broken])).toEqual(
      Array.from({ length: champion }, (_, i) => [i + 1, []]),
    );
    expect(await loop.baselines()).toEqual([{ monitor: "inputs", version: champion }]);
  }

  test("is asked while it lives by who types train and by Alertmanager, and not by who trains here", async () => {
    const [port] = await freePorts(1);
    const folder = await mkdtemp(join(tmpdir(), "millrace-hook-"));
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, "correct-horse-battery\n", { mode: 0o600 });
    const environment = { MILLRACE_HOOK_TOKEN_FILE: tokenFile };
    const { loop, dying } = await begin(true, ["--http", `127.0.0.1:${port}`], environment);
    const asked = await dying.until(loop.train("--by", "ann", "--reason", "small ones are bad now"));
    const [, request] = /^request (\S+) of model/.exec(asked[0] ?? "") ?? [];
    expect(asked.at(-1)).toMatch(/^promoted version 2: /);
    const records = await readRetrainingRecords(loop);
    expect(records.map((record) => `${record.type} ${record.request}`)).toEqual(
      ["requested", "started", "trained", "promoted"].map((type) => `${type} ${request}`),
    );
    const here = await loop.train("--local", "--force", "--reason", "to see");
    expect(here[0]).toMatch(/ version 3$/);
    expect(here.slice(-2)).toEqual([
      expect.stringContaining("baseline inputs"),
      "stage score does not run: it adopts when it starts",
    ]);
    expect(await readRetrainingRecords(loop)).toHaveLength(records.length);
    // And by Alertmanager.
    const labels = { alertname: "Returns", millrace_model: model };
    const alert = { status: "firing", labels, startsAt: "2026-01-05T07:52:26.739Z", fingerprint: "c6eadffa33fcdf37" };
    const posted = await fetch(`http://127.0.0.1:${port}/api/v1/hooks/alertmanager`, {
      method: "POST",
      headers: { authorization: "Bearer correct-horse-battery" },
      body: JSON.stringify({ version: "4", alerts: [alert, alert] }),
    });
    expect([posted.status, await posted.json()]).toMatchObject([200, { reported: 1, known: 1 }]);
    const answered = async () => {
      const events = await readRetrainings(broker, loop.plan.retraining?.clusterName ?? "", signal);
      const [reported, answer] = events.filter(({ cause }) => cause === "webhook");
      return answer === undefined ? undefined : { reported, answer };
    };
    const { reported, answer } = await dying.until(eventually(deadlineMs, "the policy to answer", answered));
    expect(reported).toMatchObject({ type: "reported", model, reason: "Returns" });
    expect(answer).toMatchObject({ type: "requested", alert: reported?.id, request: `${reported?.request}/1` });
    dying.kill("SIGTERM");
    await dying.endedWell(deadlineMs);
    await rm(folder, { recursive: true });
  });

  test("in a training leaves it to the next, which begins it again, ends it once and gives it the next number", async () => {
    const { loop, dying } = await begin();
    const features = loop.stage("score").from.clusterName;
    const reading = node.proxy.gate(apiKey.listOffsets, "request", features);
    await alarm(loop);
    await dying.until(within(deadlineMs, "the training to look for its rows", reading.reached));
    await dying.until(
      eventually(deadlineMs, "the training's begin", async () => (await told(loop)).includes("started") || undefined),
    );
    expect(await told(loop)).toEqual(["requested", "started"]);
    await replaced(loop, dying);
    await expectOneEnd(loop, 2);
  });

  test("between a version and its promotion leaves neither an end nor an alias, and the next gives both", async () => {
    const { loop, dying } = await begin();
    const { control } = loop.plan;
    const writing = node.proxy.gate(apiKey.produce, "request", control.clusterName);
    await alarm(loop);
    await dying.until(within(deadlineMs, "the trainer to write the alias", writing.reached));
    const committing = node.proxy.gate(apiKey.endTransaction, "request", control.aliasesId);
    writing.open();
    await dying.until(within(deadlineMs, "the trainer to commit", committing.reached));
    // The version stands under its number; nothing names it.
    expect(await readdir(join(loop.modelsFolder, model))).toEqual(["1", "2"]);
    expect(await told(loop)).toEqual(["requested", "started"]);
    await replaced(loop, dying);
    await expectOneEnd(loop, 3);
  });
});
