import { adoptionSchema } from "../../model/index.ts";
import { baselineSchema, partialSchema, verdictSchema } from "../../monitor/index.ts";
import type { RecordSchema } from "../../schema/index.ts";
import type { StoreSpec } from "../../state/index.ts";
import type { MonitoringTopic } from "../plan/monitoring.ts";
import type { Plan, PlannedChangelog, PlannedStage, PlannedTopic } from "../plan/plan.ts";
import type { ClusterDescription, TopicToCreate } from "./cluster.ts";

/** What a batch of one record costs beside its key, value and headers: 61 bytes of batch header and the record's own lengths. */
export const recordOverheadBytes = 61 + 30;
/** Kafka's own default of `max.message.bytes`. */
const messageBytesDefault = 1_048_588;
/** What headers and error text may add to a dead letter, and a batch's framing to any record. */
const allowanceBytes = 65_536;
const deadLetterRetentionMs = 30 * 86_400_000;
const monitoringRetentionMs = 90 * 86_400_000;
const shadowRetentionMs = 7 * 86_400_000;
const retrainingRetentionMs = 365 * 86_400_000;

/** Names on the cluster that a plan is about: those to describe before {@link topicsNeeded} and `changesFor`. */
export function clusterNamesOf(plan: Plan): string[] {
  return [
    ...plan.topics.map((topic) => topic.clusterName),
    ...[...changelogsOf(plan), ...tapsOf(plan)].map(({ changelog }) => changelog.clusterName),
    plan.deadLetters.clusterName,
    plan.control.clusterName,
    plan.accounts.clusterName,
    ...adoptionsTopicOf(plan).map(({ topic }) => topic),
    ...shadowsOf(plan).map(({ clusterName }) => clusterName),
    ...monitoringTopicsOf(plan).map(({ topic }) => topic),
    ...retrainingTopicOf(plan).map(({ topic }) => topic),
  ];
}

/** The changelogs of what stages count for monitors. They say themselves what they are of, and no store is described. */
export function tapsOf(plan: Plan): { stage: PlannedStage; changelog: PlannedChangelog }[] {
  return plan.stages.flatMap((stage) => stage.taps.map(({ changelog }) => ({ stage, changelog })));
}

/** The changelog of every store that is written down. */
export function changelogsOf(plan: Plan): { stage: PlannedStage; store: StoreSpec; changelog: PlannedChangelog }[] {
  return plan.stages.flatMap((stage) =>
    stage.stores.flatMap(({ store, changelog }) => (changelog === undefined ? [] : [{ stage, store, changelog }])),
  );
}

/** A schema that a plan registers and its readers look up. */
export interface NeededSchema {
  readonly subject: string;
  /** As the file names it; one of Millrace's own as the cluster does. */
  readonly topic: string;
  readonly schema: RecordSchema;
}

/** Topics of ours with a schema in the registry: the topology's own, what its tasks adopt, and what monitors write. */
export function schemasNeeded(plan: Plan): NeededSchema[] {
  const own = plan.topics.flatMap(({ name, subject, schema, external }) =>
    subject === undefined || schema === undefined || external ? [] : [{ subject, topic: name, schema }],
  );
  const { partials, baselines, verdicts } = plan.monitoring?.topics ?? {};
  const ofOurs = [
    { topic: plan.adoptions?.clusterName, schema: adoptionSchema },
    { topic: partials?.clusterName, schema: partialSchema },
    { topic: baselines?.clusterName, schema: baselineSchema },
    { topic: verdicts?.clusterName, schema: verdictSchema },
  ];
  return [
    ...own,
    ...ofOurs.flatMap(({ topic, schema }) =>
      topic === undefined ? [] : [{ subject: `${topic}-value`, topic, schema }],
    ),
  ];
}

/** The plan as far as some of its stages go: their topics, and what Millrace keeps for itself. */
export function partOf(plan: Plan, stages: readonly PlannedStage[]): Plan {
  const used = new Set(stages.flatMap(({ from, to }) => [from.name, to.name]));
  const adoptions = stages.some(({ infer }) => infer !== undefined) ? plan.adoptions : undefined;
  return { ...plan, stages, adoptions, topics: plan.topics.filter(({ name }) => used.has(name)) };
}

/** The least `max.message.bytes` of a topic with which every record that the plan lets through can be written. */
export function messageBytesLeast(plan: Plan): number {
  return plan.limits.recordBytes + recordOverheadBytes;
}

/**
 * Every topic that Millrace creates for a plan, whether it exists or not: the topology's own, the changelogs of its
 * stores, the dead letters, the control topic, the accounts and what monitors write. External topics are looked at for partitions and size limits that the file does not say.
 */
export function topicsNeeded(plan: Plan, cluster: ClusterDescription): TopicToCreate[] {
  const own = plan.topics.filter((topic) => !topic.external).map((topic) => ownTopic(topic, plan));
  const inputs = plan.stages.map((stage) => stage.from);
  const widest = Math.max(1, ...inputs.map((topic) => partitionsOf(topic, cluster) ?? 1));
  return [
    ...own,
    ...[...changelogsOf(plan), ...tapsOf(plan)].map(({ stage, changelog }) =>
      changelogTopic(changelog, stage, plan, cluster),
    ),
    {
      topic: plan.deadLetters.clusterName,
      partitions: Math.max(widest, plan.deadLetters.partitions ?? 1),
      replication: ownReplication(plan),
      configs: {
        "max.message.bytes": String(inputBytesMax(plan, inputs, cluster) + allowanceBytes),
        "retention.ms": String(deadLetterRetentionMs),
      },
    },
    {
      topic: plan.control.clusterName,
      partitions: 1,
      replication: ownReplication(plan),
      configs: { "cleanup.policy": "compact" },
    },
    {
      topic: plan.accounts.clusterName,
      partitions: Math.max(widest, plan.accounts.partitions ?? 1),
      replication: ownReplication(plan),
      configs: { "cleanup.policy": "compact" },
    },
    ...adoptionsTopicOf(plan),
    ...shadowsOf(plan).map(({ clusterName, stage }) => shadowTopic(clusterName, stage, plan, cluster)),
    ...monitoringTopicsOf(plan),
    ...retrainingTopicOf(plan),
  ];
}

/** Where the scores of challengers go, of the stages that have one. */
export function shadowsOf(plan: Pick<Plan, "stages">): { stage: PlannedStage; clusterName: string }[] {
  return plan.stages.flatMap((stage) =>
    stage.infer?.shadow === undefined ? [] : [{ stage, clusterName: stage.infer.shadow.clusterName }],
  );
}

/** A score lies in the partition in which the prediction beside it lies. */
function shadowTopic(topic: string, { to }: PlannedStage, plan: Plan, cluster: ClusterDescription): TopicToCreate {
  const needed = messageBytesOf(plan);
  return {
    topic,
    partitions: partitionsOf(to, cluster) ?? 1,
    replication: ownReplication(plan),
    configs: {
      "retention.ms": String(shadowRetentionMs),
      ...(needed > messageBytesDefault ? { "max.message.bytes": String(needed) } : {}),
    },
  };
}

/** Where trainings are asked for, of one partition: requests have one order. */
function retrainingTopicOf({ retraining, ...plan }: Plan): TopicToCreate[] {
  if (retraining === undefined) return [];
  return [
    {
      topic: retraining.clusterName,
      partitions: 1,
      replication: ownReplication(plan),
      configs: { "retention.ms": String(retrainingRetentionMs) },
    },
  ];
}

/** What says which version made a prediction is kept for as long as somebody may read the inputs again: for ever. */
function adoptionsTopicOf({ adoptions, ...plan }: Plan): TopicToCreate[] {
  if (adoptions === undefined) return [];
  const configs = { "cleanup.policy": "delete", "retention.ms": "-1" };
  return [{ topic: adoptions.clusterName, partitions: 1, replication: ownReplication(plan), configs }];
}

/** What monitors write: one partition each, because what is judged has one order. */
export function monitoringTopicsOf(plan: Plan): TopicToCreate[] {
  if (plan.monitoring === undefined) return [];
  const topics = Object.entries(plan.monitoring.topics) as [MonitoringTopic, { clusterName: string }][];
  return topics.map(([topic, { clusterName }]) => ({
    topic: clusterName,
    partitions: 1,
    replication: ownReplication(plan),
    configs: monitoringConfigs[topic],
  }));
}

/** A baseline is in service for as long as nobody measures another. */
const monitoringConfigs: Readonly<Record<MonitoringTopic, TopicToCreate["configs"]>> = {
  partials: {
    "cleanup.policy": "compact,delete",
    "retention.ms": String(monitoringRetentionMs),
    // When a window is over is judged by these times: one clock, and not those of the machines that workers run on.
    "message.timestamp.type": "LogAppendTime",
  },
  baselines: { "cleanup.policy": "compact" },
  verdicts: { "retention.ms": String(monitoringRetentionMs) },
  alerts: { "retention.ms": String(monitoringRetentionMs) },
};

function ownTopic(topic: PlannedTopic, plan: Plan): TopicToCreate {
  const configs: Record<string, string> = {};
  if (topic.retentionMs !== undefined) configs["retention.ms"] = String(topic.retentionMs);
  const needed = messageBytesOf(plan);
  if (needed > messageBytesDefault) configs["max.message.bytes"] = String(needed);
  return {
    topic: topic.clusterName,
    partitions: topic.partitions ?? 1,
    replication: topic.replication,
    configs,
  };
}

/** Compacted alone: retention must never delete state, since event time may stand still. */
function changelogTopic(
  { clusterName, partitions }: PlannedChangelog,
  { from }: PlannedStage,
  plan: Plan,
  cluster: ClusterDescription,
): TopicToCreate {
  const needed = messageBytesOf(plan);
  return {
    topic: clusterName,
    partitions: partitions ?? partitionsOf(from, cluster) ?? 1,
    replication: ownReplication(plan),
    configs: {
      "cleanup.policy": "compact",
      ...(needed > messageBytesDefault ? { "max.message.bytes": String(needed) } : {}),
    },
  };
}

/** Room for the largest record that is let through, in a batch. */
function messageBytesOf(plan: Plan): number {
  return plan.limits.recordBytes + allowanceBytes;
}

function inputBytesMax(plan: Plan, inputs: readonly PlannedTopic[], cluster: ClusterDescription): number {
  const limits = inputs.map((topic) => {
    const described = cluster.topics.find((candidate) => candidate.topic === topic.clusterName);
    const limit = Number(described?.configs["max.message.bytes"] ?? Number.NaN);
    const planned = topic.external ? messageBytesDefault : Math.max(messageBytesDefault, messageBytesOf(plan));
    return Number.isFinite(limit) ? limit : planned;
  });
  return Math.max(messageBytesDefault, ...limits);
}

/** Millrace's own topics are as safe as the safest of the topology's. */
function ownReplication(plan: Pick<Plan, "topics">): number | undefined {
  const stated = plan.topics.flatMap(({ external, replication }) => (external ? [] : (replication ?? [])));
  return stated.length === 0 ? undefined : Math.max(...stated);
}

/** Partitions of an external topic by the cluster, where it exists; of ours by the plan, which is what `apply` makes. */
export function partitionsOf(topic: PlannedTopic, cluster: ClusterDescription): number | undefined {
  if (!topic.external) return topic.partitions;
  return cluster.topics.find((described) => described.topic === topic.clusterName)?.partitions ?? topic.partitions;
}
