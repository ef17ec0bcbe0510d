import type { Clock, Facts } from "../kernel/index.ts";
import type { TrainingRequest } from "../training/index.ts";
import type { TrainingOrder } from "./training-order.ts";

/** A training that takes minutes is heard of so often; one that is shorter says nothing but its begin and its end. */
const everyMs = 10_000;

/** Tells how far a training is, as a fact, from now on and at most every ten seconds. */
export function progressFacts(
  { model, request }: Pick<TrainingOrder, "model" | "request">,
  facts: Facts,
  clock: Clock,
): TrainingRequest["progress"] {
  let toldMs = clock.monotonicMs();
  return (phase, done, total, loss) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - toldMs < everyMs) return;
    toldMs = nowMs;
    facts.emit("trainingGoesOn", { model, request, phase, done, total, ...(loss === undefined ? {} : { loss }) });
  };
}
