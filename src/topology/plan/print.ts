import { bareTimeMinMs, formatDurationMs, formatIsoTime } from "../../kernel/index.ts";
import { jsonText, normalSchemaText, shadowedAliases } from "../../schema/index.ts";
import { formatProblem, type LocatedProblem } from "../problems.ts";
import { defaults } from "../spec/defaults.ts";
import { typeText } from "./fit.ts";
import type { PlannedTap } from "./monitoring.ts";
import type { ErrorPlace, ErrorPolicy, Plan, PlannedModel, PlannedStage, PlannedStore, PlannedTopic } from "./plan.ts";
import { monitoringTexts, monitoringTopicLines } from "./print-monitoring.ts";
import { retrainingLines } from "./print-retraining.ts";
import { countOf, wrapped } from "./text.ts";

/**
 * The plan as text: head, topics, stages in the order of the flow, models, monitors, warnings, and the hash as the last line.
 * Stable: the same file, schemas, environment and registered versions print the same, with or without a cluster.
 */
export function printPlan(plan: Plan): string {
  const warnings = plan.warnings.map((warning) => `  ${placedWarning(warning)}`);
  const parts = [printBody(plan)];
  if (warnings.length > 0) parts.push(["warnings", ...warnings].join("\n"));
  return `${[...parts, `plan ${plan.hash}`].join("\n\n")}\n`;
}

/** With line and column, and without the file's name: the plan prints the same from wherever it is asked for. */
function placedWarning(warning: LocatedProblem): string {
  return formatProblem(warning)
    .slice(warning.file.length + 1)
    .replaceAll("\n", "\n  ");
}

/** What the hash is taken over: the printed plan without warnings, and the schemas to the last default. */
export function hashedText(plan: Plan): string {
  const schemas = plan.topics.flatMap(({ name, schema }) =>
    schema === undefined ? [] : [`${name} ${normalSchemaText(schema.json)}`],
  );
  const readings = plan.stages.flatMap(({ name, ingest, to }) =>
    ingest === undefined || ingest.schema === to.schema ? [] : [`${name} ${normalSchemaText(ingest.schema.json)}`],
  );
  return [printBody(plan), ...schemas, ...readings].join("\n");
}

/** The same without what is watched and who is told. */
export function hashedWork(plan: Plan): string {
  return hashedText({ ...plan, monitoring: undefined, stages: plan.stages.map((stage) => ({ ...stage, taps: [] })) });
}

function printBody(plan: Plan): string {
  return [
    head(plan),
    ...plan.topics.map(topicText),
    ...plan.stages.map((stage) => stageText(stage, plan)),
    ...plan.models.map(modelText),
    ...(plan.monitoring === undefined ? [] : monitoringTexts(plan.monitoring)),
    ownTopics(plan),
  ].join("\n\n");
}

function head(plan: Plan): string {
  const { commit, limits, sample } = plan;
  const lines = [`topology ${plan.topology}${plan.description === undefined ? "" : `: ${plan.description}`}`];
  if (plan.owner !== undefined) lines.push(`  owner ${plan.owner}`);
  if (plan.namespace !== "") lines.push(`  namespace ${plan.namespace}`);
  lines.push(`  delivery ${plan.delivery}`);
  lines.push(`  commits every ${formatDurationMs(commit.everyMs)} or ${commit.records} records`);
  if (commit.lingerMs !== defaults.commit.lingerMs)
    lines.push(`  sends after ${formatDurationMs(commit.lingerMs)} at the latest`);
  lines.push(`  records of at most ${limits.recordBytes} bytes`);
  if (sample !== undefined)
    lines.push(`  sample ${sample.generator}, seed ${sample.seed}, ${sample.perSecond} per second`);
  return lines.join("\n");
}

function topicText(topic: PlannedTopic): string {
  const lines = [
    `topic ${topic.name}${topic.clusterName === topic.name ? "" : `, on the cluster ${topic.clusterName}`}`,
  ];
  const made = topic.external ? "made by others" : topic.writers.length === 0 ? "written from outside" : "";
  lines.push(`  ${[encoding(topic), made].filter((part) => part !== "").join(", ")}`);
  const facts = [
    topic.key === undefined ? "" : `key ${topic.key}`,
    topic.time === undefined ? "" : `event time ${topic.time}${topic.timeFromKafka ? " from Kafka" : ""}`,
    topic.partitions === undefined ? "" : countOf(topic.partitions, "partition"),
    topic.retentionMs === undefined ? "" : `retention ${formatDurationMs(topic.retentionMs)}`,
    topic.replication === undefined ? "" : `replication ${topic.replication}`,
  ].filter((fact) => fact !== "");
  if (facts.length > 0) lines.push(`  ${facts.join(", ")}`);
  const fields = (topic.schema?.shape ?? []).map((field) => `${field.name} ${typeText(field.type)}`);
  return [...lines, ...wrapped("  fields ", fields), ...wrapped("  older records lack ", olderLack(topic))].join("\n");
}

/** `ratio (null)`: the field, and what it is read as where a record does not have it. */
function olderLack({ schema, olderLack: names }: PlannedTopic): string[] {
  return (schema?.shape ?? []).flatMap((field) =>
    names.includes(field.name) ? [`${field.name} (${jsonText(field.default ?? null)})`] : [],
  );
}

function encoding({ format, schema, schemaFrom, subject }: PlannedTopic): string {
  if (schema === undefined) return `${format}, no schema`;
  const origin = schemaFrom === "inferred" ? "inferred schema" : "schema";
  return `${format}, ${origin} ${schema.fullName}${subject === undefined ? "" : ` as ${subject}`}`;
}

function stageText(stage: PlannedStage, plan: Plan): string {
  const lines = [`stage ${stage.name}, group ${stage.group}`, `  ${stage.from.name} -> ${stage.to.name}`];
  const start = stage.start.kind === "time" ? formatIsoTime(stage.start.timeMs) : stage.start.kind;
  lines.push(`  begins at ${start}`);
  if (stage.onLogChange === "restart") lines.push("  goes on where the log differs when it was cut back or made anew");
  if (stage.ingest !== undefined) {
    lines.push(`  reads ${stage.fromFormat} as ${stage.ingest.schema.name}${keyText(stage)}`);
    for (const { field, alias } of shadowedAliases(stage.ingest.schema)) lines.push(`  takes ${alias} as ${field}`);
    const { timesFromMs, tombstones } = stage.ingest;
    if (timesFromMs !== bareTimeMinMs)
      lines.push(`  takes bare numbers for times from ${formatIsoTime(timesFromMs)} on`);
    if (tombstones === "drop") lines.push("  drops records without a value");
    if (stage.ingest.kafkaTimeField === undefined && stage.eventTimeField !== undefined) {
      const { aheadMs } = stage.ingest;
      lines.push(
        aheadMs === undefined
          ? "  takes event times of any date"
          : `  refuses event times more than ${formatDurationMs(aheadMs)} ahead of Kafka's timestamp`,
      );
    }
  }
  for (const [index, line] of stage.stepLines.entries())
    lines.push(`  ${index + 1}. ${line.replaceAll("\n", "\n     ")}`);
  for (const planned of [...stage.stores, ...stage.taps]) lines.push(...storeText(planned, stage));
  lines.push(...ttlText(stage));
  if (stage.lateWithinMs !== undefined)
    lines.push(
      `  late after ${formatDurationMs(stage.lateWithinMs)} by ${stage.eventTimeField ?? ""}, to ${plan.deadLetters.clusterName}`,
    );
  lines.push(...errorsText(stage));
  lines.push(...inferLines(stage));
  return lines.join("\n");
}

function inferLines({ infer, to }: PlannedStage): string[] {
  if (infer === undefined) return [];
  const { model, alias, features, shadow } = infer;
  const lines = wrapped(`  model ${model}@${alias} of `, features);
  if (shadow === undefined) return lines;
  const count = to.partitions === undefined ? `partitions as ${to.name}` : countOf(to.partitions, "partition");
  return [...lines, `  a challenger's scores go to ${shadow.clusterName}, ${count}, retention 7d`];
}

/** Only what differs from the default. */
function errorsText({ errors }: PlannedStage): string[] {
  return (Object.entries(errors) as [ErrorPlace, ErrorPolicy][]).flatMap(([place, policy]) => {
    if (policy === "dead-letter") return [];
    return policy === "halt"
      ? [`  halts at a record that fails in ${place}`]
      : [`  tries a record that fails in ${place} ${countOf(policy.retry, "time")} more`];
  });
}

function storeText({ store, changelog }: PlannedStore | PlannedTap, { from }: PlannedStage): string[] {
  const line = `  store ${store.name} (${store.kind}, version ${store.version})`;
  if (changelog === undefined) return [`${line}, volatile`];
  const { partitions } = changelog;
  const count = partitions === undefined ? `partitions as ${from.name}` : countOf(partitions, "partition");
  return [line, `    changelog ${changelog.clusterName}, ${count}, compacted`];
}

/** The same for all stores of the stage. */
function ttlText({ memories }: PlannedStage): string[] {
  const ttlMs = memories[0]?.holds.ttlMs;
  return ttlMs === undefined ? [] : [`  forgets a key ${formatDurationMs(ttlMs)} after its last record`];
}

function keyText({ keyField }: PlannedStage): string {
  return keyField === undefined ? ", key as it comes" : `, key ${keyField}`;
}

function modelText(model: PlannedModel): string {
  const { label } = model;
  const chosen = model.candidates.length > 1 ? `, the best by ${model.metric}` : "";
  const lines = [`model ${model.name}, ${model.task}, ${model.candidates.join(", ")}${chosen}`];
  const features = model.features.map(({ name, kind }) => (kind === "number" ? name : `${name} (${kind})`));
  lines.push(...wrapped(`  features of ${model.featuresFrom}: `, features));
  if (label !== undefined) lines.push(...retrainingLines(model, label));
  return lines.join("\n");
}

function ownTopics({ deadLetters, control, accounts, adoptions, monitoring, retraining }: Plan): string {
  const partitionsText = (count: number | undefined): string =>
    count === undefined ? "partitions as the widest input" : countOf(count, "partition");
  return [
    `dead letters ${deadLetters.clusterName}, ${partitionsText(deadLetters.partitions)}, retention 30d`,
    `control ${control.clusterName}, 1 partition, compacted`,
    `accounts ${accounts.clusterName}, ${partitionsText(accounts.partitions)}, compacted`,
    ...(adoptions === undefined ? [] : [`adoptions ${adoptions.clusterName}, 1 partition, kept for ever`]),
    ...(monitoring === undefined ? [] : monitoringTopicLines(monitoring)),
    ...(retraining === undefined
      ? []
      : [`retraining ${retraining.clusterName}, 1 partition, retention 365d, group ${retraining.group}`]),
  ].join("\n");
}
