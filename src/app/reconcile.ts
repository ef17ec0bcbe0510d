/** Recounts from the topics what stages say they have made of their inputs. */
import type { EpochMs, Offset } from "../kernel/index.ts";
import {
  type AccountedRange,
  accountKey,
  type Broker,
  type CommittedPosition,
  type DatedAccount,
  differencesOf,
  eventIdStem,
  type FoundFates,
  type Recount,
  RowReader,
  rangeOf,
  readAccount,
  recount,
} from "../runtime/index.ts";
import { parseRecordSchema, type RecordSchema, type SchemaRegistry } from "../schema/index.ts";
import type { ClusterTopic, Plan, PlannedStage, PlannedTopic, ValueFormat } from "../topology/index.ts";
import { type RawBatch, readHeaders } from "../wire/index.ts";

export interface ReconcileSource {
  readonly plan: Plan;
  readonly broker: Broker;
  readonly registry: SchemaRegistry;
  /** Only what was committed in this time, as far as accounts tell. */
  readonly fromMs?: EpochMs | undefined;
  readonly toMs?: EpochMs | undefined;
  /** By it, what retention has left is told of a partition that it has emptied. */
  readonly nowMs: EpochMs;
}

/** One partition of a stage's input. */
export interface ReconciledPartition {
  readonly stage: string;
  readonly partition: number;
  /** What was counted; undefined when nothing could be, for the reason in `lacking`. */
  readonly counted: { readonly range: AccountedRange; readonly recount: Recount } | undefined;
  readonly lacking: string | undefined;
  /** In words; empty when account and logs agree. */
  readonly differences: readonly string[];
}

export interface Reconciliation {
  readonly partitions: readonly ReconciledPartition[];
  /** What belongs to no partition: outputs that come from no record of the input. */
  readonly strays: readonly { readonly stage: string; readonly topic: string; readonly count: number }[];
}

/**
 * Recounts every stage, one after the other.
 *
 * The accounts are read first and the logs after them, so that a topology may run meanwhile. Memory grows with the
 * records of the largest stage: the event id of each is held.
 */
export async function reconcile(source: ReconcileSource, signal: AbortSignal): Promise<Reconciliation> {
  const { plan, broker } = source;
  const committed = new Map<string, readonly CommittedPosition[]>();
  for (const { name, group, from } of plan.stages)
    committed.set(name, await broker.admin.committed(group, from.clusterName, signal));
  const accounts = await readAccounts(source, signal);
  const letters = await readLetters(source, signal);
  const partitions: ReconciledPartition[] = [];
  const strays: { stage: string; topic: string; count: number }[] = [];
  for (const stage of plan.stages) {
    const logs = new StageLogs(source, stage, letters);
    await logs.read(signal);
    for (const { partition, offset, note } of committed.get(stage.name) ?? []) {
      const known = {
        committed: offset,
        note,
        accounts: accounts.get(accountKey({ stage: stage.name, partition })) ?? [],
      };
      const bounds = {
        low: logs.lowOf(partition),
        wholeSinceMs: Math.max(logs.outputsWholeSinceMs, letters.wholeSinceOf(partition)),
        fromMs: source.fromMs,
        toMs: source.toMs,
      };
      const range = logs.compacted === undefined ? rangeOf(known, bounds) : { lacking: logs.compacted };
      partitions.push(reconciled(stage.name, partition, range, logs.fatesOf(partition), plan));
    }
    if (logs.strayCount > 0) strays.push({ stage: stage.name, topic: stage.to.clusterName, count: logs.strayCount });
  }
  return { partitions, strays };
}

function reconciled(
  stage: string,
  partition: number,
  range: ReturnType<typeof rangeOf>,
  fates: FoundFates,
  { delivery }: Plan,
): ReconciledPartition {
  if ("lacking" in range) return { stage, partition, counted: undefined, lacking: range.lacking, differences: [] };
  const counted = { range, recount: recount(fates, range) };
  const differences = differencesOf(range.counts, counted.recount, delivery);
  return { stage, partition, counted, lacking: undefined, differences };
}

async function readAccounts(
  { plan, broker }: ReconcileSource,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly DatedAccount[]>> {
  const accounts = new Map<string, DatedAccount[]>();
  await readLog(broker, plan.accounts.clusterName, signal, (batch, index) => {
    const account = readAccount(valueIn(batch, index)?.toString("utf8") ?? "");
    if (account === undefined) return;
    const key = accountKey(account);
    const known = accounts.get(key) ?? [];
    accounts.set(key, known);
    known.push({ account, leftMs: batch.timestampsMs[index] ?? Number.NaN });
  });
  return accounts;
}

/** The dead letters of all stages, by stage and input partition. */
interface Letters {
  /** Since when none is gone of those of an input partition, which go to the partition of their number. */
  wholeSinceOf(partition: number): EpochMs;
  readonly late: ReadonlyMap<string, ReadonlySet<Offset>>;
  readonly dead: ReadonlyMap<string, ReadonlySet<Offset>>;
}

async function readLetters({ plan, broker, nowMs }: ReconcileSource, signal: AbortSignal): Promise<Letters> {
  const late = new Map<string, Set<Offset>>();
  const dead = new Map<string, Set<Offset>>();
  const topic = plan.deadLetters.clusterName;
  const { wholeSince } = await readLog(broker, topic, signal, (batch, index) => {
    const headers = new Map(readHeaders(batch, index).map(({ name, value }) => [name, String(value ?? "")]));
    const stage = headers.get("millrace.stage") ?? "";
    const planned = plan.stages.find(({ name }) => name === stage);
    if (planned === undefined || headers.get("__streams.errors.topic") !== planned.from.clusterName) return;
    const partition = Number(headers.get("__streams.errors.partition"));
    const of = headers.get("millrace.code") === "MR_LATE" ? late : dead;
    const key = accountKey({ stage, partition });
    const offsets = of.get(key) ?? new Set<Offset>();
    of.set(key, offsets.add(Number(headers.get("__streams.errors.offset"))));
  });
  const emptiedSinceMs = emptiedSince(await describedOf(broker, [topic], signal), topic, nowMs);
  const wholeSinceOf = (partition: number): EpochMs => wholeSince.get(partition % wholeSince.size) ?? emptiedSinceMs;
  return { wholeSinceOf, late, dead };
}

/** A record of the input, by its event id. */
interface Origin {
  readonly partition: number;
  readonly offset: Offset;
}

/** What the logs of one stage have: its input, its output, and the dead letters that are its own. */
class StageLogs {
  strayCount = 0;
  /** Why nothing of the stage can be counted; undefined where it can. */
  compacted: string | undefined;
  outputsWholeSinceMs: EpochMs = Number.NEGATIVE_INFINITY;
  readonly #source: ReconcileSource;
  readonly #stage: PlannedStage;
  readonly #letters: Letters;
  readonly #inputs = new Map<number, Offset[]>();
  readonly #lows = new Map<number, Offset>();
  readonly #outputs = new Map<number, Map<Offset, number>>();
  /** Those of one id stand in the order of the log; upstream an event may have been written twice. */
  readonly #origins = new Map<string, Origin[]>();

  constructor(source: ReconcileSource, stage: PlannedStage, letters: Letters) {
    this.#source = source;
    this.#stage = stage;
    this.#letters = letters;
  }

  lowOf(partition: number): Offset {
    return this.#lows.get(partition) ?? 0;
  }

  fatesOf(partition: number): FoundFates {
    const key = accountKey({ stage: this.#stage.name, partition });
    return {
      inputs: this.#inputs.get(partition) ?? [],
      outputs: this.#outputs.get(partition) ?? new Map(),
      late: this.#letters.late.get(key) ?? new Set(),
      deadLetters: this.#letters.dead.get(key) ?? new Set(),
    };
  }

  /** The output up to its end now, then the input up to its end after that: no output is without its input. */
  async read(signal: AbortSignal): Promise<void> {
    const { broker } = this.#source;
    const { from, to } = this.#stage;
    const topics = await describedOf(broker, [from.clusterName, to.clusterName], signal);
    const gone = topics.find(({ configs }) => configs["cleanup.policy"]?.includes("compact") === true);
    if (gone !== undefined) {
      this.compacted = `topic ${gone.topic} is compacted: what is gone from it has left no trace`;
      return;
    }
    const outputEnds = await endsOf(broker, to.clusterName, signal);
    await this.#readInputs(signal);
    const ids = new EventIds(this.#source, to, this.#stage.toFormat);
    const seen = new Map<string, number>();
    let unknown = 0;
    const log = await readLog(
      broker,
      to.clusterName,
      signal,
      async (batch, index) => {
        const id = await ids.of(batch, index, signal);
        if (id === undefined || !this.#tookOut(id, seen)) unknown++;
      },
      outputEnds,
    );
    const emptiedSinceMs = emptiedSince(topics, to.clusterName, this.#source.nowMs);
    // An output goes to the partition of its key: any of them may have it.
    this.outputsWholeSinceMs = Math.max(...[...log.wholeSince.values()].map((ms) => ms ?? emptiedSinceMs));
    // Others may write there too, and what is gone from the input may have been the origin of anything.
    const isOurs = !to.external && to.writers.length === 1 && [...this.#lows.values()].every((low) => low === 0);
    this.strayCount = isOurs && from.clusterName !== to.clusterName ? unknown : 0;
  }

  async #readInputs(signal: AbortSignal): Promise<void> {
    const { from, fromFormat, ingest } = this.#stage;
    const ids = new EventIds(this.#source, from, fromFormat);
    const { lows } = await readLog(this.#source.broker, from.clusterName, signal, async (batch, index) => {
      const offset = batch.offsets[index] ?? -1;
      const { partition } = batch;
      const offsets = this.#inputs.get(partition) ?? [];
      this.#inputs.set(partition, offsets);
      offsets.push(offset);
      const id = ingest === undefined ? await ids.of(batch, index, signal) : this.#coordinate(partition, offset);
      if (id === undefined) return;
      const origins = this.#origins.get(id) ?? [];
      this.#origins.set(id, origins);
      origins.push({ partition, offset });
    });
    for (const [partition, low] of lows) this.#lows.set(partition, low);
  }

  /** The event id that an ingest gives. */
  #coordinate(partition: number, offset: Offset): string {
    return `${eventIdStem(this.#stage, this.#source.plan.namespace, partition)}-${offset}`;
  }

  /** False when the output comes from no record of the input. */
  #tookOut(id: string, seen: Map<string, number>): boolean {
    const origins = this.#origins.get(id);
    if (origins === undefined) return false;
    const before = seen.get(id) ?? 0;
    seen.set(id, before + 1);
    const origin = origins[Math.min(before, origins.length - 1)];
    if (origin === undefined) return false;
    const outputs = this.#outputs.get(origin.partition) ?? new Map<Offset, number>();
    this.#outputs.set(origin.partition, outputs.set(origin.offset, (outputs.get(origin.offset) ?? 0) + 1));
    return true;
  }
}

/** The event ids of a topic's records; undefined for one that has none or cannot be read. */
class EventIds {
  readonly #rows: RowReader | undefined;

  constructor({ registry }: ReconcileSource, { schema }: PlannedTopic, format: ValueFormat) {
    this.#rows = format === "json" || schema === undefined ? undefined : new RowReader(registry, idSchemaOf(schema));
  }

  async of(batch: RawBatch, index: number, signal: AbortSignal): Promise<string | undefined> {
    const from = batch.valueFrom[index] ?? -1;
    const to = batch.valueTo[index] ?? -1;
    if (from < 0 || batch.damage !== undefined) return undefined;
    if (this.#rows === undefined) return idInJson(batch.bytes.toString("utf8", from, to));
    // Only a schema not met before is waited for.
    const row = this.#rows.decode(batch.bytes, from, to, signal);
    const id = (row instanceof Promise ? await row : row)?.["event_id"];
    return typeof id === "string" ? id : undefined;
  }
}

function idInJson(text: string): string | undefined {
  try {
    const { event_id: id } = JSON.parse(text) as { readonly event_id?: unknown };
    return typeof id === "string" ? id : undefined;
  } catch {
    return undefined;
  }
}

/** Reads nothing but the event id of records of this schema. */
function idSchemaOf({ fullName }: RecordSchema): RecordSchema {
  const json = { type: "record", name: fullName, fields: [{ name: "event_id", type: "string" }] };
  const parsed = parseRecordSchema(json, fullName);
  if ("problems" in parsed) throw new TypeError(`the event id of ${fullName} cannot be read`);
  return parsed.schema;
}

type Ends = ReadonlyMap<number, { readonly low: Offset; readonly end: Offset }>;

async function endsOf(broker: Broker, topic: string, signal: AbortSignal): Promise<Ends> {
  const ends = new Map<number, { low: Offset; end: Offset }>();
  // The end of the log, behind transactions that are still open: what they hold is waited for.
  for (const { partition } of await broker.admin.watermarks(topic, signal))
    ends.set(partition, await broker.admin.extent({ topic, partition }, signal));
  return ends;
}

interface ReadLog {
  readonly lows: ReadonlyMap<number, Offset>;
  /**
   * By partition: everything that was written since is still there; -Infinity where nothing was deleted, undefined where
   * nothing is left that would tell.
   */
  readonly wholeSince: ReadonlyMap<number, EpochMs | undefined>;
}

/** Hands every record of a topic to `take`, partition by partition. */
async function readLog(
  broker: Broker,
  topic: string,
  signal: AbortSignal,
  take: (batch: RawBatch, index: number) => void | Promise<void>,
  ends?: Ends,
): Promise<ReadLog> {
  const wholeSince = new Map<number, EpochMs | undefined>();
  const lows = new Map<number, Offset>();
  for (const [partition, { low, end }] of ends ?? (await endsOf(broker, topic, signal))) {
    lows.set(partition, low);
    const firstMs =
      low < end
        ? await readPartition(broker.read({ topic, partition, from: low, to: end }, signal), end, take)
        : undefined;
    wholeSince.set(partition, low > 0 ? firstMs : Number.NEGATIVE_INFINITY);
  }
  return { lows, wholeSince };
}

/** Since when nothing can be gone of a partition in which nothing is left: what retention by time has deleted is older. */
function emptiedSince(topics: readonly ClusterTopic[], topic: string, nowMs: EpochMs): EpochMs {
  const described = topics.find((one) => one.topic === topic);
  const retentionMs = Number(described?.configs["retention.ms"] ?? Number.NaN);
  // By size, or kept for ever: somebody has emptied it by hand, who knows when.
  return retentionMs > 0 ? nowMs - retentionMs : Number.POSITIVE_INFINITY;
}

async function describedOf(
  broker: Broker,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<readonly ClusterTopic[]> {
  return (await broker.admin.describe(topics, signal)).topics;
}

/** Answers the earliest time at which a record was written; undefined where there is none. */
async function readPartition(
  batches: AsyncIterable<RawBatch>,
  end: Offset,
  take: (batch: RawBatch, index: number) => void | Promise<void>,
): Promise<EpochMs | undefined> {
  let firstMs: EpochMs | undefined;
  for await (const batch of batches) {
    for (let index = 0; index < batch.count && (batch.offsets[index] ?? end) < end; index++) {
      const writtenMs = batch.timestampsMs[index] ?? Number.POSITIVE_INFINITY;
      firstMs = Math.min(firstMs ?? writtenMs, writtenMs);
      const taken = take(batch, index);
      if (taken !== undefined) await taken;
    }
  }
  return firstMs;
}

function valueIn(batch: RawBatch, index: number): Buffer | undefined {
  const from = batch.valueFrom[index] ?? -1;
  return from < 0 ? undefined : batch.bytes.subarray(from, batch.valueTo[index]);
}
