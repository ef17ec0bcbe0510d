import { expect, test } from "vitest";
import { trainingProgress } from "../../../src/app/cli/train.ts";

test("each reading ends with one line that says all of it, and the fit says each step", () => {
  const lines: string[] = [];
  const progress = trainingProgress({ stderr: (text) => lines.push(text) });
  progress("features", 500, 1_000);
  progress("features", 700, 1_000);
  progress("features", 1_000, 1_000);
  progress("features", 1_000, 1_000);
  progress("labels", 0, 0);
  progress("fit", 1, 1, 0.5);
  expect(lines).toEqual([
    "reading features 500 of 1000\n",
    "reading features 1000 of 1000\n",
    "reading labels 0 of 0\n",
    "fit iteration 1 loss 0.500000\n",
  ]);
});
