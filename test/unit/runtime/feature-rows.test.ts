import { expect, test } from "vitest";
import type { ModelInput, Scorer } from "../../../src/model/index.ts";
import { FeatureRows } from "../../../src/runtime/feature-rows.ts";
import { SnapshotTurns } from "../../../src/runtime/index.ts";

const inputs: readonly ModelInput[] = [
  { name: "country", kind: "category" },
  { name: "amount", kind: "number" },
  { name: "shop", kind: "category" },
  { name: "items", kind: "number" },
];
/** Its codes are 100 times the input's place, and the length of the text. */
const scorer = { code: (input: number, text: string) => 100 * input + text.length } as unknown as Scorer;

test("a row is its features in the order of the inputs, categories as the codes of the version that serves", () => {
  const features = new FeatureRows(inputs, 2);
  expect([features.texts.length, features.numbers.length, features.rows.length]).toEqual([2, 2, 8]);
  features.serve(scorer);
  features.texts.splice(0, 2, "ES", "abc");
  features.numbers.set([1.5, 7]);
  features.update();
  features.texts.splice(0, 2, null, "");
  features.numbers.set([Number.NaN, 8]);
  features.update();
  expect([...features.rows]).toEqual([2, 1.5, 203, 7, Number.NaN, Number.NaN, 200, 8]);
  // The next micro-batch takes its place.
  features.clear();
  features.texts.splice(0, 2, "FR-", null);
  features.update();
  expect([...features.rows.subarray(0, 4)]).toEqual([3, Number.NaN, Number.NaN, 8]);
});

test("rows that somebody may still read are left as they are", () => {
  const features = new FeatureRows(inputs, 1);
  features.serve(scorer);
  features.texts.splice(0, 2, "ES", "abc");
  features.update();
  const { rows } = features;
  features.renew();
  features.texts.splice(0, 2, "FRA", "a");
  features.update();
  expect([[...rows], [...features.rows]]).toEqual([
    [2, 0, 203, 0],
    [3, 0, 201, 0],
  ]);
});

test("one task copies at a time, and then none for 25 times as long as it took", () => {
  const turns = new SnapshotTurns();
  expect([turns.take(0), turns.take(0)]).toEqual([true, false]);
  turns.giveBack(100, 4);
  expect([turns.take(199), turns.take(200)]).toEqual([false, true]);
  turns.giveBack(300, 0);
  expect(turns.take(300)).toBe(true);
});
