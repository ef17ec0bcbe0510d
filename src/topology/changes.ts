import { formatDurationMs, type Problem } from "../kernel/index.ts";
import { parseRecordSchemaText, type RegisteredSchema, readProblems } from "../schema/index.ts";
import type { ClusterDescription, ClusterTopic, TopicToCreate } from "./cluster.ts";
import { canonicalText } from "./fit.ts";
import { partitionsOf, schemasNeeded, topicsNeeded } from "./needed.ts";
import type { Plan } from "./plan.ts";
import { countOf } from "./print.ts";

/** The world that a plan is compared with. */
export interface ClusterState {
  readonly cluster: ClusterDescription;
  /** Latest registered schema per subject; absent when there is none. */
  readonly latest: ReadonlyMap<string, RegisteredSchema>;
  /** Subjects that have the plan's schema in any version. */
  readonly registered: ReadonlySet<string>;
  /** `model@alias` that exist; undefined when nobody looked. */
  readonly aliases?: ReadonlySet<string> | undefined;
}

/** What `apply` does, what `plan` shows, and what keeps `run` from starting. */
export interface Changes {
  readonly createTopics: readonly TopicToCreate[];
  readonly registerSchemas: readonly { readonly subject: string; readonly json: unknown }[];
  /** One line per change or difference, `+` to create, `~` differs, `!` in the way; empty when all is as planned. */
  readonly lines: readonly string[];
  /** What `apply` cannot mend; `path` names the topic. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Compares a plan with a cluster and its registry. */
export function changesFor(plan: Plan, state: ClusterState): Changes {
  const comparison = new Comparison(plan, state);
  comparison.externals();
  comparison.topics();
  comparison.schemas();
  comparison.models();
  return comparison;
}

/** The section that `plan` prints below the plan. */
export function printChanges(changes: Changes): string {
  const warnings = changes.warnings.map(({ code, message }) => `  ${code}: ${message}`);
  const lines = changes.lines.length === 0 ? ["  none: the cluster is as planned"] : changes.lines.map((l) => `  ${l}`);
  return `${["changes", ...lines, ...warnings].join("\n")}\n`;
}

class Comparison implements Changes {
  readonly createTopics: TopicToCreate[] = [];
  readonly registerSchemas: { subject: string; json: unknown }[] = [];
  readonly lines: string[] = [];
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly #plan: Plan;
  readonly #state: ClusterState;

  constructor(plan: Plan, state: ClusterState) {
    this.#plan = plan;
    this.#state = state;
  }

  externals(): void {
    for (const topic of this.#plan.topics.filter(({ external }) => external)) {
      const found = this.#described(topic.clusterName);
      const path = ["topics", topic.name];
      if (found === undefined) {
        const message = `topic ${topic.clusterName} is external and does not exist`;
        this.#block("MR_TOPIC_MISSING", path, message, "have its owner create it, or point name: to the right one");
      } else if (topic.partitions !== undefined && topic.partitions !== found.partitions) {
        const message = `topic ${topic.clusterName} has ${countOf(found.partitions, "partition")}, and the plan says ${topic.partitions}`;
        this.#block("MR_TOPIC_MISMATCH", path, message, `write partitions: ${found.partitions}`);
      }
    }
    for (const { name, ingest, from, to } of this.#plan.stages) {
      const before = partitionsOf(from, this.#state.cluster);
      if (ingest === undefined || from.partitions !== undefined || before === undefined || before === to.partitions)
        continue;
      const message = `stage ${name} changes the number of partitions from ${before} to ${to.partitions}: a backlog arrives mixed`;
      this.warnings.push({ code: "MR_MIXED_BACKLOG", path: ["topics", from.name], message });
    }
  }

  topics(): void {
    for (const wanted of topicsNeeded(this.#plan, this.#state.cluster)) {
      const found = this.#described(wanted.topic);
      if (found === undefined) {
        this.createTopics.push(wanted);
        this.lines.push(`+ topic ${wanted.topic}: ${settingsOf(wanted).join(", ")}`);
      } else this.#compare(wanted, found);
    }
  }

  schemas(): void {
    for (const { subject, topic, json } of schemasNeeded(this.#plan)) {
      const latest = this.#state.latest.get(subject);
      if (latest === undefined) {
        this.registerSchemas.push({ subject, json });
        this.lines.push(`+ schema ${subject}: version 1`);
        continue;
      }
      if (sameJson(latest.text, json)) continue;
      const breaks = this.#breaks(topic.name, latest);
      // A schema that went back to an older text has its version already, and needs to read the newer one only.
      if (breaks.length === 0 && this.#state.registered.has(subject)) continue;
      if (breaks.length === 0) {
        this.registerSchemas.push({ subject, json });
        this.lines.push(`+ schema ${subject}: version ${latest.version + 1}, reads version ${latest.version}`);
        continue;
      }
      const message = `the schema of topic ${topic.name} cannot read version ${latest.version} of ${subject}: ${breaks.join("; ")}`;
      this.#block(
        "MR_SCHEMA_INCOMPATIBLE",
        ["topics", topic.name, "schema"],
        message,
        "give new fields a default, and do not change types",
      );
    }
  }

  models(): void {
    const { aliases } = this.#state;
    if (aliases === undefined) return;
    const asked = this.#plan.stages.flatMap(({ name, infer }) => (infer === undefined ? [] : [{ name, infer }]));
    for (const { name, infer } of asked) {
      if (aliases.has(`${infer.model}@${infer.alias}`)) continue;
      const message = `there is no ${infer.alias} of model ${infer.model}; stage ${name} waits for it`;
      const hint = `run millrace train --model ${infer.model}`;
      this.warnings.push({
        code: "MR_MODEL_MISSING",
        path: ["models", infer.model],
        message: `${message}: ${hint}`,
        hint,
      });
    }
  }

  #described(topic: string): ClusterTopic | undefined {
    return this.#state.cluster.topics.find((candidate) => candidate.topic === topic);
  }

  #block(code: Problem["code"], path: Problem["path"], message: string, hint: string): void {
    this.lines.push(`! ${message}; ${hint}`);
    this.problems.push({ code, path, message, hint });
  }

  /** Partitions decide where keys go and are never changed; other settings are shown and left alone. */
  #compare(wanted: TopicToCreate, found: ClusterTopic): void {
    const name = this.#plan.topics.find(({ clusterName }) => clusterName === wanted.topic)?.name ?? wanted.topic;
    const path = ["topics", name];
    const isDeadLetters = wanted.topic === this.#plan.deadLetters.clusterName;
    const fits = isDeadLetters ? found.partitions >= wanted.partitions : found.partitions === wanted.partitions;
    if (!fits) {
      const message = `topic ${wanted.topic} has ${countOf(found.partitions, "partition")} on the cluster and ${wanted.partitions} in the plan`;
      this.#block(
        "MR_TOPIC_MISMATCH",
        path,
        message,
        "change the plan, or move to a new topic: keys would change partition",
      );
    }
    const differences: string[] = [];
    if (wanted.replication !== undefined && wanted.replication !== found.replication)
      differences.push(`replication ${found.replication}, planned ${wanted.replication}`);
    for (const [config, value] of Object.entries(wanted.configs)) {
      const actual = found.configs[config];
      if (actual === undefined || actual === value) continue;
      differences.push(`${configText(config, actual)}, planned ${configText(config, value)}`);
    }
    if (differences.length === 0) return;
    const message = `topic ${wanted.topic} differs: ${differences.join("; ")}`;
    this.lines.push(`~ ${message}`);
    this.warnings.push({ code: "MR_TOPIC_MISMATCH", path, message });
  }

  #breaks(topicName: string, latest: RegisteredSchema): string[] {
    const reader = this.#plan.topics.find(({ name }) => name === topicName)?.schema;
    const writer = parseRecordSchemaText(latest.text, latest.subject, { strictDefaults: false });
    if (reader === undefined) return [];
    return "schema" in writer ? readProblems(reader, writer.schema) : writer.problems.map(({ message }) => message);
  }
}

function sameJson(text: string, json: unknown): boolean {
  try {
    return canonicalText(JSON.parse(text)) === canonicalText(json);
  } catch {
    return false;
  }
}

function settingsOf(topic: TopicToCreate): string[] {
  return [
    countOf(topic.partitions, "partition"),
    ...(topic.replication === undefined ? [] : [`replication ${topic.replication}`]),
    ...Object.entries(topic.configs).map(([name, value]) => configText(name, value)),
  ];
}

function configText(name: string, value: string): string {
  const ms = Number(value);
  return name === "retention.ms" && ms > 0 ? `retention ${formatDurationMs(ms)}` : `${name} ${value}`;
}
