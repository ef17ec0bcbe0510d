/** Milliseconds since 1970-01-01T00:00:00Z. Branded, because a duration is not a time. */
export type EpochMs = number & { readonly __epochMs?: never };

/** First time accepted as an event time: 1970-01-01T00:00:00Z. */
export const eventTimeMinMs = 0;
/** First time refused as an event time, and as any other: 2100-01-01T00:00:00Z. */
export const eventTimeEndMs = 4_102_444_800_000;
/** First time accepted in a field that is no event time: 0001-01-01T00:00:00Z. */
export const timeMinMs = -62_135_596_800_000;
/**
 * A bare number below this is taken for seconds: 1973-03-03T09:46:40Z as milliseconds. As seconds, the numbers below
 * it reach to the year 5138, so that no time of today in seconds passes for milliseconds.
 */
export const bareTimeMinMs = 100_000_000_000;

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  min: 60_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Longest text looked at as a duration. */
const durationLengthMax = 40;
/** Longest text looked at as a time: any number of digits behind the second, within reason. */
const timeLengthMax = 400;

/**
 * A duration such as `100ms`, `25s`, `10min`, `1h`, `7d`, in milliseconds; undefined when it is none.
 * Whole numbers only; `m` is accepted for minutes. At most 3,650 days.
 */
export function parseDurationMs(text: string): number | undefined {
  if (text.length > durationLengthMax) return undefined;
  const match = /^(\d+)(ms|s|min|m|h|d)$/.exec(text);
  const unit = unitMs[match?.[2] ?? ""];
  if (match === null || unit === undefined) return undefined;
  const ms = Number(match[1]) * unit;
  return ms <= 3_650 * 86_400_000 ? ms : undefined;
}

/** The shortest exact form of a duration: 3600000 is `1h`, 90000 is `90s`. */
export function formatDurationMs(ms: number): string {
  for (const unit of ["d", "h", "min", "s"]) {
    const size = unitMs[unit] ?? 1;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

const isoTime =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2})(?::(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)?([Zz]|[+-]\d{2}(?::?\d{2})?)?)?$/;
/** ISO 8601's basic form; without a T it would be a number. */
const basicTime =
  /^(\d{4})(\d{2})(\d{2})[Tt](\d{2})(?:(\d{2})(?:(\d{2})(?:[.,](\d+))?)?)?([Zz]|[+-]\d{2}(?::?\d{2})?)?$/;

/**
 * A date or time in ISO 8601 or RFC 3339 as milliseconds since the epoch; undefined when the text is none. Taken as
 * people write it: a blank or t for the T, z for Z, a comma for the point, zones as +01:00, +0100 and +01; hours alone,
 * and the basic form 20260101T000000Z. 24:00:00 is the midnight that ends the day, and a leap second, which stands at
 * the end of a month in UTC (RFC 3339, 5.7), is the first second of the next.
 * Without a zone it is UTC. Fractions below a millisecond are cut off, however many digits they have.
 */
export function parseIsoTimeMs(text: string): EpochMs | undefined {
  if (text.length > timeLengthMax) return undefined;
  const m = isoTime.exec(text) ?? basicTime.exec(text);
  if (m === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = m
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  if (month < 1 || month > 12 || minute > 59 || second > 60) return undefined;
  if (hour > 23 && !(hour === 24 && minute + second + Number(m[7] ?? "0") === 0)) return undefined;
  const days = daysFromCivil(year, month, day);
  if (day < 1 || civilFromDays(days).day !== day) return undefined;
  const zoneMs = zoneOffsetMs(m[8]);
  if (zoneMs === undefined) return undefined;
  const millis = Number((m[7] ?? "").padEnd(3, "0").slice(0, 3));
  const ms = days * 86_400_000 + hour * 3_600_000 + minute * 60_000 + second * 1_000 + millis - zoneMs;
  return second === 60 && !beginsMonth(ms) ? undefined : ms;
}

/** Whether a time lies in the first second of a month. */
function beginsMonth(ms: number): boolean {
  const day = Math.floor(ms / 86_400_000);
  return ms - day * 86_400_000 < 1_000 && civilFromDays(day).day === 1;
}

/** Text of digits alone that reads as a day, hour or minute, as 202601010000: a count of milliseconds it is by chance. */
export function isDigitsOfDate(text: string): boolean {
  const m = digitsOfDate.exec(text);
  return m !== null && parseIsoTimeMs(`${m[1]}-${m[2]}-${m[3]}T${m[4] ?? "00"}:${m[5] ?? "00"}`) !== undefined;
}

const digitsOfDate = /^((?:19|20)\d{2})(\d{2})(\d{2})(?:(\d{2})(\d{2})?)?$/;

/** ISO 8601 in UTC with milliseconds: `2026-01-01T00:00:00.000Z`. Years 0 to 9999. */
export function formatIsoTime(ms: EpochMs): string {
  const days = Math.floor(ms / 86_400_000);
  const rest = ms - days * 86_400_000;
  const { year, month, day } = civilFromDays(days);
  const two = (n: number): string => String(Math.floor(n)).padStart(2, "0");
  const date = `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
  const clock = `${two(rest / 3_600_000)}:${two((rest / 60_000) % 60)}:${two((rest / 1_000) % 60)}`;
  return `${date}T${clock}.${String(Math.floor(rest % 1_000)).padStart(3, "0")}Z`;
}

/** Hour of the day in UTC, 0 to 23. */
export function hourOfDay(ms: EpochMs): number {
  return Math.floor(ms / 3_600_000) - Math.floor(ms / 86_400_000) * 24;
}

/** Day of the week in UTC, ISO 8601: Monday is 1, Sunday is 7. */
export function dayOfWeek(ms: EpochMs): number {
  const days = Math.floor(ms / 86_400_000) + 3;
  return days - Math.floor(days / 7) * 7 + 1;
}

/** Minute of the hour in UTC, 0 to 59. */
export function minuteOfHour(ms: EpochMs): number {
  return Math.floor(ms / 60_000) - Math.floor(ms / 3_600_000) * 60;
}

/** Day of the month in UTC, 1 to 31. */
export function dayOfMonth(ms: EpochMs): number {
  return civilFromDays(Math.floor(ms / 86_400_000)).day;
}

/** Month of the year in UTC, January is 1. */
export function monthOfYear(ms: EpochMs): number {
  return civilFromDays(Math.floor(ms / 86_400_000)).month;
}

/** Undefined for an offset that no clock shows: more than 23 hours or 59 minutes. */
function zoneOffsetMs(zone: string | undefined): number | undefined {
  if (zone === undefined || zone === "Z" || zone === "z") return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(":", ""));
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

/** Days since 1970-01-01 of a proleptic Gregorian date (H. Hinnant, "chrono-compatible low-level date algorithms"). */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function civilFromDays(days: number): { year: number; month: number; day: number } {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted + (shifted < 10 ? 3 : -9);
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1,
  };
}
