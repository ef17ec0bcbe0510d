import { expect, test } from "vitest";
import { expandRows } from "../../../src/model/encoder.ts";

test("rows become columns, one-hot for categories, and what lies behind them in the target is left alone", () => {
  // The second input is a category of two values: a column for each, one for all others, one for none.
  const encoder = { inputs: [null, ["DE", "FR"]] };
  const rows = Float64Array.from([0.5, 0, 1.5, 1, 2.5, 2, 3.5, Number.NaN, 9, 9]);
  const into = new Float64Array(25).fill(7);
  expandRows(encoder, rows, 4, into);
  expect([0, 1, 2, 3].map((row) => [...into.subarray(row * 5, row * 5 + 5)])).toEqual([
    [0.5, 1, 0, 0, 0],
    [1.5, 0, 1, 0, 0],
    [2.5, 0, 0, 1, 0],
    [3.5, 0, 0, 0, 1],
  ]);
  expect([...into.subarray(20)]).toEqual([7, 7, 7, 7, 7]);
});
