import { expect, test } from "vitest";
import { parseSchedule } from "../../../src/training/index.ts";

const at = (text: string): number => Date.parse(text);
const next = (text: string, after: string): string =>
  new Date(parseSchedule(text)?.next(at(after)) ?? Number.NaN).toISOString();

test("comes at the next time that all five fields fit, in UTC", () => {
  expect(next("0 3 * * *", "2026-01-05T02:59:59.999Z")).toBe("2026-01-05T03:00:00.000Z");
  expect(next("*/20 * * * *", "2026-01-05T23:45:00Z")).toBe("2026-01-06T00:00:00.000Z");
  expect(next("30 9-17/4 * * *", "2026-01-05T09:30:00Z")).toBe("2026-01-05T13:30:00.000Z");
  expect(next("0 0 1,15 * *", "2026-01-02T00:00:00Z")).toBe("2026-01-15T00:00:00.000Z");
});

test("the time itself is no time after it", () => {
  expect(next("0 3 * * *", "2026-01-05T03:00:00Z")).toBe("2026-01-06T03:00:00.000Z");
});

test("takes 0 and 7 for Sunday", () => {
  // 2026-01-04 is a Sunday.
  expect(next("0 0 * * 0", "2026-01-05T00:00:00Z")).toBe("2026-01-11T00:00:00.000Z");
  expect(next("0 0 * * 7", "2026-01-05T00:00:00Z")).toBe("2026-01-11T00:00:00.000Z");
  expect(next("0 0 * * 1", "2026-01-04T00:00:00Z")).toBe("2026-01-05T00:00:00.000Z");
});

test("a day fits by either of its fields where both are restricted, as POSIX crontab has it", () => {
  expect(next("0 0 13 * 5", "2026-01-05T00:00:00Z")).toBe("2026-01-09T00:00:00.000Z");
  expect(next("0 0 13 * 5", "2026-01-10T00:00:00Z")).toBe("2026-01-13T00:00:00.000Z");
  expect(next("0 0 13 * *", "2026-01-05T00:00:00Z")).toBe("2026-01-13T00:00:00.000Z");
});

test("finds the 29th of February over a century that has none", () => {
  expect(next("0 0 29 2 *", "2096-03-01T00:00:00Z")).toBe("2104-02-29T00:00:00.000Z");
});

test.each([
  "",
  "0 3 * *",
  "0 3 * * * *",
  "60 3 * * *",
  "0 24 * * *",
  "0 0 0 * *",
  "0 0 * 13 *",
  "0 0 * * 8",
  "5-1 * * * *",
  "*/0 * * * *",
  "5/10 * * * *",
  "@daily",
  "0 3 * * MON",
  "0 0 31 2 *",
])("takes %j for no schedule", (text) => {
  expect(parseSchedule(text)).toBeUndefined();
});
