/**
 * The labeller's work on `<topology>.labelled.repartition`: predictions wait for their labels, and each window of them that
 * is done with becomes a partial, written with the offset behind the record that ended it.
 *
 * What it holds follows from the log alone: whoever takes it over reads it again from its beginning, and says nothing.
 */
import type { Clock, Facts, Offset } from "../../kernel/index.ts";
import {
  decodeLabelled,
  encodePartial,
  isJoinedLabel,
  type LabelledRecord,
  type PartialRecord,
  type PerformanceReference,
  type PerformanceSpec,
  partialKey,
  partialSchema,
} from "../../monitor/index.ts";
import { readUpTo } from "../../runtime/control/index.ts";
import {
  type Broker,
  type FollowerTurn,
  type FollowerWork,
  messageBytesDefault,
  OutputBatches,
  OwnValues,
  TimeSlices,
} from "../../runtime/index.ts";
import { ownSchemaId, type SchemaRegistry } from "../../schema/index.ts";
import type { Outgoing, RawBatch } from "../../wire/index.ts";
import { type JoinedWindow, LabelJoin } from "./label-join.ts";

/** Name of the role, as its partials call it where those of tasks name their stage. */
export const labellerName = "labeller";

export interface LabellerWorkOptions {
  readonly broker: Pick<Broker, "read" | "admin">;
  readonly registry: SchemaRegistry;
  readonly clock: Clock;
  readonly facts: Facts;
  /** Predictions and labels, and where partials go. */
  readonly topics: { readonly labelled: string; readonly partials: string };
  readonly monitors: readonly PerformanceSpec[];
  /** Most predictions that wait, per monitor, and most labels. */
  readonly rowsMax: number;
  /** What was measured of a version when it was trained; undefined where nobody knows. Asked once per version. */
  readonly readReference: (
    model: string,
    version: number,
    signal: AbortSignal,
  ) => Promise<PerformanceReference | undefined>;
  /** Hash of the plan. */
  readonly plan: string;
  readonly timeSliceMs: number;
  readonly yieldToLoop: () => Promise<void>;
}

interface Joining {
  readonly spec: PerformanceSpec;
  readonly join: LabelJoin;
}

export class LabellerWork implements FollowerWork {
  readonly #options: LabellerWorkOptions;
  readonly #records: OwnValues<LabelledRecord>;
  readonly #out: OutputBatches;
  readonly #references = new Map<string, PerformanceReference | undefined>();
  #byJoin: ReadonlyMap<string, readonly Joining[]> = new Map();
  /** Of partials, in the registry. */
  #schemaId = -1;

  constructor(options: LabellerWorkOptions) {
    const { registry, clock, facts, topics } = options;
    this.#options = options;
    this.#records = new OwnValues({ registry, clock, facts, decode: decodeLabelled });
    this.#out = new OutputBatches(
      { topic: topics.partials, partitions: 1, messageBytesMax: messageBytesDefault },
      "output",
      undefined,
    );
  }

  async restore(offsetNext: Offset, signal: AbortSignal): Promise<void> {
    const { topics, broker, registry } = this.#options;
    this.#schemaId = await ownSchemaId(registry, topics.partials, partialSchema, signal);
    this.#out.reset();
    this.#begin();
    const [{ low } = { low: 0 }] = await broker.admin.watermarks(topics.labelled, signal);
    const range = { topic: topics.labelled, from: low, to: offsetNext };
    // What these records came to was written before they were committed.
    await readUpTo(broker, range, (batch) => this.#each(batch, 0, signal, () => undefined), signal);
  }

  async take(batch: RawBatch, from: number, signal: AbortSignal): Promise<void> {
    await this.#each(batch, from, signal, (spec, window) => this.#write(spec, window));
  }

  async turn(): Promise<FollowerTurn> {
    const outgoing: Outgoing[] = [];
    this.#out.sealAll();
    this.#out.take(outgoing);
    this.#out.reset();
    return { outgoing };
  }

  #begin(): void {
    const { monitors, rowsMax } = this.#options;
    const byJoin = new Map<string, Joining[]>();
    for (const spec of monitors) {
      const referenceOf = (model: string, version: number) => this.#references.get(`${model}/${version}`);
      const joining = { spec, join: new LabelJoin(spec, { rowsMax, referenceOf }) };
      byJoin.set(spec.join, [...(byJoin.get(spec.join) ?? []), joining]);
    }
    this.#byJoin = byJoin;
  }

  async #each(
    batch: RawBatch,
    from: number,
    signal: AbortSignal,
    done: (spec: PerformanceSpec, window: JoinedWindow) => void,
  ): Promise<void> {
    const { clock, timeSliceMs, yieldToLoop } = this.#options;
    const slices = new TimeSlices(clock, timeSliceMs, yieldToLoop);
    for await (const [i, record] of this.#records.in(batch, from, signal)) {
      if (!isJoinedLabel(record) && !this.#references.has(`${record.model}/${record.version}`))
        await this.#readReference(record.model, record.version, signal);
      const offset = batch.offsets[i] ?? -1;
      for (const { spec, join } of this.#byJoin.get(record.join) ?? [])
        for (const window of join.take(record, offset, batch.timestampsMs[i] ?? -1)) done(spec, window);
      if (slices.isOver()) await slices.next(signal);
    }
  }

  async #readReference(model: string, version: number, signal: AbortSignal): Promise<void> {
    this.#references.set(`${model}/${version}`, await this.#options.readReference(model, version, signal));
  }

  #write(spec: PerformanceSpec, { fromMs, performance, offsetFrom, offsetNext, streamTimeMs }: JoinedWindow): void {
    const partial: PartialRecord = {
      monitor: spec.name,
      version: spec.version,
      stage: labellerName,
      partition: 0,
      fromMs,
      baseline: "",
      rows: performance.versions.reduce((sum, { rows }) => sum + rows, 0),
      late: performance.late,
      counts: [],
      offsetFrom,
      offsetNext,
      schemas: [],
      recent: undefined,
      streamTimeMs,
      isClosed: true,
      plan: this.#options.plan,
      model: undefined,
      performance,
    };
    const value = encodePartial(partial, this.#schemaId);
    this.#out.appendEntry(0, this.#options.clock.now(), Buffer.from(partialKey(partial)), value);
  }
}
