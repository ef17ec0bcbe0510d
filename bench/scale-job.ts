/** What `npm run bench:scale` tells the process that runs the stages, and what that answers; JSON in both directions. */
import { join } from "node:path";
import { loadPlan } from "../src/app/load-topology.ts";
import type { Plan, PlannedStage } from "../src/topology/index.ts";

/** The stages run from a compiled copy of the repository, which has no YAML: the parent names the folder. */
const benchFolder = process.env["MILLRACE_BENCH_FOLDER"] ?? import.meta.dirname;

export interface ScaleJob {
  readonly bootstrap: string;
  /** Folder of this run, with the registry. */
  readonly folder: string;
  readonly name: string;
  readonly partitions: number;
  readonly delivery: "exactly-once" | "at-least-once";
  readonly everyMs: number;
  /** How many of the four stages run, from stage `one`. */
  readonly stages: number;
}

/** Processor time of the process, all its threads, and the time that passed, between two questions. */
export interface ScaleWindow {
  readonly cpuMicros: number;
  readonly wallMicros: number;
  readonly rssBytes: number;
  /** After a collection, where the process may ask for one. */
  readonly heapBytes: number;
  readonly handles: number;
}

/** The checked plan of scale.yaml, with as many partitions everywhere. */
export function scalePlan({ name, partitions, delivery, everyMs }: Omit<ScaleJob, "bootstrap" | "folder">): Plan {
  const environment = { PARTITIONS: String(partitions), DELIVERY: delivery, EVERY_MS: String(everyMs) };
  return loadPlan(join(benchFolder, "scale.yaml"), environment, name);
}

/** The stages that run. */
export function scaleStages(plan: Plan, { stages }: Pick<ScaleJob, "stages">): readonly PlannedStage[] {
  return plan.stages.slice(1, 1 + stages);
}
