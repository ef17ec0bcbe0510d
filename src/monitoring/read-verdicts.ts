import { type EpochMs, MillraceError } from "../kernel/index.ts";
import { decodeVerdict, type VerdictRecord } from "../monitor/index.ts";
import type { Broker } from "../runtime/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";
import { OwnWriters, ownRecords } from "./own-topic.ts";

/** What the judge has said. */
export interface VerdictsRead {
  /** One per monitor, field, window and baseline: a repeat replaces. In the order of their windows. */
  readonly verdicts: readonly VerdictRecord[];
  /** Records that could not be read: of a later version, or not ours. */
  readonly unread: number;
}

/**
 * Reads the verdicts of a topology up to the end of their topic as it is now.
 *
 * @param wanted which to keep; memory grows with those alone
 * @param sinceMs leaves out what was written before, in Kafka's time
 */
export async function readVerdicts(
  broker: Broker,
  registry: Pick<SchemaRegistry, "byId">,
  topic: string,
  wanted: (verdict: VerdictRecord) => boolean,
  signal: AbortSignal,
  sinceMs?: EpochMs,
): Promise<VerdictsRead> {
  const writers = new OwnWriters(registry);
  const verdicts = new Map<string, VerdictRecord>();
  let unread = 0;
  for await (const { value } of ownRecords(broker, topic, signal, { since: sinceMs })) {
    if (value === null) continue;
    try {
      const verdict = decodeVerdict(value, await writers.of(value, signal));
      if (wanted(verdict)) verdicts.set(verdict.eventId, verdict);
    } catch (thrown) {
      if (!(thrown instanceof MillraceError) || thrown.disposition !== "quarantine") throw thrown;
      unread++;
    }
  }
  return { verdicts: [...verdicts.values()].sort((a, b) => a.fromMs - b.fromMs), unread };
}
