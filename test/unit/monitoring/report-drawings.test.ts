import { expect, test } from "vitest";
import type { VerdictRecord } from "../../../src/monitor/index.ts";
import type { FieldReport } from "../../../src/monitoring/index.ts";
import { histogram, scoreChart } from "../../../src/monitoring/report-drawings.ts";
import { verdictOf } from "./verdicts.ts";

const report = (given: Partial<FieldReport>): FieldReport => ({
  monitor: "m",
  field: "amount",
  isSensitive: false,
  last: undefined,
  cells: [],
  n: 10,
  m: 20,
  verdicts: [],
  ...given,
});
const cells = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `c${i}`, reference: count - i, current: 1 }));
/** Bars of a histogram, as x, width and height; the squares of the legend have no decimals and are 11 wide. */
const bars = (drawing: string, name: string) =>
  [...drawing.matchAll(new RegExp(`class="${name}" x="([^"]*)" y="[^"]*" width="([^"]*)" height="([^"]*)"`, "g"))]
    .map((found) => found.slice(1).map(Number))
    .filter(([, wide]) => wide !== 11);
const texts = (drawing: string, y: number) =>
  [...drawing.matchAll(new RegExp(`<text x="([^"]*)" y="${y}" text-anchor="([^"]*)">([^<]*)`, "g"))].map((found) =>
    found.slice(1),
  );

test("bars of a cell stand side by side in its step of the drawing, the reference first", () => {
  const two = [
    { name: "a", reference: 10, current: 5 },
    { name: "b", reference: 0, current: 15 },
  ];
  const drawing = histogram(report({ cells: two, n: 10, m: 20 }));
  // 730 wide from 60 on: 365 for each cell, a tenth of it before its bars, which are 146 wide. 100 % is 180 high.
  expect(bars(drawing, "reference")).toEqual([
    [96.5, 146, 180],
    [461.5, 146, 0],
  ]);
  expect(bars(drawing, "current")).toEqual([
    [242.5, 146, 45],
    [607.5, 146, 135],
  ]);
  expect(texts(drawing, 216)).toEqual([
    ["60", "start", "a"],
    ["790", "end", "b"],
  ]);
});

test("one cell is named once, and none not at all", () => {
  expect(texts(histogram(report({ cells: cells(1) })), 216)).toEqual([["60", "start", "c0"]]);
  expect(texts(histogram(report({})), 216)).toEqual([["60", "start", ""]]);
});

test("of more than sixty cells the largest are drawn, in their order, and the others are told", () => {
  const drawing = histogram(report({ cells: [{ name: "least", reference: 0, current: 0 }, ...cells(60)] }));
  expect(bars(drawing, "reference")).toHaveLength(60);
  expect(texts(drawing, 216).map(([, , name]) => name)).toEqual(["c0", "c59"]);
  expect(drawing).toContain("1 smaller cells are in the table alone");
  const all = histogram(report({ cells: cells(60) }));
  expect(all).not.toContain("smaller cells");
  // What is large in either of the two is drawn.
  const inWindow = [...cells(60), { name: "new", reference: 0, current: 500 }];
  expect(texts(histogram(report({ cells: inWindow })), 216).at(-1)?.[2]).toBe("new");
});

test("without rows on one side its bars have no height", () => {
  const drawing = histogram(report({ cells: cells(2), n: 0, m: 2 }));
  expect(bars(drawing, "reference").map(([, , tall]) => tall)).toEqual([0, 0]);
  expect(bars(drawing, "current").map(([, , tall]) => tall)).toEqual([180, 180]);
});

const hour = 3_600_000;
const at = (fromMs: number, given: Partial<VerdictRecord>) => verdictOf({ fromMs, threshold: 0.2, ...given });

test("a score stands at the time of its window and at its height, by its kind; one that was not judged on the ground", () => {
  const drawing = scoreChart(
    report({
      verdicts: [
        at(0, { score: 0.1 }),
        at(hour, { score: 0.4, kind: "DRIFT" }),
        at(2 * hour, { score: Number.NaN, kind: "INSUFFICIENT" }),
      ],
    }),
  );
  // 718 wide from 66 on; the highest, 0.4, has a twentieth above it: 0.42 is 180 high.
  expect(drawing).toContain('<circle class="ok" cx="66" cy="157.1" r="2.5"/>');
  expect(drawing).toContain('<path class="drift" d="M425 23.6l5 5l-5 5l-5 -5z"/>');
  expect(drawing).toContain('<rect class="unsure" x="782.5" y="196" width="3" height="8"/>');
  expect(drawing).toContain('<polyline class="score" points="66,157.1 425,28.6"/>');
  expect(drawing).toContain('<polyline class="threshold" points="66,114.3 425,114.3"/>');
  expect(drawing).toContain("over 3 windows, 1 of which drift");
  expect(texts(drawing, 216)).toEqual([
    ["60", "start", "1970-01-01T00:00:00.000Z"],
    ["790", "end", "1970-01-01T02:00:00.000Z"],
  ]);
});

test("the first window stands at the left, whenever it was", () => {
  const verdicts = [at(10 * hour, { score: 0.1 }), at(11 * hour, { score: 0.1 })];
  expect([...scoreChart(report({ verdicts })).matchAll(/<circle class="ok" cx="([^"]*)"/g)].map(([, x]) => x)).toEqual([
    "66",
    "784",
  ]);
});

test("one window has one time, and no window none", () => {
  expect(texts(scoreChart(report({ verdicts: [at(hour, { score: 0.1 })] })), 216)).toEqual([
    ["60", "start", "1970-01-01T01:00:00.000Z"],
  ]);
  expect(texts(scoreChart(report({})), 216)).toEqual([]);
});
