import { eventTimeEndMs, parseIsoTimeMs } from "../kernel/index.ts";
import { type AvroType, isTimestamp } from "./avro-type.ts";
import { type CastType, castTargets, convert, epochShifts, floatOf, toDouble, toFloat, toInt, toLong } from "./cast.ts";
import { JsonNumber } from "./exact-json.ts";
import { isWellFormed } from "./json-text.ts";
import { type NumberTrust, type ReadingRules, sourceWanted, unfit, type ValueReading } from "./reading-rules.ts";
import { checkBareTime, checkTime } from "./time-bounds.ts";

/** Text that stands for a number in our own JSON form, which has no other way to say it. */
export const ownNumbers: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
};

/** The reading of a type without parts; `field` is the top-level field it belongs to. */
export function scalarReading(type: AvroType, rules: ReadingRules, field?: string): ValueReading {
  const isEventTime = field !== undefined && field === rules.times?.eventTime;
  // A null is told apart where a value is refused (see unfit), and costs the others nothing.
  return isTimestamp(type) ? timestampReading(rules, isEventTime) : plainReading(type, rules);
}

/**
 * Converts as a `cast` asks and then reads. Times are kept to their bounds by what was converted: a number of no
 * unit to those of bare numbers, everything else to the calendar.
 */
export function castReading(cast: CastType, read: ValueReading, rules: ReadingRules, field: string): ValueReading {
  const { times, numbers } = rules;
  const isTime = castTargets[cast].kind === "timestamp";
  const isEventTime = field === times?.eventTime;
  const wantsUnit = isTime && epochShifts[cast] === undefined;
  // A double is the nearest one whatever was rounded away, and a boolean is read off one.
  const needsDigits = isTime || cast === "int" || cast === "long" || cast === "string";
  const trust = (value: number): void => {
    if (Number.isSafeInteger(value)) {
      if (needsDigits) numbers.wholes.add(value);
    } else if (needsSource(cast, value)) throw sourceWanted;
  };
  const kept = keptBy[cast];
  const timeFromMs = wantsUnit && times !== undefined ? Math.max(times.bareFromMs, 0) : eventTimeEndMs;
  const converted = (value: unknown, path: string): unknown => {
    const result = convert(cast, value, Number.NEGATIVE_INFINITY) ?? unfit(path, wanted[cast] ?? cast, value);
    if (!isTime) return read(result, path);
    const ms = result as number;
    if (times === undefined) return ms;
    const isBare = wantsUnit && !(typeof value === "string" && parseIsoTimeMs(value) !== undefined);
    return isBare ? checkBareTime(ms, path, isEventTime, times.bareFromMs) : checkTime(ms, path, isEventTime);
  };
  return (value, path) => {
    // Nearly every value there is needs no conversion, and then costs no call.
    if (value === null || typeof value === kept) {
      if (typeof value === "number" && !numbers.areExact) trust(value);
      return read(value, path);
    }
    if (typeof value !== "number") return converted(value, path);
    if (!numbers.areExact) trust(value);
    const isTimeAsItIs = value >= timeFromMs && value < eventTimeEndMs && Number.isInteger(value);
    return isTimeAsItIs ? value + 0 : converted(value, path);
  };
}

/** The JavaScript type that a target takes as it is, if the field itself does. */
const keptBy: Readonly<Partial<Record<CastType, string>>> = {
  string: "string",
  boolean: "boolean",
  float: "number",
  double: "number",
};

const wanted: Readonly<Partial<Record<CastType, string>>> = {
  boolean: "boolean (true, false, 1 or 0)",
  string: "string, nor a number of at most 400 digits",
  "timestamp-millis": "ISO 8601 time",
  utc: "ISO 8601 time",
  "epoch-seconds": "time in seconds",
  "epoch-millis": "time in milliseconds",
  "epoch-micros": "time in microseconds",
  "epoch-nanos": "time in nanoseconds",
};

function needsSource(cast: CastType, value: number): boolean {
  if (cast === "boolean") return false;
  if (cast === "string" || epochShifts[cast] !== undefined) return !Number.isSafeInteger(value);
  return Math.abs(value) > Number.MAX_SAFE_INTEGER;
}

function plainReading(type: AvroType, rules: ReadingRules): ValueReading {
  const { numbers } = rules;
  switch (type.kind) {
    case "null":
      return (value, path) => (value === null ? null : unfit(path, "null", value));
    case "boolean":
      return (value, path) => (typeof value === "boolean" ? value : unfit(path, "boolean", value));
    case "string":
      // What JSON comes from others has been looked through as a whole, which costs less.
      if (rules.ownForm)
        return (value, path) =>
          typeof value === "string" && isWellFormed(value) ? value : unfit(path, "string that has UTF-8", value);
      return (value, path) => (typeof value === "string" ? value : unfit(path, "string", value));
    case "int":
      // Adding 0 makes 0 of -0.
      return (value, path) => {
        if (typeof value === "number" && (value | 0) === value) {
          if (!numbers.areExact) numbers.wholes.add(value);
          return value | 0;
        }
        return (isNumber(value) ? toInt(value) : undefined) ?? unfit(path, "int of 32 bits", value);
      };
    case "long":
      return (value, path) => {
        if (Number.isSafeInteger(value)) {
          const long = value as number;
          if (!numbers.areExact) numbers.wholes.add(long);
          return long + 0;
        }
        if (!numbers.areExact && Number.isInteger(value)) throw sourceWanted;
        return (isNumber(value) ? toLong(value) : undefined) ?? unfit(path, "long of 64 bits", value);
      };
    case "float":
      return numberReading(rules, "float", floatOf, toFloat);
    case "double":
      return doubleReading(numberReading(rules, "double", (value) => value, toDouble));
    case "enum": {
      const symbols = new Set(type.symbols);
      return (value, path) =>
        typeof value === "string" && symbols.has(value) ? value : unfit(path, `symbol of ${type.name}`, value);
    }
    default:
      return bytesReading(type.kind === "fixed" ? type.size : undefined);
  }
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" || typeof value === "bigint" || value instanceof JsonNumber;
}

function numberReading(
  { ownForm, numbers }: ReadingRules,
  name: string,
  narrow: (value: number) => number | undefined,
  convertNumber: (value: unknown) => number | null | undefined,
): ValueReading {
  const rare = (value: unknown, path: string): number => {
    const number = ownForm ? ownNumberOf(value) : undefined;
    return (
      number ?? (isNumber(value) ? convertNumber(value) : undefined) ?? unfit(path, wantedNumber(name, value), value)
    );
  };
  return (value, path) => {
    if (typeof value !== "number" || !Number.isFinite(value)) return rare(value, path);
    if (!numbers.areExact && Math.abs(value) > Number.MAX_SAFE_INTEGER) throw sourceWanted;
    return narrow(value) ?? unfit(path, wantedNumber(name, value), value);
  };
}

/** Nearly every double there is, without a call. */
function doubleReading(rest: ValueReading): ValueReading {
  return (value, path) =>
    typeof value === "number" && value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER
      ? value
      : rest(value, path);
}

/** What our own tools print for numbers that JSON has no way to write, or pass on as they decoded it. */
function ownNumberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && Object.hasOwn(ownNumbers, value) ? ownNumbers[value] : undefined;
}

function wantedNumber(name: string, value: unknown): string {
  return isNumber(value) ? `${name} that keeps its digits` : name;
}

function timestampReading(rules: ReadingRules, isEventTime: boolean): ValueReading {
  const { ownForm, times, numbers } = rules;
  const rest: ValueReading = (value, path) => {
    if (ownForm && typeof value === "string") {
      const ms = parseIsoTimeMs(value);
      if (ms !== undefined) return times === undefined ? ms : checkTime(ms, path, isEventTime);
    }
    const ms = bareTimeOf(value, numbers);
    if (ms === undefined) return unfit(path, "timestamp-millis", value);
    return times === undefined ? ms : checkBareTime(ms, path, isEventTime, times.bareFromMs);
  };
  const fromMs = times === undefined ? 0 : Math.max(times.bareFromMs, 0);
  // Nearly every time there is, without a call.
  return (value, path) => {
    if (typeof value !== "number" || !(value >= fromMs && value < eventTimeEndMs) || !Number.isInteger(value))
      return rest(value, path);
    if (!numbers.areExact) numbers.wholes.add(value);
    return value + 0;
  };
}

function bareTimeOf(value: unknown, numbers: NumberTrust): number | undefined {
  if (!numbers.areExact && Number.isInteger(value) && !Number.isSafeInteger(value)) throw sourceWanted;
  const ms = isNumber(value) ? toLong(value) : undefined;
  if (typeof ms !== "number") return undefined;
  if (!numbers.areExact) numbers.wholes.add(ms);
  return ms;
}

/** The bits that no byte takes are 0, or two texts would mean the same bytes. */
const base64 = /^[A-Za-z0-9+/]*(?:[AEIMQUYcgkosw048]=|[AQgw]==)?$/;

/** Whether text is base64 as encoders write it, with its padding. */
export function isBase64(text: string): boolean {
  return text.length % 4 === 0 && base64.test(text);
}

/** Base64 text from JSON; a Buffer when the value was Avro before. */
function bytesReading(size: number | undefined): ValueReading {
  const name = size === undefined ? "bytes in base64" : `${size} bytes in base64`;
  return (value, path) => {
    const isText = typeof value === "string" && isBase64(value);
    const bytes = Buffer.isBuffer(value) ? value : isText ? Buffer.from(value, "base64") : undefined;
    if (bytes === undefined || (size !== undefined && bytes.length !== size)) return unfit(path, name, value);
    return bytes;
  };
}
