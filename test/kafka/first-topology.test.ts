import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { eventually, within } from "../support/deadline.ts";
import { type Fence, fencesOf } from "../support/fences.ts";
import { describeKafka, testBroker } from "./harness/broker.ts";
import { connect } from "./harness/client.ts";
import { foreignPython } from "./harness/python.ts";
import { mustRun } from "./support/command.ts";
import { type BuiltMillrace, buildMillrace } from "./support/worker-process.ts";

vi.setConfig({ testTimeout: 180_000 });

const { signal } = new AbortController();
const devLine = "bin/millrace dev shop/shop.yaml\n";
const external = ["shop.orders", "shop.returns"];
const own = ["placed", "features", "predictions", "labels", "dead-letters", "control", "accounts"].map(
  (name) => `shop.${name}`,
);

describeKafka("the guide to the first topology, as it stands", () => {
  /** The blocks of commands in their order; files are saved, and Python is installed, before. */
  let commands: readonly string[] = [];
  let folder = "";
  let millrace: BuiltMillrace;
  let dev: ChildProcess | undefined;

  beforeAll(async () => {
    const python = foreignPython();
    [millrace, folder] = await Promise.all([buildMillrace(), mkdtemp(join(tmpdir(), "millrace-guide-"))]);
    const fences = fencesOf("docs/guides/first-topology.md");
    for (const fence of fences) await save(fence);
    await mkdir(join(folder, "bin"));
    await writeFile(join(folder, "bin/millrace"), `#!/bin/sh\nexec "${process.execPath}" "${millrace.entry}" "$@"\n`);
    await chmod(join(folder, "bin/millrace"), 0o755);
    await mkdir(join(folder, ".millrace"));
    await symlink(dirname(dirname(python)), join(folder, ".millrace/python"));
    const shell = fences.filter(({ info }) => info === "sh").map(({ text }) => text);
    commands = shell.filter((text) => !text.includes("pip install"));
    await clean();
  });

  afterAll(async () => {
    dev?.kill("SIGKILL");
    await clean();
    await millrace.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** A fence that names a file behind its language is saved as that. */
  async function save({ info, text }: Fence): Promise<void> {
    const [, file] = info.split(" ");
    if (file === undefined) return;
    await mkdir(join(folder, dirname(file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }

  async function clean(): Promise<void> {
    const broker = await connect(testBroker().bootstrap);
    await broker.admin.deleteTopics([...external, ...own], signal);
    const groups = ["ingest", "features", "score", "returns"].map((stage) => `shop.${stage}`);
    await broker.admin.deleteGroups([...groups, "shop-calls"], signal).catch(() => undefined);
    await broker.close();
  }

  /** Runs blocks of commands one after the other in one shell, which a command that fails ends. */
  const run = (blocks: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<string> =>
    mustRun("sh", ["-ec", blocks.join("")], { cwd: folder, environment });

  /** In a terminal of its own, until it says how to go on. */
  async function startDev(): Promise<void> {
    const child = spawn("sh", ["-c", `exec ${devLine}`], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    dev = child;
    let said = "";
    // Read on to its end: a session that cannot write its log ends.
    child.stderr.on("data", (chunk) => {
      said += String(chunk);
    });
    const isUp = async (): Promise<true | undefined> => said.includes("Ctrl-C ends it") || undefined;
    await eventually(30_000, "the dev session", isUp);
  }

  test("a file becomes predictions on the broker of a dev session", async () => {
    const at = commands.indexOf(devLine);
    const kafkaAt = commands.findIndex((text) => text.includes("MILLRACE_BROKERS"));
    expect(at).toBeGreaterThan(0);
    expect(kafkaAt).toBeGreaterThan(at);
    const before = await run(commands.slice(0, at));
    expect(before).toContain("1 passed, 0 failed");
    await startDev();
    const said = await run(commands.slice(at + 1, kafkaAt));
    expect(said).toMatch(/^\s*1999\n\s*2000\n/);
    // The order whose amount is no number.
    expect(said).toContain('"key":"c');
    expect(said).toContain('"name":"millrace.code","value":"MR_CAST"');
    expect(said).toContain("alias champion -> 1");
    const predictions = (await readFile(join(folder, "shop/predictions.ndjson"), "utf8")).trimEnd().split("\n");
    expect(predictions).toHaveLength(1_999);
    const ended = once(dev as ChildProcess, "exit");
    dev?.kill("SIGTERM");
    await within(30_000, "the dev session to end", ended);
  });

  test("the same file becomes the same predictions on a real Kafka, and Python reads them", async () => {
    const kafkaAt = commands.findIndex((text) => text.includes("MILLRACE_BROKERS"));
    const said = await run(commands.slice(kafkaAt), { MILLRACE_BROKERS: testBroker().bootstrap });
    expect(said).toContain("score waits for its model");
    const called = said.split("\n").filter((line) => /^o\d+ c\d+ (?:0\.\d+|1\.0)$/.test(line));
    const lines = (await readFile(join(folder, "shop/predictions.ndjson"), "utf8")).trimEnd().split("\n");
    const onDev = lines.map((line) => (JSON.parse(line) as { value: Prediction }).value);
    // The same rows give the same model, and the same model the same scores.
    const expected = onDev.filter(({ call }) => call).map(({ order_id }) => order_id);
    expect(called.map((line) => line.split(" ")[0]).sort()).toEqual(expected.sort());
    expect(called.length).toBeGreaterThan(10);
  });
});

interface Prediction {
  readonly order_id: string;
  readonly call: boolean;
}
