import { z } from "zod";
import { type Ast, call, literal, ref } from "../../expression/index.ts";
import { parseIsoTimeMs } from "../../kernel/index.ts";
import type { Field, FieldKind } from "../../schema/index.ts";
import { fieldName } from "../config-parts.ts";
import { defineStep, type LoweringContext } from "../contract.ts";
import { isNumeric, settableField, withoutNull } from "../fields.ts";

/** Fitted on a range of records in a later version; as constants of a text field they are words like any other. */
const fitted: ReadonlySet<string> = new Set(["median", "mean", "mode", "most_frequent", "last"]);

const imputeConfig = z.strictObject({
  field: fieldName.describe("Field whose nulls are replaced."),
  with: z
    .union([z.number(), z.string(), z.boolean()])
    .describe("The value that takes the place of null: a constant of the field's type; a time as ISO 8601 text."),
});

export const impute = defineStep({
  kind: "impute",
  summary: "Replaces null by a constant; the field cannot be null afterwards.",
  config: imputeConfig,
  example: { field: "amount", with: 0 },
  lower: ({ field: name, with: constant }, context) => {
    const field = settableField(name, context, ["field"]);
    if (field === undefined) return [];
    const replacement = replacementFor(field, constant, context);
    if (replacement === undefined || !field.type.nullable) return [];
    const value = context.expression(call("coalesce", ref(name), replacement), ["with"]);
    if (value === undefined) return [];
    const doc = `${field.doc === undefined ? "" : `${field.doc}; `}impute ${String(constant)}`;
    return [{ op: "assign", field: { ...withoutNull(field), doc }, value }];
  },
});

function replacementFor(field: Field, constant: string | number | boolean, context: LoweringContext): Ast | undefined {
  const { kind } = field.type;
  if (typeof constant === "string" && fitted.has(constant) && kind !== "string" && kind !== "enum") {
    context.problem({
      code: "MR_UNSUPPORTED",
      path: ["with"],
      message: `${constant} would have to be fitted on a range of records, which this version does not do`,
      hint: "use a constant, such as with: 0",
    });
    return undefined;
  }
  if (!fits(kind, constant)) {
    context.problem({
      code: "MR_WRONG_TYPE",
      path: ["with"],
      message: `${field.name} is ${kind}, and ${JSON.stringify(constant)} is not`,
      hint: kind === "timestamp" ? "write a time such as 2026-01-01T00:00:00Z" : `use a constant that is ${kind}`,
    });
    return undefined;
  }
  return kind === "timestamp" ? call("to_timestamp", literal(constant)) : literal(constant);
}

function fits(kind: FieldKind, constant: string | number | boolean): boolean {
  switch (typeof constant) {
    case "number":
      if (kind === "int") return (constant | 0) === constant;
      return kind === "long" || kind === "timestamp" ? Number.isSafeInteger(constant) : isNumeric(kind);
    case "string":
      return kind === "string" || kind === "enum" || (kind === "timestamp" && parseIsoTimeMs(constant) !== undefined);
    default:
      return kind === "boolean";
  }
}
