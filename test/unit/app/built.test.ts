/** The command as it is installed: built, started as a process of its own, without the sources. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, within } from "../../support/deadline.ts";

const root = join(import.meta.dirname, "../../..");
const folder = realpathSync(mkdtempSync(join(tmpdir(), "millrace-built-")));
const bin = join(folder, "bin/millrace");
const deadlineMs = 20_000;
const started: ChildProcess[] = [];

interface Run {
  readonly child: ChildProcess;
  readonly said: { stdout: string; stderr: string };
  readonly ended: Promise<number | null>;
}

function start(...args: string[]): Run {
  const child = spawn(bin, args, {
    cwd: folder,
    env: { PATH: process.env["PATH"] },
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  const said = { stdout: "", stderr: "" };
  child.stdout?.on("data", (data) => {
    said.stdout += String(data);
  });
  child.stderr?.on("data", (data) => {
    said.stderr += String(data);
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { child, said, ended: within(deadlineMs, `millrace ${args.join(" ")}`, ended) };
}

async function startDev(...flags: string[]): Promise<Run> {
  const dev = start("dev", "topologies/card-fraud.yaml", ...flags);
  await eventually(deadlineMs, "the dev session", async () => (dev.said.stderr.includes("Ctrl-C") ? true : undefined));
  return dev;
}

beforeAll(() => {
  for (const name of ["bin", "schemas", "topologies"])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  cpSync(join(root, "package.json"), join(folder, "package.json"));
  mkdirSync(join(folder, "dist"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json", "--outDir", join(folder, "dist")], {
    cwd: root,
  });
}, 60_000);

afterAll(() => {
  for (const child of started) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

test("says its version and nothing else", async () => {
  const { said, ended } = start("--version");
  expect(await ended).toBe(0);
  expect(said).toEqual({ stdout: "0.1.0\n", stderr: "" });
});

test("ends with the code of the command", async () => {
  expect(await start("test", "topologies/card-fraud.yaml", "topologies/flights.yaml").ended).toBe(0);
  expect(await start("validate", "schemas/payment.avsc").ended).toBe(1);
  expect(await start("frobnicate").ended).toBe(64);
});

describe("a signal", () => {
  test("SIGTERM drains and ends with 0", async () => {
    const { child, said, ended } = await startDev();
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(said.stderr).toMatch(/Stage counts\. {2}stage=score .*\n$/);
    expect(said.stdout).toBe("");
  }, 30_000);

  test("SIGINT drains and ends with 130", async () => {
    const { child, ended } = await startDev("--no-sample");
    child.kill("SIGINT");
    expect(await ended).toBe(130);
  }, 30_000);

  test("ends a tail that follows with 130", async () => {
    const dev = await startDev();
    const tail = start("tail", "payments.inbox", "--dev");
    await eventually(deadlineMs, "a record", async () => (tail.said.stdout.includes("\n") ? true : undefined));
    tail.child.kill("SIGINT");
    expect(await tail.ended).toBe(130);
    expect(tail.said.stderr).toBe("");
    dev.child.kill("SIGTERM");
    await dev.ended;
  }, 30_000);
});

test("a reader that has seen enough is no error", async () => {
  const dev = await startDev();
  const tail = start("tail", "payments.inbox", "--dev", "--from", "beginning");
  await eventually(deadlineMs, "a record", async () => (tail.said.stdout.includes("\n") ? true : undefined));
  tail.child.stdout?.destroy();
  expect(await tail.ended).toBe(0);
  expect(tail.said.stderr).toBe("");
  dev.child.kill("SIGTERM");
  expect(await dev.ended).toBe(0);
}, 30_000);

// A full disk was passed over: the command ended with 0 and half a file.
test.runIf(existsSync("/dev/full"))("what cannot be written to standard output ends a command with 1", async () => {
  const full = openSync("/dev/full", "w");
  const child = spawn(bin, ["graph", "topologies/card-fraud.yaml"], {
    cwd: folder,
    env: { PATH: process.env["PATH"] },
    stdio: ["ignore", full, "ignore"],
  });
  started.push(child);
  closeSync(full);
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  expect(await within(deadlineMs, "millrace graph", ended)).toBe(1);
});
