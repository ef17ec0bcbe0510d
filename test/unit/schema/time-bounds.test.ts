import { expect, test } from "vitest";
import { checkBareTime, checkTime } from "../../../src/schema/time-bounds.ts";

const years = { first: Date.parse("0001-01-01T00:00:00Z"), end: Date.parse("2100-01-01T00:00:00Z") };

test.each([
  [false, years.first, "field at: a time outside 0001-2100"],
  [true, 0, "field at: a time outside 1970-2100"],
])("a time (of the event: %s) lies from %i on and before 2100", (isEventTime, first, message) => {
  for (const ms of [first, first + 1, years.end - 1]) expect(checkTime(ms, "at", isEventTime)).toBe(ms);
  for (const ms of [first - 1, years.end]) expect(() => checkTime(ms, "at", isEventTime)).toThrow(message);
});

test("a bare number below the bound is refused, with the reason that fits it", () => {
  expect(checkBareTime(100_000_000_000, "at", true, 100_000_000_000)).toBe(100_000_000_000);
  expect(() => checkBareTime(99_999_999_999, "at", true, 100_000_000_000)).toThrow("is seconds and no milliseconds");
  expect(() => checkBareTime(4, "at", true, 5)).toThrow("field at: a time before timesFrom of the input");
  expect(checkBareTime(5, "at", true, 5)).toBe(5);
  expect(checkBareTime(-5, "at", false, -5)).toBe(-5);
  expect(() => checkBareTime(-5, "at", true, -5)).toThrow("outside 1970-2100");
});
