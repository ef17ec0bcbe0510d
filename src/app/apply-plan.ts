import { OperationError } from "../kernel/index.ts";
import type { Broker } from "../runtime/index.ts";
import type { RegisteredSchema, SchemaRegistry } from "../schema/index.ts";
import {
  type Changes,
  type ClusterState,
  changesFor,
  clusterNamesOf,
  type Plan,
  schemasNeeded,
} from "../topology/index.ts";
import { readAliases } from "./aliases.ts";

/** Compares a plan with the cluster and the registry as they are now. */
export async function compareWithCluster(
  plan: Plan,
  broker: Broker,
  registry: SchemaRegistry,
  signal: AbortSignal,
): Promise<Changes> {
  const cluster = await broker.admin.describe(clusterNamesOf(plan), signal);
  const latest = new Map<string, RegisteredSchema>();
  const registered = new Set<string>();
  for (const { subject, json } of schemasNeeded(plan)) {
    const found = await registry.latest(subject, signal);
    if (found === undefined) continue;
    latest.set(subject, found);
    if ((await registry.lookUp(subject, json, signal)) !== undefined) registered.add(subject);
  }
  const hasControl = cluster.topics.some((topic) => topic.topic === plan.control.clusterName);
  const aliases = hasControl ? (await readAliases(broker, plan.control.clusterName, signal)).aliases : [];
  const state: ClusterState = {
    cluster,
    latest,
    registered,
    aliases: new Set(aliases.map(({ model, alias }) => `${model}@${alias}`)),
  };
  return changesFor(plan, state);
}

/**
 * Creates the topics and registers the schemas that are missing. Schemas first: a topic without its schema is
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
  if (first !== undefined) {
    const reasons = changes.problems.map(
      (problem) => `${problem.message}${problem.hint === undefined ? "" : `; ${problem.hint}`}`,
    );
    throw new OperationError(first.code, reasons.join("\n"));
  }
  for (const { subject, json } of changes.registerSchemas) await registry.register(subject, json, signal);
  if (changes.createTopics.length > 0) await broker.admin.createTopics(changes.createTopics, signal);
}
