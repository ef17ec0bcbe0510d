import { expect, test } from "vitest";
import { compareOutputs, type OutputRecord } from "../../../bench/compare-outputs.ts";

const record = (id: string, score = 0.25): OutputRecord => ({
  key: `card-${id}`,
  fields: { event_id: id, score, hour: 7, is_abroad: true, mean: null },
});
const golden = [[record("a"), record("b"), record("c")], [record("d")]];

test("finds nothing in equal outputs, and lets doubles differ by rounding alone", () => {
  const rounded = [[record("a", 0.25 * (1 + 5e-10)), record("b"), record("c")], [record("d")]];
  expect(compareOutputs(golden, golden)).toEqual([]);
  expect(compareOutputs(golden, rounded)).toEqual([]);
});

test("finds two records that changed places", () => {
  const swapped = [[record("b"), record("a"), record("c")], [record("d")]];
  expect(compareOutputs(golden, swapped)).toEqual([
    "partition 0, record 0: key card-a against card-b",
    "partition 0, record 1: key card-b against card-a",
  ]);
});

test("finds a record that is lost, wherever it was", () => {
  expect(compareOutputs(golden, [[record("a"), record("b"), record("c")], []])).toEqual([
    "partition 1: 1 records against 0",
  ]);
  expect(compareOutputs(golden, [[record("a"), record("c")], [record("d")]])).toEqual([
    "partition 0: 3 records against 2",
    "partition 0, record 1: key card-b against card-c",
  ]);
});

test("finds a record that is there twice", () => {
  const [first = [], second = []] = golden;
  expect(compareOutputs(golden, [first, [...second, record("d")]])).toEqual(["partition 1: 1 records against 2"]);
});

test("finds a double that is wrong by more than one part in a thousand million", () => {
  const wrong = [[record("a"), record("b", 0.25 * (1 + 2e-9)), record("c")], [record("d")]];
  expect(compareOutputs(golden, wrong)).toEqual(["partition 0, record 1: field score: 0.25 against 0.2500000005"]);
});

test("tells NaN, null and zero from each other and from a number", () => {
  const made = (mean: unknown): OutputRecord[][] => [[{ key: "k", fields: { mean } }]];
  expect(compareOutputs(made(Number.NaN), made(Number.NaN))).toEqual([]);
  for (const [a, b] of [
    [null, 0],
    [Number.NaN, null],
    [1, "1"],
    [Number.NaN, 1],
    [0, 1e-300],
  ])
    expect(compareOutputs(made(a), made(b))).toHaveLength(1);
});

test("finds a field that only one side has, and a partition that is missing", () => {
  const more = [[{ key: "k", fields: { a: 1, b: 2 } }]];
  const less = [[{ key: "k", fields: { a: 1 } }]];
  expect(compareOutputs(more, less)).toEqual(["partition 0, record 0: field b: 2 against undefined"]);
  expect(compareOutputs(less, more)).toEqual(["partition 0, record 0: field b: undefined against 2"]);
  expect(compareOutputs([[], []], [[]])).toEqual(["2 partitions against 1"]);
});
