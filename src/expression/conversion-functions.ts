import { epochToTime, toBoolean, toDouble, toFloat, toInt, toLong, toText, toTime } from "../schema/index.ts";
import { type FunctionDefinition, nullAsFirst, scalar, scalarOrTime, x } from "./function-definition.ts";
import { typeOf } from "./types.ts";

/** A count of a unit since 1970 as a time. */
function epoch(unit: string, shift: number, text: string, ms: number): FunctionDefinition {
  const name = { 3: "epoch_seconds", 0: "epoch_millis", [-3]: "epoch_micros", [-6]: "epoch_nanos" }[shift] ?? "";
  return {
    signature: `${name}(x)`,
    doc: `x ${unit} since 1970, a number or its text, as a time, floored to the millisecond; from the year 1 up to 2100. What does not convert fails the record with MR_CAST; null stays null.`,
    example: [`${name}(${text})`, ms],
    takesWide: true,
    nullAsFirst: true,
    parameters: [x(["number", "text"], true)],
    result: nullAsFirst("timestamp"),
    fails: { how: "cast", otherwise: 0 },
    run: (value: unknown) => epochToTime(value, shift),
  };
}

export const conversionFunctions = {
  to_double: {
    signature: "to_double(x)",
    doc: "x as a double: the nearest one to decimal text (of at most 400 digits written out) with a fraction or an exponent, or a boolean as 1 or 0. A whole number that no double is equal to, and what else does not convert, fails the record with MR_CAST; null stays null.",
    example: ['to_double("12.5")', 12.5],
    takesWide: true,
    nullAsFirst: true,
    parameters: [x(scalar, true)],
    result: nullAsFirst("double"),
    fails: { how: "cast", otherwise: 0 },
    run: toDouble,
  },
  to_float: {
    signature: "to_float(x)",
    doc: "x as a double that a float holds: the nearest one to a number with a fraction; a whole number only when it is a float. What is beyond the floats, or does not convert, fails the record with MR_CAST; null stays null.",
    example: ['to_float("0.5")', 0.5],
    takesWide: true,
    nullAsFirst: true,
    parameters: [x(scalar, true)],
    result: nullAsFirst("double"),
    fails: { how: "cast", otherwise: 0 },
    run: toFloat,
  },
  to_int: {
    signature: "to_int(x)",
    doc: "x as a whole number of 32 bits. A fraction does not convert: round it first. What does not convert fails the record with MR_CAST; null stays null.",
    example: ['to_int("12")', 12],
    takesWide: true,
    nullAsFirst: true,
    parameters: [x(scalar, true)],
    result: nullAsFirst("int"),
    fails: { how: "cast", otherwise: 0 },
    run: toInt,
  },
  to_long: {
    signature: "to_long(x)",
    doc: "x as a whole number of 64 bits, exactly; a time gives its milliseconds since 1970. A fraction does not convert: round it first. What does not convert fails the record with MR_CAST; null stays null.",
    example: ['to_long(to_timestamp("1970-01-02"))', 86_400_000],
    takesWide: true,
    nullAsFirst: true,
    parameters: [x(scalarOrTime, true)],
    result: ([first]) => ({ ...typeOf("long", first?.nullable ?? false), wide: true }),
    fails: { how: "cast", otherwise: 0 },
    run: toLong,
  },
  to_string: {
    signature: "to_string(x)",
    doc: "x as text: whole numbers digit by digit, doubles as the shortest decimal that reads back as the same number, a time as ISO 8601 in UTC, for the years 0 to 9999. A number that is not finite fails the record with MR_CAST; null stays null.",
    example: ["to_string(2.5)", "2.5"],
    takesWide: true,
    nullAsFirst: true,
    parameters: [x(scalarOrTime, true)],
    result: nullAsFirst("string"),
    fails: { how: "cast", otherwise: "" },
    run: toText,
  },
  to_boolean: {
    signature: "to_boolean(x)",
    doc: "true, false (in any case), 1 and 0 as a boolean. What does not convert fails the record with MR_CAST; null stays null.",
    example: ['to_boolean("TRUE")', true],
    takesWide: true,
    nullAsFirst: true,
    parameters: [x(scalar, true)],
    result: nullAsFirst("boolean"),
    fails: { how: "cast", otherwise: false },
    run: toBoolean,
  },
  to_timestamp: {
    signature: "to_timestamp(x)",
    doc: "ISO 8601 text (UTC without a zone) or milliseconds since 1970 as a time before 2100. A number below 100000000000 (1973-03-03) looks like seconds: write epoch_seconds(x), or epoch_millis(x) where it is none. What does not convert fails the record with MR_CAST; null stays null.",
    example: ['to_timestamp("1970-01-01T00:00:01Z")', 1_000],
    takesWide: true,
    nullAsFirst: true,
    parameters: [x(["number", "text", "timestamp"], true)],
    result: nullAsFirst("timestamp"),
    fails: { how: "cast", otherwise: 0 },
    run: (value: unknown) => toTime(value),
  },
  epoch_seconds: epoch("seconds", 3, "1.5", 1_500),
  epoch_millis: epoch("milliseconds", 0, "5", 5),
  epoch_micros: epoch("microseconds", -3, "1500", 1),
  epoch_nanos: epoch("nanoseconds", -6, "1500000", 1),
} satisfies Record<string, FunctionDefinition>;
