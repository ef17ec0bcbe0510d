import { z } from "zod";
import { learnerKinds } from "../../model/index.ts";
import { choiceMetrics } from "../../training/index.ts";
import { gateSpec, labelSpec, retrainSpec, rolloutSpec } from "./retrain-spec.ts";
import { key, reference } from "./values.ts";

const fieldNames = z.array(reference);

/** One entry under `models:`. */
export const modelSpec = z
  .strictObject({
    task: key(z.enum(["binary"]), "What is predicted: binary is the probability that the label is true.", "binary"),
    features: key(
      z.strictObject({
        from: key(reference, "Topic whose fields are the features.", "payments.features"),
        except: key(
          fieldNames.min(1),
          "Fields of the topic that are no features, such as times and ids; event_id never is.",
          ["payment_id"],
        ).optional(),
        only: key(fieldNames.min(1), "The features by name, in this order, instead of all fields.", [
          "amount",
        ]).optional(),
      }),
      "The inputs of the model: numbers, booleans, strings and enums. Text is one-hot: a column for each of the 50 most frequent values, one for any other, one for null.",
      { from: "payments.features", except: ["payment_id"] },
    ),
    label: key(labelSpec, "Where training finds the truth.", {
      topic: "payments.labels",
      on: "payment_id",
      field: "is_fraud",
    }).optional(),
    candidates: key(
      z.array(z.enum(learnerKinds)).min(1),
      "Learners to train, see below. Where there are several, each is fitted, and the best by the metric on the latest rows becomes the version.",
      ["logistic", "mlp"],
      ["logistic"],
    ).optional(),
    metric: key(
      z.enum(choiceMetrics),
      "By what one of several candidates is chosen: the largest average precision or area under the ROC curve, or the smallest log loss or Brier score.",
      "average_precision",
      "average_precision",
    ).optional(),
    gate: key(gateSpec, "What a new version has to pass before it may serve.", {
      recent: { rowsMin: 300, rowsMax: 5000 },
    }).optional(),
    rollout: key(
      rolloutSpec,
      "What follows when a new version has passed: none puts it in service at once.",
      { shadow: { for: "2h" } },
      "none",
    ).optional(),
    retrain: key(retrainSpec, "When the model is trained again. Left out, when somebody asks for it.", {
      on: ["drift", { age: "7d" }],
    }).optional(),
  })
  .meta({ description: "A model that an infer step serves and train makes." });

export type ModelSpec = z.infer<typeof modelSpec>;
