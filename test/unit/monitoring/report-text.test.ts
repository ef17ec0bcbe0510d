import { expect, test } from "vitest";
import { escaped, fixed, percent } from "../../../src/monitoring/report-text.ts";

test("what HTML takes for its own is escaped, in elements and attributes", () => {
  expect(escaped(`<a href="x">Tom & Jerry's</a>`)).toBe("&lt;a href=&quot;x&quot;&gt;Tom &amp; Jerry&#39;s&lt;/a&gt;");
});

test("three digits count, and no number is a dash", () => {
  expect([fixed(0.123456), fixed(1234.5), fixed(0), fixed(Number.NaN)]).toEqual(["0.123", "1230", "0", "-"]);
});

test("a share is a percentage with one digit, and of nothing a dash", () => {
  expect([percent(1, 3), percent(0, 7), percent(7, 7), percent(0, 0)]).toEqual(["33.3 %", "0.0 %", "100.0 %", "-"]);
});
