import { expect, test } from "vitest";
import { trainedModels } from "../../../src/retraining/index.ts";
import { smallSchemas as schemas, smallText, soundPlan } from "../topology/fixture.ts";

test("monitors of a model's features, predictions and labels are its concern, and those of other topics are not", () => {
  const text = `${smallText}monitors:
  - { name: inputs, on: features }
  - { name: outputs, on: predictions }
  - { name: early, on: raw }
  - { name: truth, on: { predictions: predictions, labels: labels } }
  - { name: behind, on: lag, warn: { seconds: 30 } }
`;
  const [fraud] = trainedModels(soundPlan(text, { schemas }));
  // Alerts of performance were nobody's reason once: only monitors of one topic were looked through.
  expect([...(fraud?.monitors ?? [])]).toEqual(["inputs", "outputs", "truth"]);
});
