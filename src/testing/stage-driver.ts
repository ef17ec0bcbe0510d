import { yieldToLoop } from "../adapters/node/index.ts";
import { type Clock, type Header, type Logger, type Offset, OperationError, silentLogger } from "../kernel/index.ts";
import {
  type CompiledStage,
  compileStage,
  feedStage,
  messageBytesDefault,
  type OutputTopic,
  type StageCounts,
  type StageTask,
} from "../runtime/index.ts";
import {
  createDecoder,
  framingBytes,
  fromJsonText,
  type RecordSchema,
  type Row,
  type RowDecoder,
} from "../schema/index.ts";
import { errorPoliciesDefault, type Plan, type PlannedStage } from "../topology/index.ts";
import type { Outgoing, RawBatch } from "../wire/index.ts";
import { batchesOf, fetched, type PlainRecord, recordsOf } from "./batches.ts";
import { FakeClock } from "./fake-clock.ts";
import { type GivenValue, valueBytes } from "./given-value.ts";
import { MemoryRegistry } from "./memory-registry.ts";
import { type StandInModel, servedStandIn } from "./stub-model.ts";

/** Where a driver's clock stands unless a test brings its own: later than the events of any sensible test. */
export const driverStartMs = Date.UTC(2050, 0, 1);

export interface DriverOptions {
  /** Stand-ins by model name; a stage that infers cannot be opened without. */
  readonly models?: Readonly<Record<string, StandInModel>>;
  /** Default: a {@link FakeClock} at {@link driverStartMs}. */
  readonly clock?: Clock;
  readonly registry?: MemoryRegistry;
  readonly logger?: Logger;
}

/** A record to feed. */
export interface FedRecord {
  readonly value: GivenValue;
  /** Left out: the text of the key field of the stage's input topic, where the value is a mapping; else null. */
  readonly key?: Uint8Array | string | null;
  /** Kafka's timestamp. Left out: the clock's time. */
  readonly timestampMs?: number;
  readonly headers?: readonly Header[];
}

/** A record that a stage has written. */
export interface WrittenRecord {
  readonly key: string | null;
  readonly row: Row;
  readonly headers: readonly Header[];
}

/** A record that a stage could not process, as it lies in the dead-letter topic. */
export interface DeadLetter {
  readonly code: string;
  readonly message: string;
  readonly eventId: string;
  /** The original bytes. */
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** All headers as text by name: the original ones and those that Millrace has added. */
  readonly headers: Readonly<Record<string, string | null>>;
}

/** What a stage made of the records of one `feed`. */
export interface StageFeed {
  /** In the order of the input. */
  readonly records: readonly WrittenRecord[];
  readonly rows: readonly Row[];
  /** In the order of the input; late records among them. */
  readonly deadLetters: readonly DeadLetter[];
  /** Of this feed alone. */
  readonly counts: StageCounts;
  /** What was written, as the readers of the output topic see it, from the offset after the feed before. */
  readonly batches: readonly RawBatch[];
}

/**
 * One stage without a broker: records go in, rows and dead letters come out, through the same compiled stage that
 * runs on Kafka. Stores keep what they learnt from feed to feed. The output and the dead letters have one partition.
 */
export class StageDriver {
  readonly stage: PlannedStage;
  readonly #registry: MemoryRegistry;
  readonly #clock: Clock;
  readonly #compiled: CompiledStage;
  readonly #models: Readonly<Record<string, StandInModel>>;
  readonly #schema: RecordSchema;
  readonly #decoder: RowDecoder;
  readonly #tasks = new Map<number, StageTask>();
  readonly #offsets = new Map<number, Offset>();
  #outputOffset: Offset = 0;
  #recordsFed = 0;

  /** @throws OperationError MR_REFERENCE when the plan has no such stage */
  constructor(plan: Plan, stageName: string, options: DriverOptions = {}) {
    const stage = plan.stages.find((planned) => planned.name === stageName);
    if (stage === undefined) {
      const known = plan.stages.map((planned) => planned.name).join(", ");
      throw new OperationError("MR_REFERENCE", `testing ${plan.topology}: no stage ${stageName}; it has ${known}`);
    }
    const { schema, subject } = stage.to;
    if (schema === undefined) throw new OperationError("MR_SCHEMA", `testing stage ${stageName}: its output has none`);
    this.stage = stage;
    this.#registry = options.registry ?? new MemoryRegistry();
    this.#clock = options.clock ?? new FakeClock(driverStartMs);
    this.#models = options.models ?? {};
    this.#schema = schema;
    this.#decoder = createDecoder(schema, schema);
    // A record that fails is shown as the dead letter that it would be: there is nobody here to halt for or to ask again.
    this.#compiled = compileStage(
      plan,
      { ...stage, errors: errorPoliciesDefault },
      {
        registry: this.#registry,
        clock: this.#clock,
        logger: options.logger ?? silentLogger,
        output: onePartition(stage.to.clusterName),
        deadLetters: onePartition(plan.deadLetters.clusterName),
        outputSchemaId: this.#registry.add(subject ?? stage.to.name, schema.json).id,
        deflateGzip: undefined,
        yieldToLoop,
      },
    );
  }

  /** Feeds records to the task of one input partition, as one chunk. */
  async feed(
    records: readonly FedRecord[],
    options: { readonly partition?: number; readonly signal?: AbortSignal } = {},
  ): Promise<StageFeed> {
    const partition = options.partition ?? 0;
    const place = { topic: this.stage.from.clusterName, partition, offset: this.#offsets.get(partition) ?? 0 };
    return this.feedBatches(
      batchesOf(
        place,
        records.map((record) => this.#plainRecord(record)),
      ),
      options,
    );
  }

  /** Feeds batches as they were fetched, as one chunk; all of one partition, with ascending offsets. */
  async feedBatches(batches: readonly RawBatch[], options: { readonly signal?: AbortSignal } = {}): Promise<StageFeed> {
    const partition = batches[0]?.partition ?? 0;
    const signal = options.signal ?? new AbortController().signal;
    const { outgoing, counts } = await feedStage(this.#taskOf(partition), batches, signal);
    this.#offsets.set(partition, batches.at(-1)?.offsetNext ?? this.#offsets.get(partition) ?? 0);
    const written = outgoing.filter((batch) => batch.role === "output").map((batch) => this.#placed(batch));
    const records = written.flatMap(recordsOf).map((record) => this.#writtenRecord(record));
    return {
      records,
      rows: records.map((record) => record.row),
      deadLetters: outgoing
        .filter((batch) => batch.role === "dead-letter")
        .flatMap((batch) => recordsOf(fetched(batch, 0)).map(deadLetterOf)),
      counts,
      batches: written,
    };
  }

  #taskOf(partition: number): StageTask {
    const open = this.#tasks.get(partition);
    if (open !== undefined) return open;
    const { infer, name } = this.stage;
    const standIn = infer === undefined ? undefined : this.#models[infer.model];
    if (infer !== undefined && standIn === undefined) {
      throw new OperationError("MR_MODEL", `testing stage ${name}: nothing stands in for model ${infer.model}`);
    }
    const model = infer && standIn !== undefined ? servedStandIn(this.stage, infer, standIn) : undefined;
    const task = this.#compiled.openTask(partition, model);
    this.#tasks.set(partition, task);
    return task;
  }

  #plainRecord(record: FedRecord): PlainRecord {
    const { value, headers = [], timestampMs = this.#clock.now() } = record;
    this.#recordsFed++;
    const key = record.key === undefined ? this.#keyOf(value) : record.key;
    return {
      key: typeof key === "string" ? Buffer.from(key) : key,
      value: valueBytes(this.stage, value, `given-${this.#recordsFed}`, this.#registry),
      headers,
      timestampMs,
    };
  }

  #keyOf(value: GivenValue): string | null {
    const field = this.stage.from.key;
    if (field === undefined || value === null || typeof value === "string" || value instanceof Uint8Array) return null;
    const key = value[field];
    return key === undefined || key === null ? null : String(key);
  }

  #placed(outgoing: Outgoing): RawBatch {
    const batch = fetched(outgoing, this.#outputOffset);
    this.#outputOffset = batch.offsetNext;
    return batch;
  }

  #writtenRecord({ key, value, headers }: PlainRecord): WrittenRecord {
    const bytes = Buffer.from(value ?? []);
    const row =
      this.stage.toFormat === "json"
        ? fromJsonText(this.#schema, bytes.toString("utf8"))
        : this.#decoder.decode(bytes, framingBytes, bytes.length);
    return { key: key === null ? null : Buffer.from(key).toString("utf8"), row, headers };
  }
}

function onePartition(topic: string): OutputTopic {
  // Room for the largest record that any topology may allow, so that only limits.recordBytes is met.
  return { topic, partitions: 1, messageBytesMax: 64 * messageBytesDefault };
}

function deadLetterOf({ key, value, headers }: PlainRecord): DeadLetter {
  const texts = Object.fromEntries(
    headers.map((header) => [header.name, header.value === null ? null : Buffer.from(header.value).toString("utf8")]),
  );
  return {
    code: texts["millrace.code"] ?? "",
    message: texts["__streams.errors.message"] ?? "",
    eventId: texts["millrace.event.id"] ?? "",
    key,
    value,
    headers: texts,
  };
}
