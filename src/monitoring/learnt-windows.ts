import { type EpochMs, MillraceError, type Offset } from "../kernel/index.ts";
import { decodeVerdict } from "../monitor/index.ts";
import type { Broker } from "../runtime/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";
import type { BaselinedMonitor, ClosedWindow } from "./ensure-baseline.ts";
import { OwnWriters, ownRecords } from "./own-topic.ts";

type LearningMonitor = Pick<BaselinedMonitor, "name" | "fields" | "baseline">;

/** The windows of monitors that the judge has found over while there was no baseline: what was read is not read again. */
export class LearntWindows {
  readonly #broker: Broker;
  readonly #topic: string;
  readonly #writers: OwnWriters;
  /** By monitor: its first field, which stands for all, and rows by begin of the window. */
  readonly #windows: ReadonlyMap<
    string,
    { readonly field: string | undefined; readonly rows: Map<EpochMs, Pick<ClosedWindow, "toMs" | "rows">> }
  >;
  #offsetNext: Offset = 0;

  constructor(
    broker: Broker,
    registry: Pick<SchemaRegistry, "byId">,
    verdictsTopic: string,
    monitors: readonly LearningMonitor[],
  ) {
    this.#broker = broker;
    this.#topic = verdictsTopic;
    this.#writers = new OwnWriters(registry);
    this.#windows = new Map(monitors.map(({ name, fields }) => [name, { field: fields[0]?.name, rows: new Map() }]));
  }

  /** Those of one monitor up to now, in the order of time; none where its baseline is a range of time. */
  async of({ name, baseline }: LearningMonitor, signal: AbortSignal): Promise<readonly ClosedWindow[]> {
    if (baseline.kind === "range") return [];
    for await (const { offset, value } of ownRecords(this.#broker, this.#topic, signal, { from: this.#offsetNext })) {
      if (value !== null) await this.#take(value, signal);
      this.#offsetNext = offset + 1;
    }
    const windows = [...(this.#windows.get(name)?.rows ?? [])].map(([fromMs, { toMs, rows }]) => ({
      fromMs,
      toMs,
      rows,
    }));
    return windows.sort((a, b) => a.fromMs - b.fromMs);
  }

  async #take(value: Buffer, signal: AbortSignal): Promise<void> {
    try {
      const { monitor, field, kind, fromMs, toMs, m } = decodeVerdict(value, await this.#writers.of(value, signal));
      const windows = this.#windows.get(monitor);
      if (windows?.field === field && kind === "LEARNING") windows.rows.set(fromMs, { toMs, rows: m });
    } catch (thrown) {
      if (!(thrown instanceof MillraceError) || thrown.disposition !== "quarantine") throw thrown;
    }
  }
}
