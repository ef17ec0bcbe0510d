import { expect, test } from "vitest";
import { type ArtefactFiles, calibrationBytes, calibrationFile } from "../../../../src/model/index.ts";
import { cellScores, countScores, scoreCells } from "../../../../src/monitor/estimate/index.ts";
import { readExpectation } from "../../../../src/monitoring/index.ts";

const never = new AbortController().signal;
const counts = [...countScores(Float64Array.of(0.2, 0.2, 0.9))];
const filesOf = (bytes: Uint8Array): ArtefactFiles => new Map([[calibrationFile, bytes]]);
const store = (files: ArtefactFiles | undefined, asked: [string, number][] = []) => ({
  async read(model: string, version: number) {
    asked.push([model, version]);
    return files;
  },
});
const probabilityOf = (probabilities: Float64Array | undefined, score: number) =>
  probabilities?.[scoreCells.cellOf(score)];

test("what to expect of a version is by its map, cell by cell, and by the scores of its validation", async () => {
  const map = { scores: [0, 1], probabilities: [0.25, 0.75] };
  const asked: [string, number][] = [];
  const files = filesOf(calibrationBytes({ map, counts }));
  const found = await readExpectation(store(files, asked), "shop/fraud/12", never);
  expect(asked).toEqual([["shop/fraud", 12]]);
  const middle = cellScores[scoreCells.cellOf(0.2)]!;
  expect(probabilityOf(found?.probabilities, 0.2)).toBeCloseTo(0.25 + middle / 2, 12);
  expect(found?.counts).toEqual(Float64Array.from(counts));
});

test("scores that need no map are probabilities themselves", async () => {
  const files = filesOf(calibrationBytes({ map: "identity", counts }));
  const found = await readExpectation(store(files), "fraud/1", never);
  expect(found?.probabilities).toEqual(cellScores);
});

test.each<[string, ArtefactFiles | undefined]>([
  ["is not there", undefined],
  ["was validated on too few rows", new Map()],
  ["was counted in other cells", filesOf(calibrationBytes({ map: "identity", counts: [1, 2] }))],
  ["says nothing that can be read", filesOf(Buffer.from("{"))],
])("nothing is expected of a version that %s", async (_, files) => {
  expect(await readExpectation(store(files), "fraud/1", never)).toBeUndefined();
});

test("nothing is expected without a store, and what a store throws is thrown", async () => {
  expect(await readExpectation(undefined, "fraud/1", never)).toBeUndefined();
  const broken = { read: () => Promise.reject(new Error("no disk")) };
  await expect(readExpectation(broken, "fraud/1", never)).rejects.toThrow("no disk");
});
