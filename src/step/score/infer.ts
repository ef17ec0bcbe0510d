import { z } from "zod";
import type { RowOp } from "../../expression/index.ts";
import { kindText } from "../../schema/index.ts";
import { expressionText, fieldName, listLengthMax } from "../config-parts.ts";
import { defineStep, type LoweringContext } from "../contract.ts";

/** Fields of every prediction record; no kept field and no decision may take their names. */
const predictionFieldNames = ["event_id", "event_time", "model", "model_version", "score"] as const;

const modelReference = /^([a-z][a-z0-9-]{0,63})@([a-z][a-z0-9-]{0,63})$/;

const inferConfig = z.strictObject({
  model: z
    .string()
    .regex(modelReference, { error: "must be a model and an alias, such as card-fraud@champion" })
    .describe("The model that scores, and the alias that names its version: `name@alias`."),
  keep: z
    .array(fieldName.describe("A field of the features to copy into the prediction."))
    .max(listLengthMax)
    .default([])
    .describe("Fields of the features that the prediction carries, such as the one that labels are joined by."),
  decide: z
    .record(fieldName, expressionText.describe("A boolean expression over the features and `score`."))
    .default({})
    .describe("Names of boolean fields and the expression that decides each."),
});

export type InferConfig = z.infer<typeof inferConfig>;

export const infer = defineStep<InferConfig>({
  kind: "infer",
  summary:
    "Scores each record with a model and writes a prediction instead of the features; the last step of its stage.",
  config: inferConfig,
  example: {
    model: "card-fraud@champion",
    keep: ["payment_id"],
    decide: { review: "score >= 0.8" },
  },
  lower: (config, context) => {
    checkNames(config, context);
    return [];
  },
});

/** Model and alias of `name@alias` that the config has checked. */
export function parseModelReference(text: string): { readonly model: string; readonly alias: string } | undefined {
  const match = modelReference.exec(text);
  const [, model, alias] = match ?? [];
  return model === undefined || alias === undefined ? undefined : { model, alias };
}

/**
 * The operations that make the booleans under `decide`, over the fields in scope and `score`. What is wrong is
 * reported; they run after the model has answered.
 */
export function decideOps(config: InferConfig, context: LoweringContext): readonly RowOp[] {
  const score = { name: "score", type: { kind: "double", nullable: false, avro: "double" } } as const;
  const shape = [...context.shape.filter((field) => field.name !== "score"), score];
  return Object.entries(config.decide).flatMap(([name, text]): RowOp[] => {
    const path = ["decide", name];
    const value = context.expression(text, path, shape);
    if (value === undefined) return [];
    if (value.type.kind === "boolean" && !value.type.nullable) {
      return [{ op: "assign", field: { name, type: value.type, doc: `decide ${text}` }, value }];
    }
    const type = `${value.type.nullable ? "nullable " : ""}${kindText(value.type)}`;
    context.problem({
      code: "MR_EXPRESSION_TYPE",
      path,
      message: `a decision is a boolean that is never null, and this is ${type}`,
      hint: "compare the score with something, such as score >= 0.8",
    });
    return [];
  });
}

function checkNames({ keep, decide }: InferConfig, context: LoweringContext): void {
  const reserved: ReadonlySet<string> = new Set(predictionFieldNames);
  const taken = new Set<string>();
  const take = (name: string, path: readonly (string | number)[]): void => {
    if (reserved.has(name)) {
      context.problem({
        code: "MR_RESERVED",
        path,
        message: `every prediction has its own ${name}`,
        hint: `reserved are ${predictionFieldNames.join(", ")}`,
      });
    } else if (taken.has(name)) {
      context.problem({ code: "MR_CONFLICT", path, message: `${name} is in the prediction already` });
    }
    taken.add(name);
  };
  for (const [i, name] of keep.entries()) {
    take(name, ["keep", i]);
    context.field(name, ["keep", i]);
  }
  for (const name of Object.keys(decide)) take(name, ["decide", name]);
}
