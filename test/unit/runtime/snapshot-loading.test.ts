/** A snapshot is taken in whole, or not at all and with the reason. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { SnapshotEncoder, type SnapshotHeader } from "../../../src/runtime/snapshot-format.ts";
import { loadSnapshot, type SnapshotNeeds } from "../../../src/runtime/snapshot-loading.ts";
import { TimeSlices } from "../../../src/runtime/time-slices.ts";
import { IdStore } from "../../../src/state/index.ts";
import { AutoClock, nextTurn } from "./fixture.ts";

const never = new AbortController().signal;
const hour = 3_600_000;
const takenMs = 1_700_000_000_000;
const header: SnapshotHeader = {
  cluster: "c",
  inputId: "i",
  changelogId: "l",
  task: 2,
  form: "f",
  offset: 40,
  takenMs,
};
const { offset: _offset, takenMs: _takenMs, ...origin } = header;
const needs: SnapshotNeeds = { origin, low: 0, end: 100, deleteRetentionMs: 24 * hour, nowMs: takenMs + hour };

const newStore = (): IdStore =>
  new IdStore({ spec: { name: "seen", kind: "ids", version: 1 }, withinMs: 60_000, latenessMs: 1_000 });

/** A store that has seen `count` ids, and the snapshot of it. */
function snapshotOf(count: number, of: SnapshotHeader = header): { store: IdStore; bytes: Buffer } {
  const store = newStore();
  for (let i = 0; i < count; i++) store.judge(`id-${i}`, 5_000, i, 5_000);
  store.changes({ write: () => undefined });
  store.keep(5_000);
  const encoder = new SnapshotEncoder(of);
  const copy = store.copy();
  while (copy.next(encoder));
  encoder.end();
  const bytes = Buffer.concat(encoder.take());
  expect([encoder.entryCount, encoder.byteCount]).toEqual([count, bytes.length]);
  return { store, bytes };
}

async function* piecesOf(bytes: Buffer, each: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += each) yield bytes.subarray(at, at + each);
}

async function load(bytes: Buffer, more: Partial<SnapshotNeeds> = {}, each = 1_000) {
  const store = newStore();
  const slices = new TimeSlices(new AutoClock(), 10, nextTurn);
  const loading = loadSnapshot(piecesOf(bytes, each), store, { ...needs, ...more }, slices, never);
  const outcome = await loading.catch((thrown: unknown) => String(thrown));
  return { store, outcome };
}

test("a store that was loaded answers as the one that was copied, however the bytes are cut", async () => {
  const { store, bytes } = snapshotOf(3_000);
  for (const each of [1, 7, 65_536, bytes.length]) {
    const loaded = await load(bytes, {}, each);
    expect(loaded.outcome).toEqual({ entries: 3_000, offset: 40 });
    expect(loaded.store.entryCount).toBe(store.entryCount);
    expect(loaded.store.judge("id-2999", 5_001, 9_999, 5_001)).toBe(true);
  }
});

test("a store without an entry has a snapshot too, and where there are no bytes there is none", async () => {
  expect((await load(snapshotOf(0).bytes)).outcome).toEqual({ entries: 0, offset: 40 });
  expect((await load(Buffer.alloc(0))).outcome).toBeUndefined();
});

test("a changed byte, wherever it is, makes a snapshot useless, and nothing of it stays in the store", async () => {
  const { bytes } = snapshotOf(6);
  for (let at = 0; at < bytes.length; at++) {
    for (const flip of [0x01, 0x80]) {
      const changed = Buffer.from(bytes);
      changed[at] = changed[at]! ^ flip;
      const { store, outcome } = await load(changed);
      expect(outcome, `byte ${at}`).toMatch(/^SnapshotUselessError: ./);
      expect(store.entryCount, `byte ${at}`).toBe(0);
    }
  }
});

test("a snapshot that was cut short, or has more behind it, is useless", async () => {
  const { bytes } = snapshotOf(6);
  for (let length = 1; length < bytes.length; length++) {
    const { store, outcome } = await load(bytes.subarray(0, length));
    expect(outcome, `${length} bytes`).toMatch(/^SnapshotUselessError: ./);
    expect(store.entryCount).toBe(0);
  }
  for (const more of [Buffer.from([0]), bytes, bytes.subarray(8)])
    expect((await load(Buffer.concat([bytes, more]))).outcome).toMatch(/^SnapshotUselessError: ./);
});

test("blocks that stand in another order, or twice, or are left out, are noticed", async () => {
  // Header, blocks of 64 KiB and more, end.
  const { bytes } = snapshotOf(6_000);
  const blocks: Buffer[] = [];
  for (let at = 8; at < bytes.length; at += 8 + bytes.readUInt32LE(at))
    blocks.push(bytes.subarray(at, at + 8 + bytes.readUInt32LE(at)));
  expect(blocks.length).toBeGreaterThan(4);
  const [first, one, two, ...rest] = blocks as [Buffer, Buffer, Buffer, ...Buffer[]];
  const mark = bytes.subarray(0, 8);
  const bad = [
    [first, two, ...rest],
    [first, one, one, two, ...rest],
    [first, one, two, ...rest.slice(0, -1)],
    [one, first, two, ...rest],
  ];
  for (const order of bad)
    expect((await load(Buffer.concat([mark, ...order]))).outcome).toMatch(/^SnapshotUselessError: ./);
});

test.each<[string, Partial<SnapshotNeeds>, string]>([
  ["another cluster", { origin: { ...origin, cluster: "d" } }, "it is of another cluster"],
  ["another input", { origin: { ...origin, inputId: "j" } }, "another input topic"],
  ["another changelog", { origin: { ...origin, changelogId: "m" } }, "another changelog"],
  ["another task", { origin: { ...origin, task: 3 } }, "it is of task 2"],
  ["another form", { origin: { ...origin, form: "g" } }, "another form"],
  ["a changelog that begins behind it", { low: 41 }, "begins at 41 only"],
  ["a changelog that ends before it", { end: 39 }, "ends at 39: entries are lost"],
  [
    "old age",
    { nowMs: takenMs + 12 * hour + 1 },
    "it is 12 h old, and delete.retention.ms of its changelog allows 12 h",
  ],
  ["a clock that was wrong", { nowMs: takenMs - 12 * hour - 1 }, "h old"],
])("one that does not fit is ignored with the reason: %s", async (_, more, reason) => {
  const { store, outcome } = await load(snapshotOf(3).bytes, more);
  expect(outcome).toContain(reason);
  expect(store.entryCount).toBe(0);
});

test("at the very bounds it is of use", async () => {
  const { bytes } = snapshotOf(3);
  for (const more of [{ low: 40 }, { end: 40 }, { nowMs: takenMs + 12 * hour }])
    expect((await load(bytes, more)).outcome).toEqual({ entries: 3, offset: 40 });
});

test("an entry of another version, and an error of whoever reads, are reasons too", async () => {
  const { bytes } = snapshotOf(3);
  const other = new IdStore({ spec: { name: "seen", kind: "ids", version: 2 }, withinMs: 60_000, latenessMs: 0 });
  const slices = new TimeSlices(new AutoClock(), 10, nextTurn);
  await expect(loadSnapshot(piecesOf(bytes, 100), other, needs, slices, never)).rejects.toThrow("has version 1, not 2");
  async function* torn(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 200);
    throw new Error("EIO: i/o error");
  }
  const store = newStore();
  await expect(loadSnapshot(torn(), store, needs, slices, never)).rejects.toThrow("it cannot be read: EIO");
  expect(store.entryCount).toBe(0);
});

type Given = readonly [Uint8Array, Uint8Array | null];

test("entries of any length come back as they were", async () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });
  const filled = fc.nat(200_000).map((length) => new Uint8Array(length).fill(length % 251));
  const value = fc.oneof(fc.constant(null), filled);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(bytes, value), { maxLength: 12 }),
      fc.integer({ min: 9_000, max: 99_999 }),
      async (entries, each) => {
        const encoder = new SnapshotEncoder(header);
        for (const [key, given] of entries) encoder.write(key, given);
        encoder.end();
        const taken: Given[] = [];
        const sink = {
          apply: (key: Uint8Array, found: Uint8Array) => void taken.push([new Uint8Array(key), new Uint8Array(found)]),
          owe: (key: Uint8Array) => void taken.push([new Uint8Array(key), null]),
          clear: () => expect.unreachable(),
        };
        const slices = new TimeSlices(new AutoClock(), 10, nextTurn);
        await loadSnapshot(piecesOf(Buffer.concat(encoder.take()), each), sink as never, needs, slices, never);
        const same = ([key, found]: Given, [k, f]: Given): boolean =>
          Buffer.compare(key, k) === 0 && (found === null || f === null ? found === f : Buffer.compare(found, f) === 0);
        expect(taken).toHaveLength(entries.length);
        expect(taken.every((entry, i) => same(entry, entries[i]!))).toBe(true);
      },
    ),
    { numRuns: 40 },
  );
});
