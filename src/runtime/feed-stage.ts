import { type Offset, topicPartitionKey } from "../kernel/index.ts";
import type { Outgoing, RawBatch } from "../wire/index.ts";
import { assertBalanced, type StageCounts } from "./counts.ts";
import type { StageTask } from "./stage-task.ts";

/** What a stage made of records that were fed to it. */
export interface StageYield {
  /** Output batches and dead letters, by `role`, in the order they were finished. */
  readonly outgoing: readonly Outgoing[];
  readonly counts: StageCounts;
}

/**
 * Runs batches through a task as one chunk that commits at once, without a broker: what `millrace test`, the
 * testing driver and bounded runs use. Stores keep what they learnt for the next call.
 *
 * Rejects when the scorer fails as a whole, or when the signal is aborted while the registry is down.
 */
export async function feedStage(
  task: StageTask,
  batches: readonly RawBatch[],
  signal: AbortSignal,
): Promise<StageYield> {
  const outgoing: Outgoing[] = [];
  const position = new Map<string, Offset>();
  for (const batch of batches) {
    for (let index = 0; index < batch.count; ) {
      if (task.unresolvedId !== -1) await task.resolve(signal);
      index = task.compute(batch, index, batch.count, Number.POSITIVE_INFINITY);
      await task.infer();
      task.finish();
      task.take(outgoing);
    }
    position.set(topicPartitionKey(batch.topic, batch.partition), batch.offsetNext);
  }
  task.seal();
  task.take(outgoing);
  assertBalanced(task.tally);
  const counts = task.tally.snapshot();
  task.keep(position);
  return { outgoing, counts };
}
