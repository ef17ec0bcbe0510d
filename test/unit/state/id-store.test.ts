import fc from "fast-check";
import { expect, test } from "vitest";
import { IdStore } from "../../../src/state/index.ts";

const withinMs = 20;
const latenessMs = 30;

function makeStore(): IdStore {
  return new IdStore({ spec: { name: "dedupe", kind: "ids", version: 1 }, withinMs, latenessMs });
}

test("calls an id a repeat when an earlier offset had it closer than within", () => {
  const store = makeStore();
  expect(store.judge("a", 100, 0, 100)).toBe(false);
  expect(store.judge("a", 119, 1, 100)).toBe(true);
  expect(store.judge("b", 100, 2, 119)).toBe(false);
});

test("does not call it a repeat at exactly within, to either side", () => {
  const store = makeStore();
  store.judge("a", 100, 0, 100);
  expect(store.judge("a", 120, 1, 100)).toBe(false);
  expect(store.judge("a", 80, 2, 120)).toBe(false);
});

test("counts repeats as seen, so that a chain of them goes on", () => {
  const store = makeStore();
  store.judge("a", 100, 0, 100);
  expect(store.judge("a", 115, 1, 100)).toBe(true);
  expect(store.judge("a", 130, 2, 115)).toBe(true);
  expect(store.judge("a", 150, 3, 130)).toBe(false);
});

test("does not call the same offset a repeat of itself when it is read again", () => {
  const store = makeStore();
  store.judge("a", 100, 7, 100);
  expect(store.judge("a", 100, 7, 100)).toBe(false);
  expect(store.judge("a", 100, 8, 100)).toBe(true);
});

test("calls the copy of a late record a repeat, while its time is within reach", () => {
  const store = makeStore();
  expect(store.judge("a", 60, 0, 100)).toBe(false);
  expect(store.judge("a", 60, 1, 100)).toBe(true);
  // 49 is before 100 - 30 - 20: not remembered.
  expect(store.judge("b", 49, 2, 100)).toBe(false);
  expect(store.judge("b", 49, 3, 100)).toBe(false);
});

test("forgets nothing that was undone before, and everything since (R2)", () => {
  const store = makeStore();
  store.judge("a", 100, 0, 100);
  store.keep(100);
  store.judge("b", 100, 1, 100);
  store.judge("a", 110, 2, 100);
  store.undo();
  expect(store.entryCount).toBe(1);
  expect(store.judge("b", 100, 1, 100)).toBe(false);
  expect(store.judge("a", 125, 2, 100)).toBe(false);
  expect(store.judge("a", 110, 3, 100)).toBe(true);
});

test("evicts ids that no record in time can repeat", () => {
  const store = makeStore();
  for (let i = 0; i < 1_000; i++) store.judge(`id-${i}`, 100, i, 100);
  store.keep(100);
  store.keep(150);
  expect(store.entryCount).toBe(1_000);
  for (let i = 0; i < 20; i++) store.keep(151);
  expect(store.entryCount).toBe(0);
});

test("holds one entry for an id that comes all the time", () => {
  const store = makeStore();
  for (let i = 0; i < 10_000; i++) store.judge("same", i, i, i);
  expect(store.entryCount).toBe(1);
});

interface Seen {
  readonly id: string;
  readonly timeMs: number;
  readonly offset: number;
}

const step = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant("judge" as const),
      id: fc.constantFrom("a", "b", "c", "d"),
      advance: fc.oneof(fc.integer({ min: 0, max: 25 }), fc.integer({ min: -latenessMs, max: 0 })),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("keep" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("undo" as const) }) },
);

test("equals a naive list under any interleaving of judge, keep and undo (R2)", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const store = makeStore();
      let seen: Seen[] = [];
      let streamMs = 1_000;
      let kept = { seen: [...seen], streamMs };
      for (const s of steps) {
        if (s.do === "keep") {
          kept = { seen: [...seen], streamMs };
          store.keep(streamMs);
        } else if (s.do === "undo") {
          seen = [...kept.seen];
          streamMs = kept.streamMs;
          store.undo();
        } else {
          const timeMs = streamMs + s.advance;
          const isRepeat = seen.some((other) => other.id === s.id && Math.abs(other.timeMs - timeMs) < withinMs);
          expect(store.judge(s.id, timeMs, seen.length, streamMs)).toBe(isRepeat);
          seen.push({ id: s.id, timeMs, offset: seen.length });
          streamMs = Math.max(streamMs, timeMs);
        }
      }
    }),
    { numRuns: 300 },
  );
});
