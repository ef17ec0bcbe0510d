import { type Clock, type Facts, OperationError } from "../kernel/index.ts";
import { adoptionSchema } from "../model/index.ts";
import { partialSchema } from "../monitor/index.ts";
import { ownSchemaId, parseRecordSchemaText, type SchemaRegistry } from "../schema/index.ts";
import {
  type ClusterDescription,
  type ClusterTopic,
  countedMonitors,
  type Plan,
  type PlannedStage,
  recordOverheadBytes,
} from "../topology/index.ts";
import { messageBytesDefault, type OutputTopic } from "./output-batches.ts";
import type { ClusterAdmin } from "./port.ts";
import type { ChangelogIdentity, SnapshotIdentity } from "./snapshot-keeper.ts";
import { type WaitListener, waitOutRegistry } from "./wait-out.ts";

/** What a stage has to know of the cluster and the registry before it joins. */
export interface StageSurroundings {
  readonly inputPartitions: number;
  readonly output: OutputTopic;
  readonly deadLetters: OutputTopic;
  readonly accounts: OutputTopic;
  /** By store, of those that are written down, those of monitors too. */
  readonly changelogs: ReadonlyMap<string, OutputTopic>;
  /** Where the counts for monitors go; undefined for a stage that nobody monitors. */
  readonly partials: { readonly topic: OutputTopic; readonly schemaId: number } | undefined;
  /** Where tasks leave what they adopt; undefined for a stage that does not infer. */
  readonly adoptions: { readonly topic: OutputTopic; readonly schemaId: number } | undefined;
  /** Where a challenger's scores go; undefined where none ever scores. */
  readonly shadow: OutputTopic | undefined;
  /** Undefined where the cluster tells neither itself nor its topics apart: then snapshots cannot be trusted. */
  readonly identity: SnapshotIdentity | undefined;
  /** -1 when the output is JSON. */
  readonly outputSchemaId: number;
}

/**
 * Looks up the topics that a stage reads and writes and the id of its output schema.
 *
 * A registry that is down is waited for. Throws MR_TOPIC_MISSING, MR_TOPIC_MISMATCH or MR_SUBJECT_MISSING, naming the command that mends it: a run
 * never creates anything.
 */
export async function surveyStage(
  plan: Plan,
  stage: PlannedStage,
  by: {
    readonly admin: ClusterAdmin;
    readonly registry: SchemaRegistry;
    readonly clock: Clock;
    readonly facts: Facts;
    readonly onLong?: WaitListener;
  },
  signal: AbortSignal,
): Promise<StageSurroundings> {
  const names = topicsOfStage(plan, stage);
  const cluster = await by.admin.describe(names, signal);
  const { topics } = cluster;
  const external = new Set([stage.from, stage.to].filter((topic) => topic.external).map((topic) => topic.clusterName));
  const topicOf = (name: string): OutputTopic => {
    const topic = topics.find((candidate) => candidate.topic === name);
    if (topic === undefined) {
      const cure = external.has(name) ? "it is external: whoever owns it has to create it" : "run millrace apply";
      throw new OperationError(
        "MR_TOPIC_MISSING",
        `starting stage ${stage.name}: topic ${name} does not exist; ${cure}`,
      );
    }
    return outputTopicOf(topic);
  };
  const from = topicOf(stage.from.clusterName);
  const to = topicOf(stage.to.clusterName);
  const deadLetters = topicOf(plan.deadLetters.clusterName);
  const accounts = topicOf(plan.accounts.clusterName);
  const ask = (): Promise<number> => outputSchemaIdOf(stage, by.registry, signal);
  const outputSchemaId = await waitOutRegistry(ask, by, signal);
  const needed = plan.limits.recordBytes + recordOverheadBytes;
  if (needed > to.messageBytesMax)
    throw new OperationError(
      "MR_TOPIC_MISMATCH",
      `starting stage ${stage.name}: limits.recordBytes ${plan.limits.recordBytes} does not fit max.message.bytes ${to.messageBytesMax} of ${to.topic}; lower the one or raise the other`,
    );
  const changelogs = new Map<string, OutputTopic>();
  for (const { store, changelog } of [...stage.stores, ...stage.taps]) {
    if (changelog === undefined) continue;
    const found = topicOf(changelog.clusterName);
    const policy = topics.find(({ topic }) => topic === found.topic)?.configs["cleanup.policy"] ?? "delete";
    checkChangelog(stage, found, policy, from.partitions);
    changelogs.set(store.name, found);
  }
  const identity = identityOf(plan, stage, cluster);
  const partials = await partialsOf(plan, stage, topicOf, (topic) =>
    waitOutRegistry(() => ownSchemaId(by.registry, topic, partialSchema, signal), by, signal),
  );
  const adoptions = await adoptionsOf(plan, stage, topicOf, (topic) =>
    waitOutRegistry(() => ownSchemaId(by.registry, topic, adoptionSchema, signal), by, signal),
  );
  const shadow = stage.infer?.shadow === undefined ? undefined : topicOf(stage.infer.shadow.clusterName);
  const own = { adoptions, shadow, inputPartitions: from.partitions, output: to, deadLetters, accounts };
  return { ...own, changelogs, partials, identity, outputSchemaId };
}

async function adoptionsOf(
  { adoptions }: Plan,
  { infer }: PlannedStage,
  topicOf: (name: string) => OutputTopic,
  idOf: (topic: string) => Promise<number>,
): Promise<StageSurroundings["adoptions"]> {
  if (adoptions === undefined || infer === undefined) return undefined;
  const topic = topicOf(adoptions.clusterName);
  return { topic, schemaId: await idOf(topic.topic) };
}

async function partialsOf(
  { monitoring }: Plan,
  { taps }: PlannedStage,
  topicOf: (name: string) => OutputTopic,
  idOf: (topic: string) => Promise<number>,
): Promise<StageSurroundings["partials"]> {
  if (monitoring === undefined || taps.length === 0) return undefined;
  const topic = topicOf(monitoring.topics.partials.clusterName);
  return { topic, schemaId: await idOf(topic.topic) };
}

/** As Kafka has it. */
const deleteRetentionMsDefault = 86_400_000;

function identityOf(
  { monitoring }: Plan,
  { from, stores, memories, taps }: PlannedStage,
  cluster: ClusterDescription,
): SnapshotIdentity | undefined {
  const idOf = (name: string): string | undefined => cluster.topics.find(({ topic }) => topic === name)?.id;
  const inputId = idOf(from.clusterName);
  const changelogs = new Map<string, ChangelogIdentity>();
  const counted = new Map(monitoring && countedMonitors(monitoring).map(({ name, version }) => [name, version]));
  const written = [
    ...stores.map(({ store, changelog }, index) => ({ store, changelog, holds: memories[index]?.holds })),
    ...taps.map(({ monitor, store, changelog }) => ({ store, changelog, holds: counted.get(monitor) })),
  ];
  for (const { store, changelog, holds } of written) {
    if (changelog === undefined) continue;
    const topic = cluster.topics.find((candidate) => candidate.topic === changelog.clusterName);
    if (topic?.id === undefined) return undefined;
    const retentionMs = Number(topic.configs["delete.retention.ms"] ?? deleteRetentionMsDefault);
    const form = JSON.stringify([store, holds]);
    changelogs.set(store.name, { id: topic.id, form, deleteRetentionMs: retentionMs });
  }
  return cluster.id === undefined || inputId === undefined ? undefined : { cluster: cluster.id, inputId, changelogs };
}

/** Names on the cluster of every topic that a stage reads or writes. */
export function topicsOfStage(plan: Plan, { from, to, infer, stores, taps }: PlannedStage): readonly string[] {
  const changelogs = [...stores, ...taps].flatMap(({ changelog }) => changelog?.clusterName ?? []);
  const { partials, baselines } = plan.monitoring?.topics ?? {};
  const monitored = taps.length === 0 ? [] : [partials, baselines].flatMap((topic) => topic?.clusterName ?? []);
  const own = [from.clusterName, to.clusterName, plan.deadLetters.clusterName, plan.accounts.clusterName];
  const adopted = infer === undefined || plan.adoptions === undefined ? [] : [plan.adoptions.clusterName];
  const shadow = infer?.shadow === undefined ? [] : [infer.shadow.clusterName];
  return [...own, ...changelogs, ...adopted, ...shadow, ...monitored];
}

function checkChangelog(
  { name, from }: PlannedStage,
  { topic, partitions }: OutputTopic,
  policy: string,
  needed: number,
): void {
  const doing = `starting stage ${name}: changelog ${topic}`;
  if (policy !== "compact")
    throw new OperationError(
      "MR_TOPIC_MISMATCH",
      `${doing} has cleanup.policy ${policy}, and what a store holds would be deleted by age; set it to compact`,
    );
  if (partitions < needed)
    throw new OperationError(
      "MR_TOPIC_MISMATCH",
      `${doing} has ${partitions} partitions, and ${from.clusterName} has ${needed}; run millrace apply`,
    );
}

function outputTopicOf(topic: ClusterTopic): OutputTopic {
  const limit = Number(topic.configs["max.message.bytes"] ?? messageBytesDefault);
  return {
    topic: topic.topic,
    partitions: topic.partitions,
    messageBytesMax: Number.isFinite(limit) && limit > 0 ? limit : messageBytesDefault,
  };
}

/**
 * The id of the plan's own schema under the subject, whatever version is the newest: after a schema went back to an
 * older text that is not the plan's. A newest version that differs only in what readers do not see will do as well.
 */
async function outputSchemaIdOf(stage: PlannedStage, registry: SchemaRegistry, signal: AbortSignal): Promise<number> {
  const { subject, schema } = stage.to;
  if (stage.toFormat === "json") return -1;
  if (subject === undefined || schema === undefined)
    throw new OperationError(
      "MR_SUBJECT_MISSING",
      `starting stage ${stage.name}: topic ${stage.to.name} has no schema`,
    );
  const own = await registry.lookUp(subject, schema.json, signal);
  if (own !== undefined) return own.id;
  const registered = await registry.latest(subject, signal);
  if (registered === undefined)
    throw new OperationError(
      "MR_SUBJECT_MISSING",
      `starting stage ${stage.name}: subject ${subject} is not registered; run millrace apply`,
    );
  const parsed = parseRecordSchemaText(registered.text, subject, { strictDefaults: false });
  if (!("schema" in parsed) || parsed.schema.canonical !== schema.canonical)
    throw new OperationError(
      "MR_SUBJECT_MISSING",
      `starting stage ${stage.name}: the plan's schema is no version of ${subject}, and differs from the newest, ${registered.version}; run millrace apply`,
    );
  return registered.id;
}
