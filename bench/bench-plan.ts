import { join } from "node:path";
import { loadPlan } from "../src/app/load-topology.ts";
import type { Plan, PlannedStage } from "../src/topology/index.ts";

/** The contestants run from a compiled copy of the repository, which has no YAML: the parent names the folder. */
const benchFolder = process.env["MILLRACE_BENCH_FOLDER"] ?? import.meta.dirname;

/** One way to run a stage of chain.yaml. */
export interface ChainVariant {
  readonly stage: "chain" | "features" | "unwatched" | "watched";
  readonly delivery: "exactly-once" | "at-least-once";
  readonly everyMs: number;
  /** Most records of a task between two commits. */
  readonly records: number;
  readonly partitions: number;
  /** Whether stores have no changelogs. */
  readonly isVolatile: boolean;
  /** Of all that the run has on the cluster. */
  readonly namespace: string;
}

/** What runs beside the hand-written loop: both commit every 500 records, and keep their windows in memory. */
export const besideLoop: ChainVariant = {
  stage: "chain",
  delivery: "at-least-once",
  everyMs: 1_000,
  records: 500,
  partitions: 4,
  isVolatile: true,
  namespace: "bench",
};

/** The checked plan of chain.yaml. */
export function benchPlan(variant: ChainVariant = besideLoop): Plan {
  const { delivery, everyMs, records, partitions, isVolatile, namespace } = variant;
  const environment = {
    DELIVERY: delivery,
    EVERY_MS: String(everyMs),
    RECORDS: String(records),
    PARTITIONS: String(partitions),
    VOLATILE: String(isVolatile),
    NAMESPACE: namespace,
  };
  return loadPlan(join(benchFolder, "chain.yaml"), environment, undefined);
}

/** The stage that is measured. */
export function benchStage(plan: Plan, wanted: ChainVariant["stage"] = besideLoop.stage): PlannedStage {
  const stage = plan.stages.find(({ name }) => name === wanted);
  if (stage === undefined) throw new Error(`chain.yaml has no stage ${wanted}`);
  return stage;
}
