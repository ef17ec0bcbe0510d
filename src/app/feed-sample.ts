import { type Clock, OperationError, type RecordOut } from "../kernel/index.ts";
import type { Broker } from "../runtime/index.ts";
import { type SampleEvent, sampleGenerators } from "../testing/index.ts";
import type { Plan } from "../topology/index.ts";
import { partitionOf } from "../wire/index.ts";

export interface FeedOptions {
  readonly plan: Plan;
  readonly broker: Broker;
  readonly clock: Clock;
  /** Ends after so many events; undefined goes on until the signal. */
  readonly max?: number;
  /**
   * False sends as fast as the broker takes them. Event times advance by the rate all the same: with `max` the last
   * one is now, because events dated ahead are refused.
   */
  readonly isPaced: boolean;
  readonly progress?: (sent: number) => void;
}

const feedEveryMs = 100;
const batchRecordsMax = 500;

/**
 * Sends the events of the topology's stock generator to its external topics, at the topology's rate.
 *
 * @returns events sent
 * @throws OperationError MR_REFERENCE when the topology has no sample
 */
export async function feedSample(options: FeedOptions, signal: AbortSignal): Promise<number> {
  const { plan, broker, clock } = options;
  const { sample } = plan;
  const generator = sampleGenerators.find((candidate) => candidate.name === sample?.generator);
  if (sample === undefined || generator === undefined) {
    throw new OperationError("MR_REFERENCE", `feeding ${plan.topology}: the topology has no \`sample:\``);
  }
  const targets = new Map<string, { readonly topic: string; readonly partitions: number }>();
  for (const name of generator.topics) {
    const topic = plan.topics.find((planned) => planned.name === name)?.clusterName ?? name;
    targets.set(name, { topic, partitions: (await broker.admin.watermarks(topic, signal)).length });
  }
  const spanMs = options.isPaced ? 0 : ((options.max ?? 0) * 1_000) / sample.perSecond;
  const startMs = Math.floor(clock.now() - spanMs);
  const events = generator.events({ seed: sample.seed, startMs, perSecond: sample.perSecond });
  let next = events.next().value;
  let sent = 0;
  while (!signal.aborted && sent < (options.max ?? Number.POSITIVE_INFINITY)) {
    const dueMs = options.isPaced ? clock.now() : Number.POSITIVE_INFINITY;
    const batch: RecordOut[] = [];
    while (
      next.atMs <= dueMs &&
      batch.length < batchRecordsMax &&
      sent + batch.length < (options.max ?? Number.POSITIVE_INFINITY)
    ) {
      batch.push(recordOf(next, targets, clock.now()));
      next = events.next().value;
    }
    if (batch.length > 0) {
      await broker.append(batch, signal);
      sent += batch.length;
      options.progress?.(sent);
    }
    if (options.isPaced) await clock.sleep(feedEveryMs, signal).catch(() => undefined);
  }
  return sent;
}

function recordOf(
  event: SampleEvent,
  targets: ReadonlyMap<string, { readonly topic: string; readonly partitions: number }>,
  nowMs: number,
): RecordOut {
  const target = targets.get(event.topic);
  if (target === undefined || target.partitions === 0) {
    throw new OperationError("MR_TOPIC_MISSING", `feeding ${event.topic}: the topic does not exist`);
  }
  const key = Buffer.from(event.key);
  return {
    topic: target.topic,
    partition: partitionOf(key, 0, key.length, target.partitions),
    timestampMs: nowMs,
    key,
    value: Buffer.from(event.value),
  };
}
