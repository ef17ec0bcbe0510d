import { readUpTo } from "../runtime/control/index.ts";
import type { Broker } from "../runtime/index.ts";
import type { RetrainingEvent } from "../training/index.ts";
import { retrainingEventsIn } from "./topic-events.ts";

/** The events on the retraining topic up to its end as it is now; one that was written twice is told once. */
export async function readRetrainings(
  broker: Broker,
  topic: string,
  signal: AbortSignal,
): Promise<readonly RetrainingEvent[]> {
  const [{ low, end } = { low: 0, end: 0 }] = await broker.admin.watermarks(topic, signal);
  const events = new Map<string, RetrainingEvent>();
  const take = (batch: Parameters<typeof retrainingEventsIn>[0]): void => {
    for (const { event } of retrainingEventsIn(batch)) if (!events.has(event.id)) events.set(event.id, event);
  };
  await readUpTo(broker, { topic, from: low, to: end }, take, signal);
  return [...events.values()];
}
