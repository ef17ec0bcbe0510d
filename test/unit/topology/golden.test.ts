import { expect, test } from "vitest";
import { graphOf, printPlan } from "../../../src/topology/index.ts";
import { exampleNames, exampleText, nestedExampleNames, smallSchemas, smallText, soundPlan } from "./fixture.ts";

const golden = new URL("../../golden/plan/", import.meta.url).pathname;

for (const name of [...exampleNames, ...nestedExampleNames]) {
  test(`the printed plan of ${name} is the golden file`, async () => {
    await expect(printPlan(soundPlan(exampleText(name)))).toMatchFileSnapshot(`${golden}${name}.txt`);
  });

  test(`the graph of ${name} is the golden file`, async () => {
    await expect(graphOf(soundPlan(exampleText(name)))).toMatchFileSnapshot(`${golden}${name}.mmd`);
  });
}

test("a namespace stands before topics of our own, groups and dead letters, and before nothing external", () => {
  const plan = soundPlan(smallText, { schemas: smallSchemas, namespace: "staging" });
  expect(plan.topics.map((topic) => topic.clusterName)).toEqual([
    "inbox",
    "staging.raw",
    "staging.features",
    "staging.predictions",
    "staging.labels",
  ]);
  expect(plan.stages.map((stage) => stage.group)).toEqual([
    "staging.small.ingest",
    "staging.small.features",
    "staging.small.score",
  ]);
  expect(plan.deadLetters.clusterName).toBe("staging.small.dead-letters");
});

test("plans of the same file are equal, and a changed default of a schema changes the hash", () => {
  const first = soundPlan(smallText, { schemas: smallSchemas });
  const changed = (smallSchemas.get("payment") ?? "").replace(
    '"name": "amount"',
    '"name": "amount", "aliases": ["sum"]',
  );
  expect(soundPlan(smallText, { schemas: smallSchemas }).hash).toBe(first.hash);
  const other = soundPlan(smallText, { schemas: new Map([...smallSchemas, ["payment", changed]]) });
  expect(other.hash).not.toBe(first.hash);
});
