import { expect, test } from "vitest";
import { prepareBaseline } from "../../../../src/monitor/judging/prepared-baseline.ts";
import { baseline, cells, hourMs, options, spec } from "./rig.ts";

const prepare = (over: Partial<ReturnType<typeof baseline>>) =>
  prepareBaseline(spec, [{ ...baseline(), ...over }], options);
const window = (hour: number, left: number) => ({
  fromMs: hour * hourMs,
  rows: 1_000,
  counts: cells(left, 1_000 - left),
});

test("a baseline holds what its windows hold together", () => {
  const prepared = prepare({});
  expect(prepared?.baseline.rows).toBe(30_000);
  expect(prepared?.cells.map(({ count }) => count)).toEqual([8]);
  expect(prepared?.probability).toBe(0.02);
});

test("fields that are not the monitor's, of another kind, or without a window make none", () => {
  expect(prepare({ field: "y" })).toBeUndefined();
  // Three special cells and five values: as many as the numbers have.
  const values = ["a", "b", "c", "d", "e"].map((value) => [value, 1] as const);
  expect(prepare({ cells: { kind: "categories", values } })).toBeUndefined();
  expect(prepare({ windows: [] })).toBeUndefined();
});

test("windows without rows, with other cells, or that a field lacks are left out", () => {
  const odd = { fromMs: 99 * hourMs, rows: 5, counts: Float64Array.of(1, 2) };
  const empty = { fromMs: 98 * hourMs, rows: 0, counts: new Float64Array(8) };
  expect(prepare({ windows: [...baseline().windows, empty, odd] })?.baseline.rows).toBe(30_000);
  const fields = ["x", "y"].map((name) => ({ name, kind: "numbers" as const, isSensitive: false }));
  const [x, y] = fields.map(({ name }) => baseline("b", "m", name, 2));
  if (x === undefined || y === undefined) throw new Error("two fields");
  const prepared = prepareBaseline({ ...spec, fields }, [{ ...y, windows: y.windows.slice(3) }, x], options);
  expect(prepared?.baseline.rows).toBe(27_000);
});

test("the same hour is that of the week from three windows on, else that of the day", () => {
  const days = Array.from({ length: 3 }, (_, day) => window(24 * day + 5, 600));
  const sameHour = (windows: readonly ReturnType<typeof window>[], hour: number) =>
    prepare({ windows })?.sameHour(hour * hourMs)?.counts[0]?.[5];
  expect(sameHour(days, 24 * 50 + 5)).toBe(1_800);
  expect(sameHour(days.slice(1), 24 * 50 + 5)).toBeUndefined();
  expect(sameHour(days, 24 * 50 + 6)).toBeUndefined();
  const weeks = Array.from({ length: 3 }, (_, week) => window(168 * (week + 1) + 24 * 3 + 5, 900));
  expect(sameHour([...days, ...weeks], 168 * 9 + 24 * 3 + 5)).toBe(2_700);
  expect(sameHour([...days, ...weeks], 168 * 9 + 24 * 4 + 5)).toBe(4_500);
});
