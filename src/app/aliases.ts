import { type Offset, OperationError, type RecordOut } from "../kernel/index.ts";
import type { Broker } from "../runtime/index.ts";
import { type RawBatch, refuseDamage } from "../wire/index.ts";

/** What an alias points at: a record on `<topology>.control`, keyed by `alias/<model>/<name>`, compacted. */
export interface Alias {
  readonly model: string;
  readonly alias: string;
  readonly version: number;
}

const keyPrefix = "alias/";
/** The control topic has one partition: aliases have one order. */
const controlPartition = 0;

/** Points an alias at a version. Durable when it resolves. */
export async function writeAlias(
  broker: Broker,
  controlTopic: string,
  alias: Alias,
  nowMs: number,
  signal: AbortSignal,
): Promise<void> {
  const record: RecordOut = {
    topic: controlTopic,
    partition: controlPartition,
    timestampMs: nowMs,
    key: Buffer.from(`${keyPrefix}${alias.model}/${alias.alias}`),
    value: Buffer.from(JSON.stringify(alias)),
  };
  await broker.append([record], signal);
}

/** The aliases as they stand, and where their next change will be. */
export interface AliasesRead {
  readonly aliases: readonly Alias[];
  readonly offsetNext: Offset;
}

/** The aliases as they stand: the last record per key, up to the end of the topic as it is now. */
export async function readAliases(broker: Broker, controlTopic: string, signal: AbortSignal): Promise<AliasesRead> {
  const [watermark] = await broker.admin.watermarks(controlTopic, signal);
  if (watermark === undefined)
    throw new OperationError("MR_TOPIC_MISSING", `reading aliases: topic ${controlTopic} has no partitions`);
  const aliases = new Map<string, Alias>();
  if (watermark.low === watermark.end) return { aliases: [], offsetNext: watermark.end };
  const range = { topic: controlTopic, partition: controlPartition, from: watermark.low, to: watermark.end };
  for await (const batch of broker.read(range, signal)) {
    for (const alias of aliasesIn(batch)) aliases.set(`${alias.model}@${alias.alias}`, alias);
  }
  return { aliases: [...aliases.values()], offsetNext: watermark.end };
}

/** Every change of an alias from `from` on, superseded ones too, until the signal ends it. */
export async function* followAliases(
  broker: Broker,
  controlTopic: string,
  from: Offset | "earliest",
  signal: AbortSignal,
): AsyncGenerator<Alias> {
  const range = { topic: controlTopic, partition: controlPartition, from };
  for await (const batch of broker.read(range, signal)) yield* aliasesIn(batch);
}

/**
 * Records that are no aliases are passed over: the topic carries other control records too. A damaged batch is not: an
 * alias may be in it.
 */
function* aliasesIn(batch: RawBatch): Generator<Alias> {
  refuseDamage(batch);
  for (let i = 0; i < batch.count; i++) {
    const [keyFrom, valueFrom] = [batch.keyFrom[i] ?? -1, batch.valueFrom[i] ?? -1];
    if (keyFrom < 0 || valueFrom < 0) continue;
    if (!batch.bytes.toString("utf8", keyFrom, batch.keyTo[i]).startsWith(keyPrefix)) continue;
    const alias = parseAlias(batch.bytes.toString("utf8", valueFrom, batch.valueTo[i]));
    if (alias !== undefined) yield alias;
  }
}

function parseAlias(text: string): Alias | undefined {
  try {
    const { model, alias, version } = JSON.parse(text) as Partial<Record<keyof Alias, unknown>>;
    const isAlias = typeof model === "string" && typeof alias === "string" && Number.isSafeInteger(version);
    return isAlias ? { model, alias, version: version as number } : undefined;
  } catch {
    return undefined;
  }
}
