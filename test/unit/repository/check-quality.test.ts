import { expect, test } from "vitest";
import { checksOfQuality, reportOfQuality } from "../../../scripts/check-quality.ts";

const good = [
  "elec2 none repeat 62.70 0 0 0.0",
  "elec2 logistic static 77.55 0 0 11.9",
  "elec2 logistic drift 82.80 6 6 31.4",
  "",
];
/** What the benchmark prints, with one line in place of another. */
const printed = (line?: string, instead = ""): string =>
  good.map((each) => (each === line ? instead : each)).join("\n");
const faultsOf = (text: string) => checksOfQuality(text).flatMap(({ fault }) => fault ?? []);

test("lines as they have to be are let through, whatever they cost", () => {
  expect(faultsOf(printed())).toEqual([]);
  expect(faultsOf(printed(good[2], "elec2 logistic drift 81.50 8 1 300.0"))).toEqual([]);
  expect(faultsOf(printed(good[1], "elec2 logistic static 77.50 0 0 1.0"))).toEqual([]);
});

test.each([
  ["the model that stays is worse", good[1], "elec2 logistic static 77.45 0 0 11.9", "77.45"],
  ["the model that stays is better than it can be", good[1], "elec2 logistic static 77.65 0 0 11.9", "77.65"],
  ["the model that stays was trained again", good[1], "elec2 logistic static 77.55 1 1 11.9", "retrained: 1"],
  ["the loop keeps nothing fresh", good[2], "elec2 logistic drift 81.49 6 6 31.4", "81.49"],
  ["the loop asks too often", good[2], "elec2 logistic drift 82.80 9 6 31.4", "9 and 6"],
  ["the loop promotes nothing", good[2], "elec2 logistic drift 82.80 6 0 31.4", "6 and 0"],
  ["an accuracy is no number", good[1], "elec2 logistic static NaN 0 0 11.9", "undefined"],
])("it is said when %s", (_, line, instead, said) => {
  expect(faultsOf(printed(line, instead)).join("; ")).toContain(said);
});

test("the shuffled rows are no line of the loop", () => {
  expect(faultsOf(printed(good[2], "elec2 logistic drift-shuffled 82.80 6 6 31.4"))).toHaveLength(2);
});

test("a report counts the checks, and says the lines", () => {
  expect(reportOfQuality(printed(), 0)).toEqual({
    passed: 4,
    failed: 0,
    skipped: 0,
    failures: [],
    says: good.slice(0, 3),
  });
  expect(reportOfQuality(printed(good[2], "bye"), 0)).toMatchObject({ passed: 2, failed: 2 });
});

test("without the data the checks are skipped, and a run that broke off has failed", () => {
  const skipped = "skipped: no electricity data; name its file with MILLRACE_ELEC2\n";
  expect(reportOfQuality(skipped, 0)).toMatchObject({ passed: 0, failed: 0, skipped: 4 });
  expect(reportOfQuality(printed(), 1)).toMatchObject({ passed: 0, failed: 1 });
  expect(reportOfQuality(skipped, null)).toMatchObject({ failed: 1, skipped: 0 });
});
