/** The other side of `index.ts`: started as a thread, with the signature as its data. */
import { parentPort, workerData } from "node:worker_threads";
import { assert, MillraceError, messageOf } from "../../kernel/index.ts";
import type { Signature } from "../../model/index.ts";
import { openTrainerHere } from "../../training/index.ts";
import type { Answer, Request } from "./messages.ts";

const port = parentPort;
assert(port !== null, "a thread");
const trainer = openTrainerHere(workerData as Signature, () => performance.now());
let hasFailed = false;

const answer = (message: Answer): void => port.postMessage(message);

async function handle(request: Request): Promise<void> {
  if (request.kind === "expect") return trainer.expect(request.of, request.count);
  if (request.kind === "features") return trainer.addFeatures(request.chunk);
  if (request.kind === "labels") return trainer.addLabels(request.chunk);
  const signal = new AbortController().signal; // the thread is ended from outside
  const onIteration = (iteration: number, loss: number): void => answer({ kind: "iteration", iteration, loss });
  const result =
    request.kind === "train"
      ? await trainer.train(onIteration, signal, request.plan)
      : await trainer.challenge(onIteration, signal, request.plan);
  answer({ kind: "done", result });
}

port.on("message", (request: Request) => {
  // The first failure is the answer; what comes after it belongs to rows that are no longer whole.
  if (hasFailed) return;
  handle(request).catch((thrown: unknown) => {
    hasFailed = true;
    const code = thrown instanceof MillraceError ? thrown.code : undefined;
    const stack = thrown instanceof Error ? (thrown.stack ?? "") : "";
    answer({ kind: "failed", code, message: messageOf(thrown), stack });
  });
});
