/**
 * Training in a thread of its own: rows are sent to it in chunks as they are read, and it joins, splits, fits and
 * measures them. The process keeps answering signals, because a thread can be ended at any moment, in the middle of
 * a loop too.
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { messageOf, OperationError } from "../../kernel/index.ts";
import type { Signature } from "../../model/index.ts";
import type {
  ChallengePlan,
  ChallengeResult,
  FeatureChunk,
  FitPlan,
  LabelChunk,
  Trainer,
  TrainingResult,
} from "../../training/index.ts";
import type { Answer, Request } from "./messages.ts";

/** Starts a thread that trains on rows of a signature. */
export function openTrainerThread(signature: Signature): Trainer {
  return new ThreadTrainer(signature);
}

type Progress = (iteration: number, loss: number) => void;

class ThreadTrainer implements Trainer {
  readonly #worker: Worker;
  #failure: Error | undefined;
  #waiting: ((failure: Error | undefined, result: TrainingResult | ChallengeResult | undefined) => void) | undefined;
  #onIteration: Progress = () => undefined;
  #isClosed = false;

  constructor(signature: Signature) {
    this.#worker = startThread(signature);
    this.#worker.on("message", (answer: Answer) => this.#take(answer));
    // Out of memory is one of these: an error of the thread, not of the process.
    this.#worker.on("error", (cause) => this.#fail(ended(messageOf(cause), cause)));
    this.#worker.on("exit", (code) => this.#fail(ended(`exit code ${code}`)));
  }

  expect(of: "features" | "labels", count: number): void {
    this.#send({ kind: "expect", of, count }, []);
  }

  addFeatures(chunk: FeatureChunk): void {
    this.#send({ kind: "features", chunk }, [...buffersOf(chunk), chunk.inputs.buffer]);
  }

  addLabels(chunk: LabelChunk): void {
    this.#send({ kind: "labels", chunk }, [...buffersOf(chunk), chunk.labels.buffer]);
  }

  train(onIteration: Progress, signal: AbortSignal, plan: FitPlan = {}): Promise<TrainingResult> {
    return this.#ask({ kind: "train", plan }, onIteration, signal) as Promise<TrainingResult>;
  }

  challenge(onIteration: Progress, signal: AbortSignal, plan: ChallengePlan): Promise<ChallengeResult> {
    return this.#ask({ kind: "challenge", plan }, onIteration, signal) as Promise<ChallengeResult>;
  }

  #ask(
    request: Extract<Request, { plan: unknown }>,
    onIteration: Progress,
    signal: AbortSignal,
  ): Promise<TrainingResult | ChallengeResult> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => this.#waiting?.(signal.reason, undefined);
      this.#waiting = (failure, result) => {
        this.#waiting = undefined;
        signal.removeEventListener("abort", onAbort);
        if (result !== undefined) resolve(result);
        else reject(failure);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      this.#onIteration = onIteration;
      if (this.#failure === undefined) this.#worker.postMessage(request);
      else this.#waiting(this.#failure, undefined);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#worker.terminate();
  }

  /** The arrays change hands: they are empty here afterwards, and nothing is copied. */
  #send(request: Request, buffers: readonly ArrayBuffer[]): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#worker.postMessage(request, buffers);
  }

  #take(answer: Answer): void {
    if (answer.kind === "iteration") this.#onIteration(answer.iteration, answer.loss);
    else if (answer.kind === "done") this.#waiting?.(undefined, answer.result);
    else this.#fail(errorOf(answer));
  }

  #fail(failure: Error): void {
    if (this.#isClosed) return;
    this.#failure ??= failure;
    this.#waiting?.(this.#failure, undefined);
  }
}

function buffersOf({ eventIds, timesMs, joinKeys }: FeatureChunk | LabelChunk): readonly ArrayBuffer[] {
  return [eventIds.bytes, eventIds.ends, timesMs, joinKeys.bytes, joinKeys.ends].map(({ buffer }) => buffer);
}

/** The file beside this one: JavaScript in a build, TypeScript where the sources run. */
function startThread(signature: Signature): Worker {
  const isSource = import.meta.url.endsWith(".ts");
  const file = new URL(isSource ? "./thread.ts" : "./thread.js", import.meta.url);
  if (!isSource) return new Worker(file, { workerData: signature });
  // Tests and the demo run the sources: a thread inherits no loader that reads TypeScript, so it opens one first.
  const loader = new URL(
    "./dist/esm/api/index.mjs",
    pathToFileURL(createRequire(import.meta.url).resolve("tsx/package.json")),
  );
  const boot = `import(${JSON.stringify(loader)}).then(({ register }) => { register(); return import(${JSON.stringify(file)}); })`;
  return new Worker(boot, { eval: true, workerData: signature });
}

function errorOf({ code, message, stack }: Extract<Answer, { kind: "failed" }>): Error {
  if (code !== undefined) return new OperationError(code, message);
  const bug = new Error(message);
  bug.stack = stack;
  return bug;
}

function ended(why: string, cause?: unknown): OperationError {
  const message = `fitting: the training thread ended: ${why}; with too many rows for the memory here, train on a shorter range with --from`;
  return new OperationError("MR_TRAINING", message, { cause });
}
