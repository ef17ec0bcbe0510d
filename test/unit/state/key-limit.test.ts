import { expect, test } from "vitest";
import { IdStore, RollingStore } from "../../../src/state/index.ts";
import { needSum } from "../../../src/stats/index.ts";

// A Map of 2^24 entries throws a RangeError at the next one, which became a dead letter of a good event.
test("an id store that is full says so with its name and limit, and loses nothing", () => {
  const spec = { name: "dedupe", kind: "ids", version: 1 } as const;
  const store = new IdStore({ spec, withinMs: 10, latenessMs: 10, keysMax: 2 });
  store.judge("a", 100, 0, 100);
  store.judge("b", 100, 1, 100);
  expect(() => store.judge("c", 100, 2, 100)).toThrow(
    expect.objectContaining({
      code: "MR_STATE_FULL",
      disposition: "halt",
      message: expect.stringMatching(/^remembering a new key in store dedupe: it holds 2 keys, the most/),
    }),
  );
  expect(store.judge("a", 100, 3, 100)).toBe(true);
  expect(store.entryCount).toBe(2);
});

test("a key that left makes room for another", () => {
  const spec = { name: "dedupe", kind: "ids", version: 1 } as const;
  const store = new IdStore({ spec, withinMs: 10, latenessMs: 10, keysMax: 1 });
  store.judge("a", 100, 0, 100);
  store.keep(200);
  expect(store.judge("b", 200, 1, 200)).toBe(false);
});

test("a rolling store that is full says so, and undoing what came before still works", () => {
  const spec = { name: "rolling-2", kind: "rolling", version: 1 } as const;
  const store = new RollingStore({ spec, needs: [needSum], windowsMs: [10], latenessMs: 0, keysMax: 1 });
  store.inputs[0] = 1;
  store.add("a", 100);
  expect(() => store.add("b", 100)).toThrow(expect.objectContaining({ code: "MR_STATE_FULL" }));
  store.add("a", 101);
  expect([store.keyCount, store.entryCount]).toEqual([1, 2]);
  store.undo();
  expect([store.keyCount, store.entryCount]).toEqual([0, 0]);
});
