/** A store's changes, applied elsewhere, give an equal store: it answers the same and gives the same changes from then on. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Rng, seededRng } from "../../../src/kernel/index.ts";
import { type ChangeWriter, IdStore, RollingStore, type Store, type StoreCopy } from "../../../src/state/index.ts";
import { needExtremes, needSpread, needSum } from "../../../src/stats/index.ts";

interface Entry {
  readonly key: string;
  readonly value: string | null;
}

/** What a changelog holds, as text, so that entries compare. */
class Log implements ChangeWriter {
  readonly entries: Entry[] = [];

  write(key: Uint8Array, value: Uint8Array | null): void {
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
    this.entries.push({ key: text(key), value: value === null ? null : text(value) });
  }
}

/** The newest entry of each key, in the order in which those were written. */
function compacted(entries: readonly Entry[]): Entry[] {
  const last = new Map(entries.map(({ key }, index) => [key, index]));
  return entries.filter(({ key }, index) => last.get(key) === index);
}

function apply(store: Store, entries: readonly Entry[]): void {
  for (const { key, value } of entries)
    store.apply(Buffer.from(key, "hex"), value === null ? null : Buffer.from(value, "hex"));
}

/** A kind of store with a way to change it and to ask it everything. */
interface Subject<S extends Store> {
  make(): S;
  /** One record; `streamTimeMs` is that before it. */
  change(store: S, key: string, timeMs: number, offset: number, streamTimeMs: number): void;
  answers(store: S, key: string, timeMs: number): unknown;
  readonly latenessMs: number;
}

const windowsMs = [50, 400];
const rolling: Subject<RollingStore> = {
  latenessMs: 40,
  make: () =>
    new RollingStore({
      spec: { name: "rolling", kind: "rolling", version: 3 },
      needs: [needSum | needExtremes | needSpread, needSum],
      windowsMs,
      latenessMs: 40,
    }),
  change: (store, key, timeMs, offset) => {
    store.inputs[0] = offset % 7 === 0 ? Number.NaN : Math.sin(offset);
    store.inputs[1] = offset;
    store.add(key, timeMs);
  },
  answers: (store, key, timeMs) => {
    store.query(key, timeMs);
    return [...store.rowCounts, ...store.summaries];
  },
};

/** Shorter than its longest window: keys are forgotten while rows of theirs could still be reached. */
const rollingBriefly: Subject<RollingStore> = {
  latenessMs: 40,
  make: () =>
    new RollingStore({
      spec: { name: "rolling", kind: "rolling", version: 3 },
      needs: [needSum | needExtremes | needSpread, needSum],
      windowsMs,
      latenessMs: 40,
      ttlMs: 42,
    }),
  change: (store, key, timeMs, offset, streamTimeMs) => {
    store.expire(key, Math.max(timeMs, streamTimeMs));
    rolling.change(store, key, timeMs, offset, streamTimeMs);
  },
  // What is forgotten for the answer is taken back.
  answers: (store, key, timeMs) => {
    store.expire(key, timeMs);
    const answers = rolling.answers(store, key, timeMs);
    store.undo();
    return answers;
  },
};

const ids: Subject<IdStore> = {
  latenessMs: 40,
  make: () => new IdStore({ spec: { name: "dedupe", kind: "ids", version: 3 }, withinMs: 8, latenessMs: 40 }),
  change: (store, key, timeMs, offset, streamTimeMs) => void store.judge(key, timeMs, offset, streamTimeMs),
  // Judging remembers, so that what is asked is taken back.
  answers: (store, key, timeMs) => {
    const answers: boolean[] = [];
    for (let ms = timeMs - 50; ms <= timeMs + 10; ms += 2) {
      answers.push(store.judge(key, ms, 1e9, timeMs));
      store.undo();
    }
    return answers;
  },
};

const idsBriefly: Subject<IdStore> = {
  ...ids,
  make: () =>
    new IdStore({ spec: { name: "dedupe", kind: "ids", version: 3 }, withinMs: 60, latenessMs: 40, ttlMs: 42 }),
};

const chunk = fc.record({
  records: fc.integer({ min: 0, max: 60 }),
  stepMs: fc.integer({ min: 0, max: 9 }),
  end: fc.constantFrom("keep", "keep", "keep", "undo", "given and undone"),
});
interface Chunk {
  readonly records: number;
  readonly stepMs: number;
  readonly end: string;
}
const history = fc.record({ seed: fc.nat(1e6), chunks: fc.array(chunk, { minLength: 1, maxLength: 25 }) });
const keys = ["a", "b", "\ud800", "\ud801", "long ".repeat(40)];

/** Runs a history, and answers what was given of the chunks that were kept. */
class Run<S extends Store> {
  readonly store: S;
  readonly given: Entry[] = [];
  streamTimeMs = 1_000;
  #offset = 0;
  readonly #rng: Rng;
  readonly #subject: Subject<S>;

  constructor(subject: Subject<S>, seed: number) {
    this.#subject = subject;
    this.store = subject.make();
    this.#rng = seededRng(seed);
  }

  /** Records of one chunk, for this store and every other that is given. */
  change(records: number, stepMs: number, others: readonly S[] = []): void {
    const { latenessMs } = this.#subject;
    for (let i = 0; i < records; i++) {
      const key = keys[Math.floor(this.#rng.uniform() ** 2 * keys.length)] ?? "a";
      const isLate = this.#rng.uniform() < 0.2;
      const timeMs =
        this.streamTimeMs +
        (isLate ? -Math.floor(this.#rng.uniform() * latenessMs) : Math.floor(this.#rng.uniform() * stepMs));
      for (const store of [this.store, ...others])
        this.#subject.change(store, key, timeMs, this.#offset, this.streamTimeMs);
      this.#offset++;
      this.streamTimeMs = Math.max(this.streamTimeMs, timeMs);
    }
  }

  /** @param behind called after each chunk, when none is in hand */
  play(chunks: readonly Chunk[], behind: (index: number) => void = () => undefined): void {
    for (const [index, { records, stepMs, end }] of chunks.entries()) {
      const before = this.streamTimeMs;
      this.change(records, stepMs);
      const log = new Log();
      if (end !== "undo") this.store.changes(log);
      if (end === "keep") {
        this.given.push(...log.entries);
        this.store.keep(this.streamTimeMs);
      } else {
        this.store.undo();
        this.streamTimeMs = before;
      }
      behind(index);
    }
  }
}

function changesOf(store: Store): { gone: string[]; written: Entry[] } {
  const log = new Log();
  store.changes(log);
  const gone = log.entries.filter(({ value }) => value === null).map(({ key }) => key);
  return { gone: gone.sort(), written: log.entries.filter(({ value }) => value !== null) };
}

function storeOf(subject: Subject<Store>, entries: readonly Entry[]): Store {
  const store = subject.make();
  apply(store, entries);
  return store;
}

function copyOf(subject: Subject<Store>, copied: readonly Entry[], tail: readonly Entry[]): Store {
  const store = subject.make();
  for (const { key, value } of copied)
    if (value === null) store.owe(Buffer.from(key, "hex"));
    else apply(store, [{ key, value }]);
  apply(store, tail);
  return store;
}

function expectSameAnswers(subject: Subject<Store>, copy: Store, { store, streamTimeMs }: Run<Store>): void {
  for (const key of keys)
    for (const timeMs of [streamTimeMs, streamTimeMs - 35])
      expect(subject.answers(copy, key, timeMs)).toEqual(subject.answers(store, key, timeMs));
}

/** Two more chunks: what is cut, made and evicted from now on is the same. */
function expectSameChanges(copies: readonly Store[], run: Run<Store>): void {
  for (let more = 0; more < 2; more++) {
    run.change(70, 9, copies);
    const expected = changesOf(run.store);
    for (const copy of copies) expect(changesOf(copy)).toEqual(expected);
    for (const store of [run.store, ...copies]) store.keep(run.streamTimeMs);
  }
  for (const copy of copies) expect(copy.entryCount).toBe(run.store.entryCount);
}

for (const [name, subject] of [
  ["rolling rows", rolling],
  ["ids", ids],
  ["rolling rows with a time to live", rollingBriefly],
  ["ids with a time to live", idsBriefly],
] as [string, Subject<Store>][]) {
  test(`${name}: what was kept, applied elsewhere, whole or compacted or twice, gives an equal store`, () => {
    fc.assert(
      fc.property(history, fc.nat(100), ({ seed, chunks }, from) => {
        const run = new Run(subject, seed);
        run.play(chunks);
        const again = run.given.slice(Math.floor((run.given.length * from) / 101));
        const copies = [run.given, compacted(run.given)].flatMap((entries) => [
          storeOf(subject, entries),
          storeOf(subject, [...entries, ...again]),
        ]);
        for (const store of [run.store, ...copies]) store.keep(run.streamTimeMs);
        for (const copy of copies) expectSameAnswers(subject, copy, run);
        expectSameChanges(copies, run);
      }),
      { numRuns: 60 },
    );
  });

  test(`${name}: a copy made in pieces between chunks, and all that was given since before it, give an equal store`, () => {
    const pieces = fc.record({ from: fc.nat(24), each: fc.integer({ min: 1, max: 3 }), isCompacted: fc.boolean() });
    fc.assert(
      fc.property(history, pieces, ({ seed, chunks }, { from, each, isCompacted }) => {
        const run = new Run(subject, seed);
        const copied = new Log();
        let copy: StoreCopy | undefined;
        let isWhole = false;
        let since = 0;
        const goOn = (steps: number): void => {
          for (let step = 0; step < steps && !isWhole; step++) isWhole = copy?.next(copied) === false;
        };
        run.play(chunks, (index) => {
          if (index === from % chunks.length) {
            copy = run.store.copy();
            since = run.given.length;
          }
          goOn(copy === undefined ? 0 : each);
        });
        goOn(Number.POSITIVE_INFINITY);
        const tail = run.given.slice(since);
        const restored = copyOf(subject, copied.entries, isCompacted ? compacted(tail) : tail);
        const whole = storeOf(subject, compacted(run.given));
        for (const store of [run.store, restored, whole]) store.keep(run.streamTimeMs);
        expectSameAnswers(subject, restored, run);
        expectSameChanges([restored, whole], run);
      }),
      { numRuns: 150 },
    );
  });

  test(`${name}: a copy owes what was evicted and not given as gone, and an entry of the key settles that`, () => {
    const run = new Run(subject, 5);
    run.change(40, 3);
    const { written } = changesOf(run.store);
    run.store.keep(run.streamTimeMs);
    run.store.keep(run.streamTimeMs + 10_000);
    const copied = new Log();
    const copy = run.store.copy();
    while (copy.next(copied));
    expect(copied.entries.map(({ key, value }) => [key, value]).sort()).toEqual(
      written.map(({ key }) => [key, null]).sort(),
    );
    const [settled, ...owed] = written as [Entry, ...Entry[]];
    const restored = copyOf(subject, copied.entries, [{ key: settled.key, value: null }]);
    restored.keep(run.streamTimeMs + 10_000);
    expect(changesOf(restored)).toEqual({ gone: owed.map(({ key }) => key).sort(), written: [] });
    restored.keep(run.streamTimeMs + 10_000);
    expect(changesOf(restored).gone).toEqual([]);
    const emptied = copyOf(subject, copied.entries, []);
    emptied.clear();
    emptied.keep(run.streamTimeMs);
    expect(changesOf(emptied).gone).toEqual([]);
  });

  test(`${name}: each changed entry is given once, in first-touched order, and an undo forgets it`, () => {
    const run = new Run(subject, 5);
    run.change(40, 3);
    run.store.undo();
    expect(changesOf(run.store)).toEqual({ gone: [], written: [] });
    run.change(40, 3);
    const { written } = changesOf(run.store);
    expect(new Set(written.map(({ key }) => key)).size).toBe(written.length);
    run.store.undo();
    // Given and not confirmed: they are given again with what is done again.
    expect(changesOf(run.store)).toEqual({ gone: [], written: [] });
  });

  test(`${name}: what was evicted is given as gone until that is kept, and once`, () => {
    const run = new Run(subject, 5);
    run.change(40, 3);
    const { written } = changesOf(run.store);
    run.store.keep(run.streamTimeMs);
    run.store.keep(run.streamTimeMs + 10_000);
    expect(run.store.entryCount).toBe(0);
    const first = changesOf(run.store);
    expect(first).toEqual({ gone: written.map(({ key }) => key).sort(), written: [] });
    run.store.undo();
    // Nobody was told of it in the chunk that went well.
    run.store.keep(run.streamTimeMs + 10_000);
    expect(changesOf(run.store)).toEqual(first);
    run.store.undo();
    expect(changesOf(run.store)).toEqual(first);
    run.store.keep(run.streamTimeMs + 10_000);
    expect(changesOf(run.store)).toEqual({ gone: [], written: [] });
  });

  test(`${name}: an entry of another version is not read as one of this`, () => {
    const run = new Run(subject, 5);
    run.change(5, 3);
    const [{ key, value }] = changesOf(run.store).written as [Entry];
    const other = `04${value!.slice(2)}`;
    expect(() => apply(subject.make(), [{ key, value: other }])).toThrow("has version 4, not 3");
  });

  test(`${name}: nothing is taken in while a chunk is in hand`, () => {
    const run = new Run(subject, 5);
    run.change(5, 3);
    const { written } = changesOf(run.store);
    expect(() => apply(run.store, written)).toThrow("while a chunk is in hand");
  });
}

test("a store that nobody asks for its changes keeps nothing for them: it has evicted nothing to be told of", () => {
  for (const subject of [rolling, ids] as Subject<Store>[]) {
    const run = new Run(subject, 5);
    run.change(40, 3);
    run.store.keep(run.streamTimeMs);
    run.store.keep(run.streamTimeMs + 10_000);
    expect(changesOf(run.store)).toEqual({ gone: [], written: [] });
  }
});

/** Start, level and number of rows of the slices of one key, as they were given. */
function slicesOf(entries: readonly Entry[]): [number, number, number | null][] {
  return entries.map(({ key, value }) => {
    const bytes = Buffer.from(key, "hex");
    return [bytes.readDoubleLE(0), bytes[8]!, value === null ? null : (value.length / 2 - 1) / 24];
  });
}

function startOf({ key }: Entry): number {
  return Buffer.from(key, "hex").readDoubleLE(0);
}

function given(store: Store): [number, number, number | null][] {
  const log = new Log();
  store.changes(log);
  return slicesOf(log.entries);
}

const addAt = (store: RollingStore, timeMs: number, count: number): void => {
  for (let i = 0; i < count; i++) rolling.change(store, "a", timeMs, i, timeMs);
};

test("a slice of 64 rows is one entry; with one more it is gone, and its halves are there instead, whichever have rows", () => {
  const store = rolling.make();
  addAt(store, 450, 40);
  addAt(store, 790, 24);
  expect(given(store)).toEqual([[400, 0, 64]]);
  store.keep(790);
  addAt(store, 460, 1);
  expect(given(store)).toEqual([
    [400, 0, null],
    [400, 1, 41],
    [600, 1, 24],
  ]);
  store.keep(790);
  // Only the slice that was touched is written again.
  addAt(store, 791, 1);
  expect(given(store)).toEqual([[600, 1, 25]]);
});

test("a slice that was cut in a chunk that failed is whole again", () => {
  const store = rolling.make();
  addAt(store, 450, 40);
  addAt(store, 790, 24);
  given(store);
  store.keep(790);
  addAt(store, 460, 1);
  given(store);
  store.undo();
  addAt(store, 795, 1);
  store.undo();
  addAt(store, 450, 0);
  expect(given(store)).toEqual([]);
  store.keep(790);
  addAt(store, 460, 2);
  expect(given(store).map(([start, level]) => [start, level])).toEqual([
    [400, 0],
    [400, 1],
    [600, 1],
  ]);
});

test("a key of many rows is copied in parts of a few slices", () => {
  const store = rolling.make();
  for (let timeMs = 400; timeMs < 800; timeMs++) addAt(store, timeMs, 30);
  const { written } = changesOf(store);
  store.keep(800);
  const copied = new Log();
  const copy = store.copy();
  const lengths: number[] = [];
  for (let isMore = true; isMore; lengths.push(copied.entries.length)) isMore = copy.next(copied);
  expect(written.length).toBeGreaterThan(200);
  expect(copied.entries).toEqual(written.toSorted((a, b) => startOf(a) - startOf(b)));
  expect(lengths.every((length, i) => length - (lengths[i - 1] ?? 0) <= 16)).toBe(true);
});

test("rows of one millisecond stay together, however many they are", () => {
  const store = rolling.make();
  addAt(store, 450, 100);
  // 400 ms / 2^9 is the first length below a millisecond, and 450 = 576 * 400 / 2^9.
  expect(given(store)).toEqual([[450, 9, 100]]);
});

test("a slice is gone when its last row is, also when the next row stands at its very end", () => {
  const store = rolling.make();
  addAt(store, 450, 1);
  addAt(store, 800, 1);
  given(store);
  store.keep(800);
  // A reach of 440 ms: the row at 450 has left.
  store.keep(890);
  expect(given(store)).toEqual([[400, 0, null]]);
});

test("an entry takes the place of those that it overlaps, also when nobody has said that they are gone", () => {
  const whole = rolling.make();
  addAt(whole, 450, 40);
  addAt(whole, 790, 24);
  const half = rolling.make();
  addAt(half, 450, 65);
  addAt(half, 790, 10);
  const [parent, parts] = [changesOf(whole).written, changesOf(half).written];
  expect([parent.length, parts.length]).toEqual([1, 2]);
  const copy = rolling.make();
  apply(copy, [...parent, parts[1]!]);
  expect(copy.entryCount).toBe(10);
  apply(copy, parent);
  expect(copy.entryCount).toBe(64);
});

test("spans past the horizon are not written again, whether the sweep has come to them or not", () => {
  const store = ids.make();
  for (let i = 0; i < 300; i++) store.judge(`id-${i}`, 100, i, 100);
  store.judge("last", 100, 300, 100);
  store.keep(100);
  store.judge("other", 1_000, 301, 1_000);
  store.keep(1_000);
  expect(store.entryCount).toBeGreaterThan(200);
  store.judge("last", 1_001, 302, 1_000);
  const { written } = changesOf(store);
  // Version, and one span of three numbers.
  expect(written.map(({ value }) => value!.length / 2)).toEqual([25]);
});

const idsOf = (latenessMs: number): IdStore =>
  new IdStore({ spec: { name: "dedupe", kind: "ids", version: 3 }, withinMs: 8, latenessMs });

/** Start of the stretch, text and spans (first time, last time) of entries of ids. */
function stretchesOf(store: Store): [start: number, id: string, spans: [number, number][] | null][] {
  const log = new Log();
  store.changes(log);
  return log.entries.map(({ key, value }) => {
    const bytes = Buffer.from(value ?? "", "hex");
    const spans = Array.from({ length: Math.floor(bytes.length / 24) }, (_, i): [number, number] => [
      bytes.readDoubleLE(1 + 24 * i),
      bytes.readDoubleLE(9 + 24 * i),
    ]);
    const start = Buffer.from(key, "hex").readDoubleLE(0);
    return [start, Buffer.from(key, "hex").toString("utf8", 9), value === null ? null : spans];
  });
}

test("an id with thousands of spans is entries of 64 spans, an update writes the one that it touches, and it leaves by entries", () => {
  // Nobody is closer than 8 ms to another, so that a stretch of 64 times 8 ms has 64 spans.
  const store = idsOf(100_000);
  for (let i = 0; i < 10_000; i++) store.judge("a", i * 8, i, i * 8);
  const first = stretchesOf(store);
  expect(first.map(([start, , spans]) => [start, spans?.length])).toEqual(
    Array.from({ length: 157 }, (_, i) => [i * 512, i < 156 ? 64 : 16]),
  );
  store.keep(80_000);
  store.judge("a", 40_001, 10_000, 80_000);
  store.judge("a", 40_002, 10_001, 80_000);
  store.judge("a", 79_999, 10_002, 80_000);
  const touched = stretchesOf(store);
  expect(touched.map(([start, id]) => [start, id])).toEqual([
    [39_936, "a"],
    [79_872, "a"],
  ]);
  expect(touched[0]![2]![8]).toEqual([40_000, 40_002]);
  store.keep(80_000);
  // Two entries and half of a third are older than lateness and distance.
  store.keep(1_280 + 100_008);
  expect(stretchesOf(store)).toEqual([
    [0, "a", null],
    [512, "a", null],
  ]);
});

test("a span that comes to begin in an earlier stretch leaves its entry for the other, and undo brings it back", () => {
  const store = idsOf(100_000);
  store.judge("a", 512, 0, 512);
  store.judge("a", 700, 1, 700);
  store.judge("b", 512, 2, 700);
  stretchesOf(store);
  store.keep(700);
  const copy = idsOf(100_000);
  const move = (): void => {
    store.judge("a", 509, 3, 700);
    store.judge("b", 511, 4, 700);
  };
  move();
  const moved = [
    [512, "a", [[700, 700]]],
    [0, "a", [[509, 512]]],
    [512, "b", null],
    [0, "b", [[511, 512]]],
  ];
  expect(stretchesOf(store)).toEqual(moved);
  store.undo();
  store.judge("a", 513, 3, 700);
  expect(stretchesOf(store)).toEqual([
    [
      512,
      "a",
      [
        [512, 513],
        [700, 700],
      ],
    ],
  ]);
  store.undo();
  move();
  const log = new Log();
  store.changes(log);
  store.keep(700);
  apply(copy, log.entries);
  // Of "a" and "b" one span begins in the first stretch, of "a" one in the second.
  expect(copy.entryCount).toBe(3);
});

test("an entry that is taken in replaces what its stretch held, and nothing of the others", () => {
  const store = idsOf(100_000);
  // Each 8 ms from its neighbour or further, so that none takes in another: one, two and one in the three stretches.
  const times = [504, 512, 1_016, 1_024];
  for (const [offset, timeMs] of times.entries()) store.judge("a", timeMs, offset, timeMs);
  const log = new Log();
  store.changes(log);
  store.keep(1_024);
  const copy = idsOf(100_000);
  apply(copy, [...log.entries, ...log.entries]);
  expect(copy.entryCount).toBe(store.entryCount);
  const middle = log.entries.find(({ key }) => Buffer.from(key, "hex").readDoubleLE(0) === 512)!;
  apply(copy, [{ key: middle.key, value: null }]);
  const judged = times.map((timeMs) => {
    const isRepeat = copy.judge("a", timeMs, 9_999, 1_024);
    copy.undo();
    return isRepeat;
  });
  expect(judged).toEqual([true, false, false, true]);
  expect(copy.entryCount).toBe(2);
});

test("an id of many entries, and ids of one each, are copied in parts of 16 entries, each once", () => {
  const store = idsOf(100_000);
  for (let i = 0; i < 40; i++) store.judge("a", i * 512, i, i * 512);
  for (let i = 0; i < 40; i++) store.judge(`b${i}`, 20_000, 40 + i, 20_000);
  const { written } = changesOf(store);
  expect(written).toHaveLength(80);
  store.keep(20_000);
  const copied = new Log();
  const copy = store.copy();
  const lengths: number[] = [];
  for (let isMore = true; isMore; lengths.push(copied.entries.length)) isMore = copy.next(copied);
  expect(copied.entries).toEqual(written);
  expect(lengths).toEqual([16, 32, 48, 64, 80]);
});
