import type { Offset } from "../../kernel/index.ts";
import { adoptionKey } from "../../model/index.ts";
import type { PlannedStage } from "../../topology/index.ts";
import type { ClusterAdmin } from "../port.ts";
import type { AdoptionLog } from "./adoption-log.ts";
import { VersionHistory } from "./version-history.ts";

/** A task that lives and scores by an alias, and which version scores what it reads next. */
export interface ScoringTask {
  readonly stage: string;
  readonly topic: string;
  readonly partition: number;
  /** The next offset of its input that is not committed; -1 where nothing is. */
  readonly position: Offset;
  /** Adopted for that offset; undefined where nothing was. */
  readonly version: number | undefined;
}

export interface ScoringTasksOptions {
  readonly stages: readonly Pick<PlannedStage, "name" | "group" | "from" | "infer">[];
  readonly model: string;
  readonly alias: string;
  readonly log: Pick<AdoptionLog, "catchUp" | "of">;
  readonly admin: Pick<ClusterAdmin, "members" | "committed">;
}

/** What is scored by an alias now, and what would be if its stage ran. */
export interface ScoringTasks {
  readonly living: readonly ScoringTask[];
  /** Stages that score by the alias and have no member: their tasks adopt when they start. */
  readonly idle: readonly string[];
}

/**
 * The tasks that score by an alias, by what the cluster knows. A group that has a member has an owner for each partition.
 *
 * What counts is the version at a task's position and not the last that it has adopted: where offsets were set back, a task
 * serves what was adopted there until it is through.
 */
export async function scoringTasks(options: ScoringTasksOptions, signal: AbortSignal): Promise<ScoringTasks> {
  const { stages, model, alias, log, admin } = options;
  const living: ScoringTask[] = [];
  const idle: string[] = [];
  const positions = new Map<string, Awaited<ReturnType<ClusterAdmin["committed"]>>>();
  for (const { name, group, from, infer } of stages) {
    if (infer?.model !== model || infer.alias !== alias) continue;
    if ((await admin.members(group, signal)).length === 0) idle.push(name);
    else positions.set(name, await admin.committed(group, from.clusterName, signal));
  }
  // Behind the positions: an adoption that they follow from is in the log.
  if (positions.size > 0) await log.catchUp(signal);
  for (const { name: stage, from } of stages) {
    const topic = from.clusterName;
    for (const { partition, offset: position } of positions.get(stage) ?? []) {
      const history = new VersionHistory(log.of(adoptionKey({ stage, topic, partition, model, alias })));
      living.push({ stage, topic, partition, position, version: history.at(position) });
    }
  }
  return { living, idle };
}
