import {
  type BaselineFieldRecord,
  baselineKey,
  decodePartial,
  encodeBaseline,
  type HeartbeatRecord,
  isHeartbeat,
  type PartialRecord,
} from "../../../src/monitor/index.ts";
import type { DeliveryMode } from "../../../src/topology/index.ts";
import { baselineSchemaId, DurableShop } from "./durable-shop.ts";
import { rowOf } from "./fixture.ts";

const never = new AbortController().signal;
const minute = 60_000;
/** As in the file. */
const windowMs = 10 * minute;
/** Less than what the stage waits for, so that rows come which are late here. */
const lateMs = minute;

const monitors = `monitors:
  - { name: amounts, on: features, fields: [amount, customer, n_60min], window: 10min, baseline: first }
  - { name: counts, on: features, fields: [n_60min], window: 10min, baseline: first }
`;

/** What the baselines of these tests say: of each monitor its fields in order, with the cells that a value may have. */
const cellsOf = {
  amounts: [
    ["amount", { kind: "numbers", edges: [0, 20, 40, 100] }],
    [
      "customer",
      {
        kind: "categories",
        values: [
          ["c1", 5],
          ["c0", 9],
        ],
      },
    ],
    ["n_60min", { kind: "numbers", edges: [1, 3, 6] }],
  ],
  counts: [["n_60min", { kind: "numbers", edges: [2, 4] }]],
} as const satisfies Record<string, readonly (readonly [string, BaselineFieldRecord["cells"]])[]>;

type MonitorName = keyof typeof cellsOf;

/** A window of one task as it should be told, without what says who told it. */
export type ExpectedPartial = Pick<
  PartialRecord,
  "monitor" | "partition" | "fromMs" | "rows" | "late" | "offsetFrom" | "offsetNext" | "streamTimeMs"
> & { readonly counts: readonly (readonly number[])[]; readonly schemas: PartialRecord["schemas"] };

/** The shop with two monitors on its features. */
export class MonitoredShop extends DurableShop {
  constructor(delivery: DeliveryMode) {
    super(delivery, 100_000_000, monitors, (plan) => ({
      ...plan,
      monitoring: plan.monitoring && {
        ...plan.monitoring,
        monitors: plan.monitoring.monitors.map((monitor) => ({ ...monitor, lateMs })),
      },
    }));
  }

  /** Puts a baseline of that name into service, of this version of the monitors. */
  async putBaselines(id: string, names: readonly MonitorName[] = ["amounts", "counts"]): Promise<void> {
    const { monitoring } = this.plan;
    const records = names.flatMap((monitor) => {
      const version = monitoring?.monitors.find(({ name }) => name === monitor)?.version ?? "";
      const fields = cellsOf[monitor];
      return [
        ...fields.map(([field, cells]) => ({ monitor, id, field, fields: fields.length, cells, windows: [] })),
        { monitor, version, id, origin: "test", atMs: 0 },
      ];
    });
    const topic = monitoring?.topics.baselines.clusterName ?? "";
    await this.broker.append(
      records.map((record) => {
        const [key, value] = [Buffer.from(baselineKey(record)), encodeBaseline(record, baselineSchemaId)];
        return { topic, partition: 0, timestampMs: 1, key, value };
      }),
      never,
    );
  }

  /** Lets so much time go by, a quarter of a second at once. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.clock.nowMs + ms;
    await this.until(() => {
      this.clock.nowMs += 240;
      return this.clock.nowMs >= untilMs;
    });
  }

  /** When a task told of windows that were open then, ascending. */
  async openToldMs(task: number): Promise<number[]> {
    const records = await this.records(this.plan.monitoring?.topics.partials.clusterName ?? "");
    const times = records.flatMap(({ value, timestampMs }) => {
      const told = decodePartial(value!);
      return isHeartbeat(told) || told.isClosed || told.partition !== task ? [] : [timestampMs];
    });
    return [...new Set(times)];
  }

  async told(): Promise<(PartialRecord | HeartbeatRecord)[]> {
    const records = await this.records(this.plan.monitoring?.topics.partials.clusterName ?? "");
    return records.map(({ value }) => decodePartial(value!));
  }

  /** The last partial of each key, in an order of their own. */
  async partials(): Promise<PartialRecord[]> {
    const last = new Map<string, PartialRecord>();
    for (const record of await this.told()) {
      if (isHeartbeat(record)) continue;
      const { monitor, partition, fromMs, baseline } = record;
      last.set(`${monitor}/${partition}/${String(fromMs).padStart(16)}/${baseline}`, record);
    }
    return [...last].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);
  }

  /** What the last partials say, as {@link expected} says it; of several baselines of a window the sum. */
  async counted(): Promise<ExpectedPartial[]> {
    return (await this.partials()).map((record) => ({
      monitor: record.monitor,
      partition: record.partition,
      fromMs: record.fromMs,
      rows: record.rows,
      late: record.late,
      offsetFrom: record.offsetFrom,
      offsetNext: record.offsetNext,
      streamTimeMs: record.streamTimeMs,
      counts: record.counts.map((counts) => [...counts]),
      schemas: record.schemas,
    }));
  }

  /** Rows that stand on the features, each once, in the order in which its task made them. */
  async rows(): Promise<{ partition: number; offset: number; row: Record<string, unknown> }[]> {
    const { schema, clusterName } = this.stage.to;
    const byId = new Map<string, { partition: number; offset: number; row: Record<string, unknown> }>();
    for (const { value } of await this.records(clusterName)) {
      const row = rowOf(schema!, value) as Record<string, unknown>;
      const [, partition, offset] = String(row["event_id"]).split("-");
      byId.set(String(row["event_id"]), { partition: Number(partition), offset: Number(offset), row });
    }
    return [...byId.values()].sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  }

  /** One pass over the rows that were written: what all partials have to add up to, by maps and linear searches. */
  async expected(): Promise<ExpectedPartial[]> {
    const rows = await this.rows();
    const windows = new Map<string, Mutable<ExpectedPartial>>();
    for (const monitor of Object.keys(cellsOf) as MonitorName[]) {
      const streams = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (const { partition, offset, row } of rows) {
        const timeMs = Number(row["paid_at"]);
        const stream = streams[partition]!;
        const own = timeMs - (timeMs % windowMs);
        const isLate = own + windowMs + lateMs <= stream;
        const fromMs = isLate ? stream - (stream % windowMs) : own;
        streams[partition] = Math.max(stream, timeMs);
        const key = `${monitor}/${partition}/${String(fromMs).padStart(16)}`;
        const window = windows.get(key) ?? emptyWindow(monitor, partition, fromMs, offset);
        windows.set(key, window);
        window.offsetNext = offset + 1;
        window.streamTimeMs = streams[partition]!;
        if (isLate) window.late++;
        else countRow(window, monitor, row, offset);
      }
    }
    return [...windows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, window]) => window);
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function emptyWindow(monitor: MonitorName, partition: number, fromMs: number, offsetFrom: number) {
  const counts = cellsOf[monitor].map(([, cells]) => new Array<number>(cellCount(cells)).fill(0));
  return {
    monitor,
    partition,
    fromMs,
    rows: 0,
    late: 0,
    offsetFrom,
    offsetNext: 0,
    streamTimeMs: 0,
    counts,
    schemas: [],
  };
}

function countRow(
  window: Mutable<ExpectedPartial>,
  monitor: MonitorName,
  row: Record<string, unknown>,
  offset: number,
) {
  window.rows++;
  for (const [i, [field, cells]] of cellsOf[monitor].entries()) {
    const counts = window.counts[i] as number[];
    const cell = cells.kind === "numbers" ? numberCell(cells.edges, row[field]) : textCell(cells.values, row[field]);
    counts[cell]!++;
  }
  if (window.schemas.length === 0) window.schemas = [{ id: 7, offset }];
}

/** Null, NaN, -Infinity, Infinity, below, the bins, above; null, other, unseen, the values. */
function cellCount(cells: BaselineFieldRecord["cells"]): number {
  return cells.kind === "numbers" ? cells.edges.length + 5 : cells.values.length + 3;
}

function numberCell(edges: readonly number[], value: unknown): number {
  if (value === null) return 0;
  const number = Number(value);
  if (number < edges[0]!) return 4;
  for (let bin = 0; bin < edges.length - 1; bin++) {
    const isLast = bin === edges.length - 2;
    if (number < edges[bin + 1]! || (isLast && number === edges[bin + 1])) return 5 + bin;
  }
  return edges.length + 4;
}

/** The most frequent one has the first cell. */
function textCell(values: readonly (readonly [string, number])[], value: unknown): number {
  const order = [...values].sort((a, b) => b[1] - a[1]).map(([text]) => text);
  const found = order.indexOf(String(value));
  return found < 0 ? 2 : 3 + found;
}
