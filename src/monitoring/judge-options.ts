import type { JudgeOptions } from "../monitor/index.ts";
import type { ClusterAdmin } from "../runtime/index.ts";
import { countedMonitors, type Plan, type PlannedMonitoring } from "../topology/index.ts";

/**
 * What the judge of a plan is made with.
 *
 * @param partitions of each stage's input, by stage: as many tasks are waited for
 */
export function judgeOptionsOf(
  plan: Plan,
  { monitors, performance, alerts }: PlannedMonitoring,
  partitions: ReadonlyMap<string, number>,
): JudgeOptions {
  const { rules, budget, ageMaxMs } = alerts;
  const counted = countedMonitors({ monitors, performance });
  const inputs = (stages: readonly string[]): readonly string[] =>
    plan.stages.filter(({ name }) => stages.includes(name)).map(({ from }) => from.name);
  return {
    topology: plan.topology,
    monitors,
    performance,
    rules,
    budget,
    partitions,
    stagesOf: new Map(counted.map(({ name, stages }) => [name, stages])),
    inputsOf: new Map(
      monitors.map(({ name, stages }) => {
        const read = inputs(stages);
        return [name, monitors.filter(({ topic }) => read.includes(topic.name)).map((monitor) => monitor.name)];
      }),
    ),
    upstreamOf: new Map(
      counted.map(({ name, stages }) => {
        const before = topicsBefore(plan, inputs(stages));
        return [name, monitors.filter(({ topic }) => before.has(topic.name)).map((monitor) => monitor.name)];
      }),
    ),
    ageMaxMs,
  };
}

/** These topics, and all that stages make them of. */
function topicsBefore({ stages }: Plan, topics: readonly string[]): ReadonlySet<string> {
  const before = new Set(topics);
  // A set that is gone through while it grows is gone through to its end.
  for (const topic of before) for (const { to, from } of stages) if (to.name === topic) before.add(from.name);
  return before;
}

/** Partitions of each stage's input by the cluster, as {@link judgeOptionsOf} wants them; a topic that is not there has none. */
export async function stagePartitions(
  { stages }: Plan,
  admin: Pick<ClusterAdmin, "describe">,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const inputs = [...new Set(stages.map(({ from }) => from.clusterName))];
  const { topics } = await admin.describe(inputs, signal);
  const found = new Map(topics.map(({ topic, partitions }) => [topic, partitions]));
  return new Map(stages.map(({ name, from }) => [name, found.get(from.clusterName) ?? 0]));
}
