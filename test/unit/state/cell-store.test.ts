import { expect, test } from "vitest";
import { CellStore } from "../../../src/state/index.ts";

const cell = () => new CellStore({ name: "time", kind: "cell", version: 1 }, Number.NEGATIVE_INFINITY);

test("an empty cell counts as nothing, and one that holds a number as one entry of eight bytes", () => {
  const store = cell();
  const size = () => [store.entryCount, store.byteCount];
  expect(size()).toEqual([0, 0]);
  store.value = 5;
  expect(size()).toEqual([1, 8]);
  store.undo();
  expect(size()).toEqual([0, 0]);
  store.value = 6;
  store.keep();
  store.clear();
  expect(size()).toEqual([0, 0]);
});

test("R2: undoing goes back to what was kept last, also to what was taken in, and clearing forgets both", () => {
  const store = cell();
  store.value = 5;
  store.keep();
  store.value = 7;
  store.undo();
  expect(store.value).toBe(5);
  const written: Uint8Array[] = [];
  store.value = 9;
  store.changes({ write: (_, value) => void written.push(Uint8Array.from(value ?? [])) });
  const other = cell();
  other.value = 3;
  other.apply(new Uint8Array(0), written[0] ?? null);
  other.value = 4;
  other.undo();
  expect(other.value).toBe(9);
  other.apply(new Uint8Array(0), null);
  other.undo();
  expect(other.value).toBe(Number.NEGATIVE_INFINITY);
  store.clear();
  store.undo();
  expect(store.value).toBe(Number.NEGATIVE_INFINITY);
});
