import { z } from "zod";
import { fieldName, listLengthMax } from "../config-parts.ts";
import { defineStep } from "../contract.ts";
import { requireOps } from "../fields.ts";

const requireConfig = z
  .array(fieldName.describe("A field that must have a value."))
  .min(1)
  .max(listLengthMax)
  .describe("The fields that must have a value.");

export const requireStep = defineStep({
  kind: "require",
  summary:
    "Sends records in which one of the fields is null to the dead letters as MR_REQUIRED; later steps need no guard for them.",
  config: requireConfig,
  example: ["customer_id", "amount"],
  lower: (names, context) =>
    [...new Set(names)].flatMap((name) => {
      const path = [names.indexOf(name)];
      const field = context.field(name, path);
      return field === undefined ? [] : requireOps(field, context, path);
    }),
});
