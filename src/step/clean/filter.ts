import { call, literal, not } from "../../expression/index.ts";
import { kindText } from "../../schema/index.ts";
import { expressionText } from "../config-parts.ts";
import { defineStep } from "../contract.ts";

/** A longer expression is no name for a counter. */
const reasonLengthMax = 100;

export const filter = defineStep({
  kind: "filter",
  summary: "Lets only the records through for which the expression is true; null is not true.",
  config: expressionText.describe("What a record must fulfil: a boolean expression over its fields."),
  example: "amount == null || amount >= 0",
  lower: (text, context) => {
    const kept = context.expression(text, []);
    if (kept === undefined) return [];
    if (kept.type.kind !== "boolean") {
      context.problem({
        code: "MR_EXPRESSION_TYPE",
        path: [],
        message: `the expression is ${kindText(kept.type)}, and a filter needs a boolean`,
        hint: "compare it with something, such as amount > 0",
      });
      return [];
    }
    const isTrue = kept.type.nullable ? call("coalesce", kept.ast, literal(false)) : kept.ast;
    const when = context.expression(not(isTrue), []);
    if (when === undefined) return [];
    return [{ op: "dropIf", reason: kept.text.length <= reasonLengthMax ? kept.text : "filter", when }];
  },
});
