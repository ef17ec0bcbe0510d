/** Does all parts of a piece of work at once. */
export function atOnce<T>(parts: Generator<void, T>): T {
  for (;;) {
    const next = parts.next();
    if (next.done) return next.value;
  }
}

/** Does a piece of work part by part, letting others run after each that took the turn past `turnMs`. */
export async function inTurns<T>(
  parts: Generator<void, T>,
  options: { readonly monotonicMs: () => number; readonly yieldToLoop: () => Promise<void>; readonly turnMs: number },
): Promise<T> {
  let untilMs = options.monotonicMs() + options.turnMs;
  for (;;) {
    const next = parts.next();
    if (next.done) return next.value;
    if (options.monotonicMs() < untilMs) continue;
    await options.yieldToLoop();
    untilMs = options.monotonicMs() + options.turnMs;
  }
}
