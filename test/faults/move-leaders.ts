import { setTimeout as delay } from "node:timers/promises";
import type { Admin } from "kafkajs";
import { stockKafka } from "../kafka/harness/client.ts";
import { electPreferredLeaders } from "./leaders.ts";

/** Topics that move: the cluster's own too, since a commit depends on them. */
const ofCluster = ["__consumer_offsets", "__transaction_state"];
const askedAgainMs = 500;

type Leaders = ReadonlyMap<string, readonly number[]>;

/**
 * Lets another replica of every partition lead: their order is turned, and the first of it elected, again and again
 * while there are topics of which none has moved. A replica that is not in sync stays what it is.
 *
 * @returns whether the leader of a partition of every topic that there is became another one within `msMax`
 */
export async function moveLeaders(bootstrap: string, topics: readonly string[], msMax: number): Promise<boolean> {
  const admin = stockKafka(bootstrap).admin();
  await admin.connect();
  try {
    const there = new Set(await admin.listTopics());
    const moving = [...topics, ...ofCluster].filter((topic) => there.has(topic));
    const before = await leadersOf(admin, moving);
    await turnReplicas(admin, moving);
    const endMs = performance.now() + msMax;
    while (performance.now() < endMs) {
      await electPreferredLeaders(bootstrap).catch(() => undefined);
      const after = await leadersOf(admin, moving);
      if (moving.every((topic) => hasMoved(before.get(topic), after.get(topic)))) return true;
      await delay(askedAgainMs);
    }
    return false;
  } finally {
    await admin.disconnect();
  }
}

async function turnReplicas(admin: Admin, topics: readonly string[]): Promise<void> {
  const { topics: described } = await admin.fetchTopicMetadata({ topics: [...topics] });
  await admin.alterPartitionReassignments({
    topics: described.map(({ name, partitions }) => ({
      topic: name,
      partitionAssignment: partitions.map(({ partitionId, replicas, leader }) => ({
        partition: partitionId,
        replicas: behindLeader(replicas, leader),
      })),
    })),
  });
}

/** The same replicas in the same circle, from the one behind the leader on. */
export function behindLeader(replicas: readonly number[], leader: number): number[] {
  const next = replicas.indexOf(leader) + 1;
  return [...replicas.slice(next), ...replicas.slice(0, next)];
}

/** By topic, in the order of the partitions. */
async function leadersOf(admin: Admin, topics: readonly string[]): Promise<Leaders> {
  const { topics: described } = await admin.fetchTopicMetadata({ topics: [...topics] });
  return new Map(
    described.map(({ name, partitions }) => [
      name,
      partitions.toSorted((a, b) => a.partitionId - b.partitionId).map(({ leader }) => leader),
    ]),
  );
}

function hasMoved(before: readonly number[] = [], after: readonly number[] = []): boolean {
  return after.some((leader, partition) => leader !== -1 && leader !== before[partition]);
}
