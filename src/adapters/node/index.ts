/** The ambient ports of `kernel` on Node: clock, hashing, and a turn of the event loop. */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Clock, Hasher } from "../../kernel/index.ts";

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  },
};

export const nodeHasher: Hasher = {
  sha256: (input) => createHash("sha256").update(input).digest("hex"),
};

/** Resolves after pending I/O callbacks had their turn, so that a busy task does not starve heartbeats. */
export function yieldToLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
