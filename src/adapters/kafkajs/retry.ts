import { BackOff, type Clock } from "../../kernel/index.ts";
import { type Verdict, verdictOf } from "./errors.ts";

export interface RetryPolicy {
  readonly firstMs: number;
  readonly factor: number;
  readonly stepMsMax: number;
  /** From the first error; after it the last error is thrown. A quota may keep back a first attempt for minutes. */
  readonly totalMs: number;
}

/** Outlasts the 12 to 13 s without writes that follow the death of a broker. */
export const producePolicy: RetryPolicy = { firstMs: 20, factor: 1.5, stepMsMax: 500, totalMs: 60_000 };
export const groupPolicy: RetryPolicy = { firstMs: 100, factor: 2, stepMsMax: 1_000, totalMs: 30_000 };
/** How long a producer is waited for that is busy with the end of its transaction before, if there may be another. */
export const busyMsMax = 500;

export interface RetryContext {
  readonly clock: Clock;
  readonly policy: RetryPolicy;
  readonly signal?: AbortSignal | undefined;
  /** Called before the next attempt, to forget what turned out stale. */
  onError?(error: unknown, verdict: Verdict): void;
}

/** Repeats `attempt` while its error says that asking again is of use; throws the last error otherwise. */
export async function retrying<T>(context: RetryContext, attempt: () => Promise<T>): Promise<T> {
  const { clock, policy, signal } = context;
  let endMs: number | undefined;
  const backOff = new BackOff({ ...policy, lastMs: policy.stepMsMax });
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      const verdict = verdictOf(error);
      const stepMs = backOff.next();
      endMs ??= clock.monotonicMs() + policy.totalMs;
      if ((verdict !== "again" && verdict !== "elsewhere") || clock.monotonicMs() + stepMs > endMs) throw error;
      context.onError?.(error, verdict);
      await clock.sleep(stepMs, signal);
    }
  }
}
