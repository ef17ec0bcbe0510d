import { codeOf, type Offset, OperationError } from "../../kernel/index.ts";
import type { Broker, TransactionalWriter } from "../port.ts";
import { type Alias, AliasReader } from "./aliases.ts";
import { type ControlRecord, controlOut, controlPartition, placedRecordsIn, readControl } from "./control-topic.ts";

/** Where aliases are, and under which name they are written. */
export interface AliasPlace {
  readonly clusterName: string;
  /** Stem of the transactional id; see `Plan.control`. */
  readonly aliasesId: string;
}

export interface AliasChange {
  readonly records: readonly ControlRecord[];
  /** Offset of the last of them on the control topic; undefined when there was nothing to write. */
  readonly offset: Offset | undefined;
}

/** How often somebody else may come in between; each time everything is read and decided anew. */
const attemptsMax = 5;

/**
 * Changes aliases as the only one who does: takes the transactional id of their writers, reads them to the end, asks what
 * is to be written and commits it. Whoever else writes aliases in the meantime fences this, and it begins anew: no change
 * follows from aliases that were not the last.
 *
 * @param decide answers what to write, given the aliases as they stand; a throw ends it and writes nothing
 */
export async function changeAliases(
  broker: Broker,
  place: AliasPlace,
  decide: (aliases: readonly Alias[]) => readonly ControlRecord[],
  nowMs: number,
  signal: AbortSignal,
): Promise<AliasChange> {
  for (let attempt = 1; ; attempt++) {
    const writer = await broker.transaction(`${place.aliasesId}.0`, signal);
    const reader = new AliasReader();
    const from = await readControl(broker, place.clusterName, (record) => reader.take(record), signal);
    const records = decide(reader.aliases);
    const last = records.at(-1);
    if (last === undefined) return { records, offset: undefined };
    if (await isCommitted(writer, controlOut(place.clusterName, records, nowMs), attempt, signal))
      return { records, offset: await offsetOf(broker, place.clusterName, from, last, signal) };
  }
}

async function isCommitted(
  writer: TransactionalWriter,
  out: Parameters<TransactionalWriter["commit"]>[0],
  attempt: number,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await writer.commit(out, signal);
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === "MR_FENCED" && attempt < attemptsMax) return false;
    throw thrown;
  }
}

/** Where a record that was committed is, looked for from where the topic ended before it. */
async function offsetOf(
  broker: Broker,
  topic: string,
  from: Offset,
  { key, value }: ControlRecord,
  signal: AbortSignal,
): Promise<Offset> {
  for await (const batch of broker.read({ topic, partition: controlPartition, from }, signal)) {
    for (const { offset, record } of placedRecordsIn(batch))
      if (record.key === key && record.value === value) return offset;
  }
  throw new OperationError("MR_OFFSET_RANGE", `reading ${topic} back: it ended before what was written to it`);
}
