import {
  checkExpression,
  parseExpression,
  type RowContext,
  type RowOp,
  type TypedExpression,
} from "../../../src/expression/index.ts";
import { type Clock, type Header, silentLogger } from "../../../src/kernel/index.ts";
import {
  compileStage,
  type ModelSource,
  type OutputTopic,
  type ServedModel,
  type StageDeps,
} from "../../../src/runtime/index.ts";
import {
  createDecoder,
  createEncoder,
  type Field,
  normalSchemaText,
  parseRecordSchema,
  type RecordSchema,
  type RegisteredSchema,
  type Row,
  type RowShape,
  type SchemaRegistry,
  writeSchemaId,
} from "../../../src/schema/index.ts";
import type { ChangeWriter, Store, StoreCopy, StoreSpec } from "../../../src/state/index.ts";
import type { MemorySpec, StepMemory } from "../../../src/step/index.ts";
import { errorPoliciesDefault, type Plan, type PlannedStage, type PlannedTopic } from "../../../src/topology/index.ts";
import { decodeFetched, type Outgoing, type RawBatch, RecordBatchBuilder } from "../../../src/wire/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { type PlainRecord, plainRecords } from "../../support/records.ts";

export const orderSchema = schemaOf("Order", [
  { name: "event_id", type: "string" },
  { name: "id", type: "string" },
  { name: "customer", type: "string" },
  { name: "amount", type: ["null", "double"], default: null },
  { name: "paid_at", type: { type: "long", logicalType: "timestamp-millis" } },
]);

export const totalSchema = schemaOf("Total", [
  { name: "event_id", type: "string" },
  { name: "id", type: "string" },
  { name: "customer", type: "string" },
  { name: "amount", type: ["null", "double"], default: null },
  { name: "paid_at", type: { type: "long", logicalType: "timestamp-millis" } },
  { name: "orders", type: ["null", "double"], default: null },
]);

export const predictionSchema = schemaOf("Prediction", [
  { name: "event_id", type: "string" },
  { name: "event_time", type: { type: "long", logicalType: "timestamp-millis" } },
  { name: "model", type: "string" },
  { name: "model_version", type: "int" },
  { name: "score", type: "double" },
  { name: "review", type: "boolean" },
  { name: "id", type: "string" },
]);

const orderSchemaId = 7;
const outputSchemaId = 9;

export function schemaOf(name: string, fields: readonly unknown[]): RecordSchema {
  const parsed = parseRecordSchema({ type: "record", name, namespace: "test", fields }, name);
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.schema;
}

function expression(text: string, shape: RowShape): TypedExpression {
  const parsed = parseExpression(text);
  if ("problem" in parsed) throw new Error(parsed.problem.message);
  const checked = checkExpression(parsed.ast, shape);
  if ("problem" in checked) throw new Error(checked.problem.message);
  return checked.expr;
}

/** A map with an undo log, as plain as can be. */
class JournalStore implements Store {
  readonly spec: StoreSpec;
  current = new Map<string, number>();
  kept = new Map<string, number>();

  constructor(spec: StoreSpec) {
    this.spec = spec;
  }

  keep(): void {
    this.kept = new Map(this.current);
  }

  undo(): void {
    this.current = new Map(this.kept);
  }

  clear(): void {
    this.current = new Map();
    this.kept = new Map();
  }

  changes(into: ChangeWriter): void {
    for (const [key, value] of this.current)
      if (this.kept.get(key) !== value) into.write(Buffer.from(key), Buffer.from(String(value)));
  }

  apply(key: Uint8Array, value: Uint8Array | null): void {
    const text = Buffer.from(key).toString();
    if (value === null) this.current.delete(text);
    else this.current.set(text, Number(Buffer.from(value).toString()));
    this.kept = new Map(this.current);
  }

  copy(): StoreCopy {
    return {
      next: (into) => {
        for (const [key, value] of this.kept) into.write(Buffer.from(key), Buffer.from(String(value)));
        return false;
      },
    };
  }

  /** It evicts nothing. */
  owe(): void {}

  get entryCount(): number {
    return this.current.size;
  }

  get byteCount(): number {
    return this.current.size * 8;
  }

  get lookBackMs(): number {
    return 3_600_000;
  }

  /** It does not know any times. */
  get latestTimeMs(): number {
    return Number.NEGATIVE_INFINITY;
  }
}

class JournalMemory implements StepMemory {
  readonly texts: (string | null)[] = [null];
  readonly numbers = new Float64Array(0);
  readonly results: Float64Array;
  readonly store: JournalStore;
  readonly #isDedupe: boolean;

  constructor(spec: StoreSpec, isDedupe: boolean) {
    this.store = new JournalStore(spec);
    this.#isDedupe = isDedupe;
    this.results = new Float64Array(isDedupe ? 0 : 1);
  }

  update(_context: RowContext): number {
    const key = this.texts[0] ?? "";
    const count = (this.store.current.get(key) ?? 0) + 1;
    if (this.#isDedupe && count > 1) return 1;
    this.store.current.set(key, count);
    if (!this.#isDedupe) this.results[0] = count;
    return 0;
  }
}

function memory(name: string, isDedupe: boolean): MemorySpec {
  const store: StoreSpec = { name, kind: isDedupe ? "ids" : "rolling", version: 1 };
  const holds = { key: "id", columns: [], where: null, windowsMs: [1], longestMs: 1, reachMs: 1 };
  return { store, holds, create: () => new JournalMemory(store, isDedupe) };
}

const fieldOf = (schema: RecordSchema, name: string): Field => schema.shape.find((field) => field.name === name)!;

/** Requires an amount, drops negative ones, judges lateness (1 h), drops repeats of `id`, counts per customer. */
const orderOps: readonly RowOp[] = [
  {
    op: "failIf",
    code: "MR_REQUIRED",
    field: "amount",
    message: "field amount: missing or null",
    when: expression("amount == null", orderSchema.shape),
  },
  { op: "dropIf", reason: "filter", when: expression("amount != null && amount < 0", orderSchema.shape) },
  {
    op: "call",
    memory: 0,
    texts: [expression("id", orderSchema.shape)],
    numbers: [],
    results: [],
    drops: ["duplicate"],
  },
  { op: "late", time: "paid_at", withinMs: 3_600_000 },
  {
    op: "call",
    memory: 1,
    texts: [expression("customer", orderSchema.shape)],
    numbers: [],
    results: [fieldOf(totalSchema, "orders")],
    drops: [],
  },
];

function topicOf(name: string, schema: RecordSchema | undefined, more: Partial<PlannedTopic> = {}): PlannedTopic {
  return {
    name,
    clusterName: name,
    external: false,
    format: "avro",
    subject: `${name}-value`,
    schema,
    schemaFrom: "file",
    key: "customer",
    time: "paid_at",
    timeFromKafka: false,
    partitions: 2,
    retentionMs: undefined,
    replication: undefined,
    writers: [],
    olderLack: [],
    ...more,
  };
}

/** The stage `totals`: Avro in, a `dedupe` and a running count, Avro out. */
const totalsMemories = [memory("seen", true), memory("count", false)];

export const totalsStage: PlannedStage = {
  name: "totals",
  group: "shop.totals",
  from: topicOf("orders", orderSchema),
  fromFormat: "avro",
  start: { kind: "earliest" },
  onLogChange: "halt",
  errors: errorPoliciesDefault,
  to: topicOf("totals", totalSchema),
  toFormat: "avro",
  ingest: undefined,
  reader: orderSchema,
  eventTimeField: "paid_at",
  keyField: undefined,
  program: { input: orderSchema.shape, ops: orderOps, output: totalSchema.shape },
  memories: totalsMemories,
  stores: totalsMemories.map(({ store }) => ({ store, changelog: undefined })),
  taps: [],
  lateWithinMs: 3_600_000,
  infer: undefined,
  stepLines: [],
};

/** The stage `ingest`: JSON in from an external topic, keyed by `customer`, Avro out. */
export const ingestStage: PlannedStage = {
  ...totalsStage,
  name: "ingest",
  group: "shop.ingest",
  from: topicOf("inbox", undefined, { external: true, format: "json", subject: undefined }),
  fromFormat: "json",
  to: topicOf("orders", orderSchema),
  ingest: {
    schema: orderSchema,
    casts: { paid_at: "timestamp-millis" },
    extract: {},
    timesFromMs: 0,
    tombstones: "dead-letter",
    supplied: ["event_id"],
    kafkaTimeField: undefined,
    aheadMs: 600_000,
  },
  keyField: "customer",
  program: { input: orderSchema.shape, ops: [], output: orderSchema.shape },
  memories: [],
  stores: [],
  lateWithinMs: undefined,
};

const scored: RowShape = [
  ...totalSchema.shape,
  { name: "score", type: { kind: "double", nullable: false, avro: "double" } },
];

/** The stage `score`: a model over `amount` and `orders`. */
export const scoreStage: PlannedStage = {
  ...totalsStage,
  name: "score",
  group: "shop.score",
  from: topicOf("totals", totalSchema),
  to: topicOf("predictions", predictionSchema),
  reader: totalSchema,
  program: { input: totalSchema.shape, ops: [], output: totalSchema.shape },
  memories: [],
  stores: [],
  lateWithinMs: undefined,
  infer: {
    model: "fraud",
    alias: "champion",
    features: ["amount", "orders"],
    keep: ["id"],
    decide: {
      input: scored,
      ops: [{ op: "assign", field: fieldOf(predictionSchema, "review"), value: expression("score >= 0.8", scored) }],
      output: [fieldOf(predictionSchema, "review")],
    },
    decideNames: ["review"],
    shadow: undefined,
  },
};

export function planOf(stages: readonly PlannedStage[], recordBytes = 900_000): Plan {
  return {
    topology: "shop",
    description: undefined,
    owner: undefined,
    namespace: "",
    delivery: "at-least-once",
    commit: { everyMs: 100, records: 50, lingerMs: 5 },
    limits: { recordBytes },
    sample: undefined,
    topics: [],
    stages,
    models: [],
    deadLetters: { clusterName: "shop.dead-letters", partitions: 2 },
    control: { clusterName: "shop.control", aliasesId: "shop.aliases" },
    accounts: { clusterName: "shop.accounts", partitions: 2 },
    retraining: undefined,
    adoptions: undefined,
    monitoring: undefined,
    warnings: [],
    tests: [],
    hash: "",
  };
}

/** Knows the writers of orders and the schema of every stage's output. */
export class FakeRegistry implements SchemaRegistry {
  readonly schemas = new Map<number, RecordSchema>([[orderSchemaId, orderSchema]]);
  latestBySubject = new Map<string, number>();
  /** Ids of versions before the latest. */
  olderBySubject = new Map<string, readonly number[]>();
  asked = 0;
  /** Thrown while it is set. */
  outage: Error | undefined;

  async byId(id: number): Promise<RegisteredSchema | undefined> {
    this.asked++;
    if (this.outage !== undefined) throw this.outage;
    const schema = this.schemas.get(id);
    return schema === undefined ? undefined : { id, version: 1, subject: "", text: JSON.stringify(schema.json) };
  }

  latest(subject: string): Promise<RegisteredSchema | undefined> {
    return this.byId(this.latestBySubject.get(subject) ?? -1);
  }

  async versions(): Promise<readonly RegisteredSchema[]> {
    throw new Error("not in these tests");
  }

  async lookUp(subject: string, schemaJson: unknown): Promise<RegisteredSchema | undefined> {
    const text = normalSchemaText(schemaJson);
    for (const id of [...(this.olderBySubject.get(subject) ?? []), this.latestBySubject.get(subject) ?? -1]) {
      const found = await this.byId(id);
      if (found !== undefined && normalSchemaText(JSON.parse(found.text)) === text) return found;
    }
    return undefined;
  }

  async register(): Promise<RegisteredSchema> {
    throw new Error("not in these tests");
  }
}

/** Time passes only by sleeping; a sleep takes one turn of the event loop. */
export class AutoClock implements Clock {
  nowMs = 1_700_000_000_000;
  now(): number {
    return Math.floor(this.nowMs);
  }
  monotonicMs(): number {
    return this.nowMs;
  }
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await nextTurn();
    signal?.throwIfAborted();
    this.nowMs += ms;
  }
}

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const fakeOutput: OutputTopic = { topic: "out", partitions: 2, messageBytesMax: 1_048_588 };
const fakeDeadLetters: OutputTopic = { topic: "shop.dead-letters", partitions: 2, messageBytesMax: 1_114_124 };

export function depsOf(more: Partial<StageDeps> = {}): StageDeps {
  return {
    registry: new FakeRegistry(),
    clock: new AutoClock(),
    logger: silentLogger,
    output: fakeOutput,
    deadLetters: fakeDeadLetters,
    outputSchemaId,
    deflateGzip: undefined,
    yieldToLoop: nextTurn,
    ...more,
  };
}

export function compiled(stage: PlannedStage, more: Partial<StageDeps> = {}, recordBytes?: number) {
  return compileStage(planOf([stage], recordBytes), stage, depsOf(more));
}

/** A model whose scores a function of the first feature gives. */
export function modelOf(score: (amount: number, orders: number) => number, version = 3): ServedModel {
  return {
    version,
    scorer: {
      signature: {
        task: "binary",
        inputs: [
          { name: "amount", kind: "number" },
          { name: "orders", kind: "number" },
        ],
      },
      score: (rows, rowCount, into, at) => {
        for (let i = 0; i < rowCount; i++) into[at + i] = score(rows[2 * i]!, rows[2 * i + 1]!);
      },
    },
  };
}

export const noModels: ModelSource = {
  load: () => Promise.reject(new Error("no model in this test")),
};

export interface TestRecord {
  readonly key?: string | null;
  readonly value: Buffer | string | null;
  readonly headers?: readonly Header[];
  readonly timestampMs?: number;
}

/** A fetched batch of these records, offsets from `offset` on. */
export function batchOf(
  records: readonly TestRecord[],
  at: { topic?: string; partition?: number; offset?: number } = {},
): RawBatch {
  const { topic = "orders", partition = 0, offset = 0 } = at;
  const builder = new RecordBatchBuilder({ topic, partition, role: "output", bytesMax: 100_000_000 });
  for (const { key = "k", value, headers = [], timestampMs = 1_700_000_000_000 } of records) {
    const keyBytes = key === null ? null : Buffer.from(key);
    const valueBytes = typeof value === "string" ? Buffer.from(value) : value;
    builder.appendWithHeaders(
      timestampMs,
      keyBytes,
      0,
      keyBytes?.length ?? 0,
      valueBytes,
      0,
      valueBytes?.length ?? 0,
      headers,
    );
  }
  return fetched(builder.finish(), offset);
}

function fetched(outgoing: Outgoing, offset = 0): RawBatch {
  const bytes = Buffer.from(outgoing.bytes);
  bytes.writeBigInt64BE(BigInt(offset), 0);
  return decodeFetched(bytes, {
    topic: outgoing.topic,
    partition: outgoing.partition,
    offsetAsked: offset,
    logStartOffset: 0,
    endOffset: -1,
    abortedTransactions: [],
    codecs: noCodecs,
    verifyCrc: true,
  });
}

/** Records of finished batches of one role, decoded. */
export function recordsOf(outgoing: readonly Outgoing[], role: "output" | "dead-letter"): PlainRecord[] {
  return outgoing.filter((batch) => batch.role === role).flatMap((batch) => plainRecords(fetched(batch)));
}

const scratch = Buffer.alloc(65_536);
const encoders = new Map<RecordSchema, ReturnType<typeof createEncoder>>();
const decoders = new Map<RecordSchema, ReturnType<typeof createDecoder>>();

export function avro(schema: RecordSchema, row: Row, id = orderSchemaId): Buffer {
  const encoder = encoders.get(schema) ?? createEncoder(schema);
  encoders.set(schema, encoder);
  const end = encoder.encode(row, scratch, writeSchemaId(scratch, 0, id));
  return Buffer.from(scratch.subarray(0, end));
}

export function rowOf(schema: RecordSchema, value: Buffer | null): Row {
  const decoder = decoders.get(schema) ?? createDecoder(schema, schema);
  decoders.set(schema, decoder);
  return decoder.decode(value!, 5, value!.length);
}

/** An order that passes; `paid_at` counts minutes. */
export function order(id: string, more: Partial<Record<"customer" | "amount" | "paid_at", unknown>> = {}): Row {
  return { event_id: `inbox-0-${id}`, id, customer: "c1", amount: 5, paid_at: 1_700_000_000_000, ...more };
}

/** Header values of a dead letter by name. */
export function headersOf(record: PlainRecord): Record<string, string> {
  return Object.fromEntries(record.headers.map(({ name, value }) => [name, value?.toString("utf8") ?? ""]));
}
