import { expect, test } from "vitest";
import { oddities, type RowsRead } from "../../../src/training/written-version.ts";

const counts = { features: 9, unlabelled: 0, labelledAfterSplit: 0, repeats: 3, repeatsDiffering: 0 };
const read = (inexact: number) => ({ features: { inexact } }) as RowsRead;

test("what is odd about the rows is said, and nothing where nothing is", () => {
  expect(oddities(counts, read(0))).toEqual([]);
  expect(oddities(counts, read(2))).toEqual([
    expect.stringMatching(/^2 feature rows were left out: a feature is a whole/),
  ]);
  expect(oddities({ ...counts, repeatsDiffering: 3 }, read(0))).toEqual([
    expect.stringMatching(/^3 repeats have other features than the record before of the same event_id/),
  ]);
});
