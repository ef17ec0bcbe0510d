import { formatDurationMs, type Problem } from "../../kernel/index.ts";
import { countOf } from "../plan/text.ts";
import type { ClusterTopic, TopicToCreate } from "./cluster.ts";

/** What a topic is for, which decides what may differ. */
export type TopicRole =
  | "own"
  | "changelog"
  | "dead-letters"
  | "control"
  | "accounts"
  | "adoptions"
  | "shadow"
  | "monitoring";

/** A topic that is there, compared with the one that `apply` would make. */
export interface TopicVerdict {
  /** Nothing may run while these stand: records would be lost, refused, or land in the wrong partition. */
  readonly blocks: readonly { readonly message: string; readonly hint: string }[];
  /** Odd but safe, and `apply` leaves it as it is. */
  readonly differences: readonly string[];
  /** What an operator types to make the settings as planned; undefined without differences in settings. */
  readonly command: string | undefined;
}

/**
 * Compares partitions, cleanup policy, `max.message.bytes`, retention and replication. `apply` creates topics and never
 * alters one: what a topic is set to belongs to whoever runs the cluster.
 *
 * @param messageBytes the least `max.message.bytes` with which every record that the plan lets through can be written
 */
export function compareTopic(
  wanted: TopicToCreate,
  found: ClusterTopic,
  role: TopicRole,
  messageBytes: number,
): TopicVerdict {
  const blocks = [
    ...partitionBlock(wanted, found, role),
    ...policyBlock(wanted, found, role),
    ...(role === "own" || role === "changelog" || role === "shadow" ? sizeBlock(found, messageBytes) : []),
  ];
  const differences: string[] = [];
  if (isByTask(role) && found.partitions < wanted.partitions)
    differences.push(`${countOf(found.partitions, "partition")}, planned ${wanted.partitions}`);
  if (wanted.replication !== undefined && wanted.replication !== found.replication)
    differences.push(`replication ${found.replication}, planned ${wanted.replication}`);
  const settings = Object.entries(wanted.configs).filter(([name, value]) =>
    isDifferent(name, value, found.configs[name]),
  );
  for (const [name, value] of settings)
    differences.push(`${configText(name, found.configs[name] ?? "")}, planned ${configText(name, value)}`);
  return { blocks, differences, command: settings.length === 0 ? undefined : alterCommand(wanted.topic, settings) };
}

/** The limit of a topic that a stage writes, be it ours or external. */
export function sizeBlock(found: ClusterTopic, messageBytes: number): TopicVerdict["blocks"] {
  const limit = Number(found.configs["max.message.bytes"] ?? Number.NaN);
  if (!Number.isFinite(limit) || limit >= messageBytes) return [];
  const message = `topic ${found.topic} takes messages of ${limit} bytes (max.message.bytes), and a record of the plan may need ${messageBytes}`;
  return [
    {
      message,
      hint: `lower limits.recordBytes, or ${alterCommand(found.topic, [["max.message.bytes", String(messageBytes)]])}`,
    },
  ];
}

/** `4 partitions`, `retention 7d`, ...: what a topic to create is made with. */
export function settingsOf(topic: TopicToCreate): string[] {
  return [
    countOf(topic.partitions, "partition"),
    ...(topic.replication === undefined ? [] : [`replication ${topic.replication}`]),
    ...Object.entries(topic.configs).map(([name, value]) => configText(name, value)),
  ];
}

/** A problem's message with its hint, on one line. */
export function withHint({ message, hint }: Pick<Problem, "message" | "hint">): string {
  return hint === undefined ? message : `${message}; ${hint}`;
}

type RoleByTask = "dead-letters" | "accounts";

/** What goes there goes to its task's number modulo the partitions that are there. */
function isByTask(role: TopicRole): role is RoleByTask {
  return role === "dead-letters" || role === "accounts";
}

/** `apply` lets a changelog grow. */
function partitionBlock(wanted: TopicToCreate, found: ClusterTopic, role: TopicRole): TopicVerdict["blocks"] {
  if (isByTask(role) || role === "changelog" || found.partitions === wanted.partitions) return [];
  const message = `topic ${wanted.topic} has ${countOf(found.partitions, "partition")} on the cluster and ${wanted.partitions} in the plan`;
  const hint = partitionHints[role](found.partitions);
  return [{ message, hint }];
}

const partitionHints: Readonly<Record<Exclude<TopicRole, RoleByTask | "changelog">, (found: number) => string>> = {
  own: (found) => `write partitions: ${found}, or move to a new topic: keys would change partition`,
  control: () => "move the topology to another name or namespace: aliases need one order",
  adoptions: () => "move the topology to another name or namespace: what tasks have adopted needs one order",
  shadow: () => "delete it and run apply: a score is looked for in the partition of its prediction",
  monitoring: () => "delete it and run apply: what is judged needs one order",
};

function policyBlock(wanted: TopicToCreate, found: ClusterTopic, role: TopicRole): TopicVerdict["blocks"] {
  const policy = found.configs["cleanup.policy"];
  if (policy === undefined || policy === "") return [];
  const planned = wanted.configs["cleanup.policy"] ?? "delete";
  if (inOrder(policy) === inOrder(planned)) return [];
  const message = `topic ${found.topic} has cleanup.policy ${policy}, and the plan needs ${planned}: ${policyReasons[role]}`;
  return [{ message, hint: alterCommand(found.topic, [["cleanup.policy", planned]]) }];
}

/** A list of policies has no order. */
function inOrder(policies: string): string {
  return policies
    .split(",")
    .map((policy) => policy.trim())
    .sort()
    .join();
}

const policyReasons: Readonly<Record<TopicRole, string>> = {
  own: "all but the newest record of each key would go",
  changelog: "state would be deleted with time",
  "dead-letters": "all but the newest record of each key would go",
  control: "aliases would be deleted with time",
  accounts: "those of partitions without new records would be deleted with time",
  adoptions: "which version made a prediction would be forgotten",
  shadow: "all but the newest record of each key would go",
  monitoring: "what was counted or judged would be gone before it is read",
};

/** The policy is judged on its own, and more room than planned does no harm. */
function isDifferent(name: string, planned: string, actual: string | undefined): boolean {
  if (actual === undefined || name === "cleanup.policy") return false;
  return name === "max.message.bytes" ? Number(actual) < Number(planned) : actual !== planned;
}

function alterCommand(topic: string, settings: readonly (readonly [string, string])[]): string {
  // The tool takes a comma for the end of a setting, but inside brackets.
  const list = settings.map(([name, value]) => `${name}=${value.includes(",") ? `[${value}]` : value}`).join(",");
  return `run kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config ${list}`;
}

function configText(name: string, value: string): string {
  const ms = Number(value);
  return name === "retention.ms" && ms > 0 ? `retention ${formatDurationMs(ms)}` : `${name} ${value}`;
}
