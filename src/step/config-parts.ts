import { z } from "zod";
import { parseDurationMs } from "../kernel/index.ts";

/** Most entries of any list in a step's config. */
export const listLengthMax = 256;

/** Avro's rule for names, with an upper bound. */
const fieldNamePattern = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** The name of a field that a step reads or makes. */
export const fieldName = z
  .string()
  .regex(fieldNamePattern, { error: "must be a name: letters, digits and _, not beginning with a digit" });

/** A duration such as `10min`, `1h` or `7d`, at least one millisecond. Kept as text; see {@link durationMs}. */
export const duration = z.string().refine((text) => (parseDurationMs(text) ?? 0) >= 1, {
  error: "must be a duration such as 30s, 10min, 1h or 7d, at most 3650d",
});

/** The length of a {@link duration} that was checked, in ms. */
export function durationMs(text: string): number {
  return parseDurationMs(text) ?? 0;
}

/** The text of an expression. Its syntax is checked against the fields in scope when the step lowers. */
export const expressionText = z.string().min(1, { error: "must be an expression" }).meta({ format: "expression" });

/** The name of a step's store: topics and records of Millrace's own are named after it. */
export const storeName = z
  .string()
  .regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, { error: "must be a name in lower case with hyphens, such as by-card" })
  .max(100, { error: "a name has at most 100 characters" })
  .meta({
    description: "Name of what the step remembers; by default its kind. A step that keeps the name keeps its state.",
    examples: ["by-card"],
  });

/** The keys of what should be a mapping, before it was checked; undefined when it is none. */
export function namesIn(written: unknown): readonly string[] | undefined {
  return typeof written === "object" && written !== null && !Array.isArray(written) ? Object.keys(written) : undefined;
}
