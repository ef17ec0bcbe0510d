import { dayOfMonth, dayOfWeek, monthOfYear } from "../kernel/index.ts";

/**
 * Schedules in the five fields of cron: minute, hour, day of the month, month, day of the week (0 and 7 are Sunday), in
 * UTC. A field is `*`, a number, a range `a-b`, a list of those, each with a step `/n` where it is not a single number.
 * As in POSIX `crontab`, a day fits by either field where both the day of the month and that of the week are restricted.
 */
const fields = [
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  { name: "day of the month", min: 1, max: 31 },
  { name: "month", min: 1, max: 12 },
  { name: "day of the week", min: 0, max: 7 },
] as const;

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** Eight years and some: the 29th of February may be that far away, over 2100. */
const daysMax = 366 * 9;

export interface Schedule {
  /** The first time after this one; epoch milliseconds, a whole minute. */
  next(afterMs: number): number;
}

/** Undefined when the text is no schedule, or one that never comes, such as the 31st of February. */
export function parseSchedule(text: string): Schedule | undefined {
  const parts = text.trim().split(/\s+/);
  if (parts.length !== fields.length) return undefined;
  const sets = fields.map(({ min, max }, i) => valuesOf(parts[i] ?? "", min, max));
  const [minutes, hours, days, months, weekdays] = sets;
  if (!minutes || !hours || !days || !months || !weekdays) return undefined;
  if (weekdays.has(0)) weekdays.add(7);
  const isEither = !isAny(parts[2]) && !isAny(parts[4]);
  const isDay = (dayAtMs: number): boolean => {
    if (!months.has(monthOfYear(dayAtMs))) return false;
    const [byMonth, byWeek] = [days.has(dayOfMonth(dayAtMs)), weekdays.has(dayOfWeek(dayAtMs))];
    return isEither ? byMonth || byWeek : byMonth && byWeek;
  };
  const times = [...hours].flatMap((hour) => [...minutes].map((minute) => hour * hourMs + minute * minuteMs));
  times.sort((a, b) => a - b);
  const next = (afterMs: number): number | undefined => {
    let dayAtMs = Math.floor(afterMs / dayMs) * dayMs;
    for (let day = 0; day < daysMax; day++, dayAtMs += dayMs) {
      if (!isDay(dayAtMs)) continue;
      const found = times.find((time) => dayAtMs + time > afterMs);
      if (found !== undefined) return dayAtMs + found;
    }
    return undefined;
  };
  // What comes at all comes within the years that are looked through, wherever they begin.
  return next(0) === undefined ? undefined : { next: (afterMs) => next(afterMs) ?? Number.POSITIVE_INFINITY };
}

function isAny(part = ""): boolean {
  return part.startsWith("*");
}

function valuesOf(part: string, min: number, max: number): Set<number> | undefined {
  const values = new Set<number>();
  for (const entry of part.split(",")) {
    const match = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(entry);
    if (match === null) return undefined;
    const [, first, last, step] = match;
    const from = first === undefined ? min : Number(first);
    const to = first === undefined ? max : Number(last ?? first);
    const by = step === undefined ? 1 : Number(step);
    if (from < min || to > max || from > to || by < 1) return undefined;
    if (step !== undefined && first !== undefined && last === undefined) return undefined;
    for (let value = from; value <= to; value += by) values.add(value);
  }
  return values;
}
