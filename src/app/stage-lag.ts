import type { Offset } from "../kernel/index.ts";
import type { ClusterAdmin } from "../runtime/index.ts";
import type { PlannedStage } from "../topology/index.ts";

/**
 * Records of a stage's input that its group has not committed, whoever owns the partitions and whether anybody does.
 *
 * Asked of the cluster and not of the tasks: a stage that waits for its model or is halted has none that run, and a
 * partition that nobody has been given yet is behind all the same. Where nothing is committed, reading begins at the
 * earliest record, or, with `start: latest`, at what the end will be then.
 */
export async function lagOf(
  stage: Pick<PlannedStage, "group" | "from" | "start">,
  admin: Pick<ClusterAdmin, "watermarks" | "committed">,
  signal: AbortSignal,
): Promise<number> {
  const topic = stage.from.clusterName;
  // The offsets first: an end that is read before them may already be behind.
  const committed = await admin.committed(stage.group, topic, signal);
  const watermarks = await admin.watermarks(topic, signal);
  const offsets = new Map<number, Offset>(committed.map(({ partition, offset }) => [partition, offset]));
  let lag = 0;
  for (const { partition, low, end } of watermarks) {
    const offset = offsets.get(partition) ?? -1;
    const begun = offset >= 0 ? offset : stage.start.kind === "latest" ? end : low;
    lag += Math.max(0, end - Math.max(low, begun));
  }
  return lag;
}
