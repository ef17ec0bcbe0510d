import { z } from "zod";
import type { RowOp } from "../../expression/index.ts";
import { fieldName, namesIn } from "../config-parts.ts";
import { defineStep, shapeAfter } from "../contract.ts";
import { isSettable } from "../fields.ts";
import { statedDefaultOf, valueWithDefault, writtenValue } from "../stated-default.ts";

const deriveConfig = z
  .record(
    fieldName,
    valueWithDefault.describe(
      "An expression over the fields so far, or a constant number or boolean; with a default for older records as { is: ..., default: ... }.",
    ),
  )
  .refine((fields) => Object.keys(fields).length > 0, { error: "must name at least one field" })
  .describe("Names of new or old fields, and what each becomes; a later one sees the earlier ones.");

export const derive = defineStep({
  kind: "derive",
  summary: "Computes fields, new ones or in place of old ones, in the order written.",
  config: deriveConfig,
  example: { total: "coalesce(amount, 0) * items", is_large: "total > 1000" },
  makes: (written) => namesIn(written),
  lower: (config, context) => {
    const ops: RowOp[] = [];
    const failed: string[] = [];
    for (const [name, source] of Object.entries(config)) {
      const written = writtenValue(source, [name]);
      const { text } = written;
      // What leans on a field that could not be made would only repeat its problem.
      if (failed.some((other) => new RegExp(`\\b${other}\\b`).test(text))) {
        failed.push(name);
        continue;
      }
      const value = context.expression(text, written.textPath, shapeAfter(context.shape, ops));
      if (value === undefined) failed.push(name);
      if (!isSettable(name, context, [name]) || value === undefined) continue;
      const stated = statedDefaultOf(written, value.type, context);
      ops.push({ op: "assign", field: { name, type: value.type, doc: `derive ${text}`, ...stated }, value });
    }
    return ops;
  },
});
