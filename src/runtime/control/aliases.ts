import type { Offset } from "../../kernel/index.ts";
import type { Broker } from "../port.ts";
import {
  type ControlRecord,
  controlPartition,
  controlRecordsIn,
  placedRecordsIn,
  readControl,
  writeControl,
} from "./control-topic.ts";

/** What an alias points at: a record on `<topology>.control`, keyed by `alias/<model>/<name>`, compacted. */
export interface Alias {
  readonly model: string;
  readonly alias: string;
  readonly version: number;
  /** When it was pointed there, epoch milliseconds. This and what follows is absent from records of older versions. */
  readonly at?: number;
  /** Who or what has done it: a person's name, or `trainer`. */
  readonly by?: string;
  readonly reason?: string;
  /** Retraining request that it follows from. */
  readonly request?: string;
  /** Incident that the request follows from. */
  readonly incident?: string;
  /** Baseline that monitors of the model compare with from here on. */
  readonly baseline?: string;
}

const keyPrefix = "alias/";
const keyForm = /^alias\/(.+)\/([^/]+)$/;
/** The version that serves, the one before it, and one that was trained and waits to serve. */
export const championAlias = "champion";
export const previousAlias = "previous";
export const challengerAlias = "challenger";

/** The record that points an alias at a version. */
export function aliasRecord(alias: Alias): ControlRecord {
  return { key: `${keyPrefix}${alias.model}/${alias.alias}`, value: JSON.stringify(alias) };
}

/** The record after which there is no such alias. */
export function aliasGone(model: string, alias: string): ControlRecord {
  return { key: `${keyPrefix}${model}/${alias}`, value: null };
}

/** The version that an alias of a model points at; undefined when there is no such alias. */
export function aliasedVersion(aliases: readonly Alias[], model: string, alias: string): number | undefined {
  return aliases.find((known) => known.model === model && known.alias === alias)?.version;
}

/** A version that is to serve, and why. */
export type Promotion = Omit<Alias, "alias" | "at" | "by"> & Required<Pick<Alias, "at" | "by">>;

/**
 * The records that put a version in service: `champion` points at it, and `previous` at the champion before, to be gone
 * back to; a `challenger` that it was is none any more. They belong into one transaction, with the reading of the aliases that they follow from before it.
 *
 * @param aliases as they stand
 * @returns nothing when the version is the champion already, so that a repeat does not lose the previous one
 */
export function promotionRecords(aliases: readonly Alias[], promotion: Promotion): readonly ControlRecord[] {
  const { model, version } = promotion;
  const before = aliasedVersion(aliases, model, championAlias);
  if (before === version) return [];
  const isChallenger = aliasedVersion(aliases, model, challengerAlias) === version;
  const records = isChallenger ? [aliasGone(model, challengerAlias)] : [];
  const champion = aliasRecord({ ...promotion, alias: championAlias });
  if (before === undefined) return [...records, champion];
  const { baseline: _, ...why } = promotion;
  return [...records, aliasRecord({ ...why, alias: previousAlias, version: before }), champion];
}

/** Points an alias at a version, whatever it pointed at. Durable when it resolves. */
export async function writeAlias(
  broker: Broker,
  controlTopic: string,
  alias: Alias,
  nowMs: number,
  signal: AbortSignal,
): Promise<void> {
  await writeControl(broker, controlTopic, [aliasRecord(alias)], nowMs, signal);
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
    if (alias !== undefined) this.#aliases.set(aliasRecord(alias).key, alias);
    else if (record.value === null) this.#aliases.delete(record.key);
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

/** A change of an alias, and where it stands on the control topic. */
export interface AliasMove {
  readonly offset: Offset;
  readonly model: string;
  readonly name: string;
  /** Undefined when there is no such alias any more. */
  readonly alias: Alias | undefined;
}

/** The changes of aliases in a range of the control topic, superseded ones and their ends too; without `to` it follows for ever. */
export async function* aliasChanges(
  broker: Pick<Broker, "read">,
  controlTopic: string,
  range: { readonly from: Offset; readonly to?: Offset },
  signal: AbortSignal,
): AsyncGenerator<AliasMove> {
  for await (const batch of broker.read({ topic: controlTopic, partition: controlPartition, ...range }, signal)) {
    for (const { offset, record } of placedRecordsIn(batch)) {
      const alias = aliasOf(record);
      const [, model, name] = keyForm.exec(record.key) ?? [];
      if (alias !== undefined) yield { offset, model: alias.model, name: alias.alias, alias };
      else if (record.value === null && model !== undefined && name !== undefined)
        yield { offset, model, name, alias: undefined };
    }
  }
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
    const found = JSON.parse(text) as Readonly<Partial<Record<keyof Alias, unknown>>>;
    const { model, alias, version, at } = found;
    if (typeof model !== "string" || typeof alias !== "string" || !Number.isSafeInteger(version)) return undefined;
    const texts = ["by", "reason", "request", "incident", "baseline"] as const;
    return {
      model,
      alias,
      version: version as number,
      ...(Number.isSafeInteger(at) ? { at: at as number } : {}),
      ...Object.fromEntries(texts.flatMap((name) => (typeof found[name] === "string" ? [[name, found[name]]] : []))),
    };
  } catch {
    return undefined;
  }
}
