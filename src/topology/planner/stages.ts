import type { RowOp } from "../../expression/index.ts";
import { bareTimeMinMs, formatDurationMs, parseDurationMs, parseIsoTimeMs } from "../../kernel/index.ts";
import { inferSchema, type RowShape } from "../../schema/index.ts";
import { fitRows } from "../plan/fit.ts";
import type { StartPosition } from "../plan/plan.ts";
import { type RegisteredVersions, schemasOf } from "../plan/registered.ts";
import { defaults } from "../spec/defaults.ts";
import type { Findings } from "./findings.ts";
import { inheritFromInput, settleKeyAndTime, timestampIn } from "./inheritance.ts";
import { type Lowered, lowerSteps, type StageScope } from "./lowering.ts";
import { assigned, decisions, predictionShape } from "./prediction.ts";
import { checkTopicFields, kafkaTime, kafkaTimeField, subjectOf, type TopicDraft } from "./topics.ts";
import type { WiredStage } from "./wiring.ts";

const hourMs = 3_600_000;
const dayMs = 86_400_000;

/** A stage whose rows are known; models and the program's final form are still to come. */
export interface StageDraft {
  readonly wired: WiredStage;
  readonly scope: StageScope;
  readonly lowered: Lowered;
  /** Operations of the steps, then those that fill in what the given schema adds. */
  readonly ops: readonly RowOp[];
  readonly decide: readonly RowOp[];
  readonly aheadMs: number | undefined;
  readonly timesFromMs: number;
  readonly start: StartPosition;
}

/** What the schema of a stage's output is inferred with, beside its rows. */
export interface StageSurroundings {
  readonly topology: string;
  readonly registered: RegisteredVersions | undefined;
}

/**
 * Plans one stage whose input is known: reads as what, steps, writes as what. Fills in what its output topic takes
 * over from the input. Undefined when it cannot be planned; the output topic is then broken, unless its schema is
 * given, and nothing more is said about what follows from it.
 */
export function planStage(
  wired: WiredStage,
  surroundings: StageSurroundings,
  findings: Findings,
): StageDraft | undefined {
  const { from, to } = wired;
  inheritFromInput(wired, findings);
  const input = inputShape(wired, findings);
  const start = startOf(wired);
  const aheadMs = aheadOf(wired, findings);
  checkIngestKeys(wired, findings);
  if (input === undefined) {
    if (to.schema === undefined) to.isBroken = true;
    return undefined;
  }
  const timeTopic = wired.isIngest ? to : from;
  const scope: StageScope = {
    stage: wired.head.name,
    ingest: wired.isIngest,
    supplied: suppliedIn(wired),
    input,
    timeField: wired.isIngest ? timestampIn(input, to.time) : from.time,
    keyField: from.key,
    latenessMs: latenessOf(wired),
    keysMax: wired.head.state?.keys,
    ttlMs: ttlOf(wired, findings),
    told: new Set([
      ...(from.keyIsWrong ? (["MR_KEY"] as const) : []),
      ...(timeTopic.timeIsWrong ? (["MR_TIME"] as const) : []),
    ]),
  };
  const lowered = lowerSteps(wired.part.steps, scope, findings);
  checkMemoryKeys(wired, lowered, findings);
  const before = findings.problems.length;
  const decide = decisions(wired, lowered, findings);
  const isSound = lowered.isSound && findings.problems.length === before;
  const rows = lowered.infer === undefined ? lowered.shape : predictionShape(lowered, scope, decide, findings);
  if (rows === undefined && to.schema === undefined) to.isBroken = true;
  const fill = rows === undefined ? undefined : settleSchema(wired, rows, isSound, surroundings, findings);
  settleKeyAndTime(wired, lowered.infer !== undefined);
  if (to.schemaFrom === "inferred") checkTopicFields(to, findings);
  if (fill === undefined || !isSound) return undefined;
  return {
    wired,
    scope,
    lowered,
    ops: [...lowered.ops, ...fill],
    decide,
    aheadMs,
    timesFromMs: timesFromOf(wired),
    start,
  };
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
  const isRenamed = to.given?.shape.some((field) => field.aliases?.includes("event_id")) ?? false;
  if (!hasOwn || isRenamed) return;
  const message = `schema ${from.spec.schema} of topic ${from.name} has a field event_id of its own, which Millrace's would overwrite`;
  const line = `{ "name": "source_event_id", "type": ["null", "string"], "default": null, "aliases": ["event_id"] },`;
  const hint = `paste this line into the fields of schemas/${to.spec.schema}.avsc, which renames it on the way in:\n${line}`;
  findings.problem("MR_EVENT_ID", [...from.path, "schema"], message, hint);
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
  return parseDurationMs(fromSpec.ahead ?? defaults.from.ahead);
}

/** Fields of an ingest's rows that come from the record's coordinate and from Kafka. */
export function suppliedIn({ isIngest, to }: WiredStage): readonly string[] {
  if (!isIngest) return [];
  return to.spec.time === kafkaTime ? ["event_id", kafkaTimeField] : ["event_id"];
}

/** Keys of `from` that say how foreign records are read. */
function checkIngestKeys(wired: WiredStage, findings: Findings): void {
  if (wired.isIngest || wired.from.isBroken) return;
  for (const key of ["timesFrom", "tombstones"] as const) {
    if (wired.fromSpec[key] === undefined) continue;
    const message = `${key} belongs to stages that read what others send; topic ${wired.from.name} is written by a stage`;
    findings.problem("MR_CONFLICT", [...wired.path, "from", key], message, "remove it, and set it on the ingest stage");
  }
}

function timesFromOf({ fromSpec }: WiredStage): number {
  return fromSpec.timesFrom === undefined ? bareTimeMinMs : (parseIsoTimeMs(fromSpec.timesFrom) ?? bareTimeMinMs);
}

/** `late.within`, or by default the longest window, at least an hour and at most a day. */
function latenessOf({ head, part }: WiredStage): number {
  if (head.late !== undefined) return parseDurationMs(head.late.within) ?? hourMs;
  const looks = part.steps.map((step) =>
    step?.spec === undefined ? 0 : (step.definition.lookBackMs?.(step.spec) ?? 0),
  );
  return Math.min(dayMs, Math.max(hourMs, ...looks));
}

/** A record in time must not be older than what is forgotten: it would come to a key that is alive and gone at once. */
function ttlOf(wired: WiredStage, findings: Findings): number | undefined {
  const written = wired.head.state?.ttl;
  const ttlMs = written === undefined ? undefined : parseDurationMs(written);
  const latenessMs = latenessOf(wired);
  if (ttlMs === undefined || ttlMs >= latenessMs) return ttlMs;
  const within = formatDurationMs(latenessMs);
  const said = wired.head.late === undefined ? " by default" : "";
  const message = `a record counts until it is ${within} late${said}, and what it belongs to would be forgotten after ${written}`;
  const hint = `write ttl: ${within} or more, or late: { within: ${written} }`;
  findings.problem("MR_CONFLICT", [...wired.path, "state", "ttl"], message, hint);
  return undefined;
}

/**
 * Keys of a stage that mean nothing where no step remembers earlier records, and one that means too much where one does:
 * stores that are written down would go on over another log than they were made of.
 */
function checkMemoryKeys({ head, fromSpec, path }: WiredStage, lowered: Lowered, findings: Findings): void {
  if (!lowered.isSound) return;
  if (lowered.memories.length > 0) {
    if (fromSpec.onLogChange !== "restart" || head.state?.volatile === true) return;
    const message = "what the steps of this stage remember is of the log as it was, and would be wrong over another";
    const hint = "write onLogChange: halt, which says what to do then, or state: { volatile: true }";
    findings.problem("MR_CONFLICT", [...path, "from", "onLogChange"], message, hint);
    return;
  }
  const reasons = { late: "so nothing can be late here", state: "so there is no state to hold" } as const;
  for (const key of ["late", "state"] as const) {
    if (head[key] === undefined) continue;
    const message = `no step of this stage remembers earlier records, ${reasons[key]}`;
    const hint = `remove ${key}, or move it to the stage with rolling or dedupe`;
    findings.problem("MR_CONFLICT", [...path, key], message, hint);
  }
}

/** The schema of the output: given, and compared with the rows, or made from them. Undefined when it cannot be known. */
function settleSchema(
  wired: WiredStage,
  rows: RowShape,
  isSound: boolean,
  surroundings: StageSurroundings,
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
    if (isSound) inferOutput(to, rows, surroundings);
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

function inferOutput(to: TopicDraft, rows: RowShape, { topology, registered }: StageSurroundings): void {
  const subject = subjectOf(to);
  const before = subject === undefined ? [] : schemasOf(registered, subject);
  to.schema = inferSchema({ topic: to.name, topology, fields: rows, registered: before });
  const names = to.schema.shape.map((field) => field.name);
  to.olderLack = names.filter((name) => before.some(({ shape }) => shape.every((field) => field.name !== name)));
}
