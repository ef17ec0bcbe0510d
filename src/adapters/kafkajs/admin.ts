import { type Clock, type Offset, OperationError, type TopicPartition, topicPartitionKey } from "../../kernel/index.ts";
import type { ClusterAdmin, CommittedPosition } from "../../runtime/index.ts";
import type { ClusterDescription, ClusterTopic, TopicToCreate } from "../../topology/index.ts";
import { describeGroupRequest, type GroupDescription } from "./describe-group-request.ts";
import { checkCode, kafkaCode, operationError } from "./errors.ts";
import type { ClusterLink } from "./link.ts";
import { noteIn } from "./log-change.ts";
import type { TopicMetadata } from "./metadata.ts";
import { committedPartitions, listOffset, noOffset } from "./offsets.ts";
import { groupPolicy, type RetryContext, retrying } from "./retry.ts";

const resourceTopic = 2;
/** CreateTopics from this version on takes -1 for the broker's own replication; same layout as 3, kafkajs's best. */
const createTopicsVersion = 4;
const pollMs = 50;
const visibleMsMax = 30_000;

/** Topics, watermarks and committed offsets of a cluster. Retries what a restart of a broker makes fail. */
export class KafkaAdmin implements ClusterAdmin {
  readonly #link: ClusterLink;
  readonly #clock: Clock;

  constructor(link: ClusterLink, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
  }

  async describe(topics: readonly string[], signal: AbortSignal): Promise<ClusterDescription> {
    return this.#operation("describing topics", signal, async () => {
      const {
        brokers,
        clusterId,
        topics: all,
      } = await retrying(this.#retry(signal), async () => {
        const answer = await this.#link.describe(topics);
        for (const { topic, errorCode } of answer.topics) {
          if (errorCode !== kafkaCode.unknownTopicOrPartition) checkCode(`describing topic ${topic}`, errorCode);
        }
        return answer;
      });
      const found = all.filter(({ errorCode }) => errorCode === kafkaCode.none);
      const configs = await this.#configsOf(found, signal);
      const described = found.map((topic) => describedTopic(topic, configs));
      return { id: clusterId ?? undefined, brokerCount: brokers.length, topics: described };
    });
  }

  async createTopics(topics: readonly TopicToCreate[], signal: AbortSignal): Promise<void> {
    if (topics.length === 0) return;
    await this.#operation("creating topics", signal, async () => {
      await retrying(this.#retry(signal), () => this.#create(topics));
      await this.#until(`topics to appear`, signal, async () => {
        const answer = await this.#link.describe(topics.map(({ topic }) => topic));
        return topics.every((spec) => isComplete(spec, answer.topics));
      });
    });
  }

  async growTopic(topic: string, partitions: number, signal: AbortSignal): Promise<void> {
    await this.#operation(`giving topic ${topic} ${partitions} partitions`, signal, async () => {
      await retrying(this.#retry(signal), async () => {
        if ((await this.#partitionsOf(topic, signal)).length >= partitions) return;
        const answer = await this.#link.ask<TopicErrors>(await this.#controller(), "CreatePartitions", {
          topicPartitions: [{ topic, count: partitions }],
          timeout: 10_000,
        });
        for (const { errorCode, errorMessage } of answer.topicErrors)
          checkCode(`growing topic ${topic}`, errorCode, errorMessage);
      });
      await this.#until(`the partitions of ${topic} to appear`, signal, async () => {
        const { topics } = await this.#link.describe([topic]);
        return isComplete({ topic, partitions }, topics);
      });
    });
  }

  async watermarks(topic: string, signal: AbortSignal) {
    return this.#operation(`reading the watermarks of topic ${topic}`, signal, async () => {
      const partitions = await this.#partitionsOf(topic, signal);
      return Promise.all(
        partitions.map(async (partition) => {
          const at = { topic, partition };
          const [low, end] = await Promise.all([
            listOffset(this.#link, at, "earliest", this.#retry(signal)),
            listOffset(this.#link, at, "latest", this.#retry(signal)),
          ]);
          return { partition, low, end };
        }),
      );
    });
  }

  extent(at: TopicPartition, signal: AbortSignal): Promise<{ low: Offset; end: Offset }> {
    return this.#operation(`reading the extent of ${topicPartitionKey(at.topic, at.partition)}`, signal, async () => {
      if (!(await this.#partitionsOf(at.topic, signal)).includes(at.partition))
        throw new OperationError("MR_TOPIC_MISSING", `topic ${at.topic} has no partition ${at.partition}`);
      const [low, end] = await Promise.all([
        listOffset(this.#link, at, "earliest", this.#retry(signal)),
        listOffset(this.#link, at, "logEnd", this.#retry(signal)),
      ]);
      return { low, end };
    });
  }

  async committed(group: string, topic: string, signal: AbortSignal): Promise<readonly CommittedPosition[]> {
    return this.#operation(`reading the offsets of group ${group}`, signal, async () => {
      const partitions = await this.#partitionsOf(topic, signal);
      const at = partitions.map((partition) => ({ topic, partition }));
      const committed = await committedPartitions(this.#link, group, at, this.#retry(signal));
      return partitions.map((partition) => {
        const found = committed.get(topicPartitionKey(topic, partition));
        return { partition, offset: found?.offset ?? noOffset, note: noteIn(found?.metadata ?? "") };
      });
    });
  }

  members(group: string, signal: AbortSignal): Promise<readonly string[]> {
    const doing = `reading the members of group ${group}`;
    const ask = { ...this.#retry(signal), onError: () => this.#link.forgetCoordinator(group) };
    return this.#operation(doing, signal, () =>
      retrying(ask, async () => {
        const node = await this.#link.coordinatorOf(group);
        const request = describeGroupRequest(group);
        const found = await this.#link.send<GroupDescription | undefined>(node, "control", () => request);
        const code = found?.errorCode ?? kafkaCode.requestTimedOut;
        if (code !== kafkaCode.groupIdNotFound) checkCode(doing, code);
        return (found?.members ?? []).map(({ memberId, instanceId }) => instanceId ?? memberId);
      }),
    );
  }

  async deleteTopics(topics: readonly string[], signal: AbortSignal): Promise<void> {
    if (topics.length === 0) return;
    await this.#operation("deleting topics", signal, async () => {
      // Asking to delete a topic that does not exist is answered with an error that invites retries.
      const { topics: found } = await retrying(this.#retry(signal), () => this.#link.describe(topics));
      const existing = found.filter(({ errorCode }) => errorCode === kafkaCode.none).map(({ topic }) => topic);
      if (existing.length === 0) return;
      await retrying(this.#retry(signal), async () => {
        const node = await this.#controller();
        const answer = await this.#link.ask<TopicErrors>(node, "DeleteTopics", { topics: existing, timeout: 10_000 });
        for (const { topic, errorCode } of answer.topicErrors) {
          if (errorCode !== kafkaCode.unknownTopicOrPartition) checkCode(`deleting topic ${topic}`, errorCode);
        }
      });
      await this.#until("topics to go", signal, async () => {
        const answer = await this.#link.describe(existing);
        return answer.topics.every(({ errorCode }) => errorCode === kafkaCode.unknownTopicOrPartition);
      });
    });
  }

  async deleteGroups(groups: readonly string[], signal: AbortSignal): Promise<void> {
    for (const group of groups) {
      await this.#operation(`deleting group ${group}`, signal, () =>
        retrying({ ...this.#retry(signal), onError: () => this.#link.forgetCoordinator(group) }, async () => {
          const node = await this.#link.coordinatorOf(group);
          const { results } = await this.#link.ask<GroupErrors>(node, "DeleteGroups", [group]);
          for (const { errorCode } of results) {
            if (errorCode !== kafkaCode.groupIdNotFound) checkCode(`deleting group ${group}`, errorCode);
          }
        }),
      );
    }
  }

  async #create(topics: readonly TopicToCreate[]): Promise<void> {
    const node = await this.#controller();
    const answer = await this.#link.ask<TopicErrors>(
      node,
      "CreateTopics",
      {
        topics: topics.map(({ topic, partitions, replication, configs }) => ({
          topic,
          numPartitions: partitions,
          replicationFactor: replication ?? -1,
          configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })),
        })),
        timeout: 10_000,
        validateOnly: false,
      },
      undefined,
      createTopicsVersion,
    );
    for (const { topic, errorCode, errorMessage } of answer.topicErrors) {
      // Somebody else was faster, or an answer was lost: the topic is there, which is what was asked.
      if (errorCode !== kafkaCode.topicAlreadyExists) checkCode(`creating topic ${topic}`, errorCode, errorMessage);
    }
  }

  async #controller(): Promise<number> {
    return (await this.#link.describe([])).controller;
  }

  async #partitionsOf(topic: string, signal: AbortSignal): Promise<number[]> {
    const { topics } = await retrying(this.#retry(signal), () => this.#link.describe([topic]));
    const found = topics.find((described) => described.topic === topic);
    if (found === undefined || found.errorCode === kafkaCode.unknownTopicOrPartition) {
      throw new OperationError("MR_TOPIC_MISSING", `topic ${topic} does not exist on the cluster`);
    }
    checkCode(`describing topic ${topic}`, found.errorCode);
    return found.partitions.map(({ partition }) => partition).sort((a, b) => a - b);
  }

  async #configsOf(
    topics: readonly TopicMetadata[],
    signal: AbortSignal,
  ): Promise<Map<string, Record<string, string>>> {
    if (topics.length === 0) return new Map();
    const resources = topics.map(({ topic }) => ({ type: resourceTopic, name: topic }));
    return retrying(this.#retry(signal), async () => {
      const answer = await this.#link.ask<ConfigsAnswer>(await this.#controller(), "DescribeConfigs", { resources });
      return new Map(
        answer.resources.map(({ resourceName, errorCode, errorMessage, configEntries }) => {
          checkCode(`reading the configs of topic ${resourceName}`, errorCode, errorMessage);
          const entries = configEntries.map(({ configName, configValue }) => [configName, configValue ?? ""] as const);
          return [resourceName, Object.fromEntries(entries)] as const;
        }),
      );
    });
  }

  async #until(what: string, signal: AbortSignal, isMet: () => Promise<boolean>): Promise<void> {
    const endMs = this.#clock.monotonicMs() + visibleMsMax;
    while (!(await retrying(this.#retry(signal), isMet))) {
      if (this.#clock.monotonicMs() > endMs) throw new Error(`waited ${visibleMsMax} ms for ${what}`);
      await this.#clock.sleep(pollMs, signal);
    }
  }

  /** A signal ends the wait at once, with its own reason: an attempt to connect may take ten seconds. */
  async #operation<T>(doing: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const ended = new AbortController();
    const cut = new Promise<never>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true, signal: ended.signal });
    });
    try {
      return await Promise.race([work(), cut]);
    } catch (error) {
      signal.throwIfAborted();
      throw operationError(doing, error);
    } finally {
      ended.abort();
    }
  }

  #retry(signal: AbortSignal): RetryContext {
    return { clock: this.#clock, policy: groupPolicy, signal };
  }
}

interface TopicErrors {
  readonly topicErrors: readonly {
    readonly topic: string;
    readonly errorCode: number;
    readonly errorMessage?: string | null;
  }[];
}

interface GroupErrors {
  readonly results: readonly { readonly groupId: string; readonly errorCode: number }[];
}

interface ConfigsAnswer {
  readonly resources: readonly {
    readonly resourceName: string;
    readonly errorCode: number;
    readonly errorMessage: string | null;
    readonly configEntries: readonly { readonly configName: string; readonly configValue: string | null }[];
  }[];
}

function describedTopic(
  { topic, id, partitions }: TopicMetadata,
  configs: ReadonlyMap<string, Readonly<Record<string, string>>>,
): ClusterTopic {
  const replication = Math.min(...partitions.map(({ replicas }) => replicas));
  return { topic, id, partitions: partitions.length, replication, configs: configs.get(topic) ?? {} };
}

/** Every partition is there and led by somebody. */
function isComplete(
  { topic, partitions }: Pick<TopicToCreate, "topic" | "partitions">,
  described: readonly TopicMetadata[],
): boolean {
  const found = described.find((candidate) => candidate.topic === topic);
  if (found === undefined || found.errorCode !== kafkaCode.none) return false;
  return found.partitions.length >= partitions && found.partitions.every(({ leader }) => leader >= 0);
}
