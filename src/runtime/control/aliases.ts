import type { Offset } from "../../kernel/index.ts";
import type { Broker } from "../port.ts";
import { type ControlRecord, controlPartition, controlRecordsIn, readControl, writeControl } from "./control-topic.ts";

/** What an alias points at: a record on `<topology>.control`, keyed by `alias/<model>/<name>`, compacted. */
export interface Alias {
  readonly model: string;
  readonly alias: string;
  readonly version: number;
}

const keyPrefix = "alias/";

/** Points an alias at a version. Durable when it resolves. */
export async function writeAlias(
  broker: Broker,
  controlTopic: string,
  alias: Alias,
  nowMs: number,
  signal: AbortSignal,
): Promise<void> {
  const key = `${keyPrefix}${alias.model}/${alias.alias}`;
  await writeControl(broker, controlTopic, [{ key, value: JSON.stringify(alias) }], nowMs, signal);
}

/** The aliases as they stand, and where their next change will be. */
export interface AliasesRead {
  readonly aliases: readonly Alias[];
  readonly offsetNext: Offset;
}

/** Takes the records of the control topic in their order, and knows the aliases as they stand after the last of them. */
export class AliasReader {
  readonly #aliases = new Map<string, Alias>();

  take(record: ControlRecord): void {
    const alias = aliasOf(record);
    if (alias !== undefined) this.#aliases.set(`${alias.model}@${alias.alias}`, alias);
  }

  get aliases(): readonly Alias[] {
    return [...this.#aliases.values()];
  }
}

/** The aliases as they stand: the last record per key, up to the end of the topic as it is now. */
export async function readAliases(broker: Broker, controlTopic: string, signal: AbortSignal): Promise<AliasesRead> {
  const reader = new AliasReader();
  const offsetNext = await readControl(broker, controlTopic, (record) => reader.take(record), signal);
  return { aliases: reader.aliases, offsetNext };
}

/** Every change of an alias from `from` on, superseded ones too, until the signal ends it. */
export async function* followAliases(
  broker: Broker,
  controlTopic: string,
  from: Offset | "earliest",
  signal: AbortSignal,
): AsyncGenerator<Alias> {
  const range = { topic: controlTopic, partition: controlPartition, from };
  for await (const batch of broker.read(range, signal)) {
    for (const record of controlRecordsIn(batch)) {
      const alias = aliasOf(record);
      if (alias !== undefined) yield alias;
    }
  }
}

/** Undefined for records that are no aliases: the topic carries other control records too. */
function aliasOf({ key, value }: ControlRecord): Alias | undefined {
  return key.startsWith(keyPrefix) && value !== null ? parseAlias(value) : undefined;
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
