import fc from "fast-check";
import { expect, test } from "vitest";
import { type Rng, seededRng } from "../../../src/kernel/index.ts";
import { IdStore, RollingStore } from "../../../src/state/index.ts";
import {
  momentsMax,
  momentsMin,
  momentsStride,
  needExtremes,
  needSpread,
  needSum,
  stdOf,
  sumOf,
} from "../../../src/stats/index.ts";

// Keys with thousands of rows and ids with thousands of spans, whose rows are cut into blocks and groups.

const windowsMs = [500, 20_000, 100_000];
const reachMs = 100_000;
const latenessMs = 5_000;
const needs = [needSum | needExtremes | needSpread, needSum];
const blockedRowsMin = 256;

interface Row {
  readonly timeMs: number;
  readonly value: number;
}

function makeStore(): RollingStore {
  const spec = { name: "rolling", kind: "rolling", version: 1 } as const;
  return new RollingStore({ spec, needs, windowsMs, latenessMs });
}

function add(store: RollingStore, { timeMs, value }: Row): void {
  store.inputs[0] = value;
  // Every seventh is null.
  store.inputs[1] = value % 7 === 0 ? Number.NaN : value * 0.1;
  store.add("hot", timeMs);
}

/** Rows and the bits of every summary, per window. */
function answers(store: RollingStore, timeMs: number): number[] {
  store.query("hot", timeMs);
  return [...store.rowCounts, ...store.summaries];
}

/** A store that has seen nothing but these rows, as one that was restored. */
function restored(rows: readonly Row[]): RollingStore {
  const store = makeStore();
  for (const row of rows) add(store, row);
  store.keep(Number.NEGATIVE_INFINITY);
  return store;
}

function inOrder(rows: readonly Row[]): readonly Row[] {
  return rows.toSorted((a, b) => a.timeMs - b.timeMs);
}

function expectNaive(store: RollingStore, rows: readonly Row[], timeMs: number): void {
  store.query("hot", timeMs);
  windowsMs.forEach((window, w) => {
    const values = rows.filter((row) => row.timeMs > timeMs - window && row.timeMs <= timeMs).map(({ value }) => value);
    expect(store.rowCounts[w]).toBe(values.length);
    if (values.length === 0) return;
    const at = w * needs.length * momentsStride;
    const sum = values.reduce((a, b) => a + b, 0); // small whole numbers: exact in any order
    expect(sumOf(store.summaries, at)).toBe(sum);
    expect(store.summaries[at + momentsMin]).toBe(values.reduce((a, b) => Math.min(a, b)));
    expect(store.summaries[at + momentsMax]).toBe(values.reduce((a, b) => Math.max(a, b)));
    const squares = values.reduce((total, x) => total + (x - sum / values.length) ** 2, 0);
    if (values.length > 1) expect(stdOf(store.summaries, at)).toBeCloseTo(Math.sqrt(squares / (values.length - 1)), 9);
    expect(store.summaries[at + momentsStride]).toBe(values.filter((x) => x % 7 !== 0).length);
  });
}

/** How time goes on: evenly, all rows at one time, or in bursts with gaps between. */
const paces = {
  even: (rng: Rng) => rng.below(80),
  ties: (rng: Rng) => (rng.below(400) === 0 ? 4_000 : 0),
  bursts: (rng: Rng) => (rng.below(300) === 0 ? 30_000 : rng.below(2)),
} as const;

function madeRows(
  rng: Rng,
  fromMs: number,
  { pace, count, lateShare }: { pace: keyof typeof paces; count: number; lateShare: number },
): { rows: Row[]; streamMs: number } {
  const rows: Row[] = [];
  let streamMs = fromMs;
  for (let i = 0; i < count; i++) {
    streamMs += paces[pace](rng);
    const late = rng.uniform() < lateShare ? rng.below(latenessMs) : 0;
    rows.push({ timeMs: streamMs - late, value: rng.below(101) - 50 });
  }
  return { rows, streamMs };
}

const chunk = fc.record({
  pace: fc.constantFrom(...(Object.keys(paces) as (keyof typeof paces)[])),
  rows: fc.integer({ min: 1, max: 600 }),
  lateShare: fc.constantFrom(0, 0.05, 0.5),
  asks: fc.constantFrom(0, 0.02, 0.2),
  ends: fc.constantFrom("keep", "keep", "undo", "nothing"),
  seed: fc.integer(),
});

test("equals a naive list in a key of thousands of rows: ties, bursts, late rows, keep, undo and restore (R2)", () => {
  fc.assert(
    fc.property(fc.array(chunk, { minLength: 4, maxLength: 14 }), (chunks) => {
      const store = makeStore();
      let rows: Row[] = [];
      let streamMs = 1_700_000_000_000;
      let kept = { rows, streamMs };
      for (const { pace, rows: count, lateShare, asks, ends, seed } of chunks) {
        const rng = seededRng(seed);
        const made = madeRows(rng, streamMs, { pace, count, lateShare });
        rows = [...rows, ...made.rows];
        streamMs = made.streamMs;
        for (const row of made.rows) {
          add(store, row);
          if (rng.uniform() < asks) store.query("hot", row.timeMs);
        }
        if (ends === "keep") {
          kept = { rows, streamMs };
          store.keep(streamMs);
        } else if (ends === "undo") {
          ({ rows, streamMs } = kept);
          store.undo();
        }
        for (const timeMs of [streamMs, streamMs - rng.below(latenessMs)]) expectNaive(store, rows, timeMs);
      }
      const inReach = rows.filter(({ timeMs }) => timeMs > streamMs - latenessMs - reachMs);
      const again = restored(inOrder(inReach));
      for (const ago of [0, 1, 300, 4_999]) {
        expect(answers(again, streamMs - ago)).toEqual(answers(store, streamMs - ago));
      }
    }),
    { numRuns: 25 },
  );
});

test("gives the same bits whether later rows are there or not, and whether summaries are remembered or not", () => {
  const rng = seededRng(21);
  const rows: Row[] = [];
  for (let i = 0, timeMs = 1_000_000; i < 6_000; i++) {
    timeMs += rng.below(30);
    rows.push({ timeMs, value: rng.normal() * 10 ** rng.below(6) });
  }
  const whole = restored(rows);
  const growing = makeStore();
  for (const [i, row] of rows.entries()) {
    add(growing, row);
    if (i % 97 !== 0 || rows[i + 1]?.timeMs === row.timeMs) continue;
    const fresh = restored(rows.slice(0, i + 1));
    const expected = answers(fresh, row.timeMs);
    expect(answers(growing, row.timeMs)).toEqual(expected);
    expect(answers(growing, row.timeMs)).toEqual(expected);
    expect(answers(whole, row.timeMs)).toEqual(expected);
  }
  expect(whole.rowCounts[2]).toBeGreaterThan(5_000);
});

test("gives the same bits when the longest window has just as many rows as are read one by one, and one less", () => {
  for (const count of [blockedRowsMin - 1, blockedRowsMin, blockedRowsMin + 1]) {
    const rng = seededRng(count);
    const older = Array.from({ length: 3_000 }, (_, i) => ({ timeMs: i, value: rng.normal() }));
    const newer = Array.from({ length: count }, (_, i) => ({ timeMs: 2_999 + reachMs + i, value: rng.normal() }));
    const timeMs = 2_999 + reachMs + count - 1;
    // The older rows are there, and lie outside.
    const store = restored([...older, ...newer]);
    expect(answers(store, timeMs)).toEqual(answers(restored(newer), timeMs));
    expect(store.rowCounts[2]).toBe(count);
  }
});

test("a key that shrinks to a few rows and grows again answers as before", () => {
  const store = makeStore();
  const rows: Row[] = [];
  let streamMs = 1_000_000;
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 1_500; i++) {
      const row = { timeMs: streamMs, value: i % 50 };
      add(store, row);
      rows.push(row);
      if (i % 10 === 0) store.query("hot", streamMs);
      streamMs += 20;
    }
    store.keep(streamMs);
    expectNaive(store, rows, streamMs);
    // All but the newest rows leave.
    streamMs += reachMs + latenessMs - 20 * (40 + round);
    store.keep(streamMs);
    expect(store.entryCount).toBeLessThan(60);
    expectNaive(store, rows, streamMs);
  }
});

interface Seen {
  readonly timeMs: number;
  readonly offset: number;
}

const withinMs = 20;

function makeIds(lateness: number): IdStore {
  return new IdStore({ spec: { name: "dedupe", kind: "ids", version: 1 }, withinMs, latenessMs: lateness });
}

const judgements = fc.record({
  count: fc.integer({ min: 1, max: 400 }),
  // How far times lie apart: all one span, spans that meet and grow together, or all spans of their own.
  apart: fc.constantFrom(5, 19, 20, 35, 60),
  lateShare: fc.constantFrom(0, 0.1, 0.6),
  ends: fc.constantFrom("keep", "keep", "undo", "nothing"),
  seed: fc.integer(),
});

test("an id with thousands of spans is judged as by a naive list: late, kept, undone, read again (R2)", () => {
  const lateness = 3_000;
  fc.assert(
    fc.property(fc.array(judgements, { minLength: 2, maxLength: 10 }), (chunks) => {
      const store = makeIds(lateness);
      let seen: Seen[] = [];
      let streamMs = 10_000;
      let kept = { seen, streamMs };
      for (const { count, apart, lateShare, ends, seed } of chunks) {
        const rng = seededRng(seed);
        seen = [...seen];
        for (let i = 0; i < count; i++) {
          const timeMs = rng.uniform() < lateShare ? streamMs - rng.below(lateness) : streamMs + rng.below(2 * apart);
          const offset = seen.length;
          const isRepeat = seen.some((other) => Math.abs(other.timeMs - timeMs) < withinMs);
          expect(store.judge("hot", timeMs, offset, streamMs)).toBe(isRepeat);
          seen.push({ timeMs, offset });
          streamMs = Math.max(streamMs, timeMs);
        }
        if (ends === "keep") {
          kept = { seen, streamMs };
          store.keep(streamMs);
        } else if (ends === "undo") {
          ({ seen, streamMs } = kept);
          store.undo();
        }
      }
      // Ids that other records have are not touched by it, and everything leaves in the end.
      expect(store.judge("other", streamMs, seen.length, streamMs)).toBe(false);
      store.keep(streamMs);
      store.keep(streamMs + 2 * lateness);
      expect(store.entryCount).toBe(0);
    }),
    { numRuns: 40 },
  );
});

test("spans of an id leave from the front as they age, and the others stay", () => {
  const store = makeIds(100);
  for (let i = 0; i < 5_000; i++) {
    expect(store.judge("hot", i * 50, i, i * 50)).toBe(false);
    if (i % 100 === 99) store.keep(i * 50);
  }
  // Within reach of the last time, 249,950: 249,830 and later.
  expect(store.entryCount).toBe(3);
  for (const time of [249_850, 249_900, 249_950]) expect(store.judge("hot", time, 5_000, 249_950)).toBe(true);
});

test("a span that grows to another takes nothing of it, and undo lets both go back", () => {
  const store = makeIds(1_000);
  store.judge("a", 100, 0, 100);
  store.judge("a", 130, 1, 130);
  store.keep(130);
  // 115 is near to both; 121 lies between what is one span and the other.
  expect(store.judge("a", 115, 2, 130)).toBe(true);
  expect(store.judge("a", 121, 3, 130)).toBe(true);
  expect(store.judge("a", 81, 4, 130)).toBe(true);
  expect(store.entryCount).toBe(2);
  store.undo();
  expect(store.entryCount).toBe(2);
  expect(store.judge("a", 80, 2, 130)).toBe(false);
  store.undo();
  expect(store.judge("a", 150, 2, 130)).toBe(false);
  store.undo();
  // Read again, the record that began the later span is no repeat of itself.
  expect(store.judge("a", 130, 1, 130)).toBe(false);
});

test("a time near to two spans goes into the later of those before it, so that spans never overlap", () => {
  const store = makeIds(1_000);
  for (const [offset, timeMs] of [100, 130].entries()) expect(store.judge("a", timeMs, offset, timeMs)).toBe(false);
  // 115 makes the first span reach to 16 ms before 131, which the second takes in.
  expect(store.judge("a", 115, 2, 130)).toBe(true);
  expect(store.judge("a", 131, 3, 130)).toBe(true);
  expect(store.judge("a", 150, 4, 131)).toBe(true);
});
