import { systemClock } from "../adapters/node/index.ts";
import type { Clock } from "../kernel/index.ts";

/** How long a command waits for its effect to be seen. */
const effectMsMax = 10_000;
const askEveryMs = 200;

/** Asks until the answer is yes, for ten seconds. @returns whether it was */
export async function eventually(
  isSeen: () => Promise<boolean>,
  signal: AbortSignal,
  clock: Pick<Clock, "monotonicMs" | "sleep"> = systemClock,
): Promise<boolean> {
  const beganMs = clock.monotonicMs();
  for (;;) {
    if (await isSeen()) return true;
    if (clock.monotonicMs() - beganMs >= effectMsMax) return false;
    await clock.sleep(askEveryMs, signal);
  }
}
