import { stockKafka } from "../kafka/harness/client.ts";
import { runJava } from "../kafka/harness/java.ts";

/** Topics that move: the cluster's own too, since a commit depends on them. */
const ofCluster = ["__consumer_offsets", "__transaction_state"];

/**
 * Lets another replica of every partition lead: their order is turned by one, and the first of it elected.
 * A replica that is not in sync stays what it is.
 */
export async function moveLeaders(bootstrap: string, topics: readonly string[]): Promise<void> {
  const admin = stockKafka(bootstrap).admin();
  await admin.connect();
  try {
    const there = new Set(await admin.listTopics());
    const moved = [...topics, ...ofCluster].filter((topic) => there.has(topic));
    const { topics: described } = await admin.fetchTopicMetadata({ topics: moved });
    await admin.alterPartitionReassignments({
      topics: described.map(({ name, partitions }) => ({
        topic: name,
        partitionAssignment: partitions.map(({ partitionId, replicas: [first, ...rest] }) => ({
          partition: partitionId,
          replicas: first === undefined ? rest : [...rest, first],
        })),
      })),
    });
  } finally {
    await admin.disconnect();
  }
  const args = ["--bootstrap-server", bootstrap, "--election-type", "preferred", "--all-topic-partitions"];
  await runJava("org.apache.kafka.tools.LeaderElectionCommand", args);
}
