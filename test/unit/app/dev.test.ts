import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { eventually } from "../../support/deadline.ts";
import { type Ended, millrace } from "./command-line.ts";

const deadlineMs = 20_000;
const card = join(import.meta.dirname, "../../../topologies/card-fraud.yaml");
const before = process.cwd();
let folder = "";
let session: { stop: () => Promise<Ended> } | undefined;

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "millrace-dev-")));
  process.chdir(folder);
});
afterEach(async () => {
  await session?.stop();
  session = undefined;
});
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true, force: true });
});

/** Starts `millrace dev` and waits until it says how to go on. */
async function startDev(...flags: string[]): Promise<{ stop: () => Promise<Ended> }> {
  const stop = new AbortController();
  let said = "";
  const running = millrace(["dev", card, ...flags], {
    stop: stop.signal,
    onOutput: (stdout, stderr) => {
      said = stdout + stderr;
    },
  });
  session = {
    stop: () => {
      stop.abort();
      return running;
    },
  };
  await eventually(deadlineMs, "the dev session", async () => (said.includes("Ctrl-C ends it") ? said : undefined));
  return session;
}

async function records(topic: string, max: number): Promise<{ offset: number; key: string; value: unknown }[]> {
  const { stdout } = await millrace(["tail", topic, "--dev", "--from", "beginning", "--max", String(max)]);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { offset: number; key: string; value: unknown });
}

const sale = (id: string) =>
  JSON.stringify({ payment_id: id, customer_id: "c1", terminal_id: "t1", amount: 5, paid_at: "2026-01-01T00:00:00Z" });

test("a dev session takes produce, tail and train from outside, and keeps its model for the next one", async () => {
  const first = await startDev("--no-sample");
  writeFileSync("sales.ndjson", `${sale("p1")}\n\n${sale("p2")}\n`);
  const produced = await millrace([
    "produce",
    "payments.inbox",
    "--file",
    "sales.ndjson",
    "--key",
    "customer_id",
    "--dev",
  ]);
  expect(produced).toEqual({ code: 0, stdout: "", stderr: "2 records sent to payments.inbox as JSON\n" });
  const piped = await millrace(["produce", "payments.inbox", "--file", "-", "--key", "customer_id", "--dev"], {
    stdin: `${sale("p3")}\n`,
  });
  expect(piped.stderr).toBe("1 records sent to payments.inbox as JSON\n");
  expect(await records("payments.features", 3)).toMatchObject([
    { key: "c1", value: { payment_id: "p1", payments_1h: 1 } },
    { key: "c1", value: { payment_id: "p2", payments_1h: 2 } },
    { key: "c1", value: { payment_id: "p3", payments_1h: 3 } },
  ]);

  const sampled = await millrace(["produce", "--sample", card, "--max", "2000", "--dev"]);
  expect(sampled).toEqual({ code: 0, stdout: "", stderr: "2000 sample events of card-fraud sent\n" });
  await Promise.all([records("payments.labels", 800), records("payments.features", 1_000)]);
  const trained = await millrace(["train", card, "--dev"]);
  expect(trained.stdout).toMatch(
    /^model card-fraud version 1\nrows train \d+ validation \d+ from \S+ unlabelled \d+ undecodable 0 untimed 0\nleft out labelled_after_split \d+ labels_after_to 0 repeats 0 repeats_differing 0 inexact 0\nmetrics auc 0\.\d{4} .*\nalias champion -> 1\n$/,
  );
  expect(trained.stderr).toMatch(/^reading features \d+ of \d+\n/);
  for (const { value } of await records("payments.predictions", 500)) expect(value).toMatchObject({ model_version: 1 });
  const ended = await first.stop();
  expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code: 0, stdout: "" });
  // For people: no JSON.
  expect(ended.stderr).toMatch(/^\d\d:\d\d:\d\d .*Ready\. {2}stages=ingest,reports,clean,features,score$/m);
  expect(existsSync(".millrace/dev/session.json")).toBe(false);
  expect(JSON.parse(readFileSync(".millrace/dev/aliases.json", "utf8"))).toEqual([
    { model: "card-fraud", alias: "champion", version: 1, at: expect.any(Number), by: expect.any(String) },
  ]);

  await startDev("--no-sample");
  await millrace(["produce", "payments.inbox", "--file", "sales.ndjson", "--key", "customer_id", "--dev"]);
  expect(await records("payments.predictions", 2)).toMatchObject([
    { value: { model_version: 1 } },
    { value: { model_version: 1 } },
  ]);
}, 60_000);

test("what a dev session has made is reconciled from outside, and ends with 1 when somebody adds to it", async () => {
  await startDev("--no-sample");
  await millrace(["produce", "payments.inbox", "--file", "-", "--key", "customer_id", "--dev"], {
    stdin: `${sale("p1")}\n${sale("p2")}\n`,
  });
  await records("payments.features", 2);
  const agreed = await millrace(["reconcile", card, "--dev"]);
  expect(agreed).toMatchObject({ code: 0, stderr: "" });
  expect(agreed.stdout).toMatch(/^features +\d +0 +\d+ +2 +2 +0 +0 +0 +agrees$/m);
  expect(agreed.stdout).toMatch(/ differing 0 not counted \d+ strays 0\n$/);
  const { stdout: copy } = await millrace(["tail", "payments.features", "--dev", "--from", "beginning", "--max", "1"]);
  await millrace(["produce", "payments.features", "--file", "-", "--dev"], { stdin: copy });
  const differing = await millrace(["reconcile", card, "--dev", "-o", "jsonl"]);
  expect(differing.code).toBe(1);
  const rows = differing.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly stage: string; readonly differences: readonly string[] });
  expect(rows.filter(({ differences }) => differences.length > 0)).toMatchObject([
    { stage: "features", differences: ["1 outputs are there twice"] },
  ]);
}, 60_000);

test("a second dev session in the folder is refused, and a tail of the first ends when that does", async () => {
  const first = await startDev("--no-sample");
  const second = await millrace(["dev", card, "--no-sample"]);
  expect(second).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(/^MR_DEV_SESSION .*Ctrl-C/) });
  await millrace(["produce", "payments.inbox", "--file", "-", "--key", "customer_id", "--dev"], {
    stdin: `${sale("p1")}\n`,
  });
  let seen = "";
  const tailing = millrace(["tail", "payments.raw", "--dev", "--from", "beginning"], {
    onOutput: (stdout) => {
      seen = stdout;
    },
  });
  await eventually(deadlineMs, "the record", async () => (seen.includes('"p1"') ? seen : undefined));
  expect((await first.stop()).code).toBe(0);
  expect(await tailing).toMatchObject({ code: 1, stderr: "MR_DEV_SESSION the dev session has ended\n" });
}, 30_000);

test("a dev session feeds the sample of its topology", async () => {
  await startDev();
  const events = await records("payments.inbox", 20);
  expect(events).toHaveLength(20);
  const environment = { MILLRACE_DEV: "true", MILLRACE_MAX: "1", MILLRACE_FROM: "beginning" };
  expect((await millrace(["tail", "payments.raw"], { environment })).stdout).toMatch(/"topic":"payments.raw"/);
}, 30_000);

test("what tail prints, produce takes: values, keys, headers and tombstones", async () => {
  await startDev("--no-sample");
  const lines = [
    { key: "c1", value: { a: 1 }, headers: [{ name: "h", value: "x" }], timestamp: "2026-01-01T00:00:00.000Z" },
    { key: null, value: "text", headers: [] },
    { key: { base64: "AP8=" }, value: null, headers: [{ name: "n", value: null }] },
  ];
  writeFileSync("lines.ndjson", lines.map((line) => JSON.stringify(line)).join("\n"));
  expect((await millrace(["produce", "payments.reports", "--file", "lines.ndjson", "--dev"])).code).toBe(0);
  const printed = await records("payments.reports", 3);
  for (const line of lines) expect(printed).toContainEqual(expect.objectContaining(line));
});

test("a line that cannot be sent is named, and those before it are sent", async () => {
  await startDev("--no-sample");
  writeFileSync("bad.ndjson", '{"key":"a","value":1}\n{"key":"b"}\n{"key":"c","value":3}\n');
  const { code, stderr } = await millrace(["produce", "payments.reports", "--file", "bad.ndjson", "--dev"]);
  expect(code).toBe(64);
  expect(stderr).toMatch(/^MR_USAGE line 2: .*there is no "value".*\(1 records before it were sent\)/);
  expect(await records("payments.reports", 1)).toMatchObject([{ key: "a", value: 1 }]);
  const missing = await millrace(["produce", "no.such.topic", "--file", "bad.ndjson", "--dev"]);
  expect({ code: missing.code, stderr: missing.stderr }).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^MR_TOPIC_MISSING/),
  });
  const avro = JSON.stringify({ key: "c", value: { event_id: "e", payment_id: 7 } });
  const misfit = await millrace(["produce", "payments.labels", "--file", "-", "--dev"], { stdin: avro });
  expect(misfit).toMatchObject({ code: 64, stderr: expect.stringMatching(/^MR_USAGE line 1: field payment_id/) });
});
