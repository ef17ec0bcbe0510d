import {
  type BaselineFieldRecord,
  type BaselineHeadRecord,
  defaultRules,
  type Judge,
  type Judgement,
  type JudgeOptions,
  type MonitorSpec,
  type PartialRecord,
} from "../../../../src/monitor/index.ts";

export const hourMs = 3_600_000;
/** Begin of the window number 0: a whole hour of 2023. */
export const startMs = 472_000 * hourMs;

export const spec: MonitorSpec = {
  name: "m",
  fields: [{ name: "x", kind: "numbers", isSensitive: false }],
  windowMs: hourMs,
  lateMs: 60_000,
  idleAfterMs: 60_000,
  season: "none",
  practical: 0.1,
  kind: "drift",
  severity: "page",
  version: "v1",
};

export const options: JudgeOptions = {
  topology: "t",
  monitors: [spec],
  rules: defaultRules,
  budget: { pages: 1, perMs: 720 * hourMs },
  partitions: new Map([["s", 2]]),
  stagesOf: new Map([["m", ["s"]]]),
  ageMaxMs: 6 * hourMs,
};

/** Of two bins with one edge between: null, NaN, -Infinity, Infinity, below, left, right, above. */
export function cells(left: number, right: number, nulls = 0): Float64Array {
  return Float64Array.of(nulls, 0, 0, 0, 0, left, right, 0);
}

/** Thirty windows of a thousand rows each, half of them left. */
export function baseline(id = "b", monitor = "m", field = "x", fields = 1): BaselineFieldRecord {
  const windows = Array.from({ length: 30 }, (_, i) => ({ fromMs: i * hourMs, rows: 1_000, counts: cells(500, 500) }));
  return { monitor, id, field, fields, cells: { kind: "numbers", edges: [0, 1, 2] }, windows };
}

/** Ten days of it, in which the windows of five hours are {@link shifted}: with the numbers 3 to 7, and a day later. */
export const baselineWithNights: BaselineFieldRecord = {
  ...baseline(),
  windows: Array.from({ length: 240 }, (_, i) => {
    const number = (((i - startMs / hourMs) % 24) + 24) % 24;
    const isNight = number >= 3 && number <= 7;
    return { fromMs: i * hourMs, rows: 1_000, counts: isNight ? cells(900, 100) : cells(500, 500) };
  }),
};

export function head(id = "b", monitor = "m"): BaselineHeadRecord {
  return { monitor, version: "v1", id, origin: "first 30 windows", asked: "", atMs: 0 };
}

/** What a task counted of a window, closed. */
export function partial(
  partition: number,
  window: number,
  [left, right, nulls = 0]: readonly number[],
  over: globalThis.Partial<PartialRecord> = {},
): PartialRecord {
  const counts = [cells(left ?? 0, right ?? 0, nulls)];
  const rows = (left ?? 0) + (right ?? 0) + nulls;
  return {
    monitor: "m",
    version: "v1",
    stage: "s",
    partition,
    fromMs: startMs + window * hourMs,
    baseline: "b",
    rows,
    late: 0,
    counts,
    offsetFrom: window * 1_000,
    offsetNext: window * 1_000 + rows,
    schemas: [{ id: 1, offset: 0 }],
    recent: undefined,
    streamTimeMs: startMs + (window + 1) * hourMs + 60_000,
    isClosed: true,
    plan: "p1",
    model: undefined,
    ...over,
  };
}

/** When the records of a window that closed in time stand on the topic. */
export function atEndOf(window: number): number {
  return startMs + (window + 1) * hourMs + 61_000;
}

export const even = [250, 250];
export const shifted = [450, 50];

/** Feeds windows from 0 on, in which both tasks count the same, and judges after each. */
export function feed(judge: Judge, windows: readonly (readonly number[])[], from = 0): Judgement[] {
  return windows.map((rows, i) => {
    const window = from + i;
    for (const partition of [0, 1]) judge.takePartial(partial(partition, window, rows), atEndOf(window));
    return judge.judge();
  });
}
