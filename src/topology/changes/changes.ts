import type { ErrorCode, Problem } from "../../kernel/index.ts";
import {
  parseRecordSchemaText,
  parseSchemaJson,
  type RecordSchema,
  type RegisteredSchema,
} from "../../schema/index.ts";
import { canonicalText } from "../plan/fit.ts";
import type { Plan } from "../plan/plan.ts";
import type { RegisteredVersions } from "../plan/registered.ts";
import { countOf } from "../plan/text.ts";
import type { ClusterTopic, TopicToCreate } from "./cluster.ts";
import { storeKey } from "./held-stores.ts";
import {
  changelogsOf,
  messageBytesLeast,
  monitoringTopicsOf,
  partitionsOf,
  schemasNeeded,
  shadowsOf,
  tapsOf,
  topicsNeeded,
} from "./needed.ts";
import { type Break, breaksOf, comingAndGoing } from "./schema-changes.ts";
import { type StoreChanges, type StoresOnCluster, storeChanges } from "./store-changes.ts";
import { compareTopic, settingsOf, sizeBlock, type TopicRole, withHint } from "./topic-changes.ts";

/** The world that a plan is compared with. */
export interface ClusterState extends StoresOnCluster {
  /** The versions of each subject that has any, oldest first. */
  readonly versions: RegisteredVersions;
  /** Subjects that have the plan's schema in any version. */
  readonly registered: ReadonlySet<string>;
  /** `model@alias` that exist; undefined when nobody looked. */
  readonly aliases?: ReadonlySet<string> | undefined;
}

/** What `apply` does, what `plan` shows, and what keeps `run` from starting. */
export interface Changes {
  readonly createTopics: readonly TopicToCreate[];
  /** Changelogs whose input has got more partitions. */
  readonly growTopics: readonly { readonly topic: string; readonly partitions: number }[];
  /** Changelogs that are deleted first; they are among those to create. */
  readonly deleteTopics: readonly string[];
  readonly stores: StoreChanges;
  /** Where stores are described. */
  readonly controlTopic: string;
  readonly registerSchemas: readonly SchemaToRegister[];
  /** One line per change or difference, `+` to create, `~` differs, `!` in the way; empty when all is as planned. */
  readonly lines: readonly string[];
  /** What `apply` cannot mend; `path` names the topic. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

export interface SchemaToRegister {
  readonly subject: string;
  readonly json: unknown;
  /** The newest version differs in what readers of its records do not see: `run` writes with that until `apply`. */
  readonly isAlike: boolean;
}

/** Compares a plan with a cluster and its registry. */
export function changesFor(plan: Plan, state: ClusterState): Changes {
  const comparison = new Comparison(plan, state);
  comparison.externals();
  comparison.topics();
  comparison.storesHeld();
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

/** Why a worker must not start: all that `apply` refuses or has not made yet. Empty when it may. */
export function startProblems({
  problems,
  createTopics,
  growTopics,
  stores,
  registerSchemas,
}: Changes): readonly Problem[] {
  const hint = "run millrace apply";
  const absent = createTopics.map(
    ({ topic }): Problem => ({ code: "MR_TOPIC_MISSING", path: [], message: `topic ${topic} does not exist`, hint }),
  );
  const unregistered = registerSchemas.filter(({ isAlike }) => !isAlike);
  const missing = unregistered.map(
    ({ subject }): Problem => ({
      code: "MR_SUBJECT_MISSING",
      path: [],
      message: `the plan's schema is no version of ${subject}`,
      hint,
    }),
  );
  const narrow = growTopics.map(
    ({ topic, partitions }): Problem => ({
      code: "MR_TOPIC_MISMATCH",
      path: [],
      message: `topic ${topic} has fewer than ${countOf(partitions, "partition")}`,
      hint,
    }),
  );
  const undescribed = [...stores.describe.map(({ held }) => held), ...stores.forget].map(
    (store): Problem => ({
      code: "MR_STATE_CHANGED",
      path: [],
      message: `store ${storeKey(store)} is not on the cluster as the plan has it`,
      hint,
    }),
  );
  return [...problems, ...absent, ...narrow, ...undescribed, ...missing];
}

class Comparison implements Changes {
  readonly createTopics: TopicToCreate[] = [];
  readonly growTopics: { readonly topic: string; readonly partitions: number }[] = [];
  readonly deleteTopics: string[] = [];
  readonly registerSchemas: SchemaToRegister[] = [];
  readonly lines: string[] = [];
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly stores: StoreChanges;
  readonly controlTopic: string;
  readonly #plan: Plan;
  readonly #state: ClusterState;

  constructor(plan: Plan, state: ClusterState) {
    this.#plan = plan;
    this.#state = state;
    this.stores = storeChanges(plan, state);
    this.controlTopic = plan.control.clusterName;
  }

  storesHeld(): void {
    this.lines.push(...this.stores.lines);
    this.problems.push(...this.stores.problems);
  }

  /** Others decide what these are like: only what would keep us from reading or writing them is looked at. */
  externals(): void {
    for (const topic of this.#plan.topics.filter(({ external }) => external)) {
      const found = this.#described(topic.clusterName);
      const path = ["topics", topic.name];
      if (found === undefined) {
        const message = `topic ${topic.clusterName} is external and does not exist`;
        this.#block("MR_TOPIC_MISSING", path, message, "have its owner create it, or point name: to the right one");
        continue;
      }
      if (topic.partitions !== undefined && topic.partitions !== found.partitions) {
        const message = `topic ${topic.clusterName} has ${countOf(found.partitions, "partition")}, and the plan says ${topic.partitions}`;
        this.#block("MR_TOPIC_MISMATCH", path, message, `write partitions: ${found.partitions}`);
      }
      if (topic.writers.length === 0) continue;
      for (const { message, hint } of sizeBlock(found, messageBytesLeast(this.#plan)))
        this.#block("MR_TOPIC_MISMATCH", path, message, hint);
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
      const isReset = found !== undefined && this.stores.reset.includes(wanted.topic);
      if (isReset) {
        this.deleteTopics.push(wanted.topic);
        this.lines.push(`- topic ${wanted.topic}: what it holds is dropped`);
      }
      if (found === undefined || isReset) {
        this.createTopics.push(wanted);
        this.lines.push(`+ topic ${wanted.topic}: ${settingsOf(wanted).join(", ")}`);
      } else this.#compare(wanted, found);
    }
  }

  schemas(): void {
    for (const { subject, topic, schema } of schemasNeeded(this.#plan)) {
      const versions = this.#state.versions.get(subject) ?? [];
      const latest = versions.at(-1);
      if (latest === undefined) {
        this.registerSchemas.push({ subject, json: schema.json, isAlike: false });
        this.lines.push(`+ schema ${subject}: version 1`);
      } else this.#next(topic, schema, latest, versions.slice(0, -1));
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

  #block(code: ErrorCode, path: Problem["path"], message: string, hint: string): void {
    this.lines.push(`! ${message}; ${hint}`);
    this.problems.push({ code, path, message, hint });
  }

  #compare(wanted: TopicToCreate, found: ClusterTopic): void {
    const name = this.#plan.topics.find(({ clusterName }) => clusterName === wanted.topic)?.name ?? wanted.topic;
    const path = ["topics", name];
    const role = roleOf(wanted.topic, this.#plan);
    if (role === "changelog" && found.partitions < wanted.partitions) {
      this.growTopics.push({ topic: wanted.topic, partitions: wanted.partitions });
      this.lines.push(`+ topic ${wanted.topic}: ${countOf(wanted.partitions, "partition")}, has ${found.partitions}`);
    }
    const verdict = compareTopic(wanted, found, role, messageBytesLeast(this.#plan));
    for (const { message, hint } of verdict.blocks) this.#block("MR_TOPIC_MISMATCH", path, message, hint);
    if (verdict.differences.length === 0) return;
    const differs = `topic ${wanted.topic} differs: ${verdict.differences.join("; ")}`;
    const hint = verdict.command === undefined ? "apply leaves it" : `apply leaves it: ${verdict.command}`;
    this.lines.push(`~ ${differs}; ${hint}`);
    this.warnings.push({ code: "MR_TOPIC_MISMATCH", path, message: differs, hint });
  }

  /** What becomes of a schema whose subject has versions already. */
  #next(topic: string, schema: RecordSchema, latest: RegisteredSchema, earlier: readonly RegisteredSchema[]): void {
    const { subject } = latest;
    // A schema that went back to an older text has its version already, and needs to read the newer one only.
    const isRegistered = sameJson(latest.text, schema.json) || this.#state.registered.has(subject);
    const breaks = breaksOf(schema, latest);
    if (breaks.length > 0) {
      this.#refuseSchema(topic, latest, breaks);
      return;
    }
    const unread = earlier.flatMap((version) => {
      const found = breaksOf(schema, version);
      return found.length === 0 ? [] : [{ version, found }];
    });
    if (isRegistered) {
      for (const { version, found } of unread) this.#warnUnread(topic, version, found);
      return;
    }
    const [first] = unread;
    if (first !== undefined) {
      this.#refuseSchema(topic, first.version, first.found);
      return;
    }
    const before = parsedOrUndefined(latest);
    const isAlike = before !== undefined && before.canonical === schema.canonical;
    this.registerSchemas.push({ subject, json: schema.json, isAlike });
    const { added, dropped } = comingAndGoing(schema, before);
    const notes = [
      `version ${latest.version + 1}, reads version ${latest.version}`,
      ...(added.length === 0 ? [] : [`adds ${added.join(", ")}`]),
      ...(dropped.length === 0 ? [] : [`drops ${dropped.join(", ")}`]),
    ];
    this.lines.push(`+ schema ${subject}: ${notes.join("; ")}`);
  }

  #refuseSchema(name: string, { subject, version }: RegisteredSchema, breaks: readonly Break[]): void {
    const reasons = breaks.map(({ message }) => message).join("; ");
    const message = `the schema of topic ${name} cannot read version ${version} of ${subject}: ${reasons}`;
    const cures = [...new Set(breaks.map(({ cure }) => cure))].join("; ");
    this.#block("MR_SCHEMA_INCOMPATIBLE", ["topics", name, "schema"], message, cures);
  }

  /** It was let through before, and old records may be gone: said, and not in the way. */
  #warnUnread(name: string, { subject, version }: RegisteredSchema, breaks: readonly Break[]): void {
    const reasons = breaks.map(({ message }) => message).join("; ");
    const message = `records written with version ${version} of ${subject} cannot be read as topic ${name} is now: ${reasons}`;
    const hint = "where they are read again they become dead letters";
    this.warnings.push({ code: "MR_SCHEMA_INCOMPATIBLE", path: ["topics", name, "schema"], message, hint });
  }
}

function roleOf(topic: string, plan: Plan): TopicRole {
  if (topic === plan.deadLetters.clusterName) return "dead-letters";
  if (topic === plan.control.clusterName) return "control";
  if (topic === plan.accounts.clusterName) return "accounts";
  if (topic === plan.adoptions?.clusterName) return "adoptions";
  if (shadowsOf(plan).some(({ clusterName }) => clusterName === topic)) return "shadow";
  if (monitoringTopicsOf(plan).some((own) => own.topic === topic)) return "monitoring";
  return [...changelogsOf(plan), ...tapsOf(plan)].some(({ changelog }) => changelog.clusterName === topic)
    ? "changelog"
    : "own";
}

/** All that keeps something from happening, one reason a line. */
export function reasonsText(problems: readonly Problem[]): string {
  return problems.map(withHint).join("\n");
}

function parsedOrUndefined({ text, subject }: RegisteredSchema): RecordSchema | undefined {
  const parsed = parseRecordSchemaText(text, subject, { strictDefaults: false });
  return "schema" in parsed ? parsed.schema : undefined;
}

function sameJson(text: string, json: unknown): boolean {
  try {
    return canonicalText(parseSchemaJson(text)) === canonicalText(json);
  } catch {
    return false;
  }
}
