import fc from "fast-check";
import { expect, test } from "vitest";
import { seededRng } from "../../../src/kernel/index.ts";
import { createTrainingRows, FeatureBuffer, LabelBuffer, splitByTime } from "../../../src/training/index.ts";
import { TextList, TextNumbers, textAt } from "../../../src/training/texts.ts";
import { trainingOracle } from "../../oracle/training-join.ts";

// Text of one byte a code unit and of two, lone halves of a pair, and nothing.
const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.constantFrom("", "a", "ab", "ä", "ÿ", "Ā", "\u0000", "😀", "\ud83d", "￿", "𐀀"),
);

test("texts come back as they were, and compare as strings do", () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 40 }), (given) => {
      const list = new TextList();
      expect(given.map((each) => list.add(each))).toEqual([...given.keys()]);
      expect(given.map((_, i) => textAt(list, i))).toEqual(given);
      for (const [i, a] of given.entries()) {
        for (const [j, b] of given.entries()) expect(Math.sign(list.compare(i, j))).toBe(a < b ? -1 : a > b ? 1 : 0);
      }
      const taken = list.taken();
      expect(list.count).toBe(0);
      expect(given.map((_, i) => textAt(taken, i))).toEqual(given);
      expect(taken.bytes.buffer.byteLength).toBe(taken.ends.at(-1) ?? 0);
    }),
  );
});

test("texts are numbered in the order in which they come, each once", () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 60 }), (given) => {
      const [list, numbers] = [new TextList(), new TextNumbers()];
      for (const each of given) list.add(each);
      const distinct = [...new Set(given)];
      expect(given.map((_, i) => numbers.numberOf(list, i))).toEqual(given.map((each) => distinct.indexOf(each)));
      expect(numbers.texts.count).toBe(distinct.length);
    }),
  );
});

test("many texts are numbered, more than there are places at first", () => {
  const [list, numbers] = [new TextList(), new TextNumbers()];
  for (let i = 0; i < 20_000; i++) list.add(`in-${i % 4}-${i}`);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 20_000; i++) expect(numbers.numberOf(list, i)).toBe(i);
  }
});

const count = fc.integer({ min: 0, max: 400 });

test("joins as rows of objects are joined, bit for bit, whatever comes in which order", () => {
  fc.assert(
    fc.property(fc.integer(), count, count, fc.integer({ min: 1, max: 40 }), (seed, rows, known, keys) => {
      const rng = seededRng(seed);
      const width = 1 + rng.below(4);
      const inputsOf = () =>
        Array.from({ length: width }, () => (rng.below(5) === 0 ? Number.NaN : rng.normal() * 10 ** rng.below(9)));
      const features = Array.from({ length: rows }, (_, i) => ({
        eventId: rng.below(9) === 0 ? `ü-${i}` : `in-${rng.below(3)}-${i}`,
        timeMs: rng.below(50),
        key: `k${rng.below(keys)}`,
        inputs: inputsOf(),
      }));
      // Some come again, with other numbers: the last one counts.
      const again = features.filter(() => rng.below(8) === 0).map((row) => ({ ...row, inputs: inputsOf() }));
      const labels = Array.from({ length: known }, () => ({
        eventId: `l-${rng.below(1_000_000)}`,
        timeMs: rng.below(60),
        key: `k${rng.below(keys + 5)}`,
        label: (rng.below(2) === 0 ? 0 : 1) as 0 | 1,
      }));
      const collected = createTrainingRows(Array.from({ length: width }, () => "number"));
      const [featureBuffer, labelBuffer] = [new FeatureBuffer(), new LabelBuffer()];
      for (const { eventId, timeMs, key, inputs } of [...features, ...again]) {
        featureBuffer.add(eventId, timeMs, key);
        for (const input of inputs) featureBuffer.addInput(input);
        if (rng.below(20) === 0) collected.addFeatures(featureBuffer.taken());
      }
      collected.addFeatures(featureBuffer.taken());
      for (const { eventId, timeMs, key, label } of labels) labelBuffer.add(eventId, timeMs, key, label);
      collected.addLabels(labelBuffer.taken());
      const set = collected.join();
      const expected = trainingOracle([...features, ...again], labels);
      expect([...set.inputs]).toEqual(expected.inputs);
      expect([...set.labels]).toEqual(expected.labels);
      expect([...set.timesMs]).toEqual(expected.timesMs);
      expect(set.split.trainCount).toBe(expected.trainCount);
      expect(set.counts).toMatchObject({
        features: rows,
        unlabelled: expected.unlabelled,
        labelledAfterSplit: expected.labelledAfterSplit,
        repeats: again.length,
      });
    }),
    { numRuns: 60 },
  );
});

test("rows are taken until they are joined, and joined once", () => {
  const rows = createTrainingRows(["number"]);
  rows.join();
  expect(() => rows.join()).toThrow("not joined yet");
  expect(() => rows.addFeatures(new FeatureBuffer().taken())).toThrow("not joined yet");
  expect(() => rows.addLabels(new LabelBuffer().taken())).toThrow("not joined yet");
});

test("a split of nothing holds nothing back", () => {
  expect(splitByTime(new Float64Array(0), 0.2)).toEqual({
    trainCount: 0,
    validationCount: 0,
    splitAtMs: undefined,
  });
});
