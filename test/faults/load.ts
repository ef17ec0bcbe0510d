import { setTimeout as delay } from "node:timers/promises";
import { seededRng } from "../../src/kernel/index.ts";
import { backlogLines, untilWorkedOff } from "./progress.ts";
import type { Shop } from "./shop.ts";

/** Records of one send. */
const burst = 50;
/** Twice what a transaction may stay open that nobody ends. */
const stillMsMax = 120_000;
const lookedAgainMs = 100;

export interface LoadOptions {
  readonly seed: number;
  readonly perSecond: number;
  readonly say: (text: string) => void;
}

/** Sends at a steady rate, whatever becomes of it; a send that was given up is followed by the next. */
export async function keepSending(
  shop: Shop,
  { seed, perSecond, say }: LoadOptions,
  ended: AbortSignal,
): Promise<void> {
  const rng = seededRng(seed + 1);
  const startMs = performance.now();
  while (!ended.aborted) {
    await shop.send(rng, burst).catch((error: unknown) => say(`a send was given up: ${String(error)}`));
    await delay(Math.max(0, startMs + (shop.sent / perSecond) * 1_000 - performance.now()));
  }
}

/** Waits until everything is worked off. @returns where it stands still, a line each; none when all is done */
export async function workedOff(shop: Shop): Promise<string[]> {
  const still = await untilWorkedOff({
    look: () => shop.progress(),
    pause: () => delay(lookedAgainMs),
    monotonicMs: () => performance.now(),
    stillMsMax,
  });
  return still === undefined ? [] : [`nothing moved for ${stillMsMax} ms`, ...backlogLines(still)];
}
