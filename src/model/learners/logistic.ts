import { z } from "zod";
import { damaged, finiteNumbers, jsonFile, jsonObject } from "../artefact-json.ts";
import { columnCount, columnStarts } from "../encoder.ts";
import { isScaled, type Learner } from "./learner.ts";
import { fitLogistic, type LogisticModel, logisticScorer } from "./logistic-fit.ts";

const config = z.strictObject({
  l2: z
    .number()
    .positive()
    .default(1)
    .describe("Ridge penalty on the weights, against the sum of log losses; the intercept is free."),
});

export const logistic: Learner<z.infer<typeof config>, LogisticModel> = {
  kind: "logistic",
  summary:
    "Logistic regression over standardised numbers and one-hot text, to the optimum, which does not depend on a seed.",
  tasks: ["binary"],
  config,
  example: { l2: 1 },
  modes: ["full"],

  fit(rows, { l2 }, { mayOverwrite, signal, onIteration }) {
    return fitLogistic(rows, {
      l2,
      ...(mayOverwrite === undefined ? {} : { mayOverwrite }),
      ...(signal === undefined ? {} : { signal }),
      ...(onIteration === undefined ? {} : { onIteration }),
    });
  },

  fault({ scaler, encoder, weights, intercept }) {
    const starts = columnStarts(encoder);
    const input = encoder.inputs.findIndex(
      (_, i) => !isScaled(scaler, i) || !weights.slice(starts[i], starts[i + 1]).every(Number.isFinite),
    );
    if (input >= 0) return { input };
    return Number.isFinite(intercept) ? undefined : { what: "the intercept is not finite" };
  },

  files({ intercept, weights }) {
    return new Map([["weights.json", jsonFile({ intercept, weights })]]);
  },

  read({ scaler, encoder, files }, where) {
    const weights = jsonObject(files, "weights.json", where);
    const values = finiteNumbers(weights["weights"], columnCount(encoder), where, "weights.json");
    const intercept = weights["intercept"];
    if (typeof intercept !== "number" || !Number.isFinite(intercept))
      throw damaged(where, "weights.json has no intercept");
    return { intercept, weights: values, scaler, encoder };
  },

  scorer: logisticScorer,
};
