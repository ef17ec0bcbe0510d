import { systemClock } from "../adapters/node/index.ts";
import { Tallies } from "../kernel/index.ts";
import {
  type Broker,
  type MeasuredStage,
  type ReadinessCheck,
  type ReadyStage,
  readinessOf,
  readMetrics,
} from "../runtime/index.ts";
import type { Plan, PlannedStage } from "../topology/index.ts";
import type { Probed } from "./probes.ts";
import { version } from "./version.ts";
import type { Worker } from "./worker.ts";

/**
 * What `--http` answers from the first moment of a run on: before there is a worker, of the stages as the file has
 * them, which have a lag already.
 *
 * @param roles names of what else is run
 * @param workerNow undefined while the run still waits for its cluster or registry
 */
export function probedWorker(
  plan: Plan,
  stages: readonly PlannedStage[],
  roles: readonly string[],
  broker: Broker,
  workerNow: () => Worker | undefined,
): Probed {
  const planned = stages.map(notYetMade);
  const all = [...planned, ...roles.map((name) => roleNotYetMade(name))];
  return {
    readiness: (): readonly ReadinessCheck[] => workerNow()?.readiness() ?? readinessOf(all, broker, systemClock),
    metrics: async () => {
      const measured = workerNow()?.measured ?? planned;
      const readings = await readMetrics(plan.topology, measured, { admin: broker.admin, clock: systemClock });
      return [...readings, { metric: "millrace_build_info", labels: { version }, value: 1 }];
    },
  };
}

function roleNotYetMade(name: string): ReadyStage {
  return { stage: { name }, status: "new", isReady: false, haltReason: undefined, troubles: [] };
}

function notYetMade(stage: PlannedStage) {
  return {
    stage,
    status: "new",
    tasks: [],
    storeEntries: new Map(),
    accounts: new Map(),
    tallies: new Tallies(),
    isReady: false,
    haltReason: undefined,
    troubles: [],
  } as const satisfies MeasuredStage & ReadyStage;
}
