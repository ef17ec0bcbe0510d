import type { EpochMs } from "../../kernel/index.ts";
import { scoreCellsSource } from "../../monitor/estimate/index.ts";
import {
  encodePartial,
  type HeldBaseline,
  type MonitoredField,
  type MonitorSpec,
  type PartialRecord,
  partialKey,
} from "../../monitor/index.ts";
import { type FieldValues, framingBytes } from "../../schema/index.ts";
import type { WindowTotal } from "../../state/index.ts";
import type { RawBatch } from "../../wire/index.ts";
import type { Outlet } from "../outbox.ts";
import { OutputBatches, type OutputTopic } from "../output-batches.ts";
import type { TaskId } from "../port.ts";
import type { BaselineSource } from "./baselines.ts";
import { MonitorCounter } from "./monitor-counter.ts";

/** What an open window has so far is told at the first commit after so long. */
const reportEveryMs = 10_000;

/** Where partials go, and what they say of whoever wrote them. */
export interface PartialsPlace {
  readonly topic: OutputTopic;
  /** Registry id of the schema of a partial. */
  readonly schemaId: number;
  readonly stage: string;
  /** Hash of the plan that counts. */
  readonly plan: string;
}

export interface TaskTapOptions {
  readonly monitors: readonly MonitorSpec[];
  readonly storeOf: (monitor: MonitorSpec) => MonitorCounter["store"];
  readonly baselines: BaselineSource;
  readonly place: PartialsPlace;
  readonly task: TaskId;
  /** Reads what is wanted of each row; shared by the tasks of the stage, which take turns. */
  readonly values: FieldValues;
  /** Where `values` has a field. */
  readonly placeOf: (field: MonitoredField) => number;
  /** Where it has the event time. */
  readonly timePlace: number;
}

/**
 * What the monitors of a stage's output see of one task: every row, as it was encoded, counted in the cells of the
 * baseline in service.
 *
 * It has no fate and is in no count of the stage. What was counted is as final as the chunk: the stores are written down
 * with it, and **partials**, the totals of windows, go out with its offsets or never: when a window is over, and of the open
 * ones what is new at the first commit after ten seconds.
 */
export class TaskTap {
  /** One of each monitor, in the order of the plan. */
  readonly counters: readonly MonitorCounter[];
  readonly outlet: Outlet;
  readonly #batches: OutputBatches;
  readonly #options: TaskTapOptions;
  #origin: string;
  /** `<model>/<version>` of the rows; undefined of a stage that asks no model. */
  #model: string | undefined;
  #generation = -1;
  #reportedMs = Number.NEGATIVE_INFINITY;
  /** The chunk in hand tells everything that there is to tell. */
  #isReportInHand = false;
  #isRowInHand = false;
  #lastRowMs = Number.NEGATIVE_INFINITY;

  constructor(options: TaskTapOptions) {
    this.#options = options;
    const { place, placeOf } = options;
    this.counters = options.monitors.map((monitor) => new MonitorCounter(monitor, options.storeOf(monitor), placeOf));
    this.#origin = place.plan;
    // Nobody stands in for a partial that is refused, and the judge would wait for it in vain.
    this.#batches = new OutputBatches(place.topic, "changelog", undefined);
    this.outlet = { batches: this.#batches, onRefusal: "halt" };
  }

  /** The latest event time of all rows that are committed; -Infinity before there was one. */
  get keptTimeMs(): EpochMs {
    let keptMs = Number.NEGATIVE_INFINITY;
    for (const { store } of this.counters) keptMs = Math.max(keptMs, store.keptTimeMs);
    return keptMs;
  }

  /** True while rows are counted that no partial tells of. */
  get isBehind(): boolean {
    return this.counters.some(({ store }) => store.isBehind);
  }

  /** When what is not told yet should be, monotonic; Infinity when there is nothing. */
  get reportDueMs(): number {
    return this.isBehind ? this.#reportedMs + reportEveryMs : Number.POSITIVE_INFINITY;
  }

  /** When the last chunk with a row was kept, monotonic; -Infinity before there was one. */
  get lastRowMs(): number {
    return this.#lastRowMs;
  }

  /** Rows from the next chunk on are made with this version. @param model `<model>/<version>` */
  serve(model: string): void {
    this.#model = model;
    this.#origin = `${this.#options.place.plan} ${model}`;
    this.#generation = -1;
  }

  /** Takes over the baselines in service; before the first record of a chunk. */
  beginChunk(): void {
    const { baselines } = this.#options;
    if (baselines.generation === this.#generation) return;
    this.#generation = baselines.generation;
    for (const counter of this.counters) counter.serve(this.#baselineOf(counter.monitor), this.#origin);
  }

  /** Scores have the same cells whoever gave them, and are counted by who did. */
  #baselineOf({ name, version, fields: [field], cells }: MonitorSpec): HeldBaseline | undefined {
    if (cells !== "scores") return this.#options.baselines.current(name);
    const id = this.#model;
    if (id === undefined || field === undefined) return undefined;
    const record = { monitor: name, id, field: field.name, fields: 1, cells: scoreCellsSource, windows: [] };
    return { id, version, asked: "", fields: [record] };
  }

  /**
   * Counts a row.
   *
   * @param bytes holds the row, framed, up to `to`
   * @param batch has the record that it was made of at `index`
   * @param schema id of that record's schema; -1 where it has none
   */
  count(bytes: Buffer, to: number, batch: RawBatch, index: number, schema: number): void {
    const { values, timePlace } = this.#options;
    values.read(bytes, framingBytes, to);
    const timeMs = values.areNull[timePlace] === 1 ? Number.NaN : (values.numbers[timePlace] as number);
    const writtenMs = batch.timestampsMs[index] as number;
    const offset = batch.offsets[index] as number;
    for (const counter of this.counters) counter.count(values, timeMs, writtenMs, offset, schema);
    this.#isRowInHand = true;
  }

  /** Counts a record that became a dead letter. */
  fail(batch: RawBatch, index: number): void {
    for (const counter of this.counters)
      counter.fail(batch.timestampsMs[index] as number, batch.offsets[index] as number);
  }

  /** Tells what is due: windows that are over, and every ten seconds what is new in the others. Behind the chunk's last row. */
  seal(nowMs: EpochMs, monotonicMs: number): void {
    for (const counter of this.counters) {
      for (const total of counter.store.takeOver()) this.#write(counter.monitor, total, true, nowMs);
    }
    if (this.reportDueMs <= monotonicMs) this.report(nowMs);
  }

  /** Tells all that is not told yet; behind `seal`, which may have done so. */
  report(nowMs: EpochMs): void {
    if (this.#isReportInHand) return;
    for (const { monitor, store } of this.counters) {
      for (const total of store.behind) this.#write(monitor, total, false, nowMs);
      store.reported();
    }
    this.#isReportInHand = true;
  }

  /** The stores have been kept. */
  keep(monotonicMs: number): void {
    if (this.#isReportInHand) this.#reportedMs = monotonicMs;
    if (this.#isRowInHand) this.#lastRowMs = monotonicMs;
    this.#endChunk();
  }

  undo(): void {
    this.#endChunk();
  }

  /** Another owner has been there. */
  clear(): void {
    this.#reportedMs = Number.NEGATIVE_INFINITY;
    this.#lastRowMs = Number.NEGATIVE_INFINITY;
    this.#endChunk();
  }

  #endChunk(): void {
    this.#isReportInHand = false;
    this.#isRowInHand = false;
  }

  #write({ name, version }: MonitorSpec, total: WindowTotal, isClosed: boolean, nowMs: EpochMs): void {
    const { place, task } = this.#options;
    const { fromMs, baseline, rows, late, failed, offsetFrom, offsetNext, schemas, streamTimeMs, recent, origin } =
      total;
    const [plan = "", model] = origin.split(" ");
    const record: PartialRecord = {
      monitor: name,
      version,
      stage: place.stage,
      partition: task,
      fromMs,
      baseline,
      rows,
      late,
      failed,
      counts: total.byField(total.counts),
      offsetFrom,
      offsetNext,
      schemas,
      recent: recent && { schema: recent.schema, rows: recent.rows, counts: total.byField(recent.counts) },
      streamTimeMs,
      isClosed,
      plan,
      model,
    };
    const partition = 0;
    this.#batches.appendEntry(partition, nowMs, Buffer.from(partialKey(record)), encodePartial(record, place.schemaId));
  }
}
