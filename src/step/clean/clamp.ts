import { z } from "zod";
import { call, literal, ref } from "../../expression/index.ts";
import { fieldName } from "../config-parts.ts";
import { defineStep } from "../contract.ts";
import { isNumeric, isValueOf, numbersOf, settableField } from "../fields.ts";

const clampConfig = z
  .strictObject({
    field: fieldName.describe("Numeric field to limit."),
    min: z.number().describe("Smallest value let through, in the field's unit."),
    max: z.number().describe("Largest value let through, in the field's unit."),
  })
  .refine((c) => c.min <= c.max, { error: "min must not exceed max", path: ["min"] });

export const clamp = defineStep({
  kind: "clamp",
  summary: "Limits a numeric field to a closed range; null stays null.",
  config: clampConfig,
  example: { field: "amount", min: 0, max: 10_000 },
  lower: ({ field: name, min, max }, context) => {
    const field = settableField(name, context, ["field"]);
    if (field === undefined) return [];
    const { kind } = field.type;
    if (!isNumeric(kind)) {
      context.problem({
        code: "MR_WRONG_TYPE",
        path: ["field"],
        message: `clamp limits numbers, and ${name} is ${kind}`,
      });
      return [];
    }
    for (const [key, bound] of Object.entries({ min, max })) {
      if (isValueOf(kind, bound)) continue;
      const message = `${name} is ${kind}, so ${key} must be a ${numbersOf[kind]}, not ${bound}`;
      context.problem({ code: "MR_WRONG_TYPE", path: [key], message });
      return [];
    }
    const value = context.expression(call("clamp", ref(name), literal(min), literal(max)), ["field"]);
    return value === undefined ? [] : [{ op: "assign", field, value }];
  },
});
