import { z } from "zod";
import { type Ast, call, literal, ref } from "../../expression/index.ts";
import { type Field, toTime } from "../../schema/index.ts";
import { fieldName } from "../config-parts.ts";
import { defineStep, type LoweringContext } from "../contract.ts";
import { isNumeric, isValueOf, settableField, symbolsOf, withoutNull } from "../fields.ts";

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
  if (!fits(field, constant)) {
    context.problem({
      code: "MR_WRONG_TYPE",
      path: ["with"],
      message: `${field.name} is ${kind}, and ${JSON.stringify(constant)} is not`,
      hint: hintFor(field),
    });
    return undefined;
  }
  return kind === "timestamp" ? call("to_timestamp", literal(constant)) : literal(constant);
}

/** Whether the constant is a value of the field's, as it stands: what is written for null must not be another one. */
function fits({ type }: Field, constant: string | number | boolean): boolean {
  const { kind } = type;
  if (kind === "timestamp") return typeof constant !== "boolean" && typeof toTime(constant) === "number";
  switch (typeof constant) {
    case "number":
      return isNumeric(kind) && isValueOf(kind, constant);
    case "string":
      return kind === "string" || (kind === "enum" && symbolsOf(type.avro).includes(constant));
    default:
      return kind === "boolean";
  }
}

function hintFor({ type: { kind, avro } }: Field): string {
  if (kind === "timestamp") return "write a time such as 2026-01-01T00:00:00Z, before 2100";
  return kind === "enum" ? `use one of ${symbolsOf(avro).slice(0, 20).join(", ")}` : `use a constant that is ${kind}`;
}
