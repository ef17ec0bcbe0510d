/** The breaker of a model, closed by hand: said on the retraining topic, and answered by the trainer that has taken it. */
import { randomUUID } from "node:crypto";
import { type Clock, formatIsoTime } from "../kernel/index.ts";
import { readRetrainings, resetAnswer } from "../retraining/index.ts";
import type { Broker } from "../runtime/index.ts";
import { retrainingRecord } from "../training/index.ts";
import { eventually } from "./eventually.ts";

export interface BreakerReset {
  readonly broker: Broker;
  /** The retraining topic, by its name on the cluster. */
  readonly topic: string;
  readonly model: string;
  readonly by: string;
  readonly reason?: string;
  readonly clock: Clock;
}

/** Says it, and waits ten seconds for the answer. @returns whether a trainer has taken it; one that comes later does */
export async function resetBreaker(reset: BreakerReset, signal: AbortSignal): Promise<boolean> {
  const { broker, topic, model, by, reason, clock } = reset;
  const request = randomUUID();
  const nowMs = clock.now();
  const why = reason === undefined ? {} : { reason };
  const event = {
    type: "reset",
    id: request,
    request,
    model,
    at: formatIsoTime(nowMs),
    cause: "manual",
    by,
    ...why,
  } as const;
  await broker.append([{ topic, partition: 0, timestampMs: nowMs, ...retrainingRecord(event) }], signal);
  const answer = resetAnswer(request);
  const isAnswered = async (): Promise<boolean> =>
    (await readRetrainings(broker, topic, signal)).some(({ id }) => id === answer);
  return eventually(isAnswered, signal, clock);
}
