import { type EpochMs, OperationError } from "../kernel/index.ts";
import {
  type BaselineFieldRecord,
  baselineFields,
  cellsOf,
  fieldSample,
  type MonitoredValue,
  type MonitorSpec,
  ReferenceWindows,
} from "../monitor/index.ts";
import { type Broker, readTopicRows } from "../runtime/index.ts";
import type { RecordSchema, Row, SchemaRegistry } from "../schema/index.ts";
import type { TopicRange } from "../training/index.ts";

/** As much of a planned monitor as measuring needs. */
export interface MeasuredMonitor extends Pick<MonitorSpec, "name" | "fields" | "windowMs" | "windowRows"> {
  readonly topic: { readonly name: string; readonly clusterName: string; readonly schema: RecordSchema | undefined };
  readonly timeField: string;
}

export interface MeasureOptions {
  readonly broker: Broker;
  readonly registry: SchemaRegistry;
  readonly monitor: MeasuredMonitor;
  /** Bounds on the event time of the rows, half open; left out, there is none. */
  readonly fromMs?: EpochMs | undefined;
  readonly toMs?: EpochMs | undefined;
  /** Offsets to read; all that the topic holds now when left out. */
  readonly ranges?: readonly TopicRange[] | undefined;
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

export interface MeasuredBaseline {
  /** In the monitor's order; their id is still empty. */
  readonly fields: readonly BaselineFieldRecord[];
  /** Rows in the windows that were kept. */
  readonly rows: number;
  readonly windows: number;
  /** Time of the first and the last row; undefined without rows. */
  readonly span: { readonly fromMs: EpochMs; readonly toMs: EpochMs } | undefined;
  /** Records that could not be decoded, and rows without a time: both are in no window. */
  readonly undecodable: number;
  readonly untimed: number;
}

/**
 * Measures what a monitor's topic holds, as its windows are counted later: reads the ranges twice, once to find the cells
 * of each field and once to count in them. Memory does not grow with the rows.
 *
 * @throws OperationError MR_BASELINE when no row is in the range
 */
export async function measureBaseline(options: MeasureOptions, signal: AbortSignal): Promise<MeasuredBaseline> {
  const { broker, monitor } = options;
  const topic = monitor.topic.clusterName;
  const watermarks = await broker.admin.watermarks(topic, signal);
  const held = watermarks.map(({ partition, low, end }): TopicRange => ({ topic, partition, from: low, to: end }));
  const ranges = options.ranges === undefined ? held : within(held, options.ranges);
  const samples = monitor.fields.map(fieldSample);
  let rows = 0;
  let firstMs = Number.POSITIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;
  const sampled = await eachRow(options, ranges, 0, signal, (timeMs, values) => {
    rows++;
    firstMs = Math.min(firstMs, timeMs);
    lastMs = Math.max(lastMs, timeMs);
    for (let i = 0; i < samples.length; i++) samples[i]?.add(values[i] ?? null);
  });
  const { undecodable, untimed } = sampled;
  if (rows === 0) throw noRows(options, undecodable, untimed);
  const sources = samples.map((sample) => sample.cells());
  const counted = new ReferenceWindows(sources.map(cellsOf), monitor.windowMs, monitor.windowRows);
  await eachRow(options, ranges, 1, signal, (timeMs, values) => counted.absorb(timeMs, values));
  const reference = counted.windows();
  if (reference.length === 0) throw tooFewRows(options, rows);
  const fields = baselineFields(monitor, sources, reference);
  const windows = fields[0]?.windows ?? [];
  return {
    fields,
    rows: windows.reduce((sum, window) => sum + window.rows, 0),
    windows: windows.length,
    span: { fromMs: firstMs, toMs: lastMs },
    undecodable,
    untimed,
  };
}

/** Of what the topic holds, per partition, what lies in the ranges: retention may have taken some of it. */
function within(held: readonly TopicRange[], ranges: readonly TopicRange[]): TopicRange[] {
  return held.flatMap((has) => {
    const asked = ranges.filter(({ partition }) => partition === has.partition);
    const from = Math.max(has.from, Math.min(...asked.map((range) => range.from)));
    const to = Math.min(has.to, Math.max(...asked.map((range) => range.to)));
    return from < to ? [{ ...has, from, to }] : [];
  });
}

/** @param pass 0 or 1 of two, for the progress */
async function eachRow(
  { broker, registry, monitor, fromMs, toMs, progress }: MeasureOptions,
  ranges: readonly TopicRange[],
  pass: number,
  signal: AbortSignal,
  take: (timeMs: EpochMs, values: readonly MonitoredValue[]) => void,
): Promise<{ readonly undecodable: number; readonly untimed: number }> {
  const { topic, timeField, fields } = monitor;
  if (topic.schema === undefined)
    throw new OperationError(
      "MR_UNSUPPORTED",
      `measuring a baseline of monitor ${monitor.name}: topic ${topic.name} has no schema`,
    );
  const from = fromMs ?? Number.NEGATIVE_INFINITY;
  const to = toMs ?? Number.POSITIVE_INFINITY;
  const names = fields.map(({ name }) => name);
  let untimed = 0;
  const row = (read: Row): void => {
    const timeMs = read[timeField];
    if (typeof timeMs !== "number") untimed++;
    else if (timeMs >= from && timeMs < to)
      take(
        timeMs,
        names.map((name) => monitoredValue(read[name])),
      );
  };
  const visitor = {
    row,
    progress: (done: number, total: number) => progress?.(pass * total + done, 2 * total),
  };
  const { undecodable } = await readTopicRows(
    broker,
    registry,
    topic.clusterName,
    topic.schema,
    visitor,
    signal,
    ranges,
  );
  return { undecodable, untimed };
}

/** What a decoded field is to a monitor: a long beyond 2^53 is the nearest number. */
function monitoredValue(value: unknown): MonitoredValue {
  if (typeof value === "number" || typeof value === "string" || typeof value === "boolean") return value;
  return typeof value === "bigint" ? Number(value) : null;
}

/** Of a monitor whose windows have so many rows at least. */
function tooFewRows({ monitor: { name, windowRows } }: MeasureOptions, rows: number): OperationError {
  const message = `measuring a baseline of monitor ${name}: its windows have ${windowRows} rows, and the reference has ${rows}`;
  return new OperationError("MR_BASELINE", message);
}

function noRows(
  { monitor: { name, topic }, fromMs, toMs }: MeasureOptions,
  undecodable: number,
  untimed: number,
): OperationError {
  const isBounded = fromMs !== undefined || toMs !== undefined;
  const where = isBounded ? "no row in that time" : "no row";
  const passedOver = undecodable + untimed;
  const also = passedOver === 0 ? "" : `; ${undecodable} cannot be decoded and ${untimed} have no time`;
  const message = `measuring a baseline of monitor ${name}: topic ${topic.name} holds ${where}${also}`;
  return new OperationError("MR_BASELINE", message);
}
