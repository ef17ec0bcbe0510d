import { type Offset, topicPartitionKey } from "../../kernel/index.ts";
import type { Adoption } from "../../model/index.ts";
import type { VersionInUse } from "../control/pruning.ts";
import type { ClusterAdmin } from "../port.ts";
import type { AdoptionLog } from "./adoption-log.ts";

/**
 * The versions of a model that records would be scored with again which are still on their topics: reading over them needs
 * the version that was adopted there.
 *
 * @throws OperationError MR_TOPIC_MISSING for the adoptions; what the cluster answers
 */
export async function versionsInUse(
  model: string,
  log: Pick<AdoptionLog, "catchUp" | "all">,
  admin: Pick<ClusterAdmin, "describe" | "watermarks">,
  signal: AbortSignal,
): Promise<readonly VersionInUse[]> {
  await log.catchUp(signal);
  const adoptions = log.all.filter((adoption) => adoption.model === model);
  const lows = new Map<string, Offset>();
  for (const topic of new Set(adoptions.map((adoption) => adoption.topic))) {
    const [described] = (await admin.describe([topic], signal)).topics;
    // Of a topic that is gone nothing can be read again.
    if (described === undefined) continue;
    for (const { partition, low } of await admin.watermarks(topic, signal))
      lows.set(topicPartitionKey(topic, partition), low);
  }
  return adoptions.flatMap((adoption, index) => {
    const { version, topic, partition, fromOffset } = adoption;
    const low = lows.get(topicPartitionKey(topic, partition));
    const to = nextFrom(adoption, adoptions.slice(index + 1));
    // A challenger that scores no more is written down as one with no share.
    if (adoption.share === 0 || low === undefined || to <= Math.max(low, fromOffset)) return [];
    const end = to === Number.POSITIVE_INFINITY ? "on" : `to ${to - 1}`;
    return [
      { version, where: `${topicPartitionKey(topic, partition)} from offset ${Math.max(low, fromOffset)} ${end}` },
    ];
  });
}

/** Where the next adoption of the same task and alias begins; Infinity when there is none. */
function nextFrom({ stage, topic, partition, alias }: Adoption, later: readonly Adoption[]): Offset {
  const own = later.find(
    (other) => other.stage === stage && other.topic === topic && other.partition === partition && other.alias === alias,
  );
  return own?.fromOffset ?? Number.POSITIVE_INFINITY;
}
