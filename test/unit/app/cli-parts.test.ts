import { expect, test } from "vitest";
import { versionArgument, whyOf } from "../../../src/app/cli/models.ts";
import { durationFlag, shownNumber, unreadWarning } from "../../../src/app/cli/monitoring.ts";
import { eventually } from "../../../src/app/eventually.ts";
import { type Column, outputForm, printedRows } from "../../../src/app/printed-rows.ts";

const never = new AbortController().signal;

/** A clock that stands still but for the pauses. */
function pausing() {
  let nowMs = 500;
  const sleep = async (ms: number): Promise<void> => {
    nowMs += ms;
  };
  return { monotonicMs: () => nowMs, sleep };
}

test("an effect is asked for every 200 ms, for ten seconds and once at their end", async () => {
  const clock = pausing();
  const asked: number[] = [];
  const isSeen = async (): Promise<boolean> => {
    asked.push(clock.monotonicMs() - 500);
    return false;
  };
  expect(await eventually(isSeen, never, clock)).toBe(false);
  expect([asked.length, asked[1], asked.at(-1)]).toEqual([51, 200, 10_000]);
});

test("what is seen at last is seen, and not asked for again", async () => {
  let asked = 0;
  expect(await eventually(async () => ++asked === 51, never, pausing())).toBe(true);
  expect(asked).toBe(51);
});

test("a number of a table has three digits, and none is a dash", () => {
  expect([0.123456, 1234, 0, null, undefined, Number.NaN].map(shownNumber)).toEqual([
    "0.123",
    "1230",
    "0",
    "-",
    "-",
    "-",
  ]);
});

test("a duration is a time above 0", () => {
  expect(durationFlag("for", "2h")).toBe(7_200_000);
  for (const wrong of ["0s", "soon", undefined]) expect(() => durationFlag("for", wrong)).toThrow("--for: ");
});

test("records that cannot be read are told, and nothing where there are none", () => {
  expect([unreadWarning(0), unreadWarning(2).slice(0, 52)]).toEqual([
    "",
    "2 records of Millrace's own topics cannot be read an",
  ]);
});

test("a version is a number from 1 on, with a v or without", () => {
  expect([versionArgument("3"), versionArgument("v12"), versionArgument(999_999_999)]).toEqual([3, 12, 999_999_999]);
  for (const wrong of ["0", "01", "v", "3.5", "-1", "1000000000", "vv3", "latest", undefined])
    expect(() => versionArgument(wrong)).toThrow("is no version: a number such as 3 is needed");
});

test("who does it is who is named, and what for is left out where nobody says it", () => {
  expect(whyOf({ by: "ann", reason: "mended" })).toEqual({ by: "ann", reason: "mended" });
  expect(whyOf({ by: "ann" })).toEqual({ by: "ann" });
  expect(whyOf({})).toEqual({ by: expect.stringMatching(/./) });
});

const columns: readonly Column<{ readonly name: string; readonly count: number | null }>[] = [
  { heading: "NAME", show: ({ name }) => name },
  { heading: "COUNT", show: ({ count }) => count ?? "-" },
];

test("a table is as wide as its cells; a column of numbers alone stands at the right", () => {
  const rows = [
    { name: "a", count: 7 },
    { name: "longer", count: 1_234_567 },
  ];
  expect(printedRows(rows, columns, "table")).toBe("NAME      COUNT\na             7\nlonger  1234567\n");
  expect(printedRows([...rows, { name: "b", count: null }], columns, "table")).toBe(
    "NAME    COUNT\na       7\nlonger  1234567\nb       -\n",
  );
  expect(printedRows([], columns, "table")).toBe("NAME  COUNT\n");
});

test("JSON is one array, and JSON lines are an object each", () => {
  const rows = [{ name: "a", count: 7 }];
  expect(JSON.parse(printedRows(rows, columns, "json"))).toEqual(rows);
  expect(printedRows([...rows, ...rows], columns, "jsonl")).toBe('{"name":"a","count":7}\n{"name":"a","count":7}\n');
  expect(printedRows([], columns, "jsonl")).toBe("");
});

test("a form that there is not is refused with those that there are", () => {
  expect(outputForm("jsonl")).toBe("jsonl");
  expect(() => outputForm("yaml")).toThrow('--output: "yaml" is none of table, json, jsonl');
});
