import type { Clock } from "../kernel/index.ts";
import type { Broker } from "./port.ts";
import type { StageStatus } from "./stage-status.ts";

/** A cluster of which no broker has answered for so long counts as unreachable. */
const unreachableAfterMs = 30_000;

/** One thing that was looked at, and what is to be said of it. */
export interface ReadinessCheck {
  /** `cluster`, `stage NAME`, or that and what of it: `task N`, `partition TOPIC-N`, `registry`, `model`. */
  readonly name: string;
  readonly isWell: boolean;
  /** In words, for whoever asks why. */
  readonly state: string;
}

/** Something of a stage that does not get on, and why. */
export interface StageTrouble {
  /** `task N`, `partition TOPIC-N`, `registry` or `model`. */
  readonly what: string;
  readonly reason: string;
}

/** What is asked of a stage. */
export interface ReadyStage {
  readonly stage: { readonly name: string };
  readonly status: StageStatus;
  readonly isReady: boolean;
  readonly haltReason: Error | undefined;
  readonly troubles: readonly StageTrouble[];
}

/** Whether a process does its work: every check is well. The order is that of the stages. */
export function readinessOf(
  stages: readonly ReadyStage[],
  broker: Pick<Broker, "silentSinceMs">,
  clock: Clock,
): readonly ReadinessCheck[] {
  return [clusterCheck(broker.silentSinceMs, clock.monotonicMs()), ...stages.flatMap(stageChecks)];
}

function clusterCheck(silentSinceMs: number | undefined, nowMs: number): ReadinessCheck {
  const silentMs = silentSinceMs === undefined ? 0 : nowMs - silentSinceMs;
  const isWell = silentMs < unreachableAfterMs;
  const state = isWell ? "answers" : `no broker has answered for ${Math.floor(silentMs / 1_000)} s`;
  return { name: "cluster", isWell, state };
}

function stageChecks({ stage, status, isReady, haltReason, troubles }: ReadyStage): readonly ReadinessCheck[] {
  const name = `stage ${stage.name}`;
  const own: ReadinessCheck = { name, isWell: isReady, state: stateOf(status, isReady, haltReason) };
  return [own, ...troubles.map(({ what, reason }) => ({ name: `${name} ${what}`, isWell: false, state: reason }))];
}

function stateOf(status: StageStatus, isReady: boolean, haltReason: Error | undefined): string {
  if (status === "halted") return `halted: ${haltReason?.message ?? "for a reason that was logged"}`;
  if (status === "waiting") return "waiting for its model";
  return status === "running" && !isReady ? "waiting for its partitions" : status;
}
