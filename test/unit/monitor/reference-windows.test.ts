import { describe, expect, test } from "vitest";
import {
  baselineBytesMax,
  baselineFields,
  type CountedWindow,
  cellsOf,
  encodeBaseline,
  numberCells,
  ReferenceWindows,
} from "../../../src/monitor/index.ts";

const minuteMs = 60_000;
/** Cells null, NaN, -Infinity, Infinity, below, [0, 1), [1, 2], above. */
const cells = numberCells([0, 1, 2]);

const plain = (windows: readonly CountedWindow[]) =>
  windows.map(({ fromMs, partial }) => ({ fromMs, rows: partial.rows, counts: partial.counts.map((own) => [...own]) }));

describe("windows of a reference", () => {
  test("begin at whole multiples of their length, hold their start and not their end, and come in the order of time", () => {
    const counted = new ReferenceWindows([cells], minuteMs);
    counted.absorb(2 * minuteMs - 1, [1]);
    counted.absorb(2 * minuteMs, [0.5]);
    counted.absorb(minuteMs, [null]);
    counted.absorb(-1, [9]);
    expect(plain(counted.windows())).toEqual([
      { fromMs: -minuteMs, rows: 1, counts: [[0, 0, 0, 0, 0, 0, 0, 1]] },
      { fromMs: minuteMs, rows: 2, counts: [[1, 0, 0, 0, 0, 0, 1, 0]] },
      { fromMs: 2 * minuteMs, rows: 1, counts: [[0, 0, 0, 0, 0, 1, 0, 0]] },
    ]);
  });

  test("of so many rows are slices put together; what an hour without rows has cut off, and what is left, is none", () => {
    const counted = new ReferenceWindows([cells], minuteMs, 3);
    const at = (minute: number, rows: number): void => {
      for (let row = 0; row < rows; row++) counted.absorb(minute * minuteMs + row, [row]);
    };
    // The order in which rows come changes nothing.
    at(3, 4);
    at(2, 1);
    at(0, 2);
    at(4, 2);
    at(65, 2);
    at(124, 1);
    at(125, 2);
    expect(plain(counted.windows()).map(({ fromMs, rows }) => [fromMs / minuteMs, rows])).toEqual([
      [0, 3],
      [3, 4],
      [65, 3],
    ]);
    expect(plain(counted.windows())[0]?.counts).toEqual([[0, 0, 0, 0, 0, 2, 1, 0]]);
  });

  test("of so many rows may have more slices than windows, of which the latest stay", () => {
    const counted = new ReferenceWindows([cells], minuteMs, 2);
    for (let i = 0; i < 2_800; i++) counted.absorb(i * minuteMs, [1]);
    const windows = counted.windows();
    expect([windows.length, windows[0]?.fromMs]).toEqual([1_344, 112 * minuteMs]);
  });

  test("are the latest 1,344, whatever the order in which rows come", () => {
    const counted = new ReferenceWindows([cells], minuteMs);
    for (let i = 1_400; i > 0; i--) counted.absorb(i * minuteMs, [1]);
    counted.absorb(minuteMs, [1]);
    const windows = counted.windows();
    expect(windows.length).toBe(1_344);
    expect([windows[0]?.fromMs, windows.at(-1)?.fromMs]).toEqual([57 * minuteMs, 1_400 * minuteMs]);
    expect(windows.every(({ partial }) => partial.rows === 1)).toBe(true);
  });

  test("are fewer where so many counts would not fit into memory", () => {
    // 1,279,995 edges make 1,280,000 cells; 16,777,216 counts are those of 13 windows.
    const wide = numberCells(Array.from({ length: 1_279_995 }, (_, i) => i));
    expect(wide.count).toBe(1_280_000);
    const counted = new ReferenceWindows([wide], minuteMs);
    for (let i = 0; i < 15; i++) counted.absorb(i * minuteMs, []);
    expect(counted.windows().map(({ fromMs }) => fromMs / minuteMs)).toEqual(
      Array.from({ length: 13 }, (_, i) => i + 2),
    );
  });
});

describe("records of a baseline", () => {
  const monitor = {
    name: "m",
    fields: [
      { name: "a", kind: "numbers", isSensitive: false },
      { name: "b", kind: "categories", isSensitive: false },
    ],
  } as const;
  const edges = { kind: "numbers", edges: [0, 1, 2] } as const;

  test("are one for each field, with its own cells and counts of every window", () => {
    const texts = { kind: "categories", values: [["x", 1]] } as const;
    const counted = new ReferenceWindows([edges, texts].map(cellsOf), minuteMs);
    counted.absorb(0, [1, "x"]);
    counted.absorb(minuteMs, [null, null]);
    expect(baselineFields(monitor, [edges, texts], counted.windows())).toEqual([
      {
        monitor: "m",
        id: "",
        field: "a",
        fields: 2,
        cells: edges,
        windows: [
          { fromMs: 0, rows: 1, counts: Float64Array.of(0, 0, 0, 0, 0, 0, 1, 0) },
          { fromMs: minuteMs, rows: 1, counts: Float64Array.of(1, 0, 0, 0, 0, 0, 0, 0) },
        ],
      },
      {
        monitor: "m",
        id: "",
        field: "b",
        fields: 2,
        cells: texts,
        windows: [
          { fromMs: 0, rows: 1, counts: Float64Array.of(0, 0, 0, 1) },
          { fromMs: minuteMs, rows: 1, counts: Float64Array.of(1, 0, 0, 0) },
        ],
      },
    ]);
  });

  test("leave out earlier windows of all fields where one of them would be too large", () => {
    const values = Array.from({ length: 200 }, (_, i) => [`v${i}`, 1] as const);
    const texts = { kind: "categories", values } as const;
    const both = [edges, texts].map(cellsOf);
    // 203 counts of four bytes and more each: 1,344 windows are above a million bytes, half of them below.
    const windows = Array.from({ length: 1_344 }, (_, i): CountedWindow => {
      const counts = both.map(({ count }) => new Float64Array(count).fill(2_000_000));
      return { fromMs: i * minuteMs, partial: { rows: 1, counts } };
    });
    const fields = baselineFields(monitor, [edges, texts], windows);
    expect(fields.map((field) => field.windows.length)).toEqual([672, 672]);
    expect(fields.map((field) => field.windows.at(-1)?.fromMs)).toEqual([1_343 * minuteMs, 1_343 * minuteMs]);
    for (const field of fields) expect(encodeBaseline(field, 0).length).toBeLessThanOrEqual(baselineBytesMax);
  });
});
