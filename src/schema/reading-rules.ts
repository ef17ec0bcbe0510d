import { RecordError } from "../kernel/index.ts";
import { misfit } from "./byte-sink.ts";
import type { CastType } from "./cast.ts";
import { JsonNumber } from "./exact-json.ts";
import { WholeNumbers } from "./rounded-wholes.ts";
import type { TimeBounds } from "./time-bounds.ts";

/** Turns one JSON (or plain JavaScript) value into a row's; throws MR_CAST or MR_REQUIRED, naming the field. */
export type ValueReading = (value: unknown, path: string) => unknown;

export interface ReadingRules {
  /** ISO text is a time, and "NaN", "Infinity", "-Infinity" are numbers: the one JSON form of our own tools. */
  readonly ownForm: boolean;
  /** Where times may lie; undefined sets no bounds. */
  readonly times: TimeBounds | undefined;
  /** What an absent field without default becomes when it is not nullable. */
  readonly absent: "refused" | "zero";
  /** Top-level fields that may be converted, and to what. */
  readonly casts: Readonly<Record<string, CastType>>;
  /** Counts the fields of nested records that the schema does not have; those of the record itself are the caller's. */
  readonly unknown?: { count: number };
  /**
   * False while numbers are what JSON.parse made of them: one that may have lost digits is then not read, and
   * {@link sourceWanted} thrown. Changed by the caller, between values.
   */
  readonly numbers: NumberTrust;
}

/** What is known of the numbers that are read. */
export interface NumberTrust {
  areExact: boolean;
  /** While they are not: the whole numbers whose digits count, of which only the text tells whether they were. */
  readonly wholes: WholeNumbers;
}

/** Numbers that lost nothing: with their source, or as they were before. */
export const exactNumbers: NumberTrust = { areExact: true, wholes: new WholeNumbers() };

/** Thrown for a number whose source text has to be looked at. Made once: it is no error, and nobody reads its stack. */
export const sourceWanted = new Error("a number has to be read with its digits");

/** Null where nothing but a value will do is missing (MR_REQUIRED), everything else is of the wrong type (MR_CAST). */
export function unfit(path: string, wanted: string, value: unknown): never {
  if (value === null) throw new RecordError("MR_REQUIRED", `field ${path}: required and null`);
  return misfit(path, wanted, value instanceof JsonNumber ? Number(value.source) : value);
}

/** A JSON object, or the plain object of a decoded row. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !Buffer.isBuffer(value) &&
    !(value instanceof JsonNumber)
  );
}
