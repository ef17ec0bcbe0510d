import type { Clock } from "./ports.ts";

/** How long one call of something outside may take, where nothing else limits it, before it counts as silent. */
export const silentAfterMs = 30_000;

/**
 * Settles as `work` does; rejects with `late()` when it has not settled after `afterMs`, and with the signal's reason
 * when that is aborted before. Work that is cut off may go on: whatever it was given must not be used for anything else.
 */
export async function cutOff<T>(
  work: Promise<T>,
  by: { readonly clock: Clock; readonly afterMs: number; readonly late: () => Error },
  signal: AbortSignal,
): Promise<T> {
  const over = new AbortController();
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  const late = by.clock.sleep(by.afterMs, over.signal).then(
    () => {
      throw by.late();
    },
    () => aborted,
  );
  try {
    // The race listens to all of them, so that whoever loses it does not end the process by what it rejects with.
    return await Promise.race([work, late, aborted]);
  } finally {
    over.abort();
    signal.removeEventListener("abort", onAbort);
  }
}
