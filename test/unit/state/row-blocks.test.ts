import { expect, test, vi } from "vitest";
import { type Rng, seededRng } from "../../../src/kernel/index.ts";
import { RollingStore } from "../../../src/state/index.ts";
import { RowBlocks } from "../../../src/state/row-blocks.ts";
import { RowRuns } from "../../../src/state/row-runs.ts";
import type { SpanRuns } from "../../../src/state/span-runs.ts";
import { needSpread, needSum } from "../../../src/stats/index.ts";

const entry = 0;
const noInputs = new Float64Array(0);

function cutOf(times: readonly number[]): { readonly rows: RowRuns; readonly cuts: RowBlocks } {
  const rows = new RowRuns(0, 4);
  rows.open(entry);
  for (const timeMs of times) rows.insert(entry, timeMs, noInputs);
  const cuts = new RowBlocks(rows, 1, 1);
  cuts.cut(entry);
  return { rows, cuts };
}

/** Where the spans of a list begin, and how long they are. */
function spansOf(spans: SpanRuns): readonly (readonly [number, number])[] {
  spans.look(entry);
  const { count, numbers, times, sizes } = spans;
  return Array.from({ length: count }, (_, i) => [numbers[times + i] ?? 0, numbers[sizes + i] ?? 0] as const);
}

/** The next time, and its lateness: evenly, or many rows of one time. */
function timeAfter(rng: Rng, timeMs: number, hasTies: boolean): number {
  return hasTies ? timeMs + (rng.below(200) === 0 ? 1_000 : 0) : timeMs + rng.below(30);
}

test("the rows of a key are cut whichever key was looked at before", () => {
  const times = Array.from({ length: 2_000 }, (_, i) => i * 7);
  const { rows, cuts } = cutOf(times);
  const other = 1;
  rows.open(other);
  rows.insert(other, 5, noInputs);
  const anew = new RowBlocks(rows, 1, 1);
  rows.look(other);
  anew.cut(entry);
  const expected = spansOf(cuts.blocks);
  expect(expected.length).toBeGreaterThan(10);
  expect(spansOf(anew.blocks)).toEqual(expected);
  expect(spansOf(anew.groups)).toEqual(spansOf(cuts.groups));
});

test("the rows of a key are gone through once, however often they are wanted cut", () => {
  const { rows, cuts } = cutOf([1, 2, 3]);
  const look = vi.spyOn(rows, "look");
  cuts.cut(entry);
  expect(look).not.toHaveBeenCalled();
});

test("what was cut before everything was cleared is in no later cut", () => {
  const { rows, cuts } = cutOf(Array.from({ length: 2_000 }, (_, i) => i * 7));
  const used = cuts.blocks.numbers.length;
  for (let round = 0; round < 3; round++) {
    cuts.clear();
    expect(cuts.isCut(entry)).toBe(false);
    cuts.cut(entry);
  }
  const { cuts: fresh } = cutOf(Array.from({ length: 2_000 }, (_, i) => i * 7));
  expect(rows.count).toBe(2_000);
  expect(spansOf(cuts.blocks)).toEqual(spansOf(fresh.blocks));
  expect(spansOf(cuts.groups)).toEqual(spansOf(fresh.groups));
  // Nor does it keep its memory.
  expect(cuts.blocks.numbers.length).toBe(used);
});

test.each([false, true])(
  "rows that come, go and leave are cut as if they had come at once (many of one time: %s)",
  (hasTies) => {
    const rng = seededRng(hasTies ? 31 : 32);
    const { rows, cuts } = cutOf([]);
    let timeMs = 1_000_000;
    for (let round = 0; round < 60; round++) {
      const added: number[] = [];
      for (let i = 0; i < 250; i++) {
        timeMs = timeAfter(rng, timeMs, hasTies);
        const position = rows.insert(entry, timeMs - (rng.below(4) === 0 ? rng.below(20_000) : 0), noInputs);
        cuts.add(entry, position);
        added.push(position);
      }
      if (round % 3 === 0) {
        for (const position of added.reverse()) {
          rows.look(entry);
          cuts.remove(entry, position);
          rows.remove(entry, position);
        }
      }
      if (round % 5 === 4) {
        rows.dropUntil(entry, timeMs - 60_000);
        cuts.dropUntil(entry, timeMs - 60_000);
      }
      rows.look(entry);
      const held = [...rows.slab.subarray(rows.times, rows.times + rows.count)];
      const anew = cutOf(held).cuts;
      expect(spansOf(cuts.blocks)).toEqual(spansOf(anew.blocks));
      expect(spansOf(cuts.groups)).toEqual(spansOf(anew.groups));
    }
    expect(spansOf(cuts.groups).length).toBeGreaterThan(0);
  },
);

test("about one row in 64 begins a block, and one in 1,024 a group, also among rows of one time", () => {
  for (const stepMs of [0, 1, 1_000]) {
    const { cuts } = cutOf(Array.from({ length: 100_000 }, (_, i) => 1_700_000_000_000 + i * stepMs));
    // Five standard deviations of a binomial count: 197 and 50.
    expect(Math.abs(spansOf(cuts.blocks).length - 1_562.5)).toBeLessThan(197);
    expect(Math.abs(spansOf(cuts.groups).length - 98)).toBeLessThan(50);
  }
});

test("what is remembered of blocks and groups goes with a row that is added or undone amid them (R2)", () => {
  const spec = { name: "rolling", kind: "rolling", version: 1 } as const;
  const options = { spec, needs: [needSum | needSpread], windowsMs: [100_000], latenessMs: 100_000 };
  const [store, untouched] = [new RollingStore(options), new RollingStore(options)];
  const rng = seededRng(33);
  const add = (to: RollingStore, timeMs: number, value: number): void => {
    to.inputs[0] = value;
    to.add("hot", timeMs);
  };
  const answers = (of: RollingStore): number[] => {
    of.query("hot", 99_999);
    return [...of.rowCounts, ...of.summaries];
  };
  for (let i = 0; i < 10_000; i++) {
    const value = rng.normal();
    for (const each of [store, untouched]) add(each, i * 10, value);
  }
  for (const each of [store, untouched]) each.keep(99_990);
  const before = answers(untouched);
  for (let i = 0; i < 200; i++) {
    expect(answers(store)).toEqual(before);
    add(store, rng.below(100_000), 1_000);
    const [count, ...sums] = answers(store);
    expect(count).toBe(10_001);
    expect(sums).not.toEqual(before.slice(1));
    store.undo();
  }
});
