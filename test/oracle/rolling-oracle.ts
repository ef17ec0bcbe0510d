/**
 * Rolling features by brute force: for every record, all of its key's records so far, twice over. It imports
 * nothing from the product, so that a mistake there cannot be repeated here.
 */

export interface OracleEvent {
  readonly key: string;
  readonly timeMs: number;
  /** Null is not a value. */
  readonly value: number | null;
  /** False: not counted itself, but answered. */
  readonly counts: boolean;
}

/** What a window holds: null where the aggregate of nothing, or of one for `std`, is null. */
export interface OracleAnswer {
  readonly rows: number;
  readonly values: number;
  readonly sum: number | null;
  readonly mean: number | null;
  readonly min: number | null;
  readonly max: number | null;
  /** Of the sample, divisor n - 1. */
  readonly std: number | null;
}

/** Answers per event and window, in the order given. Quadratic in the events per key. */
export function rollingOracle(events: readonly OracleEvent[], windowsMs: readonly number[]): OracleAnswer[][] {
  const seen = new Map<string, OracleEvent[]>();
  return events.map((event) => {
    const rows = seen.get(event.key) ?? [];
    seen.set(event.key, rows);
    if (event.counts) rows.push(event);
    return windowsMs.map((window) => answer(rows, event.timeMs - window, event.timeMs));
  });
}

function answer(rows: readonly OracleEvent[], afterMs: number, untilMs: number): OracleAnswer {
  const values: number[] = [];
  let inside = 0;
  for (const row of rows) {
    if (row.timeMs <= afterMs || row.timeMs > untilMs) continue;
    inside++;
    if (row.value !== null) values.push(row.value);
  }
  const n = values.length;
  if (n === 0) return { rows: inside, values: 0, sum: null, mean: null, min: null, max: null, std: null };
  const sum = carefulSum(values);
  const mean = sum / n;
  // Second pass with the remainder of the mean taken out: T. Chan, G. Golub, R. LeVeque (1983), eq. 1.7.
  const differences = values.map((value) => value - mean);
  const rest = carefulSum(differences);
  const squares = carefulSum(differences.map((difference) => difference * difference)) - (rest * rest) / n;
  return {
    rows: inside,
    values: n,
    sum,
    mean,
    min: values.reduce((a, b) => Math.min(a, b)),
    max: values.reduce((a, b) => Math.max(a, b)),
    std: n < 2 ? null : Math.sqrt(Math.max(0, squares) / (n - 1)),
  };
}

/** A. Neumaier's compensated sum (1974). */
function carefulSum(values: readonly number[]): number {
  let sum = 0;
  let rest = 0;
  for (const value of values) {
    const next = sum + value;
    rest += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return sum + rest;
}

/** Whether two answers agree: 1e-9 relative, 1e-12 absolute where both are below 1e-3. */
export function agrees(actual: number | null, expected: number | null): boolean {
  if (actual === null || expected === null) return actual === expected;
  const size = Math.max(Math.abs(actual), Math.abs(expected));
  return Math.abs(actual - expected) <= (size < 1e-3 ? 1e-12 : 1e-9 * size);
}

export interface OracleStream {
  readonly events: readonly OracleEvent[];
  /** What the stream contains of the awkward cases. */
  readonly counts: {
    /** Records with the event time of an earlier record of their key. */
    readonly ties: number;
    /** Records whose key has a record exactly one window older. */
    readonly edges: number;
    /** Records older than the largest event time before them, by at most `lateWithinMs`. */
    readonly outOfOrder: number;
    readonly nulls: number;
    readonly notCounted: number;
  };
}

export interface OracleStreamOptions {
  readonly count: number;
  readonly keys: number;
  readonly windowsMs: readonly number[];
  readonly lateWithinMs: number;
  /** Uniform in [0, 1). */
  readonly uniform: () => number;
}

const startMs = Date.UTC(2026, 0, 1);

/**
 * A random stream on a grid of one second: ties, records exactly at `t - w` of later ones, records out of order
 * by up to `lateWithinMs`, nulls, and values by key: constants, 1e6 ± 1e-3, prices, mixed signs, mixed sizes.
 * Every tenth key gets half of the records.
 */
export function oracleStream(options: OracleStreamOptions): OracleStream {
  const { uniform } = options;
  const below = (n: number): number => Math.floor(uniform() * n);
  const timesByKey = new Map<string, number[]>();
  const knownByKey = new Map<string, Set<number>>();
  const counts = { ties: 0, edges: 0, outOfOrder: 0, nulls: 0, notCounted: 0 };
  const events: OracleEvent[] = [];
  let streamMs = startMs;
  for (let i = 0; i < options.count; i++) {
    if (uniform() < 0.5) streamMs += 1_000 * (1 + below(3));
    const hot = Math.max(1, Math.floor(options.keys / 10));
    const keyIndex = uniform() < 0.5 ? below(hot) : below(options.keys);
    const key = `k${keyIndex}`;
    const times = timesByKey.get(key) ?? [];
    timesByKey.set(key, times);
    const timeMs = pickTime(times, streamMs, options, below, uniform());
    const known = knownByKey.get(key) ?? new Set();
    knownByKey.set(key, known);
    if (known.has(timeMs)) counts.ties++;
    if (options.windowsMs.some((window) => known.has(timeMs - window))) counts.edges++;
    known.add(timeMs);
    if (timeMs < streamMs) counts.outOfOrder++;
    streamMs = Math.max(streamMs, timeMs);
    times.push(timeMs);
    const value = uniform() < 0.05 ? null : drawValue(keyIndex, uniform);
    const isCounted = uniform() >= 0.1;
    if (value === null) counts.nulls++;
    if (!isCounted) counts.notCounted++;
    events.push({ key, timeMs, value, counts: isCounted });
  }
  return { events, counts };
}

function pickTime(
  times: readonly number[],
  streamMs: number,
  options: OracleStreamOptions,
  below: (n: number) => number,
  choice: number,
): number {
  const oldestMs = streamMs - options.lateWithinMs;
  const recent = times.at(-1 - below(Math.min(5, times.length || 1)));
  if (choice < 0.06 && recent !== undefined && recent >= oldestMs) return recent;
  if (choice < 0.12) return Math.max(startMs, streamMs - 1_000 * below(1 + options.lateWithinMs / 1_000));
  if (choice < 0.22 && times.length > 0) {
    // Exactly one window after an earlier record of the key, where that time is neither late nor far ahead.
    const window = options.windowsMs[below(options.windowsMs.length)] ?? 0;
    for (let tries = 0; tries < 8; tries++) {
      const timeMs = (times[below(times.length)] ?? 0) + window;
      if (timeMs >= oldestMs && timeMs <= streamMs) return timeMs;
    }
  }
  return streamMs;
}

function drawValue(keyIndex: number, uniform: () => number): number {
  const kinds: readonly (() => number)[] = [
    () => 1e6 + (uniform() * 2 - 1) * 1e-3,
    () => 0.1 + keyIndex,
    () => Math.round(uniform() * 1e5) / 100,
    () => uniform() * 200 - 100,
    () => (uniform() < 0.02 ? 1e9 : uniform() * 1e-2),
    () => 1e6 + (uniform() < 0.5 ? 1e-3 : -1e-3),
  ];
  return kinds[keyIndex % kinds.length]?.() ?? 0;
}
