import { bareTimeMinMs, eventTimeEndMs, eventTimeMinMs, RecordError, timeMinMs } from "../kernel/index.ts";

/** How far back times of an input may lie. */
export interface TimeBounds {
  /** The field that is the topic's event time: 1970 to 2100, where other times begin with the year 1. */
  readonly eventTime: string | undefined;
  /** Earliest time that a bare number may mean; what lies before it looks like seconds. */
  readonly bareFromMs: number;
}

export const timeBoundsDefault: TimeBounds = { eventTime: undefined, bareFromMs: bareTimeMinMs };

/**
 * A time whose unit was said: ISO 8601 text, an `epoch-*` cast, Avro's logical types.
 * @throws RecordError MR_CAST before 0001 (an event time: before 1970) and from 2100 on
 */
export function checkTime(ms: number, path: string, isEventTime: boolean): number {
  if (ms >= (isEventTime ? eventTimeMinMs : timeMinMs) && ms < eventTimeEndMs) return ms;
  const span = isEventTime ? "1970-2100" : "0001-2100";
  throw new RecordError("MR_CAST", `field ${path}: a time outside ${span}`);
}

/**
 * A time that is a number and nothing more.
 * @throws RecordError MR_CAST as {@link checkTime}, and below `bareFromMs`
 */
export function checkBareTime(ms: number, path: string, isEventTime: boolean, bareFromMs: number): number {
  if (ms < bareFromMs) throw new RecordError("MR_CAST", `field ${path}: ${bareTimeHint(bareFromMs)}`);
  return checkTime(ms, path, isEventTime);
}

function bareTimeHint(bareFromMs: number): string {
  if (bareFromMs !== bareTimeMinMs) return "a time before timesFrom of the input";
  return "a number this small is seconds and no milliseconds (cast it to epoch-seconds; real times before 1973-03-03 need timesFrom on the input)";
}
