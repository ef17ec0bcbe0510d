import { assert, parseDurationMs } from "../../kernel/index.ts";
import {
  avscRefusal,
  kindText,
  type RecordSchema,
  readRecordSchema,
  withoutShadowedAliases,
} from "../../schema/index.ts";
import type { PlannedStage, PlannedTopic, ValueFormat } from "../plan/plan.ts";
import type { Outline, TopicPart } from "../spec/shape.ts";
import type { TopicSpec } from "../spec/topic-spec.ts";
import { placeIn, type SourceBytes, sourceText } from "../yaml/source-text.ts";
import { danglingHint, type Findings, quoted } from "./findings.ts";

type Path = readonly (string | number)[];

/** The value of `time:` that asks an ingest stage for Kafka's timestamp, and the field it is put into. */
export const kafkaTime = "$kafka";
export const kafkaTimeField = "event_time";

/**
 * A topic while it is planned. What a stage passes on (key, time, partitions, inferred schema) is filled in when the
 * stage that writes it is planned; `isBroken` stops all that would follow from a problem already reported.
 */
export interface TopicDraft {
  readonly name: string;
  readonly path: Path;
  readonly spec: TopicSpec;
  readonly clusterName: string;
  readonly external: boolean;
  readonly schemaFrom: PlannedTopic["schemaFrom"];
  isBroken: boolean;
  /** Set when `key:` or `time:` names a field that is not there or cannot serve; no stage is blamed for it. */
  keyIsWrong: boolean;
  timeIsWrong: boolean;
  readonly partitionsAreWrong: boolean;
  /** As written in `schemas/`, with the aliases by which an ingest renames what it reads; undefined when inferred. */
  given: RecordSchema | undefined;
  /** As it is registered and read behind the ingest. */
  schema: RecordSchema | undefined;
  format: ValueFormat | undefined;
  key: string | undefined;
  time: string | undefined;
  partitions: number | undefined;
  writers: string[];
  /** Fields of an inferred schema that some registered version lacks. */
  olderLack: readonly string[];
}

export interface TopicNames {
  readonly topology: string;
  readonly namespace: string;
  readonly schemas: ReadonlyMap<string, SourceBytes>;
  readonly schemaFolder: string;
}

/** Cluster name of something of ours: behind the namespace, where there is one. */
export function inNamespace(namespace: string, name: string): string {
  return namespace === "" ? name : `${namespace}.${name}`;
}

/** Drafts of all topics, with the schemas that files give. Schemas with problems leave their topic broken. */
export function draftTopics(outline: Outline, names: TopicNames, findings: Findings): Map<string, TopicDraft> {
  const drafts = new Map<string, TopicDraft>();
  for (const [name, part] of outline.topics) drafts.set(name, draftTopic(name, part, names, findings));
  checkClusterNames(drafts, names, findings);
  return drafts;
}

function draftTopic(name: string, part: TopicPart, names: TopicNames, findings: Findings): TopicDraft {
  const spec: TopicSpec = part.spec ?? {};
  const external = spec.external === true;
  const own = spec.name ?? name;
  const schemaFrom = spec.schema === undefined ? "none" : spec.schema === "inferred" ? "inferred" : "file";
  const draft: TopicDraft = {
    name,
    path: part.path,
    spec,
    clusterName: external ? own : inNamespace(names.namespace, own),
    external,
    schemaFrom,
    isBroken: part.spec === undefined || ["schema", "format", "external"].some((key) => part.wrongKeys.has(key)),
    keyIsWrong: part.wrongKeys.has("key"),
    timeIsWrong: part.wrongKeys.has("time"),
    partitionsAreWrong: part.wrongKeys.has("partitions"),
    given: undefined,
    schema: undefined,
    format: spec.format,
    key: spec.key,
    time: spec.time === kafkaTime ? kafkaTimeField : spec.time,
    partitions: spec.partitions,
    writers: [],
    olderLack: [],
  };
  if (schemaFrom === "file") readSchema(draft, spec.schema ?? "", names, findings);
  return draft;
}

function readSchema(draft: TopicDraft, name: string, names: TopicNames, findings: Findings): void {
  const path = [...draft.path, "schema"];
  const source = names.schemas.get(name);
  if (source === undefined) {
    const hint = danglingHint("schema", name, [...names.schemas.keys(), "inferred"]);
    findings.problem(
      "MR_REFERENCE",
      path,
      `there is no schema ${quoted(name)}: ${names.schemaFolder}/${name}.avsc is missing`,
      hint,
    );
    draft.isBroken = true;
    return;
  }
  const file = `${names.schemaFolder}/${name}.avsc`;
  const decoded = sourceText(source, file);
  if ("problem" in decoded) {
    draft.isBroken = true;
    const { file, line, column, ...problem } = decoded.problem;
    findings.problems.push({ ...problem, code: "MR_SCHEMA", path, place: { file, line, column, path: [] } });
    return;
  }
  const parsed = readRecordSchema(decoded.text, name);
  if ("schema" in parsed) {
    draft.given = parsed.schema;
    draft.schema = withoutShadowedAliases(parsed.schema);
    const refusal = avscRefusal(parsed.schema.json);
    if (refusal === undefined) return;
    const message = `schema ${name}: avsc, which consumers on Node read with, refuses it: ${refusal}`;
    const place = { file, line: 1, column: 1, path: [] };
    findings.problems.push({ code: "MR_SCHEMA", path, message, hint: `mend ${file}`, place });
    return;
  }
  draft.isBroken = true;
  for (const { offset, ...problem } of parsed.problems) {
    const place = { file, ...placeIn(decoded.text, offset), path: problem.path };
    findings.problems.push({ ...problem, path, hint: problem.hint ?? `mend ${file}`, place });
  }
}

/** As Kafka has it. */
const topicNameLengthMax = 249;

/** Of the topic on which predictions and labels meet. */
export const labelledSuffix = "labelled.repartition";

/** Topics that Millrace keeps for itself, whether a plan has them or not. */
const ownSuffixes = [
  "dead-letters",
  "control",
  "accounts",
  "adoptions",
  "retraining",
  "partials",
  "baselines",
  "verdicts",
  "alerts",
  labelledSuffix,
] as const;

/** Kafka takes `.` and `_` for the same in metric names and refuses topics that differ in nothing else. */
function checkClusterNames(drafts: ReadonlyMap<string, TopicDraft>, names: TopicNames, findings: Findings): void {
  const own = ownSuffixes.map((suffix) => inNamespace(names.namespace, `${names.topology}.${suffix}`));
  const taken = new Map<string, string>();
  for (const draft of drafts.values()) {
    const path = draft.spec.name === undefined ? draft.path : [...draft.path, "name"];
    const collision = draft.clusterName.replaceAll(".", "_");
    const other = taken.get(collision);
    taken.set(collision, draft.name);
    if (own.includes(draft.clusterName)) {
      const message = `${draft.clusterName} is a topic that Millrace keeps for itself`;
      findings.problem("MR_CONFLICT", path, message, "choose another name");
    } else if (other !== undefined) {
      const message = `topics ${other} and ${draft.name} are the same topic on the cluster, or differ only in . and _`;
      findings.problem("MR_CONFLICT", path, message, "give one of them another name");
    }
    if (draft.clusterName.length > topicNameLengthMax) {
      const message = `the name on the cluster, ${draft.clusterName.slice(0, 40)}..., has more than 249 characters`;
      findings.problem("MR_OUT_OF_RANGE", path, message, "shorten the namespace or the name");
    }
  }
}

/** A store's changelog, and where a challenger's scores go, are topics like others: no other may be one, and Kafka takes its name. */
export function checkChangelogNames(
  stages: readonly PlannedStage[],
  drafts: ReadonlyMap<string, TopicDraft>,
  pathOf: (stage: string) => Path,
  findings: Findings,
): void {
  for (const { name: stage, stores, taps, infer } of stages) {
    const shadow = infer?.shadow?.clusterName;
    if (shadow !== undefined) checkShadowName(shadow, stage, drafts, pathOf, findings);
    for (const { store, changelog } of [...stores, ...taps]) {
      const wanted = changelog?.clusterName ?? "";
      const taken = [...drafts.values()].find((draft) => sameToMetrics(draft.clusterName, wanted));
      if (taken !== undefined) {
        const path = taken.spec.name === undefined ? taken.path : [...taken.path, "name"];
        const message = `${taken.clusterName} is the changelog of store ${store.name} of stage ${stage} on the cluster, or differs from it only in . and _`;
        findings.problem("MR_CONFLICT", path, message, "choose another name");
      }
      if (wanted.length > topicNameLengthMax) {
        const message = `the name on the cluster of the changelog of store ${store.name}, ${wanted.slice(0, 40)}..., has more than 249 characters`;
        findings.problem(
          "MR_OUT_OF_RANGE",
          pathOf(stage),
          message,
          store.kind === "counts"
            ? "shorten the namespace, or the name of the monitor"
            : "shorten the namespace, or name the store with store:",
        );
      }
    }
  }
}

function checkShadowName(
  shadow: string,
  stage: string,
  drafts: ReadonlyMap<string, TopicDraft>,
  pathOf: (stage: string) => Path,
  findings: Findings,
): void {
  const taken = [...drafts.values()].find((draft) => sameToMetrics(draft.clusterName, shadow));
  if (taken !== undefined) {
    const path = taken.spec.name === undefined ? taken.path : [...taken.path, "name"];
    const message = `${taken.clusterName} is where a challenger of stage ${stage} writes its scores, or differs from it only in . and _`;
    findings.problem("MR_CONFLICT", path, message, "choose another name");
  }
  if (shadow.length <= topicNameLengthMax) return;
  const message = `the name on the cluster of the topic of its challenger's scores, ${shadow.slice(0, 40)}..., has more than 249 characters`;
  findings.problem("MR_OUT_OF_RANGE", pathOf(stage), message, "shorten the namespace, or the name of the stage");
}

function sameToMetrics(one: string, other: string): boolean {
  return one.replaceAll(".", "_") === other.replaceAll(".", "_");
}

/** The finished topic. Only for drafts that are not broken, after all stages are planned. */
export function finishTopic(draft: TopicDraft): PlannedTopic {
  const format = draft.format ?? "avro";
  const retention = draft.spec.retention;
  assert(!draft.isBroken, `topic ${draft.name} is broken`);
  return {
    name: draft.name,
    clusterName: draft.clusterName,
    external: draft.external,
    format,
    subject: subjectOf(draft),
    schema: draft.schema,
    schemaFrom: draft.schemaFrom,
    key: draft.key,
    time: draft.time,
    timeFromKafka: draft.spec.time === kafkaTime,
    partitions: draft.partitions,
    retentionMs: retention === undefined ? undefined : parseDurationMs(retention),
    replication: draft.spec.replication,
    writers: draft.writers,
    olderLack: draft.olderLack,
  };
}

/** Under which a topic's schema is registered; JSON has none. */
export function subjectOf({ format, clusterName }: TopicDraft): string | undefined {
  return format === "json" ? undefined : `${clusterName}-value`;
}

/** Field checks of a topic whose schema is known: key, event time, and the id of what Millrace writes. */
export function checkTopicFields(draft: TopicDraft, findings: Findings): void {
  const schema = draft.schema;
  if (draft.isBroken || schema === undefined) return;
  const before = findings.problems.length;
  checkKeyField(draft, schema, findings);
  draft.keyIsWrong ||= findings.problems.length > before;
  const between = findings.problems.length;
  checkTimeField(draft, schema, findings);
  draft.timeIsWrong ||= findings.problems.length > between;
  if (draft.writers.length > 0 && draft.schemaFrom === "file") checkEventId(draft, schema, findings);
}

function checkKeyField(draft: TopicDraft, schema: RecordSchema, findings: Findings): void {
  const names = schema.shape.map((field) => field.name);
  const keyField = schema.shape.find((field) => field.name === draft.key);
  if (draft.spec.key !== undefined && keyField === undefined)
    findings.dangling([...draft.path, "key"], `field of schema ${schema.name} named`, draft.spec.key, names);
  if (keyField !== undefined && !keyKinds.has(keyField.type.kind)) {
    const message = `a key is the text of a field, and ${keyField.name} is ${kindText(keyField.type)}`;
    const path = draft.spec.key === undefined ? draft.path : [...draft.path, "key"];
    findings.problem("MR_KEY", path, message, "take a field of type string, int, long or boolean");
  }
}

const keyKinds: ReadonlySet<string> = new Set(["string", "enum", "int", "long", "boolean", "timestamp"]);

function checkTimeField(draft: TopicDraft, schema: RecordSchema, findings: Findings): void {
  const wanted = draft.spec.time;
  if (wanted === undefined || draft.timeIsWrong) return;
  const path = [...draft.path, "time"];
  const timestamps = schema.shape.filter((field) => field.type.kind === "timestamp").map((field) => field.name);
  const name = wanted === kafkaTime ? kafkaTimeField : wanted;
  const field = schema.shape.find((candidate) => candidate.name === name);
  if (field === undefined && wanted === kafkaTime) {
    const message = `Kafka's timestamp goes into the field ${kafkaTimeField}, and schema ${schema.name} has none`;
    const line = `{ "name": "${kafkaTimeField}", "type": { "type": "long", "logicalType": "timestamp-millis" } },`;
    findings.problem("MR_TIME", path, message, `paste this line into its fields:\n${line}`);
  } else if (field === undefined)
    findings.dangling(
      path,
      `field of schema ${schema.name} named`,
      name,
      schema.shape.map((f) => f.name),
    );
  else if (field.type.kind !== "timestamp") {
    const message = `event time is a timestamp-millis, and ${name} is ${kindText(field.type)}`;
    const others =
      timestamps.length === 0 ? `give ${name} the logical type timestamp-millis` : `take ${timestamps.join(" or ")}`;
    findings.problem("MR_TIME", path, message, others);
  }
}

function checkEventId(draft: TopicDraft, schema: RecordSchema, findings: Findings): void {
  const field = schema.shape.find((candidate) => candidate.name === "event_id");
  if (field?.type.kind === "string" && !field.type.nullable) return;
  const message =
    field === undefined
      ? `schema ${draft.spec.schema} has no field event_id, which every record that a stage writes carries`
      : `event_id in schema ${draft.spec.schema} is not a plain string`;
  const hint = `paste this line into the fields of schemas/${draft.spec.schema}.avsc:\n{ "name": "event_id", "type": "string" },`;
  findings.problem("MR_EVENT_ID", [...draft.path, "schema"], message, hint);
}
