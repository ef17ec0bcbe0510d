import { expect, test } from "vitest";
import { parseModelReference, stepNamed } from "../../../src/step/index.ts";
import { lower } from "./lowering.ts";

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
