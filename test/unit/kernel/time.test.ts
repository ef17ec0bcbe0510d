import fc from "fast-check";
import { expect, test } from "vitest";
import {
  dayOfWeek,
  eventTimeEndMs,
  eventTimeMinMs,
  formatDurationMs,
  formatIsoTime,
  hourOfDay,
  parseDurationMs,
  parseIsoTimeMs,
} from "../../../src/kernel/index.ts";

const options = { numRuns: 2_000 };

/** From 0000-01-01 to 9999-12-31, and the edges of days around it. */
const anyTime = fc.oneof(
  fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }),
  fc
    .integer({ min: -719_000, max: 2_932_000 })
    .chain((day) => fc.constantFrom(-1, 0, 1).map((ms) => day * 86_400_000 + ms)),
);

test("formats every time of the years 0 to 9999 as Date does", () => {
  fc.assert(
    fc.property(anyTime, (ms) => {
      expect(formatIsoTime(ms)).toBe(new Date(ms).toISOString());
    }),
    options,
  );
});

test("reads back what it formats, with any zone", () => {
  const zones = fc.constantFrom(
    ["Z", 0],
    ["+00:00", 0],
    ["", 0],
    ["+05:30", 330],
    ["-08:00", -480],
    ["+14:00", 840],
  ) as fc.Arbitrary<[string, number]>;
  fc.assert(
    fc.property(anyTime, zones, (ms, [zone, minutes]) => {
      const text = `${formatIsoTime(ms).slice(0, -1)}${zone}`;
      expect(parseIsoTimeMs(text)).toBe(ms - minutes * 60_000);
    }),
    options,
  );
});

test("agrees with Date on hour and weekday, before 1970 too", () => {
  fc.assert(
    fc.property(anyTime, (ms) => {
      const date = new Date(ms);
      expect(hourOfDay(ms)).toBe(date.getUTCHours());
      expect(dayOfWeek(ms) % 7).toBe(date.getUTCDay());
      expect(dayOfWeek(ms)).toBeGreaterThanOrEqual(1);
    }),
    options,
  );
});

test("agrees with Date on which days a month has", () => {
  for (const year of [1900, 1970, 1999, 2000, 2023, 2024, 2100, 2400]) {
    for (let month = 1; month <= 12; month++) {
      for (let day = 28; day <= 32; day++) {
        const text = `${year}-${String(month).padStart(2, "0")}-${day}`;
        const date = new Date(Date.UTC(year, month - 1, day));
        const exists = date.getUTCDate() === day;
        expect(parseIsoTimeMs(text), text).toBe(exists ? date.getTime() : undefined);
      }
    }
  }
});

test.each<[string, number]>([
  ["1970-01-01", 0],
  ["1970-01-01T00:00", 0],
  ["1970-01-01 00:00:01", 1_000],
  ["1970-01-01T00:00:00.5", 500],
  ["1970-01-01T00:00:00.123456789Z", 123],
  ["1970-01-01T01:00:00+01:00", 0],
  ["1969-12-31T23:00:00-01:00", 0],
  ["2026-01-01T00:00:00Z", 1_767_225_600_000],
  // As RFC 3339 allows, strftime's %z writes, PostgreSQL prints, and German clocks count.
  ["2026-01-01t00:00:00z", 1_767_225_600_000],
  ["2026-01-01 00:00:00Z", 1_767_225_600_000],
  ["2026-01-01T01:00:00+0100", 1_767_225_600_000],
  ["2025-12-31T18:30:00-0530", 1_767_225_600_000],
  ["2026-01-01 01:00:00+01", 1_767_225_600_000],
  ["2026-01-01T00:00:00,5", 1_767_225_600_500],
  ["2026-01-01T00:00:00.1234567891Z", 1_767_225_600_123],
  ["2026-01-01T00:00:00,9999999999999999999999999999999999999999999999+0000", 1_767_225_600_999],
  ["1969-12-31T23:59:59.9999Z", -1],
  // The leap second of RFC 3339, 5.7 and 5.8, in UTC and in another zone; its fraction is one of the next.
  ["2016-12-31T23:59:60Z", 1_483_228_800_000],
  ["1990-12-31T15:59:60-08:00", 662_688_000_000],
  ["2016-12-31T23:59:60.25Z", 1_483_228_800_250],
  ["2026-01-01T24:00:00Z", 1_767_312_000_000],
  ["2025-12-31T24:00", 1_767_225_600_000],
  ["2026-01-01T00Z", 1_767_225_600_000],
  ["2026-01-01T01+01:00", 1_767_225_600_000],
  ["20260101T000000Z", 1_767_225_600_000],
  ["20260101T0100+0100", 1_767_225_600_000],
  ["20260101T00", 1_767_225_600_000],
  ["20260101T000000.5Z", 1_767_225_600_500],
])("reads the time %s", (text, ms) => {
  expect(parseIsoTimeMs(text)).toBe(ms);
});

test.each([
  "",
  "now",
  "2026",
  "2026-01",
  "2026-1-1",
  "2026-13-01",
  "2026-00-01",
  "2026-01-00",
  "2026-02-30",
  "2026-01-01T24:00:00.001Z",
  "2026-01-01T24:01:00Z",
  "2026-01-01T25:00:00Z",
  "2026-01-01T23:59:60Z",
  "2026-01-31T10:59:60Z",
  "2016-12-31T23:59:61Z",
  "20260101",
  "20260101000000",
  "20260101T00:00:00Z",
  "2026-01-01T000000Z",
  "20261301T00",
  "2026-01-01T00:60:00Z",
  "2026-01-01T00:00:60Z",
  "2026-01-01T00:00:00.Z",
  "2026-01-01Z",
  "2026-01-01T00:00:00+1",
  "2026-01-01T00:00:00+100",
  "2026-01-01T00:00:00+01:0",
  "2026-01-01T00:00:00 Z",
  "2026-01-01T00:00:00.,5Z",
  `2026-01-01T00:00:00.${"1".repeat(400)}Z`,
  " 2026-01-01",
  "2026-01-01\n",
  "+2026-01-01",
  "1767225600000",
  `2026-01-01${" ".repeat(40)}`,
])("finds no time in %j", (text) => {
  expect(parseIsoTimeMs(text)).toBeUndefined();
});

test.each(["+24:00", "+99:99", "-00:60", "+2400", "-24", "+0060"])(
  "finds no time with a zone of %s, which no clock has",
  (zone) => {
    expect(parseIsoTimeMs(`2026-01-01T00:00:00${zone}`)).toBeUndefined();
  },
);

test("bounds event times by 1970 and 2100", () => {
  expect(formatIsoTime(eventTimeMinMs)).toBe("1970-01-01T00:00:00.000Z");
  expect(formatIsoTime(eventTimeEndMs)).toBe("2100-01-01T00:00:00.000Z");
});

test.each<[string, number]>([
  ["0ms", 0],
  ["100ms", 100],
  ["25s", 25_000],
  ["10min", 600_000],
  ["10m", 600_000],
  ["1h", 3_600_000],
  ["7d", 604_800_000],
  ["3650d", 315_360_000_000],
  // 40 characters are looked at.
  [`${"0".repeat(38)}5s`, 5_000],
])("reads the duration %s", (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});

test.each([
  "",
  "5",
  "h",
  "1.5h",
  "-1s",
  "1 h",
  "1H",
  "1w",
  "3651d",
  "1h30m",
  "1h\n",
  "9".repeat(41),
  `${"0".repeat(39)}5s`,
])("finds no duration in %j", (text) => {
  expect(parseDurationMs(text)).toBeUndefined();
});

test("formats a duration in the largest unit that is exact", () => {
  expect([0, 1, 999, 1_000, 90_000, 3_600_000, 86_400_000, 90_000_000].map(formatDurationMs)).toEqual([
    "0ms",
    "1ms",
    "999ms",
    "1s",
    "90s",
    "1h",
    "1d",
    "25h",
  ]);
});

test("reads back every duration it formats", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3_650 * 86_400_000 }), (ms) => {
      expect(parseDurationMs(formatDurationMs(ms))).toBe(ms);
    }),
    options,
  );
});
