import { expect, test } from "vitest";
import { faultsOfDemo } from "../../../scripts/check-demo.ts";

const good = [
  "Next: npm run build",
  "",
  "events 582845 predictions 95673 dead-letters 5",
  "auc calendar 0.587",
  "auc keyed 0.732",
  "seconds 15",
  "",
];
/** What the demo prints, with one line in place of another. */
const printed = (line?: string, instead = ""): string =>
  good.map((each) => (each === line ? instead : each)).join("\n");

test("the lines that the demo has to end with are let through, however long it took", () => {
  expect(faultsOfDemo(printed())).toEqual([]);
  expect(faultsOfDemo(printed("seconds 15", "seconds 300"))).toEqual([]);
  expect(faultsOfDemo(printed("auc keyed 0.732", "auc keyed 0.736"))).toEqual([]);
});

test.each([
  ["a dead letter is missing", good[2], "events 582845 predictions 95673 dead-letters 4"],
  ["an event is missing", good[2], "events 582844 predictions 95673 dead-letters 5"],
  ["a prediction came twice", good[2], "events 582845 predictions 95674 dead-letters 5"],
  ["the calendar model is worse", good[3], "auc calendar 0.581"],
  ["the keyed model is better than it can be", good[4], "auc keyed 0.737"],
  ["an AUC is no number", good[4], "auc keyed NaN"],
  ["the models are swapped", good[3], "auc keyed 0.587"],
  ["the last line is another", good[5], "bye"],
])("it is said when %s", (_, line, instead) => {
  expect(faultsOfDemo(printed(line, instead))).toEqual([expect.stringContaining(JSON.stringify(instead))]);
});

test("a demo that printed nothing lacks all four", () => {
  expect(faultsOfDemo("")).toHaveLength(4);
});
