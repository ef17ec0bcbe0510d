import { dayOfMonth, dayOfWeek, hourOfDay, minuteOfHour, monthOfYear } from "../kernel/index.ts";
import { always, type FunctionDefinition, finite, named } from "./function-definition.ts";

/** Furthest time from 1970 that has a date in ECMAScript, in ms. */
const calendarEndMs = 8.64e15;

/** A time; NaN when it is beyond the calendar, as `paid_at + 9e15` is. */
function inCalendar(time: number): number {
  return Math.abs(time) <= calendarEndMs ? time : Number.NaN;
}

export const timeFunctions = {
  hour: {
    signature: "hour(t)",
    doc: "Hour of the day in UTC, 0 to 23. A time beyond the calendar fails the record with MR_EXPRESSION.",
    example: ['hour(to_timestamp("2026-01-01T23:59:00Z"))', 23],
    parameters: [named("t", ["timestamp"])],
    result: always("int"),
    fails: finite,
    run: (time: number) => hourOfDay(inCalendar(time)),
  },
  day_of_week: {
    signature: "day_of_week(t)",
    doc: "Day of the week in UTC by ISO 8601: Monday is 1, Sunday is 7. A time beyond the calendar fails the record with MR_EXPRESSION.",
    example: ['day_of_week(to_timestamp("2026-01-01"))', 4],
    parameters: [named("t", ["timestamp"])],
    result: always("int"),
    fails: finite,
    run: (time: number) => dayOfWeek(inCalendar(time)),
  },
  minute: {
    signature: "minute(t)",
    doc: "Minute of the hour in UTC, 0 to 59. A time beyond the calendar fails the record with MR_EXPRESSION.",
    example: ['minute(to_timestamp("2026-01-01T23:59:00Z"))', 59],
    parameters: [named("t", ["timestamp"])],
    result: always("int"),
    fails: finite,
    run: (time: number) => minuteOfHour(inCalendar(time)),
  },
  day_of_month: {
    signature: "day_of_month(t)",
    doc: "Day of the month in UTC, 1 to 31. A time beyond the calendar fails the record with MR_EXPRESSION.",
    example: ['day_of_month(to_timestamp("2028-02-29"))', 29],
    parameters: [named("t", ["timestamp"])],
    result: always("int"),
    fails: finite,
    run: (time: number) => dayOfMonth(inCalendar(time)),
  },
  month: {
    signature: "month(t)",
    doc: "Month of the year in UTC, January is 1. A time beyond the calendar fails the record with MR_EXPRESSION.",
    example: ['month(to_timestamp("2026-12-31T23:59:59Z"))', 12],
    parameters: [named("t", ["timestamp"])],
    result: always("int"),
    fails: finite,
    run: (time: number) => monthOfYear(inCalendar(time)),
  },
} satisfies Record<string, FunctionDefinition>;
