import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { compiledFolder } from "./run-contestant.ts";
import type { ScaleJob, ScaleWindow } from "./scale-job.ts";

/** The stages in a process of their own. */
export class ScaleProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child;
    this.#lines = lines[Symbol.asyncIterator]();
  }

  /** Resolves when every task is open. `flags` are Node's own. */
  static async start(job: ScaleJob, flags: readonly string[]): Promise<ScaleProcess> {
    const script = join(compiledFolder, "bench", "contestants", "scale.js");
    const child = spawn(process.execPath, [...flags, script, JSON.stringify(job)], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, MILLRACE_BENCH_FOLDER: import.meta.dirname },
    });
    const started = new ScaleProcess(child, createInterface({ input: child.stdout as NodeJS.ReadableStream }));
    await started.#next("ready");
    return started;
  }

  /** Since the last time that it was asked. */
  async window(): Promise<ScaleWindow> {
    this.#child.stdin?.write("\n");
    return JSON.parse(await this.#next("cpuMicros")) as ScaleWindow;
  }

  /** Ends the stages; stages that are far behind may not end in time, which is said. */
  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    const [code] = (await ended) as [number | null];
    if (code !== 0) process.stderr.write(`the stages ended with ${code}\n`);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** The next line with this key; lines of the log come between. */
  async #next(key: string): Promise<string> {
    for (;;) {
      const { done, value } = await this.#lines.next();
      if (done === true) throw new Error(`the stages ended while they were asked for ${key}`);
      if (value.startsWith(`{"${key}"`)) return value;
      process.stderr.write(`${value}\n`);
    }
  }
}
