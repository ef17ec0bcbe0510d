import { systemClock } from "../adapters/node/index.ts";
import { OperationError } from "../kernel/index.ts";
import { AliasReader } from "../runtime/control/index.ts";
import { type Broker, type ControlRecord, readControl } from "../runtime/index.ts";
import type { RegisteredSchema, SchemaRegistry } from "../schema/index.ts";
import {
  type Changes,
  type ClusterDescription,
  type ClusterState,
  changelogsOf,
  changesFor,
  clusterNamesOf,
  type HeldStore,
  type Plan,
  reasonsText,
  schemasNeeded,
  startProblems,
  storeKey,
} from "../topology/index.ts";
import { HeldStoreReader, writeHeldStores } from "./held-stores.ts";

/**
 * Compares a plan with the cluster and the registry as they are now.
 *
 * @param reset stores, as `STAGE/STORE`, whose changelogs are made anew
 */
export async function compareWithCluster(
  plan: Plan,
  broker: Broker,
  registry: SchemaRegistry,
  signal: AbortSignal,
  reset: ReadonlySet<string> = new Set(),
): Promise<Changes> {
  const cluster = await broker.admin.describe(clusterNamesOf(plan), signal);
  const versions = new Map<string, readonly RegisteredSchema[]>();
  const registered = new Set<string>();
  for (const { subject, schema } of schemasNeeded(plan)) {
    const found = await registry.versions(subject, signal);
    if (found.length === 0) continue;
    versions.set(subject, found);
    if ((await registry.lookUp(subject, schema.json, signal)) !== undefined) registered.add(subject);
  }
  const { aliases, stores } = await controlled(plan, cluster, broker, signal);
  const state: ClusterState = {
    cluster,
    stores,
    filledChangelogs: await filledChangelogs(plan, cluster, stores, broker, signal),
    reset,
    members: await membersOf(plan, reset, broker, signal),
    versions,
    registered,
    aliases: new Set(aliases.map(({ model, alias }) => `${model}@${alias}`)),
  };
  return changesFor(plan, state);
}

/** What the control topic says, read once; nothing before it is there. */
async function controlled(
  { control }: Plan,
  { topics }: ClusterDescription,
  broker: Broker,
  signal: AbortSignal,
): Promise<Pick<AliasReader, "aliases"> & Pick<HeldStoreReader, "stores">> {
  const [aliasReader, storeReader] = [new AliasReader(), new HeldStoreReader()];
  const take = (record: ControlRecord): void => {
    aliasReader.take(record);
    storeReader.take(record);
  };
  if (topics.some(({ topic }) => topic === control.clusterName))
    await readControl(broker, control.clusterName, take, signal);
  return { aliases: aliasReader.aliases, stores: storeReader.stores };
}

/** Who is in the groups of the stages whose stores are to be made anew. */
async function membersOf(
  plan: Plan,
  reset: ReadonlySet<string>,
  broker: Broker,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const members = new Map<string, readonly string[]>();
  for (const { stage, store } of changelogsOf(plan)) {
    const isReset = reset.has(storeKey({ stage: stage.name, store: store.name }));
    if (isReset && !members.has(stage.group)) members.set(stage.group, await broker.admin.members(stage.group, signal));
  }
  return members;
}

/** Changelogs that hold something and that nothing describes. */
async function filledChangelogs(
  plan: Plan,
  { topics }: ClusterDescription,
  stores: ReadonlyMap<string, HeldStore>,
  broker: Broker,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const filled = new Set<string>();
  for (const { stage, store, changelog } of changelogsOf(plan)) {
    const { clusterName } = changelog;
    if (stores.has(storeKey({ stage: stage.name, store: store.name }))) continue;
    if (!topics.some(({ topic }) => topic === clusterName)) continue;
    const marks = await broker.admin.watermarks(clusterName, signal);
    if (marks.some(({ low, end }) => end > low)) filled.add(clusterName);
  }
  return filled;
}

/**
 * Creates the topics and registers the schemas that are missing, and describes the stores on the control topic. Schemas first: a topic without its schema is
 * seen at once, a schema without its topic harms nobody.
 *
 * @throws OperationError with every reason when something stands in the way; nothing was changed then
 */
export async function applyChanges(
  changes: Changes,
  broker: Broker,
  registry: SchemaRegistry,
  signal: AbortSignal,
): Promise<void> {
  const [first] = changes.problems;
  if (first !== undefined) throw new OperationError(first.code, reasonsText(changes.problems));
  for (const { subject, json } of changes.registerSchemas) await registry.register(subject, json, signal);
  if (changes.deleteTopics.length > 0) await broker.admin.deleteTopics(changes.deleteTopics, signal);
  if (changes.createTopics.length > 0) await broker.admin.createTopics(changes.createTopics, signal);
  for (const { topic, partitions } of changes.growTopics) await broker.admin.growTopic(topic, partitions, signal);
  // Last: a store that is described has its changelog.
  await writeHeldStores(changes, broker, systemClock.now(), signal);
}

/**
 * Refuses to start what `apply` would refuse, or has not made yet: found here, a difference costs a line; found by a
 * stage that runs, it costs records.
 *
 * @throws OperationError with every reason
 */
export function checkStart(topology: string, changes: Changes): void {
  const problems = startProblems(changes);
  const [first] = problems;
  if (first === undefined) return;
  throw new OperationError(first.code, `starting ${topology}: ${reasonsText(problems)}`);
}
