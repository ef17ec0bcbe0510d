import { join } from "node:path";
import { loadPlan } from "../src/app/load-topology.ts";
import type { Plan, PlannedStage } from "../src/topology/index.ts";

/** The contestants run from a compiled copy of the repository, which has no YAML: the parent names the folder. */
const benchFolder = process.env["MILLRACE_BENCH_FOLDER"] ?? import.meta.dirname;

/** The checked plan of chain.yaml. */
export function benchPlan(): Plan {
  return loadPlan(join(benchFolder, "chain.yaml"), {}, undefined);
}

/** The stage that is measured. */
export function benchStage(plan: Plan): PlannedStage {
  const stage = plan.stages.find(({ name }) => name === "chain");
  if (stage === undefined) throw new Error("chain.yaml has no stage chain");
  return stage;
}
