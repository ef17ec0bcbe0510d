/**
 * Two monitors on the features of a shop, and what their partials have to add up to, by one pass with maps and linear
 * searches.
 */
import type { BaselineFieldRecord, BaselineHeadRecord, PartialRecord } from "../../src/monitor/index.ts";
import type { Plan } from "../../src/topology/index.ts";

/** As in the file. */
const windowMs = 10 * 60_000;

/** What the file of the topology ends with. */
export const shopMonitors = `monitors:
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

export type MonitorName = keyof typeof cellsOf;

/** A window of one task as it should be told, without what says who told it. */
export type ExpectedPartial = Pick<
  PartialRecord,
  "monitor" | "partition" | "fromMs" | "rows" | "late" | "offsetFrom" | "offsetNext" | "streamTimeMs"
> & { readonly counts: readonly (readonly number[])[]; readonly schemas: PartialRecord["schemas"] };

/** A row that stands on the features, and the record of its task's input that it was made of. */
export interface WrittenRow {
  readonly partition: number;
  readonly offset: number;
  readonly timeMs: number;
  readonly row: Readonly<Record<string, unknown>>;
}

/** The records that put a baseline of that name into service, of this version of the monitors. */
export function baselineRecords(
  { monitoring }: Plan,
  id: string,
  names: readonly MonitorName[] = ["amounts", "counts"],
): (BaselineFieldRecord | BaselineHeadRecord)[] {
  return names.flatMap((monitor) => {
    const version = monitoring?.monitors.find(({ name }) => name === monitor)?.version ?? "";
    const fields = cellsOf[monitor];
    return [
      ...fields.map(([field, cells]) => ({ monitor, id, field, fields: fields.length, cells, windows: [] })),
      { monitor, version, id, origin: "test", asked: "", atMs: 0 },
    ];
  });
}

/** @param rows of all tasks, those of each in the order in which it made them */
export function expectedPartials(rows: readonly WrittenRow[], lateMs: number): ExpectedPartial[] {
  const windows = new Map<string, Mutable<ExpectedPartial>>();
  for (const monitor of Object.keys(cellsOf) as MonitorName[]) {
    const streams = new Map<number, number>();
    for (const { partition, offset, timeMs, row } of rows) {
      const stream = streams.get(partition) ?? Number.NEGATIVE_INFINITY;
      const own = timeMs - (timeMs % windowMs);
      const isLate = own + windowMs + lateMs <= stream;
      const fromMs = isLate ? stream - (stream % windowMs) : own;
      streams.set(partition, Math.max(stream, timeMs));
      const key = windowKey({ monitor, partition, fromMs });
      const window = windows.get(key) ?? emptyWindow(monitor, partition, fromMs, offset);
      windows.set(key, window);
      window.offsetNext = offset + 1;
      window.streamTimeMs = Math.max(stream, timeMs);
      if (isLate) window.late++;
      else countRow(window, monitor, row, offset);
    }
  }
  return [...windows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, window]) => window);
}

/** Windows in the order of it are in that of {@link expectedPartials}. */
export function windowKey({ monitor, partition, fromMs }: Pick<PartialRecord, "monitor" | "partition" | "fromMs">) {
  return `${monitor}/${partition}/${String(fromMs).padStart(16)}`;
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
