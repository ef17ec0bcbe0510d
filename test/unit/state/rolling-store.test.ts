import fc from "fast-check";
import { expect, test } from "vitest";
import { seededRng } from "../../../src/kernel/index.ts";
import { RollingStore } from "../../../src/state/index.ts";
import {
  meanOf,
  momentsMax,
  momentsMin,
  momentsStride,
  needExtremes,
  needSpread,
  needSum,
  stdOf,
  sumOf,
} from "../../../src/stats/index.ts";
import { agrees, oracleStream, rollingOracle } from "../../oracle/rolling-oracle.ts";

const spec = { name: "rolling", kind: "rolling", version: 1 } as const;
const needsAll = needSum | needExtremes | needSpread;
const windowsMs = [10, 100];
const latenessMs = 30;

function makeStore(windows = windowsMs, lateness = latenessMs): RollingStore {
  return new RollingStore({ spec, needs: [needsAll], windowsMs: windows, latenessMs: lateness });
}

function add(store: RollingStore, key: string, timeMs: number, value: number): void {
  store.inputs[0] = value;
  store.add(key, timeMs);
}

/** Rows and the bits of every summary, per window. */
function answers(store: RollingStore, key: string, timeMs: number): number[] {
  store.query(key, timeMs);
  return [...store.rowCounts, ...store.summaries];
}

test("covers (t - w, t]: the oldest edge is out, the newest in", () => {
  const store = makeStore([10], 0);
  for (const time of [90, 91, 100]) add(store, "a", time, time);
  store.query("a", 100);
  expect([...store.rowCounts]).toEqual([2]);
  expect(sumOf(store.summaries, 0)).toBe(191);
});

test("leaves out rows of the key that are newer than the record, and rows of other keys", () => {
  const store = makeStore([10], 0);
  add(store, "a", 105, 1);
  add(store, "b", 100, 2);
  add(store, "a", 100, 4);
  store.query("a", 100);
  expect([...store.rowCounts]).toEqual([1]);
  expect(sumOf(store.summaries, 0)).toBe(4);
});

test("answers nothing for a key that has no rows", () => {
  const store = makeStore();
  store.query("nobody", 100);
  expect([...store.rowCounts]).toEqual([0, 0]);
  expect(sumOf(store.summaries, 0)).toBe(Number.NaN);
});

test("counts rows with null inputs as rows and not as values", () => {
  const store = makeStore([10], 0);
  add(store, "a", 100, Number.NaN);
  add(store, "a", 101, 3);
  store.query("a", 101);
  expect([...store.rowCounts]).toEqual([2]);
  expect(store.summaries[0]).toBe(1);
});

interface NaiveRow {
  readonly key: string;
  readonly timeMs: number;
  readonly value: number;
}

/** What the store promises, as a list that is copied at every `keep`. */
class NaiveStore {
  kept: NaiveRow[] = [];
  rows: NaiveRow[] = [];
  streamTimeMs = 0;
  keptStreamTimeMs = 0;

  add(row: NaiveRow): void {
    this.rows.push(row);
    this.streamTimeMs = Math.max(this.streamTimeMs, row.timeMs);
  }

  keep(): void {
    this.kept = [...this.rows];
    this.keptStreamTimeMs = this.streamTimeMs;
  }

  undo(): void {
    this.rows = [...this.kept];
    this.streamTimeMs = this.keptStreamTimeMs;
  }

  valuesOf(key: string, timeMs: number, window: number): number[] {
    return this.rows
      .filter((row) => row.key === key && row.timeMs > timeMs - window && row.timeMs <= timeMs)
      .map((row) => row.value);
  }
}

function expectEqual(store: RollingStore, naive: NaiveStore, key: string, timeMs: number): void {
  store.query(key, timeMs);
  windowsMs.forEach((window, w) => {
    const values = naive.valuesOf(key, timeMs, window);
    const at = w * momentsStride;
    expect(store.rowCounts[w]).toBe(values.length);
    if (values.length === 0) return;
    // Small whole numbers: sums are exact in any order.
    expect(sumOf(store.summaries, at)).toBe(values.reduce((a, b) => a + b, 0));
    expect(store.summaries[at + momentsMin]).toBe(Math.min(...values));
    expect(store.summaries[at + momentsMax]).toBe(Math.max(...values));
  });
}

const step = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant("add" as const),
      key: fc.constantFrom("a", "b", "c"),
      // Time passes, stands still, or goes back by up to the allowed lateness.
      advance: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: -latenessMs, max: 0 })),
      value: fc.integer({ min: -50, max: 50 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("keep" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("undo" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("jump" as const) }) },
);

test("equals a naive list under any interleaving of add, keep and undo (R2)", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const store = makeStore();
      const naive = new NaiveStore();
      naive.streamTimeMs = 1_000;
      for (const s of steps) {
        if (s.do === "keep") {
          naive.keep();
          store.keep(naive.streamTimeMs);
        } else if (s.do === "undo") {
          naive.undo();
          store.undo();
        } else if (s.do === "jump") {
          naive.streamTimeMs += 200;
        } else {
          const timeMs = naive.streamTimeMs + s.advance;
          add(store, s.key, timeMs, s.value);
          naive.add({ key: s.key, timeMs, value: s.value });
          for (const key of ["a", "b", "c"]) expectEqual(store, naive, key, timeMs);
        }
        expect(store.entryCount).toBeLessThanOrEqual(naive.rows.length);
      }
    }),
    { numRuns: 200 },
  );
});

test("leaves no trace of what was undone: rows, keys and the bits of every answer (R2)", () => {
  const rng = seededRng(11);
  const store = makeStore();
  const untouched = makeStore();
  const rowAt = (time: number): [string, number, number] => [`k${rng.below(5)}`, time - rng.below(30), rng.normal()];
  for (let chunk = 0; chunk < 40; chunk++) {
    const start = 1_000 + chunk * 20;
    for (let i = 0; i < 15; i++) {
      const row = rowAt(start);
      add(store, ...row);
      add(untouched, ...row);
    }
    store.keep(start);
    untouched.keep(start);
    for (let i = 0; i < 25; i++) add(store, `k${rng.below(9)}`, start - rng.below(30), rng.normal());
    store.undo();
    expect(store.entryCount).toBe(untouched.entryCount);
    expect(store.keyCount).toBe(untouched.keyCount);
    for (let k = 0; k < 9; k++) expect(answers(store, `k${k}`, start)).toEqual(answers(untouched, `k${k}`, start));
  }
});

test("gives the same bits however often it is kept, though rows are evicted", () => {
  const rng = seededRng(5);
  const often = makeStore([1_000, 60_000], 5_000);
  const never = makeStore([1_000, 60_000], 5_000);
  let streamMs = 1_000_000;
  for (let i = 0; i < 6_000; i++) {
    streamMs += rng.below(60);
    const key = `k${rng.below(3)}`;
    const timeMs = streamMs - (rng.uniform() < 0.1 ? rng.below(5_000) : 0);
    const value = rng.normal() * 10 ** rng.below(6);
    add(often, key, timeMs, value);
    add(never, key, timeMs, value);
    expect(answers(often, key, timeMs)).toEqual(answers(never, key, timeMs));
    if (rng.uniform() < 0.05) often.keep(streamMs);
  }
  expect(never.entryCount).toBe(6_000);
  expect(often.entryCount).toBeLessThan(3_000);
});

test("leaves no trace of what was undone in a key with thousands of rows either", () => {
  const rng = seededRng(12);
  const store = makeStore([1_000, 60_000], 5_000);
  const untouched = makeStore([1_000, 60_000], 5_000);
  let streamMs = 1_000_000;
  for (let chunk = 0; chunk < 60; chunk++) {
    for (let i = 0; i < 100; i++) {
      streamMs += rng.below(20);
      const timeMs = streamMs - rng.below(50);
      const value = rng.normal();
      add(store, "hot", timeMs, value);
      add(untouched, "hot", timeMs, value);
    }
    store.keep(streamMs);
    untouched.keep(streamMs);
    for (let i = 0; i < 50; i++) {
      const timeMs = streamMs + 500 - rng.below(5_000);
      add(store, "hot", timeMs, rng.normal());
      store.query("hot", timeMs);
    }
    store.undo();
    expect(answers(store, "hot", streamMs)).toEqual(answers(untouched, "hot", streamMs));
    expect(answers(store, "hot", streamMs - 4_000)).toEqual(answers(untouched, "hot", streamMs - 4_000));
  }
  expect(store.rowCounts[1]).toBeGreaterThan(1_000);
});

test("evicts what no record in time can reach, not a row more, and forgets empty keys", () => {
  const store = makeStore();
  for (const time of [100, 101, 200]) add(store, "a", time, 1);
  add(store, "gone", 50, 1);
  store.keep(231);
  // 231 - 30 - 100 = 101 is the last time out of reach.
  expect(store.entryCount).toBe(1);
  expect(store.keyCount).toBe(1);
  store.keep(230);
  store.query("a", 200);
  expect([...store.rowCounts]).toEqual([1, 1]);
});

test("evicts silent keys too, a share of them at every keep", () => {
  const store = makeStore();
  for (let i = 0; i < 1_000; i++) add(store, `k${i}`, 100, 1);
  store.keep(100);
  for (let i = 0; i < 20; i++) store.keep(10_000);
  expect(store.entryCount).toBe(0);
  expect(store.keyCount).toBe(0);
});

test("starts anew after clear", () => {
  const store = makeStore();
  for (let i = 0; i < 500; i++) add(store, "a", 100, 1);
  store.clear();
  expect(store.entryCount).toBe(0);
  add(store, "a", 100, 5);
  store.query("a", 100);
  expect(sumOf(store.summaries, 0)).toBe(5);
  store.undo();
  expect(store.entryCount).toBe(0);
});

test("holds many rows of one key over many keeps, in bounded memory", () => {
  const store = makeStore([1_000], 0);
  for (let i = 0; i < 50_000; i++) {
    add(store, "hot", i, i);
    if (i % 100 === 0) store.keep(i);
  }
  store.query("hot", 49_999);
  expect([...store.rowCounts]).toEqual([1_000]);
  expect(meanOf(store.summaries, 0)).toBe(49_499.5);
  expect(store.entryCount).toBeLessThanOrEqual(1_100);
});

test("equals the brute-force oracle on 20,000 random events", () => {
  const hourMs = 3_600_000;
  const windows = [600_000, hourMs, 6 * hourMs];
  const rng = seededRng(1);
  const stream = oracleStream({
    count: 20_000,
    keys: 60,
    windowsMs: windows,
    lateWithinMs: hourMs,
    uniform: rng.uniform,
  });
  expect(stream.counts.ties).toBeGreaterThanOrEqual(1_000);
  expect(stream.counts.edges).toBeGreaterThanOrEqual(1_000);
  expect(stream.counts.outOfOrder).toBeGreaterThanOrEqual(1_000);
  const expected = rollingOracle(stream.events, windows);
  const store = makeStore(windows, hourMs);
  let streamMs = 0;
  let mismatches = 0;
  stream.events.forEach((event, i) => {
    streamMs = Math.max(streamMs, event.timeMs);
    if (event.counts) add(store, event.key, event.timeMs, event.value ?? Number.NaN);
    store.query(event.key, event.timeMs);
    windows.forEach((_, w) => {
      const want = expected[i]?.[w];
      if (want === undefined || !isAnswer(store, w, want)) mismatches++;
    });
    if (i % 500 === 499) store.keep(streamMs);
  });
  expect(mismatches).toBe(0);
  expect(store.entryCount).toBeLessThan(stream.events.length);
});

function isAnswer(
  store: RollingStore,
  window: number,
  want: ReturnType<typeof rollingOracle>[number][number],
): boolean {
  const at = window * momentsStride;
  const { summaries } = store;
  const orNull = (value: number | undefined): number | null =>
    want.values === 0 || value === undefined || Number.isNaN(value) ? null : value;
  return (
    store.rowCounts[window] === want.rows &&
    summaries[at] === want.values &&
    agrees(orNull(sumOf(summaries, at)), want.sum) &&
    agrees(orNull(meanOf(summaries, at)), want.mean) &&
    agrees(orNull(summaries[at + momentsMin]), want.min) &&
    agrees(orNull(summaries[at + momentsMax]), want.max) &&
    agrees(orNull(stdOf(summaries, at)), want.std)
  );
}
