import { z } from "zod";
import { key } from "./values.ts";

const retriesMax = 1_000;

const retrySpec = z.strictObject({
  retry: key(
    z.int().min(1).max(retriesMax),
    "How often it is tried again, with growing pauses of 50 ms up to 10 s, before it becomes a dead letter.",
    5,
  ),
});

const deadLetterOrHalt = z.enum(["dead-letter", "halt"]);

/** What becomes of records that fail, by the place where they do. */
export const errorsSpec = z
  .strictObject({
    decode: key(
      deadLetterOrHalt,
      "A record that cannot be read as its schema: dead-letter (the default), or halt, which stops the stage at the record with the command to pass over it.",
      "halt",
    ).optional(),
    process: key(
      z.union([deadLetterOrHalt, retrySpec]),
      "A record that a step or the model cannot work on, or whose output cannot be encoded: dead-letter (the default), halt, or retry.",
      "halt",
    ).optional(),
    produce: key(
      z.union([deadLetterOrHalt, retrySpec]),
      "A record whose output the broker refuses for good: dead-letter (the default), halt, or retry. Brokers that cannot be reached are waited for, whatever stands here.",
      { retry: 5 },
    ).optional(),
  })
  .refine((errors) => Object.keys(errors).length > 0, { error: "must say something: decode, process or produce" });
