import type { Offset, TopicPartition } from "../../kernel/index.ts";
import { OperationError } from "../../kernel/index.ts";
import type { ClusterAdmin, CommittedPosition } from "../../runtime/index.ts";
import type { ClusterDescription, TopicToCreate } from "../../topology/index.ts";
import type { Group } from "./group.ts";
import type { TopicStore } from "./store.ts";

/** The cluster side of the in-process broker: one broker, whose topics and groups it answers from memory. */
export class MemoryAdmin implements ClusterAdmin {
  readonly #store: TopicStore;
  readonly #groups: Map<string, Group>;

  constructor(store: TopicStore, groups: Map<string, Group>) {
    this.#store = store;
    this.#groups = groups;
  }

  async describe(topics: readonly string[], signal: AbortSignal): Promise<ClusterDescription> {
    signal.throwIfAborted();
    const described = topics.flatMap((name) => this.#store.find(name)?.describe() ?? []);
    return { id: "memory", topics: described, brokerCount: 1 };
  }

  async createTopics(topics: readonly TopicToCreate[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (const spec of topics) this.#store.create(spec);
  }

  /** Groups that read the topic share out the new partitions at once. */
  async growTopic(topic: string, partitions: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#store.get(topic).grow(partitions);
    for (const group of this.#groups.values()) group.grown(topic);
  }

  async watermarks(
    topic: string,
    signal: AbortSignal,
  ): Promise<readonly { partition: number; low: Offset; end: Offset }[]> {
    signal.throwIfAborted();
    return this.#store
      .get(topic)
      .logs.map(({ partition, logStartOffset, endOffset }) => ({ partition, low: logStartOffset, end: endOffset }));
  }

  async extent({ topic, partition }: TopicPartition, signal: AbortSignal): Promise<{ low: Offset; end: Offset }> {
    signal.throwIfAborted();
    const { logStartOffset, endOffset } = this.#store.log(topic, partition);
    return { low: logStartOffset, end: endOffset };
  }

  async committed(group: string, topic: string, signal: AbortSignal): Promise<readonly CommittedPosition[]> {
    signal.throwIfAborted();
    const known = this.#groups.get(group);
    return this.#store.get(topic).logs.map(({ partition }) => {
      const committed = known?.committed(topic, partition);
      return { partition, offset: committed?.offset ?? -1, note: committed?.note };
    });
  }

  async members(group: string, signal: AbortSignal): Promise<readonly string[]> {
    signal.throwIfAborted();
    const members = this.#groups.get(group)?.members ?? [];
    return members.map(({ spec }, index) => spec.instanceId ?? `member-${index + 1}`);
  }

  /** Members that read a deleted topic are told that they cannot go on. */
  async deleteTopics(topics: readonly string[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (const name of topics) {
      const topic = this.#store.delete(name);
      if (topic === undefined) continue;
      for (const group of this.#groups.values()) {
        group.forget(name, topic.logs.length);
        for (const member of group.members) {
          if (!member.spec.topics.includes(name)) continue;
          member.fail(new OperationError("MR_TOPIC_MISSING", `topic ${name} was deleted`));
        }
      }
    }
  }

  async deleteGroups(groups: readonly string[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (const name of groups) {
      if ((this.#groups.get(name)?.members.length ?? 0) > 0) {
        throw new OperationError("MR_BROKER", `deleting group ${name}: it has members`);
      }
      this.#groups.delete(name);
    }
  }
}
