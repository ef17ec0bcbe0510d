import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ContestantName, Job, JobResult, VariantJob } from "./job.ts";
import type { CpuProfile } from "./profile-summary.ts";

const repository = join(import.meta.dirname, "..");
/** Where the compiled copy is. */
export const compiledFolder = join(repository, ".millrace", "bench");
const timeoutMs = 120_000;
const profileIntervalMicros = 200;

/**
 * Compiles `src` and `bench` as a release is compiled. The contestants run from there: a loader that compiles on the
 * fly leaves calls in the code that users do not have.
 */
export async function compileContestants(): Promise<void> {
  const tsc = join(repository, "node_modules", ".bin", "tsc");
  const child = spawn(tsc, ["-p", join(import.meta.dirname, "tsconfig.json")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.stdout.pipe(process.stderr);
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`compiling the contestants: tsc ended with ${code}`);
  await copyFile(join(repository, "package.json"), join(compiledFolder, "package.json"));
}

/** Runs a contestant in a process of its own, and answers what it measured; a variant is one of Millrace. */
export async function runContestant(name: ContestantName, job: Job | VariantJob): Promise<JobResult> {
  return run(name, job, []);
}

/** The same under V8's sampling profiler, which costs the contestant some per cent. */
export async function profileContestant(name: ContestantName, job: Job | VariantJob): Promise<[JobResult, CpuProfile]> {
  const folder = join(compiledFolder, "profile");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const flags = ["--cpu-prof", `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${profileIntervalMicros}`];
  const result = await run(name, job, flags);
  const [file] = await readdir(folder);
  if (file === undefined) throw new Error(`profiling ${name}: Node wrote no profile to ${folder}`);
  return [result, JSON.parse(await readFile(join(folder, file), "utf8")) as CpuProfile];
}

async function run(name: ContestantName, job: Job | VariantJob, flags: readonly string[]): Promise<JobResult> {
  const args = [...flags, join(compiledFolder, "bench", "chain.js"), "--contestant", name, JSON.stringify(job)];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, MILLRACE_BENCH_FOLDER: import.meta.dirname, KAFKAJS_NO_PARTITIONER_WARNING: "1" },
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  const line = text.trim().split("\n").at(-1) ?? "";
  if (code !== 0 || !line.startsWith("{")) throw new Error(`running ${name}: it ended with ${code}: ${text}`);
  return JSON.parse(line) as JobResult;
}
