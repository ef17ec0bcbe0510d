import { type Offset, type TopicPartition, topicPartitionKey } from "../../kernel/index.ts";
import { checkCode, KafkaAnswerError, kafkaCode, type Verdict } from "./errors.ts";
import type { ClusterLink } from "./link.ts";
import { type CommittedPartition, type OffsetFetchAnswer, offsetFetchRequest } from "./offset-fetch-request.ts";
import type { RetryContext } from "./retry.ts";
import { retrying } from "./retry.ts";

/** The pseudo timestamps of ListOffsets, and -1 as "no such offset" in its answer. */
const listAt = { latest: -1, logEnd: -1, earliest: -2 } as const;
export const noOffset = -1;

const stablePollMs = 20;
/** Half of the time after which a transaction ends that nobody ends. */
const stableMsMax = 30_000;

export type OffsetPosition = "earliest" | "latest" | "logEnd" | { readonly timeMs: number };

type WithRetry = Pick<RetryContext, "clock" | "policy" | "signal">;

/**
 * First, end, or first-at-a-time offset of one partition, as a read-committed reader sees it: its end is the last
 * stable offset, `latest`; records of open transactions lie between that and the end of the log, `logEnd`. A time after the last record gives {@link noOffset}.
 */
export function listOffset(
  link: ClusterLink,
  { topic, partition }: TopicPartition,
  at: OffsetPosition,
  context: WithRetry,
): Promise<Offset> {
  const timestamp = typeof at === "string" ? listAt[at] : at.timeMs;
  const onError = (_: unknown, verdict: Verdict): void => {
    if (verdict === "elsewhere") link.doubt({ topic, partition });
  };
  return retrying({ ...context, onError }, async () => {
    const node = await link.leaderOf(topic, partition);
    const answer = await link.ask<ListOffsetsAnswer>(node, "ListOffsets", {
      isolationLevel: at === "logEnd" ? 0 : 1,
      topics: [{ topic, partitions: [{ partition, timestamp }] }],
    });
    const found = answer.responses[0]?.partitions[0];
    const doing = `looking for an offset of ${topicPartitionKey(topic, partition)}`;
    checkCode(doing, found?.errorCode ?? kafkaCode.unknownTopicOrPartition);
    return Number(found?.offset ?? noOffset);
  });
}

/** The offset to begin with: where a time lies after the last record, the end. */
export async function resolveOffset(
  link: ClusterLink,
  at: TopicPartition,
  position: OffsetPosition,
  context: WithRetry,
): Promise<Offset> {
  if (typeof position === "string") return listOffset(link, at, position, context);
  // The end comes first: what is appended between the two questions is found by its time, or lies behind the end.
  const end = await listOffset(link, at, "latest", context);
  const offset = await listOffset(link, at, position, context);
  return offset === noOffset ? end : offset;
}

/**
 * Committed next offsets of a group by {@link topicPartitionKey}, {@link noOffset} where nothing is committed, and what is
 * beside them. @param isStable false: as they were before transactions that hold them now
 */
export function committedPartitions(
  link: ClusterLink,
  group: string,
  partitions: readonly TopicPartition[],
  context: WithRetry,
  isStable = true,
): Promise<Map<string, CommittedPartition>> {
  const doing = `reading the offsets of group ${group}`;
  /** Asks for what is not known yet: of a group that commits all the time there may be no moment at which all are stable. */
  const ask = async (offsets: Map<string, CommittedPartition>): Promise<Map<string, CommittedPartition>> => {
    const asked = partitions.filter((at) => !offsets.has(topicPartitionKey(at.topic, at.partition)));
    const node = await link.coordinatorOf(group);
    const request = offsetFetchRequest(group, asked, isStable);
    const answer = await link.send<OffsetFetchAnswer>(node, "control", () => request);
    checkCode(doing, answer.errorCode);
    const isHeld = ({ errorCode }: CommittedPartition): boolean => errorCode === kafkaCode.unstableOffsetCommit;
    for (const found of answer.partitions.filter((each) => !isHeld(each))) {
      checkCode(doing, found.errorCode);
      offsets.set(topicPartitionKey(found.topic, found.partition), found);
    }
    for (const held of answer.partitions.filter(isHeld)) checkCode(doing, held.errorCode);
    // An answer that leaves a partition out has not said that nothing is committed there.
    if (partitions.some((at) => !offsets.has(topicPartitionKey(at.topic, at.partition))))
      throw new KafkaAnswerError(doing, kafkaCode.requestTimedOut, "a partition is left out of the answer");
    return offsets;
  };
  return retrying({ ...context, onError: () => link.forgetCoordinator(group) }, () => {
    const offsets = new Map<string, CommittedPartition>();
    return whenStable(context, () => ask(offsets));
  });
}

/**
 * Asks until no transaction holds the offsets. They are stable milliseconds after whoever gets its id has ended it, so
 * that this is asked more often than what has gone wrong.
 */
async function whenStable<T>({ clock, signal }: WithRetry, ask: () => Promise<T>): Promise<T> {
  const endMs = clock.monotonicMs() + stableMsMax;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const isUnstable = error instanceof KafkaAnswerError && error.code === kafkaCode.unstableOffsetCommit;
      if (!isUnstable || clock.monotonicMs() >= endMs) throw error;
      await clock.sleep(stablePollMs, signal);
    }
  }
}

interface ListOffsetsAnswer {
  readonly responses: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number; readonly offset: string }[];
  }[];
}
