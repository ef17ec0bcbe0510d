import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Plan, planTopology } from "../../../src/topology/index.ts";
import { nodeHasher } from "../../support/node-hasher.ts";

const root = join(import.meta.dirname, "../../..");

/** Texts of the repository's schemas, by name. */
const schemas: ReadonlyMap<string, string> = new Map(
  readdirSync(join(root, "schemas"))
    .filter((name) => name.endsWith(".avsc"))
    .map((name) => [name.slice(0, -".avsc".length), readFileSync(join(root, "schemas", name), "utf8")]),
);

/** The plan of a text, with the repository's schemas beside it. Throws every problem of the text. */
export function planOf(text: string, file = "t.yaml", more: Readonly<Record<string, unknown>> = {}): Plan {
  const own = Object.entries(more).map(([name, json]) => [name, JSON.stringify(json)] as const);
  const all = new Map([...schemas, ...own]);
  const { plan, problems } = planTopology({ text, file, environment: {}, schemas: all, hasher: nodeHasher });
  if (plan === undefined) throw new Error(problems.map((problem) => problem.message).join("\n"));
  return plan;
}

type ExampleName = "card-fraud" | "cloudevents" | "debezium" | "flights" | "webhook";

/** The plan of an example topology, its text changed by `edit`. */
export function examplePlan(name: ExampleName, edit: (text: string) => string = (text) => text): Plan {
  return planOf(edit(readFileSync(join(root, `topologies/${name}.yaml`), "utf8")), `topologies/${name}.yaml`);
}
