import { z } from "zod";
import { eventTimeEndMs, parseDurationMs, parseIsoTimeMs } from "../../kernel/index.ts";

/** A duration such as `100ms`, `25s`, `10min`, `1h`, `7d`. */
export const duration = z
  .string()
  .regex(/^\d+(?:ms|s|min|m|h|d)$/, { error: "expected a duration such as 100ms, 25s, 10min, 1h or 7d", abort: true })
  .refine((text) => parseDurationMs(text) !== undefined, { error: "a duration is at most 3650d", abort: true })
  .refine((text) => parseDurationMs(text) !== 0, { error: "a duration is more than 0" });

/** Where Kafka allows a topic of this name. */
export const topicName = z
  .string()
  .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]+$/, {
    error: "a topic's name has only letters, digits, dots, underscores and hyphens",
  })
  .max(249, { error: "a topic's name has at most 249 characters" });

/** Names of the topology, of stages and of models: kebab-case, because groups, ids and folders are made from them. */
export const kebabName = z
  .string()
  .regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, {
    error: "expected a name in lower case with hyphens, such as card-fraud",
  })
  .max(100, { error: "a name has at most 100 characters" });

/** A reference by name; whether the thing exists is checked later. */
export const reference = z.string().min(1, { error: "expected a name, found empty text" });

/** `earliest`, `latest` or an ISO 8601 time. */
export const startPosition = z
  .string()
  .refine((text) => text === "earliest" || text === "latest" || parseIsoTimeMs(text) !== undefined, {
    error: "expected earliest, latest or a time such as 2026-01-01T00:00:00Z",
  });

/** A date, or a time. */
export const dateOrTime = z
  .string()
  .refine((text) => parseIsoTimeMs(text) !== undefined, { error: "expected a date such as 1970-01-01, or a time" });

/** A date or time from which on numbers may be times; none lies behind 2100. */
export const timesFromDate = dateOrTime.refine((text) => (parseIsoTimeMs(text) ?? 0) < eventTimeEndMs, {
  error: "expected a date before 2100, behind which no time is taken",
});

/** How far event time may run ahead of Kafka's timestamp. */
export const ahead = z.union([z.literal("none"), duration]);

/** The longest retention and the like are bounded by the duration; names of namespaces end up inside topic names. */
export const namespaceName = z
  .string()
  .regex(/^(?:[A-Za-z0-9][A-Za-z0-9._-]*)?$/, {
    error: "a namespace has only letters, digits, dots, underscores and hyphens",
  })
  .max(100, { error: "a namespace has at most 100 characters" });

/**
 * Attaches the sentence for reference and editors, a valid value from which hints are made, and for a key that may be left
 * out what counts then, where that is one value.
 */
export function key<T extends z.ZodType>(schema: T, description: string, example: unknown, absent?: unknown): T {
  return schema.meta({ description, examples: [example], ...(absent === undefined ? {} : { default: absent }) });
}
