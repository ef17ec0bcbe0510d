import { MillraceError } from "../kernel/index.ts";
import { decodePartial, isHeartbeat, type PartialRecord, partialKey } from "../monitor/index.ts";
import type { Broker } from "../runtime/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";
import { OwnWriters, ownRecords } from "./own-topic.ts";

/**
 * What tasks have counted, as it stands on the partials topic now: of each task, window and baseline the last total.
 *
 * @param wanted which to keep; memory grows with those alone
 */
export async function readPartials(
  broker: Broker,
  registry: Pick<SchemaRegistry, "byId">,
  topic: string,
  wanted: (partial: PartialRecord) => boolean,
  signal: AbortSignal,
): Promise<readonly PartialRecord[]> {
  const writers = new OwnWriters(registry);
  const partials = new Map<string, PartialRecord>();
  for await (const { value } of ownRecords(broker, topic, signal)) {
    if (value === null) continue;
    try {
      const record = decodePartial(value, await writers.of(value, signal));
      if (!isHeartbeat(record) && wanted(record)) partials.set(partialKey(record), record);
    } catch (thrown) {
      if (!(thrown instanceof MillraceError) || thrown.disposition !== "quarantine") throw thrown;
    }
  }
  return [...partials.values()];
}
