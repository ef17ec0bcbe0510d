import type { Offset } from "../kernel/index.ts";
import type { StartPosition } from "../topology/index.ts";
import type { ClusterAdmin } from "./port.ts";

/** What a group has not read of one partition of its stage's input. */
export interface PartitionLag {
  readonly partition: number;
  /** -1 when nothing is committed. */
  readonly committed: Offset;
  /** Records that are there and not committed. */
  readonly records: number;
  /** What a reader may see ends here: records of open transactions lie behind it. */
  readonly end: Offset;
}

/** What is asked of the cluster for a stage's lag. */
export type LagAdmin = Pick<ClusterAdmin, "watermarks" | "committed">;
/** Where a group reads, and where it begins when it has committed nothing. */
export interface LaggingStage {
  readonly group: string;
  readonly from: { readonly clusterName: string };
  readonly start: Pick<StartPosition, "kind">;
}

/**
 * What a stage's group has not committed, by partition, whoever owns the partitions and whether anybody does.
 *
 * Asked of the cluster and not of the tasks: a stage that waits for its model or is halted has none that run, and a
 * partition that nobody has been given yet is behind all the same. Where nothing is committed, reading begins at the
 * earliest record, or, with `start: latest`, at what the end will be then.
 */
export async function lagsOf(
  stage: LaggingStage,
  admin: LagAdmin,
  signal: AbortSignal,
): Promise<readonly PartitionLag[]> {
  const topic = stage.from.clusterName;
  // The offsets first: an end that is read before them may already be behind.
  const committed = await admin.committed(stage.group, topic, signal);
  const watermarks = await admin.watermarks(topic, signal);
  const offsets = new Map<number, Offset>(committed.map(({ partition, offset }) => [partition, offset]));
  return watermarks.map(({ partition, low, end }) => {
    const offset = offsets.get(partition) ?? -1;
    const begun = offset >= 0 ? offset : stage.start.kind === "latest" ? end : low;
    return { partition, committed: offset, records: Math.max(0, end - Math.max(low, begun)), end };
  });
}
