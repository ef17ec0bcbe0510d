import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { WarmAnswer, WarmRequest } from "./warm-tests.ts";

/** Runs test files of a work tree in a process that stays warm, and ends that process with all its own when it hangs. */
export class WarmRunner {
  readonly #root: string;
  readonly #hungMs: number;
  #child: ChildProcess | undefined;
  #changed = new Set<string>();

  /** @param hungMs  how long a run may show no test file that ended */
  constructor(root: string, hungMs: number) {
    this.#root = root;
    this.#hungMs = hungMs;
  }

  /** Says that a file of the tree is not what it was in the last run. */
  changed(file: string): void {
    this.#changed.add(file);
  }

  /**
   * Runs test files up to the first failure.
   *
   * @param tests  paths within the tree
   * @returns the file that failed, or how the run ended otherwise; undefined when all passed
   */
  async run(tests: readonly string[], changed?: string): Promise<string | undefined> {
    if (tests.length === 0) return undefined;
    if (changed !== undefined) this.#changed.add(changed);
    const child = this.#child ?? (await this.#start());
    this.#child = child;
    const request: WarmRequest = {
      tests: tests.map((test) => join(this.#root, test)),
      changed: [...this.#changed].map((file) => join(this.#root, file)),
    };
    this.#changed.clear();
    return new Promise((resolve) => {
      const done = (failed: string | undefined): void => {
        clearTimeout(timer);
        child.removeAllListeners();
        resolve(failed);
      };
      const timer = setTimeout(() => {
        this.end();
        done("a run that hangs");
      }, this.#hungMs);
      child.on("exit", () => {
        this.#child = undefined;
        done("the end of the process");
      });
      child.on("message", (answer: WarmAnswer) => {
        if ("ended" in answer) timer.refresh();
        else done(answer.failed?.replace(`${this.#root}/`, ""));
      });
      child.send(request);
    });
  }

  end(): void {
    const pid = this.#child?.pid;
    this.#child?.removeAllListeners();
    this.#child = undefined;
    if (pid === undefined) return;
    try {
      // The group, since what hangs is a worker.
      process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }

  async #start(): Promise<ChildProcess> {
    const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
    const child = fork(join(import.meta.dirname, "warm-tests.ts"), [this.#root], {
      execArgv: ["--import", tsx],
      detached: true,
      stdio: "ignore",
    });
    await new Promise<void>((resolve, reject) => {
      child.once("message", () => resolve());
      child.once("exit", (code) => reject(new Error(`the test runner ended with ${code} before it began`)));
    });
    child.removeAllListeners();
    return child;
  }
}
