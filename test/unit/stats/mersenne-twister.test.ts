import { expect, test } from "vitest";
import { MersenneTwister } from "../../../src/stats/index.ts";

// Python 3.11: random.Random(42) and random.Random(4294967295).
test("draws what Python draws with the same seed", () => {
  const random = new MersenneTwister(42);
  expect([random.uniform(), random.uniform()]).toEqual([0.6394267984578837, 0.025010755222666936]);
  expect(new MersenneTwister(42).sample(70, 5)).toEqual([14, 3, 35, 31, 28]);
  expect(new MersenneTwister(42).sample(10, 10)).toEqual([1, 0, 4, 9, 6, 5, 8, 2, 3, 7]);
  const other = new MersenneTwister(4294967295);
  expect([other.below(10), other.below(10), other.below(10), other.below(1000)]).toEqual([9, 3, 3, 621]);
});

test("goes on from what it saved, also in the middle of a block of numbers", () => {
  const random = new MersenneTwister(7);
  for (let i = 0; i < 700; i++) random.bits();
  const again = new MersenneTwister(random.save());
  const next = (of: MersenneTwister): number[] => Array.from({ length: 1_300 }, () => of.bits());
  expect(next(again)).toEqual(next(random));
});
