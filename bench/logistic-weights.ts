import { type LogisticModel, numbersEncoder } from "../src/model/index.ts";

/** Inputs of the model, in its order; stage `chain` of chain.yaml serves the same. */
export const modelInputs = [
  { name: "amount", kind: "number" },
  { name: "amount_log", kind: "number" },
  { name: "hour", kind: "number" },
  { name: "is_abroad", kind: "boolean" },
  { name: "channel", kind: "number" },
  { name: "latitude", kind: "number" },
  { name: "payments_1d", kind: "number" },
  { name: "amount_mean_1d", kind: "number" },
] as const;

/** A logistic regression with made-up weights: what it answers does not matter, that both answer it does. */
export const benchModel: LogisticModel = {
  intercept: -2.1,
  weights: [0.31, 0.52, -0.18, 0.43, 0.09, -0.05, 0.27, -0.36],
  scaler: {
    mean: [55, 3.2, 11.5, 0.8, 1.5, 47.5, 5.4, 60],
    scale: [180, 1.1, 6.9, 0.4, 1.1, 0.87, 2.3, 120],
    low: [-5_000, -5, -12, -0.5, -2, 44, -10, -5_000],
    high: [15_000, 15, 36, 1.5, 5, 51, 40, 15_000],
  },
  encoder: numbersEncoder(modelInputs.length),
};
