import { appendFileSync } from "node:fs";
import { join } from "node:path";
import type { ModelLoop } from "../kafka/support/model-loop.ts";
import type { WorkerProcess } from "../kafka/support/worker-process.ts";

/** Longer than a worker may take to become ready or to drain on a machine that does other things too. */
const msMax = 120_000;

/** A place for one worker at a time; whoever takes it has the same instance id, and so the same partitions. */
export class Seat {
  readonly name: string;
  readonly #loop: ModelLoop;
  readonly #flags: readonly string[];
  readonly #logs: string;
  #worker: WorkerProcess;
  #isWanted = true;
  #hear: (line: string) => void = () => undefined;
  /** Kills that were meant. */
  kills = 0;
  /** What workers said when they ended without having been told to. */
  readonly deaths: string[] = [];

  /** @param logs folder in which everything is kept that workers say */
  constructor(name: string, flags: readonly string[], loop: ModelLoop, logs: string) {
    this.name = name;
    this.#flags = flags;
    this.#loop = loop;
    this.#logs = logs;
    this.#worker = this.#started();
  }

  ready(): Promise<true> {
    return this.#worker.ready(msMax);
  }

  /** Resolves with the next line of this worker, or of one that takes its place, that says so. */
  says(text: string): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#hear;
      this.#hear = (line) => {
        before(line);
        if (line.includes(text)) resolve();
      };
    });
  }

  /** Kills the worker and puts another in its place. */
  async killed(): Promise<void> {
    this.#isWanted = false;
    this.#worker.kill("SIGKILL");
    const { signal } = await this.#worker.ended(msMax);
    if (signal !== "SIGKILL") this.deaths.push(`${this.name} had ended before it was killed`);
    this.kills++;
    this.#worker = this.#started();
  }

  /** Stops the worker as an operator does. */
  async stop(): Promise<void> {
    this.#isWanted = false;
    this.#worker.kill("SIGTERM");
    await this.#worker.endedWell(msMax);
  }

  #started(): WorkerProcess {
    const worker = this.#loop.start([...this.#flags, "--instance-id", this.name]);
    this.#isWanted = true;
    worker.onLine((line) => {
      appendFileSync(join(this.#logs, `${this.name}.log`), `${line}\n`);
      this.#hear(line);
    });
    worker.onEnd(({ code, signal }) => {
      if (this.#worker === worker && this.#isWanted) this.deaths.push(`${this.name} ended with ${code ?? signal}`);
    });
    return worker;
  }
}
