import { expect, test } from "vitest";
import { decideOps, type InferConfig, parseModelReference, stepNamed } from "../../../src/step/index.ts";
import { contextOf, field, lower, paymentShape } from "./lowering.ts";

test("splits model and alias", () => {
  expect(parseModelReference("card-fraud@champion")).toEqual({ model: "card-fraud", alias: "champion" });
  expect(parseModelReference("card-fraud")).toBeUndefined();
  expect(() => lower([["infer", { model: "card-fraud" }]])).toThrow(/name@alias|model and an alias/);
});

test("refuses unknown keys", () => {
  expect(() => lower([["infer", { model: "m@champion", keeps: [] }]])).toThrow(/keeps/);
});

test("refuses names that a prediction has for itself, names used twice, and fields that are not there", () => {
  const config = { model: "m@champion", keep: ["event_id", "items", "itms"], decide: { score: "true", items: "true" } };
  expect(lower([["infer", config]]).problems.map(({ code, path }) => [code, path])).toEqual([
    ["MR_RESERVED", ["keep", 0]],
    ["MR_REFERENCE", ["keep", 2]],
    ["MR_RESERVED", ["decide", "score"]],
    ["MR_CONFLICT", ["decide", "items"]],
  ]);
});

test("keeps and decides nothing unless asked", () => {
  expect(stepNamed("infer")?.config.parse({ model: "m@champion" })).toEqual({
    model: "m@champion",
    keep: [],
    decide: {},
  });
});

test("a decision reads the fields of the row beside the score, and the score where a field is called so", () => {
  const config = stepNamed("infer")?.config.parse({
    model: "m@champion",
    decide: { review: "score >= 0.8 && items > 2" },
  });
  const shape = [...paymentShape, field("score", "string")];
  const { context, problems } = contextOf({ shape });
  const ops = decideOps(config as InferConfig, context);
  expect(problems).toEqual([]);
  expect(ops).toMatchObject([{ op: "assign", field: { name: "review", type: { kind: "boolean" } } }]);
});

test("a decision that may be null, or is no boolean, is refused with what it is", () => {
  const { context, problems } = contextOf({ shape: [...paymentShape, field("flag", "boolean?")] });
  const decide = { a: "score", b: "flag", c: "score > 0.5" };
  const config = stepNamed("infer")?.config.parse({ model: "m@champion", decide });
  expect(decideOps(config as InferConfig, context)).toHaveLength(1);
  expect(problems.map(({ path, message }) => [path, message])).toEqual([
    [["decide", "a"], "a decision is a boolean that is never null, and this is double"],
    [["decide", "b"], "a decision is a boolean that is never null, and this is nullable boolean"],
  ]);
});
