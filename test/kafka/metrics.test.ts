import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { writeAlias } from "../../src/runtime/control/aliases.ts";
import { eventually } from "../support/deadline.ts";
import { describeKafka, testBroker, uniqueNamespace } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { runJava } from "./harness/java.ts";
import { freePorts } from "./harness/properties.ts";
import { foreignPython } from "./harness/python.ts";
import { mustRun } from "./support/command.ts";
import { type BuiltMillrace, buildMillrace, endWorkers, WorkerProcess } from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 120_000 });

const { signal } = new AbortController();
const partitions = 3;
const eventCount = 90;
const earlierCount = 30;

/** One stage commits so rarely that it lags while it runs; one has no model, one a model without its files. */
const topology = `apiVersion: millrace/v1
kind: Topology
name: shop
delivery: at-least-once
commit: { everyMs: 60000, records: 10000 }
topics:
  inbox: { name: "\${INBOX}", format: json, external: true }
  reports: { name: "\${REPORTS}", format: json, external: true }
  orders: { schema: order, key: customer, time: at, partitions: ${partitions} }
  labels: { schema: label, key: customer, time: at, partitions: 1 }
  waiting: { schema: inferred }
  halted: { schema: inferred }
stages:
  - { name: ingest, from: { topic: inbox }, to: orders }
  - { name: report, from: { topic: reports }, to: labels }
  - { name: wait, from: orders, to: waiting, steps: [ { infer: { model: none@champion, keep: [customer], decide: { high: score > 0.5 } } } ] }
  - { name: halt, from: orders, to: halted, steps: [ { infer: { model: lost@champion, keep: [customer], decide: { high: score > 0.5 } } } ] }
models:
  none: { task: binary, features: { from: orders, except: [customer, at] }, label: { topic: labels, on: customer, field: bad }, candidates: [logistic] }
  lost: { task: binary, features: { from: orders, except: [customer, at] }, label: { topic: labels, on: customer, field: bad }, candidates: [logistic] }
`;

const time = { type: "long", logicalType: "timestamp-millis" };
const schemas = {
  order: { amount: "double" },
  label: { bad: "boolean" },
};

/** Lag per partition of the topics of a group, as one tool or another tells it. */
type Lags = Record<string, Record<number, number>>;

/** What `kafka-consumer-groups --describe` says, in its column LAG. */
async function lagsOfTool(bootstrap: string, groups: readonly string[]): Promise<Lags> {
  const named = groups.flatMap((group) => ["--group", group]);
  const args = ["--bootstrap-server", bootstrap, "--describe", ...named];
  const { stdout } = await runJava("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", args);
  const lags: Lags = {};
  for (const line of stdout.split("\n")) {
    const [group = "", , partition, , , lag] = line.trim().split(/\s+/);
    if (groups.includes(group)) lags[group] = { ...lags[group], [Number(partition)]: Number(lag) };
  }
  return lags;
}

/** Reads the text with Prometheus' own parser: [name, labels, value] of each sample. */
const parser = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = text_string_to_metric_families(sys.stdin.read())
print(json.dumps([[s.name, s.labels, s.value] for family in families for s in family.samples]))
`;
type Sample = readonly [name: string, labels: Readonly<Record<string, string>>, value: number];

describeKafka("/metrics and /readyz of a worker", () => {
  const namespace = uniqueNamespace();
  const groupOf = (stage: string): string => `${namespace}.shop.${stage}`;
  const topics = { INBOX: `${namespace}.in`, REPORTS: `${namespace}.reported` };
  const environment = { ...topics, MILLRACE_NAMESPACE: namespace };
  const { bootstrap } = testBroker();
  let folder = "";
  let millrace: BuiltMillrace;
  let python = "";

  beforeAll(async () => {
    python = foreignPython();
    [millrace, folder] = await Promise.all([buildMillrace(), mkdtemp(join(tmpdir(), "millrace-metrics-"))]);
    await mkdir(join(folder, "schemas"));
    await writeFile(join(folder, "shop.yaml"), topology);
    for (const [name, own] of Object.entries(schemas)) {
      const all = { event_id: "string", customer: "string", at: time, ...own };
      const fields = Object.entries(all).map(([field, type]) => ({ name: field, type }));
      await writeFile(join(folder, `schemas/${name}.avsc`), JSON.stringify({ type: "record", name, fields }));
    }
  }, 240_000);

  afterAll(async () => {
    await endWorkers();
    await millrace.remove();
    await rm(folder, { recursive: true, force: true });
  });

  test("the lag of a running, a waiting and a halted stage is what kafka-consumer-groups says, and /readyz says why it is not well", async () => {
    const broker = await connect(bootstrap);
    const where = ["--brokers", bootstrap, "--registry", join(folder, "registry")];
    const file = join(folder, "shop.yaml");
    const named = Object.values(topics).map((topic) => ({ topic, partitions, replication: 1, configs: {} }));
    await broker.admin.createTopics(named, signal);
    await mustRun(process.execPath, [millrace.entry, "apply", file, ...where], { cwd: folder, environment });
    const at = Date.now() - 90_000;
    const events = Array.from({ length: eventCount }, (_, i) => ({
      topic: topics.INBOX,
      // The partitions are not equally full.
      partition: i % 7 === 0 ? 0 : i % partitions,
      timestampMs: at,
      key: null,
      value: Buffer.from(JSON.stringify({ customer: `c${i}`, at, amount: i })),
    }));
    await broker.append(events, signal);
    const lost = { model: "lost", alias: "champion", version: 1 };
    await writeAlias(broker, `${namespace}.shop.control`, lost, Date.now(), signal);
    // As after a run of before: without a committed offset the tool knows no lag. Nobody reads these.
    const before = Array.from({ length: earlierCount }, (_, i) => ({
      topic: `${namespace}.orders`,
      partition: i % partitions,
      timestampMs: at,
      key: null,
      value: Buffer.from("before"),
    }));
    await broker.append(before, signal);
    for (const [stage, offset] of [
      ["wait", 2],
      ["halt", 5],
    ] as const) {
      const args = ["--bootstrap-server", bootstrap, "--group", groupOf(stage), "--topic", `${namespace}.orders`];
      const reset = ["--reset-offsets", "--to-offset", String(offset), "--execute"];
      await runJava("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", [...args, ...reset]);
    }
    const [port] = await freePorts(1);
    const flags = ["--models-dir", join(folder, "models"), "--http", `127.0.0.1:${port}`];
    const worker = new WorkerProcess(millrace.entry, ["run", file, ...where, ...flags], environment);
    const ask = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    const orders = await worker.until(
      eventually(60_000, "all orders to be written", async () => {
        const marks = await broker.admin.watermarks(`${namespace}.orders`, signal);
        return marks.reduce((sum, { end }) => sum + end, 0) === earlierCount + eventCount ? marks : undefined;
      }),
    );
    expect(orders.length).toBe(partitions);
    const verbose = await worker.until(
      eventually(60_000, "the stages to be where they end up", async () => {
        const said = await ask("/readyz?verbose");
        return said.includes("halt: halted") && said.includes("wait: waiting") ? said : undefined;
      }),
    );
    expect(verbose.split("\n")).toEqual([
      "[+] cluster: answers",
      "[+] stage ingest: running",
      "[+] stage report: running",
      "[+] stage wait: waiting for its model",
      "[-] stage halt: halted: opening model lost/1: the models directory has no such version; put it back from a copy, or have an alias name another and move the offsets behind what this one has scored",
      "not ready",
      "",
    ]);
    const groups = ["ingest", "wait", "halt"].map(groupOf);
    const byTool = await lagsOfTool(bootstrap, groups);
    const text = await ask("/metrics");
    const parsed = await mustRun(python, ["-c", parser], { cwd: folder, stdin: text });
    const samples: readonly Sample[] = JSON.parse(parsed);
    const byUs: Lags = {};
    for (const [name, { stage = "", partition }, value] of samples) {
      if (name !== "millrace_consumer_lag_records" || stage === "report") continue;
      byUs[groupOf(stage)] = { ...byUs[groupOf(stage)], [Number(partition)]: value };
    }
    expect(byUs).toEqual(byTool);
    const sum = (group: string): number => Object.values(byUs[group] ?? {}).reduce((total, lag) => total + lag, 0);
    expect(groups.map(sum)).toEqual([
      eventCount,
      earlierCount + eventCount - 2 * partitions,
      earlierCount + eventCount - 5 * partitions,
    ]);
    const states = samples.filter(([name, , value]) => name === "millrace_consumer_state" && value === 1);
    expect(states.map(([, labels]) => [labels["stage"], labels["state"]])).toEqual([
      ["ingest", "running"],
      ["report", "running"],
      ["wait", "waiting"],
      ["halt", "halted"],
    ]);
    worker.kill("SIGTERM");
    expect(await worker.ended(30_000)).toEqual({ code: 1, signal: null });
    await broker.close();
  });

  test("a registry that takes requests and never answers holds up neither the probes nor the stop", async () => {
    const requests: string[] = [];
    const registry = createServer(({ url = "" }) => void requests.push(url)).listen(0, "127.0.0.1");
    await once(registry, "listening");
    const [port] = await freePorts(1);
    const address = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`;
    const flags = ["--brokers", bootstrap, "--registry", address, "--http", `127.0.0.1:${port}`];
    const worker = new WorkerProcess(millrace.entry, ["run", join(folder, "shop.yaml"), ...flags], environment);
    try {
      const ask = async (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
      await worker.until(eventually(30_000, "the registry to be asked", async () => requests.length > 0 || undefined));
      const ready = await ask("/readyz?verbose");
      expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining("[-] stage ingest: new\n")]);
      // The stages are not made yet, and their groups have a lag all the same.
      const lag = `millrace_consumer_lag_records{topology="shop",stage="ingest",topic="${topics.INBOX}",partition="0"} `;
      expect(await (await ask("/metrics")).text()).toContain(lag);
      const stoppedAt = performance.now();
      worker.kill("SIGTERM");
      expect(await worker.ended(10_000)).toEqual({ code: 0, signal: null });
      expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    } finally {
      registry.closeAllConnections();
      registry.close();
    }
  });
});
