import { formatDurationMs } from "../../kernel/index.ts";
import { shadowedAliases } from "../../schema/index.ts";
import type { PlannedStage } from "../plan/plan.ts";
import type { Findings } from "./findings.ts";
import type { TopicDraft } from "./topics.ts";

type Path = readonly (string | number)[];

/** What is odd but safe in a plan that is otherwise sound; `pathOf` gives a stage's place in the file. */
export function warn(stages: readonly PlannedStage[], pathOf: (stage: string) => Path, findings: Findings): void {
  for (const { name, stores } of stages) {
    const volatile = stores.filter(({ changelog }) => changelog === undefined).map(({ store }) => store.name);
    if (volatile.length === 0) continue;
    const message = `stage ${name} keeps its stores in memory alone: a restart or a lost partition starts them empty: ${volatile.join(", ")}`;
    const hint = "expect repeats and short windows after a restart, or remove volatile";
    findings.warn("MR_STATE_VOLATILE", [...pathOf(name), "state"], message, hint);
  }
  for (const stage of stages) {
    if (stage.ingest === undefined) continue;
    warnMixed(stage, pathOf(stage.name), findings);
    warnAhead(stage, stages, pathOf(stage.name), findings);
  }
}

/** Aliases of a given schema that name a real field: only what an ingest fills itself is renamed by one. */
export function warnShadowed(
  { name, given, path, spec }: TopicDraft,
  stages: readonly PlannedStage[],
  findings: Findings,
): void {
  if (given === undefined) return;
  const filled = stages.find((stage) => stage.to.name === name)?.ingest?.supplied;
  for (const { field, alias } of shadowedAliases(given, new Set(filled))) {
    const message = `alias ${alias} of field ${field} in schema ${spec.schema} names another field of the record, and an exact name wins: ${field} is never taken from it`;
    findings.warn("MR_ALIAS", [...path, "schema"], message, "remove the alias, or make the field with a derive step");
  }
}

function warnMixed({ name, from, to }: PlannedStage, path: Path, findings: Findings): void {
  const changes: string[] = [];
  if (from.key !== undefined && to.key !== undefined && from.key !== to.key)
    changes.push(`the key from ${from.key} to ${to.key}`);
  if (from.partitions !== undefined && to.partitions !== undefined && from.partitions !== to.partitions)
    changes.push(`the number of partitions from ${from.partitions} to ${to.partitions}`);
  if (changes.length === 0) return;
  const message = `stage ${name} changes ${changes.join(" and ")}: a backlog arrives mixed, and what comes from the slower partitions may be late`;
  findings.warn(
    "MR_MIXED_BACKLOG",
    path,
    message,
    "key and partition the inbox like the topic behind it, or allow more lateness",
  );
}

function warnAhead(ingest: PlannedStage, stages: readonly PlannedStage[], path: Path, findings: Findings): void {
  if (ingest.to.time === undefined || ingest.to.timeFromKafka) return;
  const aheadMs = ingest.ingest?.aheadMs ?? Number.POSITIVE_INFINITY;
  for (const stage of behind(ingest, stages)) {
    if (stage.lateWithinMs === undefined || aheadMs <= stage.lateWithinMs) continue;
    const ahead = Number.isFinite(aheadMs) ? formatDurationMs(aheadMs) : "any time";
    const message = `events may be dated ${ahead} ahead, and stage ${stage.name} allows ${formatDurationMs(stage.lateWithinMs)} of lateness: one event from the future makes those after it late`;
    findings.warn("MR_AHEAD_WIDE", path, message, `write ahead: ${formatDurationMs(stage.lateWithinMs)} or less`);
  }
}

/** The stage itself and all that its records reach, in the order of the plan. */
function behind(first: PlannedStage, stages: readonly PlannedStage[]): PlannedStage[] {
  const topics = new Set([first.from.name]);
  return stages.filter((stage) => (stage === first || topics.has(stage.from.name)) && topics.add(stage.to.name));
}
