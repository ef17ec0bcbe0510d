/** A key that was silent for longer than its time to live begins anew, whenever chunks end and whoever goes on. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { seededRng } from "../../../src/kernel/index.ts";
import { type ChangeWriter, IdStore, RollingStore, type Store } from "../../../src/state/index.ts";
import { meanOf, momentsStride, needSum } from "../../../src/stats/index.ts";

const spec = { name: "s", kind: "rolling", version: 1 } as const;
const latenessMs = 30;
const windowsMs = [20, 300];

const rollingOf = (ttlMs?: number): RollingStore =>
  new RollingStore({ spec, needs: [needSum], windowsMs, latenessMs, ttlMs });
const idsOf = (ttlMs?: number): IdStore =>
  new IdStore({ spec: { ...spec, kind: "ids" }, withinMs: 200, latenessMs, ttlMs });

/** Adds a row as the step does; answers the rows in each window. */
function countsOf(store: RollingStore, key: string, timeMs: number, streamTimeMs: number, value = 1): number[] {
  store.expire(key, Math.max(timeMs, streamTimeMs));
  store.inputs[0] = value;
  store.add(key, timeMs);
  store.query(key, timeMs);
  return [...store.rowCounts];
}

/** Entries as a compacted topic would hold them. */
class Changelog implements ChangeWriter {
  readonly entries = new Map<string, Uint8Array>();

  write(key: Uint8Array, value: Uint8Array | null): void {
    const name = Buffer.from(key).toString("hex");
    this.entries.delete(name);
    if (value !== null) this.entries.set(name, new Uint8Array(value));
  }

  into<S extends Store>(store: S): S {
    for (const [name, value] of this.entries) store.apply(Buffer.from(name, "hex"), value);
    return store;
  }
}

test("a key is forgotten when stream time has passed its last record by more than the time to live", () => {
  const store = rollingOf(50);
  expect(countsOf(store, "a", 100, 100)).toEqual([1, 1]);
  expect(countsOf(store, "a", 150, 150)).toEqual([1, 2]);
  expect(countsOf(store, "a", 201, 201)).toEqual([1, 1]);
  expect(countsOf(store, "a", 202, 202)).toEqual([2, 2]);
});

test("stream time counts, not the record's own time: what others have passed by is forgotten for a late record too", () => {
  const store = rollingOf(50);
  countsOf(store, "a", 100, 100);
  countsOf(store, "b", 151, 151);
  // Within 50 of the first, but stream time is 151.
  expect(countsOf(store, "a", 130, 151)).toEqual([1, 1]);
  // And what that one began is alive as long as it was not silent.
  expect(countsOf(store, "a", 150, 180)).toEqual([1, 2]);
});

test("a key that is silent leaves memory at `keep`, and its entry goes with the next chunk", () => {
  const log = new Changelog();
  const store = rollingOf(50);
  countsOf(store, "a", 100, 100);
  countsOf(store, "b", 140, 140);
  store.changes(log);
  store.keep(140);
  expect([store.keyCount, log.entries.size]).toEqual([2, 2]);
  store.keep(150);
  expect(store.keyCount).toBe(2);
  store.keep(151);
  expect(store.keyCount).toBe(1);
  store.changes(log);
  expect(log.entries.size).toBe(1);
});

test("what began anew in a chunk that is undone goes on as it was", () => {
  const store = rollingOf(50);
  for (const timeMs of [100, 110]) countsOf(store, "a", timeMs, timeMs);
  store.keep(110);
  for (const timeMs of [170, 171, 230]) countsOf(store, "a", timeMs, timeMs);
  expect(store.entryCount).toBe(5);
  store.undo();
  expect(store.entryCount).toBe(2);
  expect(countsOf(store, "a", 160, 160)).toEqual([1, 3]);
});

test("a key that begins anew takes the place of what is written down of it in the same chunk", () => {
  const log = new Changelog();
  const store = rollingOf(50);
  for (const timeMs of [100, 110]) countsOf(store, "a", timeMs, timeMs);
  store.changes(log);
  store.keep(110);
  countsOf(store, "a", 170, 170);
  store.changes(log);
  store.keep(170);
  // Both lie in the stretch of the longest window, so in one entry.
  expect(log.entries.size).toBe(1);
  expect(countsOf(log.into(rollingOf(50)), "a", 171, 171)).toEqual([2, 2]);
});

test("a new key has room where one is forgotten, and none where that is taken back", () => {
  const store = new RollingStore({ spec, needs: [needSum], windowsMs, latenessMs, ttlMs: 50, keysMax: 1 });
  countsOf(store, "a", 100, 100);
  store.keep(100);
  countsOf(store, "a", 200, 200);
  expect(() => countsOf(store, "b", 200, 200)).toThrow("it holds 1 keys");
  store.undo();
  expect(() => countsOf(store, "b", 100, 100)).toThrow("it holds 1 keys");
  store.keep(151);
  expect(countsOf(store, "b", 152, 152)).toEqual([1, 1]);
});

test("an id is forgotten so long behind stream time, with the record that moves it on", () => {
  const store = idsOf(50);
  expect(store.judge("a", 100, 0, 100)).toBe(false);
  expect(store.judge("a", 150, 1, 100)).toBe(true);
  expect(store.judge("a", 201, 2, 150)).toBe(false);
  expect(store.judge("b", 260, 3, 201)).toBe(false);
  expect(store.judge("a", 240, 4, 260)).toBe(false);
  expect(store.judge("a", 260, 5, 260)).toBe(true);
});

test("a time to live shorter than a record may be late is a mistake of the caller", () => {
  expect(() => rollingOf(latenessMs - 1)).toThrow("at least as long as a record may be late");
  expect(() => idsOf(latenessMs - 1)).toThrow("at least as long as a record may be late");
  expect(() => [rollingOf(latenessMs), idsOf(latenessMs)]).not.toThrow();
});

type Answer = (key: string, timeMs: number, streamTimeMs: number, offset: number) => unknown;

/** What rows answer, of everything that ever came: counts and sums of each window, keys forgotten as the definition says. */
function naiveRolling(ttlMs: number): Answer {
  const rowsOf = new Map<string, { readonly timeMs: number; readonly value: number }[]>();
  return (key, timeMs, streamTimeMs, value) => {
    const before = rowsOf.get(key) ?? [];
    const isSilent = before.every((row) => row.timeMs < Math.max(timeMs, streamTimeMs) - ttlMs);
    const rows = [...(isSilent ? [] : before), { timeMs, value }];
    rowsOf.set(key, rows);
    return windowsMs.map((window) => {
      const inside = rows.filter((row) => row.timeMs > timeMs - window && row.timeMs <= timeMs);
      return [inside.length, inside.reduce((sum, row) => sum + row.value, 0)];
    });
  };
}

function naiveIds(ttlMs: number): Answer {
  const seen = new Map<string, number[]>();
  return (id, timeMs, streamTimeMs) => {
    const horizonMs = Math.max(timeMs, streamTimeMs) - ttlMs;
    const times = (seen.get(id) ?? []).filter((seenMs) => seenMs >= horizonMs);
    seen.set(id, [...times, timeMs]);
    return times.some((seenMs) => Math.abs(seenMs - timeMs) < 200);
  };
}

interface Subject<S extends Store> {
  make(ttlMs: number): S;
  answer(store: S, ...record: Parameters<Answer>): unknown;
  naive(ttlMs: number): Answer;
}

const rolling: Subject<RollingStore> = {
  make: rollingOf,
  answer: (store, key, timeMs, streamTimeMs, offset) =>
    // Values are whole numbers, and so is their sum.
    countsOf(store, key, timeMs, streamTimeMs, offset).map((count, window) => [
      count,
      Math.round(meanOf(store.summaries, window * momentsStride) * count),
    ]),
  naive: naiveRolling,
};

const ids: Subject<IdStore> = {
  make: idsOf,
  answer: (store, key, timeMs, streamTimeMs, offset) => store.judge(key, timeMs, offset, streamTimeMs),
  naive: naiveIds,
};

/** What becomes of a chunk: kept; taken back and worked off again, here or by another; kept, and then another goes on. */
const ends = ["kept", "kept", "undone", "killed in it", "killed behind it"] as const;
const chunks = fc.array(
  fc.record({
    records: fc.integer({ min: 0, max: 25 }),
    stepMs: fc.integer({ min: 1, max: 40 }),
    end: fc.constantFrom(...ends),
  }),
  { minLength: 1, maxLength: 25 },
);

/** Works chunks off, of which some are lost with their worker, and holds every answer against the definition's. */
class Life {
  readonly #subject: Subject<Store>;
  readonly #ttlMs: number;
  readonly #naive: Answer;
  readonly #log = new Changelog();
  #store: Store;
  #streamTimeMs = 1_000;
  #offset = 0;

  constructor(subject: Subject<Store>, ttlMs: number) {
    this.#subject = subject;
    this.#ttlMs = ttlMs;
    this.#naive = subject.naive(ttlMs);
    this.#store = subject.make(ttlMs);
  }

  /** @param delaysMs of each record behind stream time; negative for one that moves it on */
  chunk(keys: readonly string[], delaysMs: readonly number[], end: (typeof ends)[number]): void {
    const keptTimeMs = this.#streamTimeMs;
    const records = keys.map((key, i): { record: Parameters<Answer>; expected: unknown } => {
      const timeMs = this.#streamTimeMs - (delaysMs[i] ?? 0);
      const record: Parameters<Answer> = [key, timeMs, this.#streamTimeMs, this.#offset++];
      this.#streamTimeMs = Math.max(this.#streamTimeMs, timeMs);
      return { record, expected: this.#naive(...record) };
    });
    const work = (): void => {
      for (const { record, expected } of records)
        expect(this.#subject.answer(this.#store, ...record)).toEqual(expected);
    };
    work();
    if (end === "undone") {
      this.#store.changes({ write: () => undefined });
      this.#store.undo();
      work();
    }
    if (end === "killed in it") {
      this.#restore(keptTimeMs);
      work();
    }
    this.#store.changes(this.#log);
    this.#store.keep(this.#streamTimeMs);
    if (end === "killed behind it") this.#restore(this.#streamTimeMs);
  }

  #restore(streamTimeMs: number): void {
    this.#store = this.#log.into(this.#subject.make(this.#ttlMs));
    this.#store.keep(streamTimeMs);
  }
}

for (const [name, subject] of [
  ["rows", rolling],
  ["ids", ids],
] as [string, Subject<Store>][]) {
  test(`${name}: every answer is the definition's, whatever chunks end, are undone, or go on elsewhere`, () => {
    fc.assert(
      fc.property(chunks, fc.integer({ min: latenessMs, max: 400 }), fc.nat(1e6), (plan, ttlMs, seed) => {
        const rng = seededRng(seed);
        const life = new Life(subject, ttlMs);
        for (const { records, stepMs, end } of plan) {
          const keys = Array.from({ length: records }, () => "abcdefgh"[Math.floor(rng.uniform() ** 2 * 8)] ?? "a");
          const delaysMs = keys.map(() => Math.floor(rng.uniform() * (rng.uniform() < 0.3 ? latenessMs : -stepMs)));
          life.chunk(keys, delaysMs, end);
        }
      }),
      { numRuns: 200 },
    );
  });
}
