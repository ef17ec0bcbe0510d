import { setMaxListeners } from "node:events";
import { type Clock, type Logger, OperationError, type RecordOut, say } from "../../kernel/index.ts";
import {
  type BatchWriter,
  type Broker,
  type ClusterAdmin,
  type GroupSink,
  type GroupSpec,
  type Membership,
  type OffsetRange,
  RecordRefusedError,
  type TransactionalWriter,
} from "../../runtime/index.ts";
import type { Codecs, RawBatch } from "../../wire/index.ts";
import { KafkaAdmin } from "./admin.ts";
import { buildBatches, refusalInList } from "./append.ts";
import { KafkaBatchWriter } from "./batch-writer.ts";
import { loadKafkajs } from "./client.ts";
import type { SaslOptions, TlsOptions } from "./connection-options.ts";
import { operationError } from "./errors.ts";
import { defaultTimings, GroupMember, type GroupTimings } from "./group-member.ts";
import { InstanceHold } from "./instance-hold.ts";
import { ClusterLink } from "./link.ts";
import { type LoneSend, takeLone } from "./lone-transaction.ts";
import { KafkaMembership, type TransactionSupport } from "./membership.ts";
import { Outage } from "./outage.ts";
import type { SendBatch } from "./produce-lanes.ts";
import { BatchProducer } from "./producer.ts";
import { readRange } from "./read.ts";
import { type GroupMembership, removeMembers } from "./remove-members.ts";
import { groupPolicy, retrying } from "./retry.ts";
import { TransactionCoordinator } from "./transaction-coordinator.ts";
import { unknownTopicMsDefault } from "./unknown-topic.ts";

export interface KafkaBrokerOptions {
  /** `host:port` of some of the brokers; the others are found through them. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly tls?: TlsOptions;
  readonly sasl?: SaslOptions;
  readonly codecs: Codecs;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly timings?: Partial<GroupTimings>;
  /** How long a topic must be unknown on end before it is taken for deleted; 30 s when not given. */
  readonly unknownTopicMs?: number;
  /** Told once when no broker has answered for two seconds, and again only after one did; logged by default. */
  readonly onWaiting?: () => void;
  /** Told of each group that a member of this process has joined, before its first heartbeat there. */
  readonly onJoined?: (member: GroupMembership) => void;
  /**
   * Whether a member with an instance id gives its tasks up when it leaves. By default it does not, so that a restart
   * under the same id finds them again without a rebalance; members without an id always do.
   */
  readonly isLeaveForGood?: boolean;
  /** What has a transaction of its own: all tasks of a member together, which is the default, or each. */
  readonly transactionUnit?: "member" | "task";
}

/** Above the time for which a broker waits for its replicas, or what it confirms late would be sent again. */
const produceTimeoutMs = 20_000;
/** Level of the feature `transaction.version` from which on each transaction has an epoch of its own (KIP-890). */
const secondVersion = 2;
/** Bytes that a writer may have queued or in flight before it waits. */
const writerBytesMax = 4 * 1024 * 1024;
const readTimeoutMs = 10_000;
const adminTimeoutMs = 20_000;

/**
 * A Kafka cluster as the runtime sees it. Connects when it is first asked for something.
 *
 * @throws OperationError MR_CLIENT_PATCH when the Kafka client on disk is not the one this was built against
 */
export function createKafkaBroker(options: KafkaBrokerOptions): KafkaCluster {
  const { brokers, clientId, tls, sasl, logger, clock } = options;
  const parts = loadKafkajs();
  const connection = { brokers, clientId, tls, sasl, logger, clock };
  return new KafkaBroker(
    options,
    (requestTimeoutMs, outage) => new ClusterLink(parts, { ...connection, requestTimeoutMs, outage }),
  );
}

/** What a cluster of Kafka can do beyond the port. */
export interface KafkaCluster extends Broker {
  /**
   * Takes members that are dead out of their groups, so that the others do not wait for their sessions. One that has been
   * replaced since is left alone.
   */
  removeMembers(members: readonly GroupMembership[], signal: AbortSignal): Promise<void>;
}

/** Opens connections to the cluster, whose requests are given up after so long; what answers or does not is told to the outage. */
export type LinkOpener = (requestTimeoutMs: number, outage: Outage) => ClusterLink;

/** What one member's transactions are written and ended through. */
interface TransactionLines extends TransactionSupport {
  readonly producer: BatchProducer;
  close(): Promise<void>;
}

/** {@link createKafkaBroker} with the cluster that it is given. */
export class KafkaBroker implements KafkaCluster {
  readonly admin: ClusterAdmin;
  readonly #options: KafkaBrokerOptions;
  readonly #openLink: LinkOpener;
  readonly #producing: ClusterLink;
  readonly #asking: ClusterLink;
  readonly #transacting: ClusterLink;
  readonly #coordinator: TransactionCoordinator;
  readonly #producer: BatchProducer;
  readonly #outage: Outage;
  readonly #members = new Set<KafkaMembership>();
  readonly #holds = new Map<string, InstanceHold>();
  readonly #closing = new AbortController();
  /** Calls of `append` go one after the other, so that the order of each caller is kept. */
  #appending: Promise<void> = Promise.resolve();

  constructor(options: KafkaBrokerOptions, openLink: LinkOpener) {
    this.#options = options;
    this.#openLink = openLink;
    // Every writer listens.
    setMaxListeners(0, this.#closing.signal);
    const { brokers, clock, logger } = options;
    const log = (): void => say(logger, "clusterSilent", { brokers });
    this.#outage = new Outage(clock, options.onWaiting ?? log);
    // Producing has connections of its own: a group's join or a fetch may hold one for seconds.
    this.#producing = this.#link(produceTimeoutMs);
    this.#asking = this.#link(adminTimeoutMs);
    // A produce may wait for replicas, and a join for other members: the end of a transaction waits behind neither.
    this.#transacting = this.#link(readTimeoutMs);
    this.#coordinator = new TransactionCoordinator(this.#transacting, clock);
    this.#producer = new BatchProducer(this.#producing, options.codecs, options.clock, options.unknownTopicMs);
    this.admin = new KafkaAdmin(this.#asking, options.clock);
  }

  get silentSinceMs(): number | undefined {
    return this.#outage.silentSinceMs;
  }

  async join(spec: GroupSpec, sink: GroupSink, signal?: AbortSignal): Promise<Membership> {
    this.#closing.signal.throwIfAborted();
    const ended = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])]);
    await this.#checkTopics(spec, ended);
    const isTransactional = spec.delivery === "exactly-once" || spec.hasChangelogs === true;
    const transactions = isTransactional ? await this.#transactionLines(spec, ended) : undefined;
    const { codecs, clock, onJoined, isLeaveForGood = false, unknownTopicMs = unknownTopicMsDefault } = this.#options;
    const timings = { ...defaultTimings, ...this.#options.timings };
    const link = this.#link(readTimeoutMs);
    const membership = new KafkaMembership({
      spec,
      sink,
      link,
      member: new GroupMember(link, spec, timings),
      hold: spec.instanceId === undefined ? undefined : this.#holdOn(spec.instanceId),
      send: (outgoing, options) =>
        (options.transaction === undefined ? this.#producer : (transactions?.producer ?? this.#producer)).send(
          outgoing,
          options,
        ),
      transactions,
      codecs,
      clock,
      timings,
      unknownTopicMs,
      isMember: ({ memberId }) => onJoined?.({ group: spec.group, memberId, instanceId: spec.instanceId }),
      isLeaveForGood: isLeaveForGood || spec.instanceId === undefined,
      ended: async () => {
        this.#members.delete(membership);
        await transactions?.close();
      },
    });
    this.#members.add(membership);
    membership.begin();
    return membership;
  }

  removeMembers(members: readonly GroupMembership[], signal: AbortSignal): Promise<void> {
    return removeMembers(this.#asking, members, this.#options.clock, signal);
  }

  async append(records: readonly RecordOut[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#closing.signal.throwIfAborted();
    const before = this.#appending;
    const own = before.catch(() => undefined).then(() => this.#appendInTurn(records, signal));
    this.#appending = own.catch(() => undefined);
    return own;
  }

  writer(): BatchWriter {
    this.#closing.signal.throwIfAborted();
    const send: SendBatch = (outgoing, signal) => this.#producer.send(outgoing, { signal });
    return new KafkaBatchWriter(send, {
      bytesMax: writerBytesMax,
      doing: "writing batches",
      signal: this.#closing.signal,
    });
  }

  async transaction(id: string, signal: AbortSignal): Promise<TransactionalWriter> {
    this.#closing.signal.throwIfAborted();
    const ended = AbortSignal.any([this.#closing.signal, signal]);
    const isSecondVersion = await this.#isSecondVersion(`taking the transactional id ${id}`, ended);
    const send: LoneSend = (outgoing, options) => this.#producer.send(outgoing, options);
    return takeLone(id, { coordinator: this.#coordinator, isSecondVersion, send }, ended);
  }

  read(range: OffsetRange, signal: AbortSignal): AsyncIterable<RawBatch> {
    this.#closing.signal.throwIfAborted();
    const { codecs, clock, unknownTopicMs = unknownTopicMsDefault } = this.#options;
    const link = this.#link(readTimeoutMs);
    return readRange(range, { link, codecs, clock, unknownTopicMs }, AbortSignal.any([signal, this.#closing.signal]));
  }

  async close(): Promise<void> {
    this.#closing.abort(new OperationError("MR_BROKER", "the client of the cluster is closed"));
    this.#outage.close();
    await Promise.all([...this.#members].map((member) => member.abandon()));
    await this.#producing.close();
    await this.#asking.close();
    await this.#transacting.close();
  }

  async #appendInTurn(records: readonly RecordOut[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const built = buildBatches(records);
    const send: SendBatch = async (outgoing, stop) => {
      await this.#producer.send(outgoing, { signal: stop }).catch((error: unknown) => {
        const batch = built.find((candidate) => candidate.outgoing === outgoing);
        throw error instanceof RecordRefusedError && batch !== undefined ? refusalInList(error, batch) : error;
      });
    };
    const bytesMax = Number.POSITIVE_INFINITY;
    const writer = new KafkaBatchWriter(send, { bytesMax, doing: "appending records", signal });
    try {
      await writer.write(built.map(({ outgoing }) => outgoing));
      await writer.flush();
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      await writer.close();
    }
  }

  /**
   * What a member's transactions go through: connections of their own. A broker works off a connection's requests one
   * after the other, and a transaction is some of them in a row: those of several stages would wait for each other, with
   * nothing gained, since no request has batches of two transactions.
   */
  async #transactionLines({ group }: GroupSpec, signal: AbortSignal): Promise<TransactionLines> {
    const { codecs, clock, unknownTopicMs, transactionUnit: unit } = this.#options;
    const isSecondVersion = await this.#isSecondVersion(`joining group ${group}`, signal);
    const writing = this.#link(produceTimeoutMs);
    // A produce may wait for replicas: the end of a transaction does not wait behind it.
    const ending = this.#link(readTimeoutMs);
    return {
      isSecondVersion,
      unit,
      coordinator: new TransactionCoordinator(ending, clock),
      producer: new BatchProducer(writing, codecs, clock, unknownTopicMs),
      close: async () => {
        await Promise.all([writing.close(), ending.close()]);
      },
    };
  }

  async #isSecondVersion(doing: string, signal: AbortSignal): Promise<boolean> {
    const ask = { clock: this.#options.clock, policy: groupPolicy, signal };
    const features = await retrying(ask, () => this.#transacting.features()).catch((error: unknown) => {
      signal.throwIfAborted();
      throw operationError(`${doing}: asking for the features of the cluster`, error);
    });
    return (features.get("transaction.version") ?? 0) >= secondVersion;
  }

  #holdOn(instanceId: string): InstanceHold {
    const hold = this.#holds.get(instanceId) ?? new InstanceHold(instanceId, this.#options.clock);
    this.#holds.set(instanceId, hold);
    return hold;
  }

  /** Kafka would let a member subscribe to a topic that is not there, and wait for ever. */
  async #checkTopics({ topics, group }: GroupSpec, signal: AbortSignal): Promise<void> {
    const { topics: found } = await this.admin.describe(topics, signal);
    const missing = topics.find((topic) => !found.some((described) => described.topic === topic));
    if (missing !== undefined) {
      throw new OperationError(
        "MR_TOPIC_MISSING",
        `joining group ${group}: topic ${missing} does not exist on the cluster`,
      );
    }
    const uneven = found.find(({ partitions }) => partitions !== found[0]?.partitions);
    if (uneven === undefined) return;
    const message = `joining group ${group}: topics ${topics.join(", ")} must have the same number of partitions`;
    throw new OperationError("MR_TOPIC_MISMATCH", message);
  }

  #link(requestTimeoutMs: number): ClusterLink {
    return this.#openLink(requestTimeoutMs, this.#outage);
  }
}
