import { join } from "node:path";
import { type BuiltMillrace, buildMillrace, WorkerProcess } from "../kafka/support/worker-process.ts";
import type { ContestantName } from "./asked.ts";
import type { NaiveJob } from "./naive/naive-job.ts";
import { requestKind } from "./road.ts";
import type { Delivery, Shop } from "./shop.ts";

/** A stop may take as long as a loaded machine takes. */
const drainTimeout = "100s";

/** Who is put into the slots. */
export interface Contestant {
  /** The requests that end a commit: a kill before one of them arrives is one in the middle of the commit. */
  commitKinds(delivery: Delivery): readonly number[];
  /** @param at where it finds the brokers */
  start(name: string, at: string, shop: Shop): WorkerProcess;
  remove(): Promise<void>;
  /** Whether what it has counted stands beside the offsets. */
  readonly leavesAccounts: boolean;
}

export async function openContestant(name: ContestantName): Promise<Contestant> {
  return name === "naive" ? naive : millraceOf(await buildMillrace());
}

/** @param fileOf the topology that it runs */
export function millraceOf(millrace: BuiltMillrace, fileOf = (shop: Shop): string => shop.file): Contestant {
  const kinds: Readonly<Record<Delivery, readonly number[]>> = {
    "exactly-once": [requestKind.endTxn],
    "at-least-once": [requestKind.offsetCommit, requestKind.endTxn],
  };
  return {
    commitKinds: (delivery) => kinds[delivery],
    start: (name, at, shop) => {
      const where = ["--brokers", at, "--registry", shop.registry, "--instance-id", name, "--leave-on-stop"];
      const args = ["run", fileOf(shop), ...where, "--drain-timeout", drainTimeout];
      return new WorkerProcess(millrace.entry, args, {});
    },
    remove: () => millrace.remove(),
    leavesAccounts: true,
  };
}

/** The same three stages as the documentation of kafkajs has it: that the harness can fail. */
const naive: Contestant = {
  commitKinds: () => [requestKind.offsetCommit],
  start: (name, at, { inbox, plan }) => {
    const stages = plan.stages.map(({ group, from, to }) => ({ group, from: from.clusterName, to: to.clusterName }));
    const [ingest, features, report] = stages;
    if (ingest === undefined || features === undefined || report === undefined)
      throw new Error("the shop has three stages");
    const job: NaiveJob = { clientId: name, brokers: at.split(","), inbox, ingest, features, report };
    const script = join(import.meta.dirname, "naive/naive-worker.ts");
    return new WorkerProcess("--import=tsx", [script, JSON.stringify(job)], { KAFKAJS_NO_PARTITIONER_WARNING: "1" });
  },
  remove: async () => undefined,
  leavesAccounts: false,
};
