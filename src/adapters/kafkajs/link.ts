import { messageOf, topicPartitionKey } from "../../kernel/index.ts";
import type { BrokerConnection, KafkajsParts, ProtocolRequest } from "./client-types.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import { Connections, type Lane } from "./connections.ts";
import { checkCode, KafkaAnswerError, kafkaCode, verdictOf } from "./errors.ts";
import { type ClusterMetadata, metadataRequest, type TopicMetadata } from "./metadata.ts";
import type { Outage } from "./outage.ts";

/** Where the kafkajs request of each name lives in the protocol's numbering. */
const apiKeys = {
  ListOffsets: 2,
  GroupCoordinator: 10,
  JoinGroup: 11,
  Heartbeat: 12,
  LeaveGroup: 13,
  SyncGroup: 14,
  CreateTopics: 19,
  DeleteTopics: 20,
  DescribeConfigs: 32,
  CreatePartitions: 37,
  DeleteGroups: 42,
} as const;

/** Groups have coordinators of their own kind; transactions have others. */
const coordinatorOfGroups = 0;

interface CoordinatorAnswer {
  readonly errorCode: number;
  readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number };
}

export type RequestName = keyof typeof apiKeys;

/**
 * One client's view of a cluster: who leads what, and a way to ask a node. Never retries: the callers know what a
 * second attempt means. An error's verdict `elsewhere` asks them to {@link forget} before they do.
 */
export class ClusterLink {
  readonly parts: KafkajsParts;
  readonly #connections: Connections;
  readonly #seeds: readonly string[];
  readonly #outage: Outage | undefined;
  readonly #addresses = new Map<number, string>();
  readonly #topics = new Map<string, TopicMetadata>();
  readonly #refreshing = new Map<string, Promise<TopicMetadata>>();
  readonly #coordinators = new Map<string, number>();
  #closed = false;

  constructor(parts: KafkajsParts, options: ConnectionOptions) {
    this.parts = parts;
    this.#seeds = options.brokers;
    this.#outage = options.outage;
    this.#connections = new Connections(parts, options);
  }

  /** Sends one of kafkajs's own requests; error codes stay in the answer, for the caller to judge. */
  ask<T>(node: number, name: RequestName, args: object, requestTimeoutMs?: number, apiVersion?: number): Promise<T> {
    return this.send(node, "control", (broker) => {
      const definition = this.parts.requests[name];
      if (definition === undefined) throw new Error(`kafkajs has no request ${name}`);
      const request = broker.lookupRequest(apiKeys[name], definition)(args);
      return {
        ...request,
        request: apiVersion === undefined ? request.request : { ...request.request, apiVersion },
        ...(requestTimeoutMs === undefined ? {} : { requestTimeout: requestTimeoutMs }),
        response: { decode: (bytes) => request.response.decode(bytes), parse: async (answer) => answer },
      };
    });
  }

  async send<T>(node: number, lane: Lane, request: (broker: BrokerConnection) => ProtocolRequest): Promise<T> {
    const address = this.#addresses.get(node);
    if (address === undefined) throw new KafkaAnswerError(`asking node ${node}`, kafkaCode.leaderNotAvailable);
    return this.#connections.send<T>(address, lane, request);
  }

  /** The named topics as the cluster has them now, each with its own error code; empty for the brokers only. */
  async describe(topics: readonly string[]): Promise<ClusterMetadata> {
    const answer = await this.#askAny(metadataRequest(topics));
    for (const { node, address } of answer.brokers) this.#addresses.set(node, address);
    for (const topic of answer.topics) {
      if (topic.errorCode === kafkaCode.none) this.#topics.set(topic.topic, topic);
      else this.#topics.delete(topic.topic);
    }
    return answer;
  }

  /** The topic's partitions, from memory when it has been described before; throws when it does not exist. */
  async topic(topic: string): Promise<TopicMetadata> {
    const known = this.#topics.get(topic);
    if (known !== undefined) return known;
    const refreshing = this.#refreshing.get(topic) ?? this.#refresh(topic);
    return refreshing;
  }

  /** What is remembered of a topic; undefined while nothing is. */
  known(topic: string): TopicMetadata | undefined {
    return this.#topics.get(topic);
  }

  /** The node that leads a partition; throws a code whose verdict is `elsewhere` while nobody does. */
  async leaderOf(topic: string, partition: number): Promise<number> {
    const { partitions } = await this.topic(topic);
    const leader = partitions.find((p) => p.partition === partition)?.leader;
    const doing = `looking for the leader of ${topicPartitionKey(topic, partition)}`;
    if (leader === undefined) throw new KafkaAnswerError(doing, kafkaCode.unknownTopicOrPartition);
    if (leader < 0) {
      this.forget(topic);
      throw new KafkaAnswerError(doing, kafkaCode.leaderNotAvailable);
    }
    return leader;
  }

  /** What was known about a topic is stale. */
  forget(topic: string): void {
    this.#topics.delete(topic);
  }

  /** The node that coordinates a group; any node that answers is asked, so that a dead one does not matter. */
  async coordinatorOf(group: string): Promise<number> {
    const known = this.#coordinators.get(group);
    if (known !== undefined) return known;
    const { brokers } = await this.describe([]);
    let last: unknown;
    for (const { node } of brokers) {
      try {
        return await this.#askCoordinator(node, group);
      } catch (error) {
        last = error;
      }
    }
    throw (
      last ?? new KafkaAnswerError(`looking for the coordinator of group ${group}`, kafkaCode.coordinatorNotAvailable)
    );
  }

  forgetCoordinator(group: string): void {
    this.#coordinators.delete(group);
  }

  /** Ends every connection; whatever is in flight rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#connections.close();
  }

  async #askCoordinator(node: number, group: string): Promise<number> {
    const args = { groupId: group, coordinatorType: coordinatorOfGroups };
    const answer = await this.ask<CoordinatorAnswer>(node, "GroupCoordinator", args);
    checkCode(`looking for the coordinator of group ${group}`, answer.errorCode);
    const { nodeId, host, port } = answer.coordinator;
    this.#addresses.set(nodeId, `${host}:${port}`);
    this.#coordinators.set(group, nodeId);
    return nodeId;
  }

  #refresh(topic: string): Promise<TopicMetadata> {
    const refreshing = this.describe([topic])
      .then(({ topics }) => {
        const found = topics.find((t) => t.topic === topic);
        checkCode(`describing topic ${topic}`, found?.errorCode ?? kafkaCode.unknownTopicOrPartition);
        return found ?? { topic, id: "", errorCode: kafkaCode.none, partitions: [] };
      })
      .finally(() => this.#refreshing.delete(topic));
    this.#refreshing.set(topic, refreshing);
    return refreshing;
  }

  /** Asks the nodes that are known, then the addresses that were configured, until one answers. */
  async #askAny(request: ProtocolRequest): Promise<ClusterMetadata> {
    let last: unknown = new KafkaAnswerError("asking the cluster", kafkaCode.leaderNotAvailable);
    for (const address of new Set([...this.#addresses.values(), ...this.#seeds])) {
      if (this.#closed) throw new Error("the connection to the cluster is closed");
      this.#outage?.asking();
      try {
        const answer = await this.#connections.send<ClusterMetadata>(address, "control", () => request);
        this.#outage?.answered();
        return answer;
      } catch (error) {
        if (verdictOf(error) === "denied") this.#outage?.answered();
        last = error;
      }
    }
    // An address that stopped answering may belong to a node that has moved.
    this.#addresses.clear();
    throw last instanceof Error ? last : new Error(messageOf(last));
  }
}
