/** Counts by window: what they hold follows from the rows that were kept, and from nothing else. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ChangeWriter, WindowCounts, type WindowTotal } from "../../../src/state/index.ts";

const windowMs = 100;
const lateMs = 50;

function storeOf(config = "abcd"): WindowCounts {
  const store = new WindowCounts({
    spec: { name: "monitor.rows", kind: "counts", version: 1 },
    config,
    windowMs,
    lateMs,
  });
  store.serve("b1", [2, 3], "plan");
  return store;
}

interface Row {
  readonly timeMs: number;
  readonly offset: number;
  readonly schema: number;
  /** Its cell in each of the two fields. */
  readonly cells: readonly [number, number];
}

const row = (timeMs: number, offset: number, schema = -1, cells: Row["cells"] = [0, 0]): Row => ({
  timeMs,
  offset,
  schema,
  cells,
});

/** Instead of a schema: no row was made of the record. */
const failing = -2;

/** Takes a row as a tap does. */
function take(store: WindowCounts, { timeMs, offset, schema, cells }: Row): void {
  if (schema === failing) {
    store.fail(-1, offset);
    return;
  }
  if (!store.count(timeMs, -1, offset, schema)) return;
  for (const cell of [cells[0], 2 + cells[1]]) {
    store.counts[cell]!++;
    if (store.recentCounts !== undefined) store.recentCounts[cell]!++;
  }
}

/** What a window has, as plain values. */
function plain(total: WindowTotal) {
  const { fromMs, baseline, rows, late, failed, offsetFrom, offsetNext, streamTimeMs, origin, schemas, recent } = total;
  return {
    ...{ fromMs, baseline, rows, late, failed, offsetFrom, offsetNext, streamTimeMs, origin, schemas: [...schemas] },
    counts: total.byField(total.counts).map((counts) => [...counts]),
    recent: recent && { schema: recent.schema, rows: recent.rows, counts: [...recent.counts] },
  };
}

class Log implements ChangeWriter {
  readonly entries = new Map<string, { key: Buffer; value: Buffer | null }>();
  count = 0;

  write(key: Uint8Array, value: Uint8Array | null): void {
    this.count++;
    this.entries.delete(Buffer.from(key).toString("hex"));
    this.entries.set(Buffer.from(key).toString("hex"), {
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
    });
  }

  into(store: WindowCounts): WindowCounts {
    for (const { key, value } of this.entries.values()) store.apply(key, value);
    return store;
  }
}

function open(store: WindowCounts) {
  for (const total of store.behind) total.isBehind = true;
  return store.behind.map(plain);
}

describe("windows", () => {
  test("begin at multiples of their length, hold their start and not their end, also before 1970", () => {
    const store = storeOf();
    for (const [i, timeMs] of [-101, -100, -1, 0].entries()) take(store, row(timeMs, i));
    expect(store.behind.map(({ fromMs, rows }) => [fromMs, rows])).toEqual([
      [-200, 1],
      [-100, 2],
      [0, 1],
    ]);
  });

  test("are taken out once stream time has come to their end and lateness, the oldest first", () => {
    const store = storeOf();
    for (const [i, timeMs] of [110, 90, 149].entries()) take(store, row(timeMs, i));
    expect(store.takeOver()).toEqual([]);
    take(store, row(250, 3));
    expect(store.takeOver().map(({ fromMs, rows }) => [fromMs, rows])).toEqual([
      [0, 1],
      [100, 2],
    ]);
    expect(store.takeOver()).toEqual([]);
    expect(store.entryCount).toBe(1);
  });

  test("that are over take no row: it is late in the window of stream time, in no cell, and its offset counts", () => {
    const store = storeOf();
    take(store, row(150, 7));
    take(store, row(99, 5));
    take(store, row(100, 8));
    expect(store.count(99, -1, 9, -1)).toBe(false);
    const [total] = store.behind;
    expect([total!.fromMs, total!.rows, total!.late]).toEqual([100, 2, 2]);
    expect([total!.offsetFrom, total!.offsetNext]).toEqual([5, 10]);
    expect([...total!.counts]).toEqual([2, 0, 2, 0, 0]);
  });

  test("know a schema that is in use for longer than 64 others that came and went", () => {
    const store = storeOf();
    for (let i = 0; i <= 70; i++) {
      const at = 1_000 * i;
      take(store, row(at, 2 * i, 1));
      take(store, row(at + 1, 2 * i + 1, 100 + i));
      store.takeOver();
      store.keep();
    }
    take(store, row(71_000, 200, 1));
    expect(store.behind.at(-1)?.recent).toBeUndefined();
    // The first of the others is forgotten: it would be new again.
    take(store, row(71_001, 201, 100));
    expect(store.behind.at(-1)?.recent?.schema).toBe(100);
  });

  test("take no row dated more than a window ahead of its record: it is late, and moves no stream time", () => {
    const store = storeOf();
    expect(store.count(150, 150, 0, -1)).toBe(true);
    // 150 + 100 is the last time that is let through.
    expect(store.count(4_000_000, 160, 1, -1)).toBe(false);
    expect(store.count(251, 150, 2, -1)).toBe(false);
    expect(store.latestTimeMs).toBe(150);
    expect(store.takeOver()).toEqual([]);
    expect(store.count(250, 150, 3, -1)).toBe(true);
    expect(store.latestTimeMs).toBe(250);
    expect(store.behind.map(({ fromMs, rows, late }) => [fromMs, rows, late])).toEqual([
      [100, 1, 2],
      [200, 1, 0],
    ]);
  });

  test("begin where the record was written when the first row is dated far ahead or has no time", () => {
    for (const [timeMs, rows] of [
      [Number.NaN, 1],
      [9_000, 0],
    ] as const) {
      const store = storeOf();
      expect(store.count(timeMs, 730, 4, -1)).toBe(rows === 1);
      expect(store.latestTimeMs).toBe(Number.NEGATIVE_INFINITY);
      expect(store.behind.map((total) => [total.fromMs, total.rows, total.late])).toEqual([[700, rows, 1 - rows]]);
      // Rows of long ago are none the later for it.
      expect(store.count(20, 740, 5, -1)).toBe(true);
    }
  });

  test("have a row without a time where stream time is, which it does not move", () => {
    const store = storeOf();
    store.count(320, -1, 0, -1);
    expect(store.count(Number.NaN, 9_000, 1, -1)).toBe(true);
    expect(store.latestTimeMs).toBe(320);
    expect(store.behind.map(({ fromMs, rows }) => [fromMs, rows])).toEqual([[300, 2]]);
  });

  test("are counted apart under each baseline, and with none in service without cells", () => {
    const store = storeOf();
    take(store, row(10, 0));
    store.keep();
    store.serve("", [], "none");
    expect(store.count(20, -1, 1, -1)).toBe(true);
    store.keep();
    store.serve("b2", [4], "later");
    expect(store.count(30, -1, 2, -1)).toBe(true);
    store.counts[3]!++;
    expect(
      store.behind.map(plain).map(({ baseline, rows, counts, origin }) => [baseline, rows, counts, origin]),
    ).toEqual([
      [
        "b1",
        1,
        [
          [1, 0],
          [1, 0, 0],
        ],
        "plan",
      ],
      ["", 1, [], "none"],
      ["b2", 1, [[0, 0, 0, 1]], "later"],
    ]);
    expect(() => store.serve("b3", [], "x")).toThrow("while a chunk is in hand");
  });
});

describe("writer schemas", () => {
  test("are named with the first offset that the window has of each", () => {
    const store = storeOf();
    for (const made of [row(10, 3, 7), row(11, 4, 9), row(12, 5, 7), row(110, 6, 9), row(111, 7)]) take(store, made);
    expect(store.behind.map(({ fromMs, schemas }) => [fromMs, schemas])).toEqual([
      [
        0,
        [
          { id: 7, offset: 3 },
          { id: 9, offset: 4 },
        ],
      ],
      [100, [{ id: 9, offset: 6 }]],
    ]);
  });

  test("that are new have their rows counted apart in the window in which they came and the next, and no longer", () => {
    const store = storeOf();
    const rows = [
      row(10, 0, 7),
      row(20, 1, 9, [1, 2]),
      row(30, 2, 7),
      row(120, 3, 9, [0, 1]),
      row(130, 4, 9),
      row(210, 5, 9),
    ];
    for (const made of rows) take(store, made);
    expect(open(store).map(({ recent }) => recent)).toEqual([
      { schema: 9, rows: 1, counts: [0, 1, 0, 0, 1] },
      { schema: 9, rows: 2, counts: [2, 0, 1, 1, 0] },
      undefined,
    ]);
  });

  test("of which the very first is not new, since nobody has met another before", () => {
    const store = storeOf();
    take(store, row(10, 0, 7));
    expect(store.recentCounts).toBeUndefined();
    expect(open(store)[0]!.recent).toBeUndefined();
  });

  test("give way to one that is newer still, and do not come back", () => {
    const store = storeOf();
    for (const [i, schema] of [1, 2, 3, 2, 3].entries()) take(store, row(10, i, schema));
    expect(open(store)[0]!.recent).toEqual({ schema: 3, rows: 2, counts: [2, 0, 2, 0, 0] });
  });

  test("that a chunk met which failed are new again", () => {
    const store = storeOf();
    take(store, row(10, 0, 1));
    store.keep();
    take(store, row(20, 1, 2));
    store.undo();
    take(store, row(320, 1, 2));
    expect(open(store)[1]!.recent?.rows).toBe(1);
  });
});

describe("reports", () => {
  test("a window is behind until what it has was reported with a chunk that was kept, and again with its next row", () => {
    const store = storeOf();
    take(store, row(10, 0));
    store.reported();
    store.undo();
    expect(store.isBehind).toBe(false);
    take(store, row(10, 0));
    store.keep();
    expect(store.isBehind).toBe(true);
    store.reported();
    store.undo();
    expect(store.isBehind).toBe(true);
    store.reported();
    store.keep();
    expect(store.behind).toEqual([]);
    take(store, row(120, 1));
    store.keep();
    expect(store.behind.map(({ fromMs }) => fromMs)).toEqual([100]);
    store.reported();
    store.keep();
    take(store, row(130, 2));
    store.undo();
    expect(store.isBehind).toBe(false);
  });

  test("a window that was restored is behind: nobody knows what was reported of it", () => {
    const store = storeOf();
    take(store, row(10, 0));
    const log = new Log();
    store.changes(log);
    expect(log.into(storeOf()).isBehind).toBe(true);
  });
});

describe("entries", () => {
  test("of another configuration are dropped, and given as gone with the next chunk that is kept", () => {
    const store = storeOf("old");
    for (const made of [row(10, 0, 1), row(20, 1, 2), row(130, 2, 2)]) take(store, made);
    const log = new Log();
    store.changes(log);
    expect(log.count).toBe(3);
    const next = log.into(storeOf("new"));
    next.keep();
    expect([next.entryCount, next.latestTimeMs]).toEqual([0, Number.NEGATIVE_INFINITY]);
    const gone = new Log();
    next.changes(gone);
    expect([...gone.entries.values()].map(({ value }) => value)).toEqual([null, null, null]);
    expect([...gone.entries.keys()].sort()).toEqual([...log.entries.keys()].sort());
    // What the new one writes under the same key stands.
    next.keep();
    take(next, row(10, 0, 1));
    const again = new Log();
    next.changes(again);
    expect([...again.entries.values()].map(({ value }) => value === null)).toEqual([false, false]);
  });

  test("of another version, cut short or of absurd size are refused", () => {
    const store = storeOf();
    take(store, row(10, 0));
    const log = new Log();
    store.changes(log);
    const [{ key, value }] = [...log.entries.values()] as [{ key: Buffer; value: Buffer }];
    const other = Buffer.from(value);
    other[0] = 2;
    expect(() => storeOf().apply(key, other)).toThrow("has version 2, not 1");
    expect(() => storeOf().apply(key, value.subarray(0, value.length - 1))).toThrow("ends in the middle");
    const huge = Buffer.concat([value.subarray(0, 6), Buffer.from([255, 255, 255, 127])]);
    expect(() => storeOf().apply(key, huge)).toThrow("says that it has");
    expect(() => store.apply(key, value)).toThrow("while a chunk is in hand");
  });

  test("of a window that came and went in one chunk are not written", () => {
    const store = storeOf();
    take(store, row(10, 0));
    take(store, row(310, 1));
    expect(store.takeOver()).toHaveLength(1);
    const log = new Log();
    store.changes(log);
    expect(log.count).toBe(1);
  });

  test("counts beyond 2^32 go there and back", () => {
    const store = storeOf();
    store.count(10, -1, 2 ** 40, -1);
    store.counts[1] = 2 ** 52 + 1;
    const log = new Log();
    store.changes(log);
    const [total] = log.into(storeOf()).behind;
    expect([total!.counts[1], total!.offsetNext]).toEqual([2 ** 52 + 1, 2 ** 40 + 1]);
  });
});

const rows = fc.array(
  fc.record({
    stepMs: fc.integer({ min: -220, max: 120 }),
    schema: fc.constantFrom(-1, 1, 1, 1, 2, 3, failing),
    cells: fc.tuple(fc.nat(1), fc.nat(2)),
  }),
  { maxLength: 12 },
);
const history = fc.array(
  fc.record({ rows, end: fc.constantFrom("keep", "keep", "keep", "undo", "given, then undo", "copied") }),
  { maxLength: 20 },
);

const startOf = (timeMs: number): number => timeMs - (((timeMs % windowMs) + windowMs) % windowMs);

/** One pass over the kept rows without chunks, maps for all: windows in the order in which they were over. */
function naive(kept: readonly Row[]) {
  const windows = new Map<number, ReturnType<typeof plain>>();
  const first = new Map<number, number>();
  const order: number[] = [];
  const meet = (total: ReturnType<typeof plain>, offset: number, schema: number, cells: Row["cells"]): void => {
    const { fromMs } = total;
    if (!total.schemas.some(({ id }) => id === schema)) total.schemas.push({ id: schema, offset });
    if (!first.has(schema)) {
      first.set(schema, order.length === 0 ? Number.NEGATIVE_INFINITY : fromMs);
      order.push(schema);
    }
    if (fromMs > first.get(schema)! + windowMs) return;
    if (total.recent === undefined || order.indexOf(schema) > order.indexOf(total.recent.schema))
      total.recent = { schema, rows: 0, counts: [0, 0, 0, 0, 0] };
    if (total.recent.schema !== schema) return;
    total.recent.rows++;
    total.recent.counts[cells[0]]!++;
    total.recent.counts[2 + cells[1]]!++;
  };
  let stream = Number.NEGATIVE_INFINITY;
  for (const { timeMs, offset, schema, cells } of kept) {
    const isFailed = schema === failing;
    const isLate = !isFailed && startOf(timeMs) + windowMs + lateMs <= stream;
    const streamOrNone = Number.isFinite(stream) ? stream : 0;
    const fromMs = startOf(isFailed ? streamOrNone : isLate ? stream : timeMs);
    if (!isFailed) stream = Math.max(stream, timeMs);
    const total = windows.get(fromMs) ?? {
      ...{ fromMs, baseline: "b1", rows: 0, late: 0, failed: 0, offsetFrom: offset, offsetNext: offset + 1 },
      ...{ streamTimeMs: stream, origin: "plan", schemas: [], recent: undefined },
      counts: [
        [0, 0],
        [0, 0, 0],
      ],
    };
    windows.set(fromMs, total);
    total.offsetNext = offset + 1;
    total.streamTimeMs = stream;
    if (isLate || isFailed) {
      if (isLate) total.late++;
      else total.failed++;
      continue;
    }
    total.rows++;
    total.counts[0]![cells[0]]!++;
    total.counts[1]![cells[1]]!++;
    if (schema !== -1) meet(total, offset, schema, cells);
  }
  return windows;
}

/** A store over its life: chunks that are kept or fail, restores and copies. */
class Life {
  store = storeOf();
  readonly log = new Log();
  readonly kept: Row[] = [];
  readonly over: ReturnType<typeof plain>[] = [];
  #timeMs = 1_000;

  chunk(steps: readonly { stepMs: number; schema: number; cells: readonly [number, number] }[], end: string): void {
    const made = steps.map(({ stepMs, schema, cells }, i) => {
      this.#timeMs += stepMs;
      return row(this.#timeMs, this.kept.length + i, schema, cells);
    });
    for (const each of made) take(this.store, each);
    const closed = this.store.takeOver().map(plain);
    const given = new Log();
    if (end !== "undo") this.store.changes(given);
    if (end.endsWith("undo")) {
      this.store.undo();
      return;
    }
    for (const { key, value } of given.entries.values()) this.log.write(key, value);
    this.store.keep();
    this.kept.push(...made);
    this.over.push(...closed);
  }

  /** Goes on as another process does; a copy holds what the log holds. */
  restore(): void {
    const copied = new Log();
    const copy = this.store.copy();
    while (copy.next(copied));
    const [fromLog, fromCopy] = [this.log.into(storeOf()), copied.into(storeOf())];
    for (const restored of [fromLog, fromCopy]) {
      restored.keep();
      expect([restored.latestTimeMs, restored.keptTimeMs]).toEqual([this.store.latestTimeMs, this.store.keptTimeMs]);
    }
    expect(open(fromCopy)).toEqual(open(fromLog));
    this.store = fromLog;
  }

  get all() {
    return [...this.over, ...this.log.into(storeOf()).behind.map(plain)].sort((a, b) => a.fromMs - b.fromMs);
  }
}

test("R2, R9: however the rows are cut into chunks, fail, are restored or copied, every window is what one pass makes of them", () => {
  let windows = 0;
  fc.assert(
    fc.property(history, (chunks) => {
      const life = new Life();
      for (const { rows: steps, end } of chunks) {
        life.chunk(steps, end);
        if (end === "copied") life.restore();
      }
      const expected = [...naive(life.kept).values()].sort((a, b) => a.fromMs - b.fromMs);
      windows += expected.length;
      expect(life.all).toEqual(expected);
    }),
    { numRuns: 300 },
  );
  expect(windows).toBeGreaterThan(300);
});
