import type { RowOp } from "../expression/index.ts";
import { parseDurationMs, parseIsoTimeMs } from "../kernel/index.ts";
import { type Field, inferSchema, type RowShape } from "../schema/index.ts";
import { decideOps, type InferConfig } from "../step/index.ts";
import type { Findings } from "./findings.ts";
import { fitRows } from "./fit.ts";
import { type Lowered, lowerSteps, type StageScope, typedExpression } from "./lowering.ts";
import type { StartPosition } from "./plan.ts";
import { checkTopicFields, kafkaTime, kafkaTimeField } from "./topics.ts";
import type { WiredStage } from "./wiring.ts";

type Path = readonly (string | number)[];

const hourMs = 3_600_000;
const dayMs = 86_400_000;
const aheadMsDefault = 600_000;

/** A stage whose rows are known; models and the program's final form are still to come. */
export interface StageDraft {
  readonly wired: WiredStage;
  readonly scope: StageScope;
  readonly lowered: Lowered;
  /** Operations of the steps, then those that fill in what the given schema adds. */
  readonly ops: readonly RowOp[];
  readonly decide: readonly RowOp[];
  readonly aheadMs: number | undefined;
  readonly start: StartPosition;
}

/**
 * Plans one stage whose input is known: reads as what, steps, writes as what. Fills in what its output topic takes
 * over from the input. Undefined when it cannot be planned; the output topic is then broken, unless its schema is
 * given, and nothing more is said about what follows from it.
 */
export function planStage(wired: WiredStage, topology: string, findings: Findings): StageDraft | undefined {
  const { from, to } = wired;
  inheritFromInput(wired, findings);
  const input = inputShape(wired, findings);
  const start = startOf(wired);
  const aheadMs = aheadOf(wired, findings);
  if (input === undefined) {
    if (to.schema === undefined) to.isBroken = true;
    return undefined;
  }
  const timeTopic = wired.isIngest ? to : from;
  const scope: StageScope = {
    stage: wired.head.name,
    ingest: wired.isIngest,
    input,
    timeField: wired.isIngest ? timestampIn(input, to.time) : from.time,
    keyField: from.key,
    latenessMs: latenessOf(wired),
    told: new Set([
      ...(from.keyIsWrong ? (["MR_KEY"] as const) : []),
      ...(timeTopic.timeIsWrong ? (["MR_TIME"] as const) : []),
    ]),
  };
  const lowered = lowerSteps(wired.part.steps, scope, findings);
  checkLate(wired, lowered, findings);
  const before = findings.problems.length;
  const decide = decisions(wired, lowered, findings);
  const isSound = lowered.isSound && findings.problems.length === before;
  const rows = lowered.infer === undefined ? lowered.shape : predictionShape(lowered, scope, decide, findings);
  if (rows === undefined && to.schema === undefined) to.isBroken = true;
  const fill = rows === undefined ? undefined : settleSchema(wired, rows, isSound, topology, findings);
  settleKeyAndTime(wired, lowered.infer !== undefined);
  if (to.schemaFrom === "inferred") checkTopicFields(to, findings);
  if (fill === undefined || !isSound) return undefined;
  return { wired, scope, lowered, ops: [...lowered.ops, ...fill], decide, aheadMs, start };
}

/** The first step's rows: an ingest reads as the schema of its output, any other as that of its input. */
function inputShape(wired: WiredStage, findings: Findings): RowShape | undefined {
  const { from, to, isIngest } = wired;
  if (!isIngest) {
    if (from.isBroken) return undefined;
    if (from.format === "json") {
      const message = `stage ${wired.head.name} reads topic ${from.name}, which is written as JSON; only what leaves the chain may be`;
      findings.problem("MR_SCHEMA", wired.fromPath, message, `remove format: json from topic ${from.name}`);
      return undefined;
    }
    return from.schema?.shape;
  }
  if (from.isBroken || to.isBroken) return undefined;
  from.format ??= from.schema === undefined ? undefined : "avro";
  if (from.format === undefined) {
    const message = `nothing says how the values of topic ${from.name} are encoded`;
    const hint = `write from: { topic: ${from.name}, format: json } (or avro)`;
    findings.problem("MR_MISSING_KEY", [...wired.path, "from", "format"], message, hint);
  }
  if (to.schemaFrom !== "file") {
    const message = `stage ${wired.head.name} reads its input as the schema of topic ${to.name}, and that has none of its own`;
    const hint = `give topics.${to.name} a schema: NAME, written in schemas/NAME.avsc`;
    findings.problem("MR_SCHEMA", wired.toPath, message, hint);
    return undefined;
  }
  checkInboxEventId(wired, findings);
  return to.schema?.shape;
}

/** An inbox's own event_id would be read as Millrace's: the output schema must give it another name. */
function checkInboxEventId({ from, to }: WiredStage, findings: Findings): void {
  const hasOwn = from.schema?.shape.some((field) => field.name === "event_id") ?? false;
  const isRenamed = to.schema?.shape.some((field) => field.aliases?.includes("event_id")) ?? false;
  if (!hasOwn || isRenamed) return;
  const message = `schema ${from.spec.schema} of topic ${from.name} has a field event_id of its own, which Millrace's would overwrite`;
  const line = `{ "name": "source_event_id", "type": ["null", "string"], "default": null, "aliases": ["event_id"] },`;
  const hint = `paste this line into the fields of schemas/${to.spec.schema}.avsc, which renames it on the way in:\n${line}`;
  findings.problem("MR_EVENT_ID", [...from.path, "schema"], message, hint);
}

/** Key and partitions of the output, where it names none; a difference is a re-key, which only an ingest may do. */
function inheritFromInput(wired: WiredStage, findings: Findings): void {
  const { from, to, isIngest } = wired;
  const keysAreKnown = !from.isBroken && !from.keyIsWrong && !to.keyIsWrong;
  if (!isIngest && keysAreKnown && to.spec.key !== undefined && to.spec.key !== from.key) {
    const before = from.key === undefined ? "has no key field" : `is keyed by ${from.key}`;
    const message = `topic ${to.name} is keyed by ${to.spec.key}, and topic ${from.name}, which stage ${wired.head.name} reads, ${before}; only an ingest stage changes the key`;
    const hint = from.key === undefined ? `key topic ${from.name} at ingest` : `write key: ${from.key}`;
    findings.problem("MR_KEY", [...to.path, "key"], message, hint);
  }
  const differs =
    to.spec.partitions !== undefined && from.partitions !== undefined && to.partitions !== from.partitions;
  if (!isIngest && !from.isBroken && differs) {
    const message = `topic ${to.name} has ${to.partitions} partitions, and topic ${from.name}, which stage ${wired.head.name} reads, has ${from.partitions}; only an ingest stage changes the number`;
    const hint = `write partitions: ${from.partitions}, or leave it out`;
    findings.problem("MR_KEY", [...to.path, "partitions"], message, hint);
  }
  to.partitions ??= from.partitions;
  if (to.partitionsAreWrong || from.partitionsAreWrong) return;
  if (to.partitions === undefined && wired.isIngest && !from.isBroken && !to.isBroken) {
    const message = `nothing says how many partitions topic ${to.name} has, and the input does not say either`;
    findings.problem("MR_MISSING_KEY", [...to.path, "partitions"], message, "write for example partitions: 4");
  }
}

function settleKeyAndTime(wired: WiredStage, isInfer: boolean): void {
  const { from, to } = wired;
  if (to.spec.key === undefined) to.keyIsWrong ||= from.keyIsWrong;
  if (to.spec.time === undefined) to.timeIsWrong ||= from.timeIsWrong;
  const has = (name: string | undefined): boolean => to.schema?.shape.some((field) => field.name === name) ?? false;
  // What the rows no longer have cannot be named; the key's bytes stay all the same.
  if (to.spec.key === undefined) to.key = has(from.key) ? from.key : undefined;
  if (to.spec.time !== undefined || to.schema === undefined) return;
  to.time = timestampIn(to.schema.shape, isInfer ? kafkaTimeField : from.time);
}

function timestampIn(shape: RowShape, name: string | undefined): string | undefined {
  return shape.find((field) => field.name === name && field.type.kind === "timestamp")?.name;
}

function startOf({ fromSpec }: WiredStage): StartPosition {
  const start = fromSpec.start ?? "earliest";
  if (start === "earliest" || start === "latest") return { kind: start };
  return { kind: "time", timeMs: parseIsoTimeMs(start) ?? 0 };
}

function aheadOf(wired: WiredStage, findings: Findings): number | undefined {
  const { fromSpec, to, isIngest } = wired;
  if (to.spec.time === kafkaTime && !isIngest && !wired.from.isBroken && !to.timeIsWrong) {
    const message = `topic ${to.name} is not written by an ingest stage, and only those see Kafka's timestamp`;
    const hint = wired.from.time === undefined ? "name a timestamp-millis field" : `write time: ${wired.from.time}`;
    findings.problem("MR_TIME", [...to.path, "time"], message, hint);
    to.timeIsWrong = true;
  }
  if (fromSpec.ahead !== undefined && !isIngest && !wired.from.isBroken) {
    const message = `ahead belongs to stages that read what others send; topic ${wired.from.name} is written by a stage`;
    findings.problem(
      "MR_CONFLICT",
      [...wired.path, "from", "ahead"],
      message,
      "remove it, and set it on the ingest stage",
    );
  }
  if (!isIngest || fromSpec.ahead === "none") return undefined;
  return fromSpec.ahead === undefined ? aheadMsDefault : parseDurationMs(fromSpec.ahead);
}

/** `late.within`, or by default the longest window, at least an hour and at most a day. */
function latenessOf({ head, part }: WiredStage): number {
  if (head.late !== undefined) return parseDurationMs(head.late.within) ?? hourMs;
  const looks = part.steps.map((step) =>
    step?.spec === undefined ? 0 : (step.definition.lookBackMs?.(step.spec) ?? 0),
  );
  return Math.min(dayMs, Math.max(hourMs, ...looks));
}

function checkLate({ head, path }: WiredStage, lowered: Lowered, findings: Findings): void {
  const judges = lowered.ops.some((op) => op.op === "late");
  if (head.late === undefined || judges || !lowered.isSound) return;
  const message = "no step of this stage remembers earlier records, so nothing can be late here";
  findings.problem(
    "MR_CONFLICT",
    [...path, "late"],
    message,
    "remove late, or move it to the stage with rolling or dedupe",
  );
}

function decisions(wired: WiredStage, lowered: Lowered, findings: Findings): readonly RowOp[] {
  const infer = lowered.infer;
  if (infer === undefined) return [];
  return decideOps(infer.config, {
    shape: lowered.shape,
    stage: wired.head.name,
    ingest: wired.isIngest,
    timeField: wired.from.time,
    keyField: wired.from.key,
    latenessMs: 0,
    lateEmitted: true,
    expression: (source, path, shape) =>
      typedExpression(source, shape ?? lowered.shape, (problem, isUnknownField) => {
        if (isUnknownField && !lowered.isSound) return;
        findings.problems.push({ ...problem, path: [...infer.path, ...path] });
      }),
    field: (name) => lowered.shape.find((field) => field.name === name),
    problem: (problem) => findings.problems.push({ ...problem, path: [...infer.path, ...problem.path] }),
    storeName: (base) => base,
    memory: () => 0,
  });
}

/** Fields of a prediction record, in the order of the contract; undefined when the stage has no event time. */
function predictionShape(
  lowered: Lowered,
  scope: StageScope,
  decide: readonly RowOp[],
  findings: Findings,
): RowShape | undefined {
  const config = lowered.infer?.config;
  const path: Path = lowered.infer?.path ?? [];
  if (scope.timeField === undefined && scope.told.has("MR_TIME")) return undefined;
  if (scope.timeField === undefined) {
    const message = `a prediction carries its event time, and the topic that stage ${scope.stage} reads has none`;
    findings.problem("MR_TIME", path, message, "name a timestamp-millis field under `time:` of the topic");
    return undefined;
  }
  if (lowered.shape.find((field) => field.name === scope.timeField)?.type.nullable === true) {
    const message = `a prediction carries its event time, and ${scope.timeField} may be null`;
    findings.problem("MR_TIME", path, message, `add a step - require: [${scope.timeField}]`);
    return undefined;
  }
  return [...predictionFields(config), ...decide.flatMap(assigned), ...kept(config, lowered.shape)];
}

function predictionFields(config: InferConfig | undefined): RowShape {
  const plain = (name: string, kind: "string" | "int" | "double", doc: string): Field => ({
    name,
    type: { kind, nullable: false, avro: kind },
    doc,
  });
  const timestamp = { type: "long", logicalType: "timestamp-millis" };
  return [
    plain("event_id", "string", "Coordinate of the event in the chain's first topic."),
    { name: "event_time", type: { kind: "timestamp", nullable: false, avro: timestamp }, doc: "Time of the event." },
    plain("model", "string", `Model that made it: ${config?.model.split("@")[0] ?? ""}.`),
    plain("model_version", "int", "The one version of the model that made it."),
    plain("score", "double", "Probability of the positive class."),
  ];
}

function assigned(op: RowOp): Field[] {
  return op.op === "assign" ? [op.field] : [];
}

function kept(config: InferConfig | undefined, shape: RowShape): Field[] {
  return (config?.keep ?? []).flatMap((name) => shape.find((field) => field.name === name) ?? []);
}

/** The schema of the output: given, and compared with the rows, or made from them. Undefined when it cannot be known. */
function settleSchema(
  wired: WiredStage,
  rows: RowShape,
  isSound: boolean,
  topology: string,
  findings: Findings,
): readonly RowOp[] | undefined {
  const { to } = wired;
  const isInfer = wired.part.steps.some((step) => step?.kind === "infer");
  if (to.isBroken) return undefined;
  if (to.schemaFrom === "none") {
    to.isBroken = true;
    const message = `topic ${to.name} has no schema, and stage ${wired.head.name} writes it`;
    findings.problem("MR_SCHEMA", to.path, message, "add schema: inferred, or the name of a file in schemas/");
    return undefined;
  }
  if (to.schemaFrom === "inferred") {
    if (isSound) to.schema = inferSchema({ topic: to.name, topology, fields: rows });
    else to.isBroken = true;
    return isSound ? [] : undefined;
  }
  if (to.schema === undefined || !isSound) return undefined;
  const fit = fitRows(to.schema, rows);
  for (const misfit of fit.misfits.filter(({ field }) => field !== "event_id"))
    findings.problem("MR_SCHEMA", wired.toPath, misfit.message, misfit.hint);
  if (isInfer && fit.ops.length > 0) {
    const names = fit.ops.flatMap(assigned).map((field) => field.name);
    const message = `schema ${to.schema.name} has fields that a prediction does not: ${names.join(", ")}`;
    findings.problem(
      "MR_SCHEMA",
      wired.toPath,
      message,
      "write schema: inferred, or keep those fields in the infer step",
    );
    return undefined;
  }
  return fit.misfits.length === 0 ? fit.ops : undefined;
}
