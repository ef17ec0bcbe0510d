import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { eventually, within } from "../../support/deadline.ts";

const repository = join(import.meta.dirname, "../../..");
const linesKept = 60;

/** The product as it is shipped: compiled, started with plain Node. */
export interface BuiltMillrace {
  readonly entry: string;
  remove(): Promise<void>;
}

/**
 * Compiles the sources into a folder of its own inside the repository, where Node finds the packages, so that a
 * build that somebody else uses is left alone. Types are not checked: another lane does that.
 */
export async function buildMillrace(): Promise<BuiltMillrace> {
  return compile(await buildFolder(), repository);
}

/**
 * The same of an older commit.
 * @throws Error when the history that was cloned does not have it
 */
export async function buildOlderMillrace(commit: string): Promise<BuiltMillrace> {
  const folder = await buildFolder();
  const sources = join(folder, "sources");
  await mkdir(sources);
  const command = `git archive ${commit} src package.json 'tsconfig*.json' | tar -x -C "$0"`;
  const taken = spawnSync("bash", ["-o", "pipefail", "-c", command, sources], { cwd: repository, encoding: "utf8" });
  if (taken.status !== 0) throw new Error(`taking ${commit} out of the history: ${taken.stderr}`);
  return compile(folder, sources);
}

async function buildFolder(): Promise<string> {
  const parent = join(repository, ".millrace");
  await mkdir(parent, { recursive: true });
  return mkdtemp(join(parent, "test-build-"));
}

async function compile(folder: string, sources: string): Promise<BuiltMillrace> {
  const compiler = join(repository, "node_modules/.bin/tsc");
  const flags = ["--noCheck", "--declaration", "false", "--declarationMap", "false", "--outDir", join(folder, "dist")];
  const built = spawnSync(compiler, ["-p", join(sources, "tsconfig.build.json"), ...flags], { encoding: "utf8" });
  if (built.status !== 0) throw new Error(`compiling for the test: ${built.stdout}`);
  await copyFile(join(sources, "package.json"), join(folder, "package.json"));
  const entry = join(folder, "millrace.mjs");
  await writeFile(entry, 'import { main } from "./dist/app/main.js";\nawait main(process.argv.slice(2));\n');
  return { entry, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** The counts of a stage as a process logs them. */
export interface LoggedCounts {
  readonly in: number;
  readonly out: number;
  readonly filtered: number;
  readonly late: number;
  readonly deadLetters: number;
}

/** A line that somebody has to read. */
export interface LoggedWarning {
  readonly msg: string;
  readonly code?: string;
  readonly reason?: string;
  readonly stage?: string;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const running = new Set<ChildProcess>();
// Whatever ends this test run, no worker outlives it.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Ends what a test that failed has left running. */
export async function endWorkers(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      const closed = once(child, "close");
      child.kill("SIGKILL");
      await closed;
    }),
  );
}

/** A `millrace run` in a process of its own. */
export class WorkerProcess {
  /** The last counts that it logged, per stage. */
  readonly counts = new Map<string, LoggedCounts>();
  /** Lines of its standard error that are no JSON; there should be none. */
  readonly strayLines: string[] = [];
  /** Warnings and errors, in order. */
  readonly warnings: LoggedWarning[] = [];
  /** Of the workers that it has started, where it supervises one. */
  readonly workerPids: number[] = [];
  /** When it was ready, and when it ended, as `performance.now()` counts; undefined before. */
  readyCount = 0;
  readyMs: number | undefined;
  endedMs: number | undefined;
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ended>;
  #isReady = false;
  /** The last lines of its log, for messages. */
  readonly #tail: string[] = [];
  readonly #listeners: ((line: string) => void)[] = [];

  constructor(entry: string, args: readonly string[], environment: Readonly<Record<string, string>>) {
    // Tests of workers send signals to the worker itself; test/kafka/supervision.test.ts has a supervisor.
    const env = { PATH: process.env["PATH"], MILLRACE_NO_SUPERVISE: "true", ...environment };
    this.#child = spawn(process.execPath, [entry, ...args], {
      cwd: repository,
      env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    running.add(this.#child);
    const lines = createInterface({ input: this.#child.stderr! });
    lines.on("line", (line) => this.#read(line));
    this.#ended = once(this.#child, "close").then(([code, signal]) => {
      running.delete(this.#child);
      this.endedMs = performance.now();
      return { code, signal };
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** The last that it said. */
  get lastLines(): readonly string[] {
    return this.#tail;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Tells of each line of its standard error from now on. */
  onLine(tell: (line: string) => void): void {
    this.#listeners.push(tell);
  }

  /** Tells of its end, whenever that is. */
  onEnd(tell: (ended: Ended) => void): void {
    void this.#ended.then(tell);
  }

  /** Waits until every stage has its assignment. */
  ready(ms: number): Promise<true> {
    return this.until(eventually(ms, "a worker to be ready", async () => this.#isReady || undefined));
  }

  /** Waits for a warning or an error of this message. */
  warned(msg: string, ms: number): Promise<LoggedWarning> {
    const found = async (): Promise<LoggedWarning | undefined> => this.warnings.find((line) => line.msg === msg);
    return this.until(eventually(ms, `a worker to say ${JSON.stringify(msg)}`, found));
  }

  /** Waits until the process has logged the counts of so many stages. */
  hasCounted(stageCount: number, ms: number): Promise<true> {
    const counted = async (): Promise<true | undefined> => this.counts.size === stageCount || undefined;
    return this.until(eventually(ms, "a worker to log counts", counted));
  }

  /** Waits for something that takes a running worker: its end before that is an error, and shows its log. */
  until<T>(waiting: Promise<T>): Promise<T> {
    const endedFirst = this.#ended.then(({ code, signal }): never => {
      throw new Error(`the worker ended with ${code ?? signal}`);
    });
    return this.#explained(Promise.race([waiting, endedFirst]));
  }

  /** Waits until the process has ended and its log is read. */
  ended(ms: number): Promise<Ended> {
    return this.#explained(within(ms, "a worker to end", this.#ended));
  }

  /** Waits for the end that a worker should have. */
  async endedWell(ms: number): Promise<void> {
    const { code, signal } = await this.ended(ms);
    if (code !== 0) throw new Error(`a worker ended with ${code ?? signal}:\n${this.#tail.join("\n")}`);
  }

  async #explained<T>(waiting: Promise<T>): Promise<T> {
    try {
      return await waiting;
    } catch (error) {
      throw new Error(`${String(error)}; the last it said:\n${this.#tail.join("\n")}`, { cause: error });
    }
  }

  #read(line: string): void {
    for (const tell of this.#listeners) tell(line);
    this.#tail.push(line);
    if (this.#tail.length > linesKept) this.#tail.shift();
    if (!line.startsWith("{")) {
      this.strayLines.push(line);
      return;
    }
    const { msg, stage, ...logged } = JSON.parse(line);
    if (["warn", "error"].includes(logged.level)) this.warnings.push({ msg, stage, ...logged });
    if (msg === "Worker started.") this.workerPids.push(logged.pid);
    if (msg === "Ready.") {
      this.readyCount++;
      this.#isReady = true;
      this.readyMs = performance.now();
    }
    if (msg !== "Stage counts.") return;
    const { in: read, out, filtered, late, deadLetters } = logged;
    this.counts.set(stage, { in: read, out, filtered, late, deadLetters });
  }
}
