import { type Clock, type TopicPartition, topicPartitionKey } from "../../kernel/index.ts";
import { AddressBook } from "./address-book.ts";
import type { BrokerConnection, KafkajsParts, ProtocolRequest } from "./client-types.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import { Connections, type Lane } from "./connections.ts";
import { checkCode, KafkaAnswerError, kafkaCode, verdictOf } from "./errors.ts";
import { type Features, featuresRequest } from "./features-request.ts";
import { firstAnswer } from "./first-answer.ts";
import { type ClusterMetadata, metadataRequest, type PartitionMetadata, type TopicMetadata } from "./metadata.ts";
import type { Outage } from "./outage.ts";
import { TopicMemory } from "./topic-memory.ts";

/** Where the kafkajs request of each name lives in the protocol's numbering. */
const apiKeys = {
  ListOffsets: 2,
  GroupCoordinator: 10,
  JoinGroup: 11,
  Heartbeat: 12,
  SyncGroup: 14,
  CreateTopics: 19,
  DeleteTopics: 20,
  DescribeConfigs: 32,
  CreatePartitions: 37,
  DeleteGroups: 42,
} as const;

/** Groups have coordinators of their own kind, transactional ids have others. */
const coordinatorTypes = { group: 0, transaction: 1 } as const;
type CoordinatorKind = keyof typeof coordinatorTypes;

/** How long "nobody leads it" is believed: whoever writes to many partitions without a leader asks once for all. */
const leaderlessMs = 100;

interface CoordinatorAnswer {
  readonly errorCode: number;
  readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number };
}

export type RequestName = keyof typeof apiKeys;

/**
 * One client's view of a cluster: who leads what, and a way to ask a node. Never retries: the callers know what a
 * second attempt means. An error's verdict `elsewhere` asks them to {@link doubt} a leader, or to
 * {@link forgetCoordinator}, before they do.
 *
 * Whatever any broker can answer is asked of the next one after half a second, so that a frozen one holds up nobody.
 */
export class ClusterLink {
  readonly parts: KafkajsParts;
  readonly #connections: Pick<Connections, "send" | "close" | "heldBackUntilMs">;
  readonly #clock: Clock;
  readonly #outage: Outage | undefined;
  readonly #addresses: AddressBook;
  readonly #topics = new TopicMemory();
  readonly #refreshing = new Map<string, Promise<TopicMetadata>>();
  readonly #coordinators = new Map<string, number>();
  #closed = false;

  constructor(
    parts: KafkajsParts,
    options: ConnectionOptions,
    connections: Pick<Connections, "send" | "close" | "heldBackUntilMs"> = new Connections(parts, options),
  ) {
    this.parts = parts;
    this.#clock = options.clock;
    this.#addresses = new AddressBook(options.brokers);
    this.#outage = options.outage;
    this.#connections = connections;
  }

  /** Sends one of kafkajs's own requests; error codes stay in the answer, for the caller to judge. */
  ask<T>(node: number, name: RequestName, args: object, requestTimeoutMs?: number, apiVersion?: number): Promise<T> {
    return this.send(node, "control", (broker) => this.#request(broker, name, args, requestTimeoutMs, apiVersion));
  }

  async send<T>(node: number, lane: Lane, request: (broker: BrokerConnection) => ProtocolRequest): Promise<T> {
    const address = this.#addresses.of(node);
    if (address === undefined) throw new KafkaAnswerError(`asking node ${node}`, kafkaCode.leaderNotAvailable);
    return this.#sendTo<T>(address, lane, request);
  }

  /** The named topics as the cluster has them now, each with its own error code; empty for the brokers only. */
  async describe(topics: readonly string[]): Promise<ClusterMetadata> {
    const question = this.#topics.ask();
    const request = metadataRequest(topics);
    const answer = await this.#askAny((address) => this.#sendTo<ClusterMetadata>(address, "control", () => request));
    this.#addresses.learn(answer.brokers);
    this.#topics.learn(answer.topics, question, this.#clock.monotonicMs());
    return answer;
  }

  /** The topic's partitions, from memory unless it is doubted; throws when it does not exist. */
  async topic(topic: string): Promise<TopicMetadata> {
    const known = this.#topics.find(topic);
    return known === undefined || this.#topics.isTopicDoubted(topic) ? this.#refreshed(topic) : known;
  }

  /** What is remembered of a topic; undefined while nothing is. */
  known(topic: string): TopicMetadata | undefined {
    return this.#topics.find(topic);
  }

  /** What is remembered of a partition; undefined while nothing is. */
  partition(at: TopicPartition): PartitionMetadata | undefined {
    return this.#topics.partition(at);
  }

  /** The node that leads a partition, as far as it is known without asking. */
  leader(at: TopicPartition): number | undefined {
    return this.#topics.leader(at);
  }

  /** The node that leads a partition; throws a code whose verdict is `elsewhere` while nobody does. */
  async leaderOf(topic: string, partition: number): Promise<number> {
    const at = { topic, partition };
    if (this.#topics.leader(at) === undefined && !this.#isLeaderless(at)) {
      await this.#refreshed(topic);
      // The question that was under way may have been asked before the doubt.
      if (this.#topics.isDoubted(at)) await this.#refreshed(topic);
    }
    const leader = this.#topics.leader(at);
    if (leader !== undefined) return leader;
    const code =
      this.#topics.partition(at) === undefined ? kafkaCode.unknownTopicOrPartition : kafkaCode.leaderNotAvailable;
    throw new KafkaAnswerError(`looking for the leader of ${topicPartitionKey(topic, partition)}`, code);
  }

  /** Whoever is taken for the leader of a partition is asked no more until the cluster has said again who it is. */
  doubt(at: TopicPartition): void {
    this.#topics.doubt(at);
  }

  /**
   * A topic may have been made anew, or have grown: it is asked for again. Its leaders stay in use until the answer is
   * there.
   */
  doubtTopic(topic: string): void {
    this.#topics.doubtTopic(topic);
    this.#refreshed(topic).catch(() => undefined);
  }

  /** The node that coordinates a group; any node that answers is asked, so that a dead one does not matter. */
  coordinatorOf(group: string): Promise<number> {
    return this.#coordinator("group", group);
  }

  forgetCoordinator(group: string): void {
    this.#coordinators.delete(`group ${group}`);
  }

  /** The node that coordinates the transactions of a transactional id. */
  transactionCoordinatorOf(transactionalId: string): Promise<number> {
    return this.#coordinator("transaction", transactionalId);
  }

  forgetTransactionCoordinator(transactionalId: string): void {
    this.#coordinators.delete(`transaction ${transactionalId}`);
  }

  /** What the whole cluster has put into force. */
  features(): Promise<Features> {
    const request = featuresRequest();
    return this.#askAny((address) => this.#sendTo<Features>(address, "control", () => request));
  }

  /** Until when a node holds this client back by a quota, on the monotonic clock; long ago when it does not. */
  heldBackUntilMs(node: number): number {
    const address = this.#addresses.of(node);
    return address === undefined ? Number.NEGATIVE_INFINITY : this.#connections.heldBackUntilMs(address);
  }

  /** Ends every connection; whatever is in flight rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#connections.close();
  }

  async #coordinator(kind: CoordinatorKind, key: string): Promise<number> {
    const known = this.#coordinators.get(`${kind} ${key}`);
    return known ?? this.#askAny((address) => this.#askCoordinator(address, kind, key));
  }

  async #askCoordinator(address: string, kind: CoordinatorKind, key: string): Promise<number> {
    // kafkajs takes the key of either kind under the name of a group.
    const args = { groupId: key, coordinatorType: coordinatorTypes[kind] };
    const answer = await this.#sendTo<CoordinatorAnswer>(address, "control", (broker) =>
      this.#request(broker, "GroupCoordinator", args),
    );
    checkCode(`looking for the coordinator of ${kind} ${key}`, answer.errorCode);
    const { nodeId, host, port } = answer.coordinator;
    this.#addresses.note(nodeId, `${host}:${port}`);
    this.#coordinators.set(`${kind} ${key}`, nodeId);
    return nodeId;
  }

  #request(
    broker: BrokerConnection,
    name: RequestName,
    args: object,
    requestTimeoutMs?: number,
    apiVersion?: number,
  ): ProtocolRequest {
    const definition = this.parts.requests[name];
    if (definition === undefined) throw new Error(`kafkajs has no request ${name}`);
    const request = broker.lookupRequest(apiKeys[name], definition)(args);
    return {
      ...request,
      request: apiVersion === undefined ? request.request : { ...request.request, apiVersion },
      ...(requestTimeoutMs === undefined ? {} : { requestTimeout: requestTimeoutMs }),
      response: { decode: (bytes) => request.response.decode(bytes), parse: async (answer) => answer },
    };
  }

  #isLeaderless(at: TopicPartition): boolean {
    return this.#topics.isLeaderless(at, this.#clock.monotonicMs() - leaderlessMs);
  }

  /** The topic as the cluster has it now; whoever asks while a question is under way shares its answer. */
  #refreshed(topic: string): Promise<TopicMetadata> {
    const under = this.#refreshing.get(topic);
    if (under !== undefined) return under;
    const refreshing = this.describe([topic])
      .then(({ topics }) => {
        const found = topics.find((t) => t.topic === topic);
        checkCode(`describing topic ${topic}`, found?.errorCode ?? kafkaCode.unknownTopicOrPartition);
        return this.#topics.find(topic) ?? { topic, id: "", errorCode: kafkaCode.none, partitions: [] };
      })
      .finally(() => this.#refreshing.delete(topic));
    this.#refreshing.set(topic, refreshing);
    return refreshing;
  }

  #askAny<T>(ask: (address: string) => Promise<T>): Promise<T> {
    const round = {
      clock: this.#clock,
      addresses: this.#addresses.inOrder(),
      silent: (address: string) => this.#addresses.failed(address),
      exhausted: () => this.#outage?.asking(),
    };
    return firstAnswer(round, ask);
  }

  async #sendTo<T>(address: string, lane: Lane, request: (broker: BrokerConnection) => ProtocolRequest): Promise<T> {
    if (this.#closed) throw new Error("the connection to the cluster is closed");
    try {
      const answer = await this.#connections.send<T>(address, lane, request);
      this.#addresses.answered(address);
      this.#outage?.answered();
      return answer;
    } catch (error) {
      this.#addresses.failed(address);
      if (verdictOf(error) === "denied") this.#outage?.answered();
      throw error;
    }
  }
}
