import { expect, test } from "vitest";
import { Facts, silentLogger } from "../../../src/kernel/index.ts";
import { progressFacts } from "../../../src/retraining/index.ts";
import { AutoClock } from "../runtime/fixture.ts";

test("a long training is heard of every ten seconds, with what it does and how far it is, and a short one is not", () => {
  const said: unknown[] = [];
  const facts = new Facts({ ...silentLogger, info: (fields, message) => said.push([message, fields]) });
  const clock = new AutoClock();
  const progress = progressFacts({ model: "fraud", request: "fraud/i1/1" }, facts, clock);
  const at = (seconds: number, ...told: Parameters<typeof progress>): void => {
    clock.nowMs = 1_700_000_000_000 + seconds * 1_000;
    progress(...told);
  };
  at(0, "features", 0, 900);
  at(9.999, "features", 400, 900);
  at(10, "features", 500, 900);
  at(19.9, "labels", 3, 9);
  at(25, "fit", 7, 7, 0.25);
  at(34, "fit", 8, 8, 0.24);
  const of = { model: "fraud", request: "fraud/i1/1" };
  expect(said).toEqual([
    ["A training goes on: features.", { ...of, done: 500, total: 900 }],
    ["A training goes on: fit.", { ...of, done: 7, total: 7, loss: 0.25 }],
  ]);
});
