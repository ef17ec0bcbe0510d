import { systemClock } from "../adapters/node/index.ts";

/** How long a command waits for its effect to be seen. */
const effectMsMax = 10_000;
const askEveryMs = 200;

/** Asks until the answer is yes, for ten seconds. @returns whether it was */
export async function eventually(isSeen: () => Promise<boolean>, signal: AbortSignal): Promise<boolean> {
  const beganMs = systemClock.monotonicMs();
  for (;;) {
    if (await isSeen()) return true;
    if (systemClock.monotonicMs() - beganMs >= effectMsMax) return false;
    await systemClock.sleep(askEveryMs, signal);
  }
}
