import { type Clock, type EpochMs, type Hasher, MillraceError, type Offset, type RecordOut } from "../kernel/index.ts";
import {
  type BaselineFieldRecord,
  type BaselineHeadRecord,
  BaselineSet,
  baselineKey,
  baselineSchema,
  decodeBaseline,
  encodeBaseline,
  isBaselineHead,
} from "../monitor/index.ts";
import type { Broker } from "../runtime/index.ts";
import { ownSchemaId, type SchemaRegistry } from "../schema/index.ts";
import { type OwnRecord, OwnWriters, ownPartition, ownRecords } from "./own-topic.ts";

/** Fields that nobody has named as in service are left alone for so long: their writer may be at work. */
const unnamedForMs = 3_600_000;
/** Bytes of one request; a larger record goes alone. */
const appendBytesMax = 900_000;

/** A field's record, as far as it is known without its counts. */
interface StoredField {
  readonly monitor: string;
  readonly id: string;
  readonly writtenMs: EpochMs;
}

/** What the baselines topic says. */
export interface BaselinesRead {
  readonly baselines: BaselineSet;
  readonly heads: ReadonlyMap<string, BaselineHeadRecord>;
  /** By the record's key. */
  readonly stored: ReadonlyMap<string, StoredField>;
  /** Records that could not be read: of a later version, or not ours. */
  readonly unread: number;
}

/** The baselines of all monitors of a topology, read again and again: what was read once is not read a second time. */
export class BaselinesReader {
  readonly #broker: Broker;
  readonly #topic: string;
  readonly #writers: OwnWriters;
  readonly #baselines = new BaselineSet();
  readonly #heads = new Map<string, BaselineHeadRecord>();
  readonly #stored = new Map<string, StoredField>();
  #unread = 0;
  #offsetNext: Offset = 0;

  constructor(broker: Broker, registry: Pick<SchemaRegistry, "byId">, topic: string) {
    this.#broker = broker;
    this.#topic = topic;
    this.#writers = new OwnWriters(registry);
  }

  /** Reads on to the end of the topic as it is now. @throws as {@link ownRecords}; what was read before is not lost */
  async read(signal: AbortSignal): Promise<BaselinesRead> {
    for await (const record of ownRecords(this.#broker, this.#topic, signal, { from: this.#offsetNext })) {
      await this.#take(record, signal);
      this.#offsetNext = record.offset + 1;
    }
    return { baselines: this.#baselines, heads: this.#heads, stored: this.#stored, unread: this.#unread };
  }

  async #take({ key, value, timestampMs }: OwnRecord, signal: AbortSignal): Promise<void> {
    if (value === null) {
      this.#stored.delete(key);
      return;
    }
    try {
      const record = decodeBaseline(value, await this.#writers.of(value, signal));
      this.#baselines.take(record);
      if (isBaselineHead(record)) this.#heads.set(record.monitor, record);
      else this.#stored.set(key, { monitor: record.monitor, id: record.id, writtenMs: timestampMs });
    } catch (thrown) {
      if (!(thrown instanceof MillraceError) || thrown.disposition !== "quarantine") throw thrown;
      this.#unread++;
    }
  }
}

/** Reads the baselines of all monitors of a topology, up to the end of their topic as it is now. */
export function readBaselines(
  broker: Broker,
  registry: Pick<SchemaRegistry, "byId">,
  topic: string,
  signal: AbortSignal,
): Promise<BaselinesRead> {
  return new BaselinesReader(broker, registry, topic).read(signal);
}

export interface WriteOptions {
  readonly broker: Broker;
  readonly registry: SchemaRegistry;
  readonly topic: string;
  readonly clock: Pick<Clock, "now">;
  readonly hasher: Hasher;
}

/** What is written, but for its id. */
export interface NewBaseline {
  readonly monitor: { readonly name: string; readonly version: string };
  /** Their id is still empty. */
  readonly fields: readonly BaselineFieldRecord[];
  /** `<model>/<version>` where the reference is what a version was trained on. */
  readonly model: string | undefined;
  /** Where it comes from, for people. */
  readonly origin: string;
  /** As {@link BaselineHeadRecord.asked}. */
  readonly asked: string;
}

/**
 * Puts a baseline in service: all of its fields, and when they are durable the head that names it. What it replaces stays
 * until the next one; what came before that is deleted from the topic.
 *
 * The id says what is counted: another measurement that finds other cells or counts has another one, so that counts in
 * one baseline's cells are never taken for those of another.
 */
export async function writeBaseline(
  options: WriteOptions,
  baseline: NewBaseline,
  signal: AbortSignal,
): Promise<BaselineHeadRecord> {
  const { broker, registry, topic, clock } = options;
  const { monitor, model, origin, asked } = baseline;
  const schemaId = await ownSchemaId(registry, topic, baselineSchema, signal);
  const before = await readBaselines(broker, registry, topic, signal);
  const hash = hashOf(baseline, options.hasher);
  const id = model === undefined ? hash : `${model}-${hash.slice(0, 8)}`;
  const nowMs = clock.now();
  const out = (key: string, value: Buffer | null): RecordOut => {
    return { topic, partition: ownPartition, timestampMs: nowMs, key: Buffer.from(key), value };
  };
  const fields = baseline.fields.map((field) => ({ ...field, id }));
  await appendInParts(
    broker,
    fields.map((field) => out(baselineKey(field), encodeBaseline(field, schemaId))),
    signal,
  );
  const head = { monitor: monitor.name, version: monitor.version, id, origin, asked, atMs: nowMs };
  await broker.append([out(baselineKey(head), encodeBaseline(head, schemaId))], signal);
  const kept = new Set([id, before.heads.get(monitor.name)?.id]);
  const gone = [...before.stored].filter(
    ([, field]) => field.monitor === monitor.name && !kept.has(field.id) && field.writtenMs < nowMs - unnamedForMs,
  );
  if (gone.length > 0)
    await broker.append(
      gone.map(([key]) => out(key, null)),
      signal,
    );
  return head;
}

/** 16 hex digits of all that the baseline says. */
function hashOf({ monitor, fields }: NewBaseline, hasher: Hasher): string {
  const parts = fields.map((field) => hasher.sha256(encodeBaseline({ ...field, id: "" }, 0)));
  return hasher.sha256(`${monitor.name}\n${monitor.version}\n${parts.join("\n")}`).slice(0, 16);
}

async function appendInParts(broker: Broker, records: readonly RecordOut[], signal: AbortSignal): Promise<void> {
  let part: RecordOut[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = record.value?.length ?? 0;
    if (part.length > 0 && bytes + size > appendBytesMax) {
      await broker.append(part, signal);
      part = [];
      bytes = 0;
    }
    part.push(record);
    bytes += size;
  }
  if (part.length > 0) await broker.append(part, signal);
}
