import { z } from "zod";
import { key, reference } from "./values.ts";

const row = z.record(z.string(), z.unknown());

/** One entry under `tests:`. */
export const testSpec = z
  .strictObject({
    name: key(reference, "What is shown, as a sentence.", "a refund is dropped"),
    stage: key(reference, "Stage that the records go through.", "clean"),
    with: key(
      z.strictObject({
        models: key(
          z.record(z.string(), z.union([z.number(), z.string().meta({ format: "expression" })])),
          "Stubs of the models, by name: a score, or an expression over the features.",
          { "card-fraud": 0.93 },
        ).optional(),
      }),
      "What stands in for the world outside the stage.",
      { models: { "card-fraud": 0.93 } },
    ).optional(),
    given: key(
      z.array(z.union([z.string(), row])).min(1),
      "Records in their order: text is the bytes of a value as they are, a mapping is one record.",
      [{ payment_id: "p1", amount: -5 }],
    ),
    expect: key(
      z
        .strictObject({
          records: key(
            z.array(row),
            "Records that come out: number and order exact, fields a subset, doubles within 1e-9 relative.",
            [{ payment_id: "p1" }],
          ).optional(),
          filtered: key(z.int().min(0), "How many records are filtered, repeats included.", 1).optional(),
          late: key(z.int().min(0), "How many records are late.", 0).optional(),
          deadLetters: key(z.array(z.string()), "Codes of the dead letters, in their order; late records aside.", [
            "MR_PARSE",
          ]).optional(),
        })
        .refine((expected) => Object.keys(expected).length > 0, {
          error: "expected records, filtered, late or deadLetters: a test that expects nothing cannot fail",
        }),
      "What must come of the records.",
      { filtered: 1, records: [] },
    ),
  })
  .meta({ description: "A case that `millrace test` runs through one stage, offline." });

export type TestSpec = z.infer<typeof testSpec>;
