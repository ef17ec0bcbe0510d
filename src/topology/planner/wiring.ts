import type { ValueFormat } from "../plan/plan.ts";
import type { Outline, StagePart } from "../spec/shape.ts";
import type { StageHead } from "../spec/stage-spec.ts";
import type { Findings } from "./findings.ts";
import type { TopicDraft } from "./topics.ts";

type Path = readonly (string | number)[];

/** The long form of `from:`, which the short one stands for. */
type FromSpec = Exclude<StageHead["from"], string>;
type ToSpec = Exclude<StageHead["to"], string>;

/** A stage with its topics found; whether they can be used is still open. */
export interface WiredStage {
  readonly part: StagePart;
  readonly path: Path;
  readonly head: StageHead;
  readonly fromSpec: FromSpec;
  readonly toSpec: ToSpec;
  /** Where a problem with the topic's name is shown. */
  readonly fromPath: Path;
  readonly toPath: Path;
  readonly from: TopicDraft;
  readonly to: TopicDraft;
  /** Reads what others send: an external topic, or one without a schema. */
  readonly isIngest: boolean;
}

/**
 * Finds the topics of every stage and refuses what no order of stages can make right: unknown topics, names used
 * twice, several writers, inputs that nobody writes, circles. The stages come back in the order of the flow.
 */
export function wireStages(
  outline: Outline,
  topics: ReadonlyMap<string, TopicDraft>,
  findings: Findings,
): WiredStage[] {
  checkStageNames(outline, findings);
  const wired = outline.stages.map((part) => wireStage(part, topics, findings)).filter((stage) => stage !== undefined);
  // A stage that is broken may be the one that writes: nobody is called unfed then.
  const allKnown = wired.length === outline.stages.length;
  checkWriters(wired, findings);
  for (const stage of wired) checkInput(stage, allKnown, findings);
  // A second writer has been reported; the topic's schema and order are those of the first.
  return inFlowOrder(
    wired.filter((stage) => stage.to.writers[0] === stage.head.name),
    findings,
  );
}

function checkStageNames(outline: Outline, findings: Findings): void {
  const seen = new Set<string>();
  for (const { spec, path } of outline.stages) {
    if (spec === undefined) continue;
    if (seen.has(spec.name)) {
      const message = `two stages are named ${spec.name}; a name makes one consumer group`;
      findings.problem("MR_CONFLICT", [...path, "name"], message, "give one of them another name");
    }
    seen.add(spec.name);
  }
}

function wireStage(
  part: StagePart,
  topics: ReadonlyMap<string, TopicDraft>,
  findings: Findings,
): WiredStage | undefined {
  const head = part.spec;
  if (head === undefined) return undefined;
  const fromSpec = typeof head.from === "string" ? { topic: head.from } : head.from;
  const toSpec = typeof head.to === "string" ? { topic: head.to } : head.to;
  const fromPath = [...part.path, "from", ...(typeof head.from === "string" ? [] : ["topic"])];
  const toPath = [...part.path, "to", ...(typeof head.to === "string" ? [] : ["topic"])];
  const from = topics.get(fromSpec.topic);
  const to = topics.get(toSpec.topic);
  if (from === undefined) findings.dangling(fromPath, "topic", fromSpec.topic, topics.keys());
  if (to === undefined) findings.dangling(toPath, "topic", toSpec.topic, topics.keys());
  if (from === undefined || to === undefined) return undefined;
  const isIngest = from.external || (from.schemaFrom === "none" && !from.isBroken);
  return { part, path: part.path, head, fromSpec, toSpec, fromPath, toPath, from, to, isIngest };
}

function checkWriters(stages: readonly WiredStage[], findings: Findings): void {
  for (const stage of stages) {
    const [first] = stage.to.writers;
    if (first !== undefined && first !== stage.head.name) {
      const message = `topic ${stage.to.name} is already written by stage ${first}; one topic has one writer`;
      findings.problem("MR_CONFLICT", stage.toPath, message, "write to a topic of its own");
    } else stage.to.writers.push(stage.head.name);
    if (stage.toSpec.format !== undefined) agreeFormat(stage.to, stage.toSpec.format, stage.path, "to", findings);
  }
}

function checkInput(stage: WiredStage, allKnown: boolean, findings: Findings): void {
  const { from, fromSpec } = stage;
  const isWritten = from.writers.length > 0;
  if (from.isBroken) return;
  if (fromSpec.format !== undefined) agreeFormat(from, fromSpec.format, stage.path, "from", findings);
  if (from.external && isWritten) {
    const message = `topic ${from.name} is external, and stage ${from.writers.join(", ")} writes it`;
    findings.problem("MR_CONFLICT", stage.fromPath, message, `remove external: true from topics.${from.name}`);
    from.isBroken = true;
  } else if (!from.external && !isWritten && allKnown) {
    const message = `stage ${stage.head.name} reads topic ${from.name}, which no stage writes and which is not external`;
    const hint = `add external: true to topics.${from.name} if others write it, or write it from a stage`;
    findings.problem("MR_UNFED", stage.fromPath, message, hint);
    from.isBroken = true;
  }
}

function agreeFormat(
  topic: TopicDraft,
  format: ValueFormat,
  stagePath: Path,
  end: "from" | "to",
  findings: Findings,
): void {
  if (topic.format !== undefined && topic.format !== format) {
    const message = `topic ${topic.name} is ${topic.format} elsewhere in this file, and ${format} here`;
    findings.problem("MR_CONFLICT", [...stagePath, end, "format"], message, `write format: ${topic.format}`);
  } else topic.format = format;
}

/** Stages so that each comes after the one that writes its input; those in a circle are reported and left out. */
function inFlowOrder(stages: readonly WiredStage[], findings: Findings): WiredStage[] {
  const ordered: WiredStage[] = [];
  let rest = [...stages];
  for (;;) {
    const ready = rest.filter((stage) => !rest.some((other) => other.to === stage.from));
    if (ready.length === 0) break;
    ordered.push(...ready);
    rest = rest.filter((stage) => !ready.includes(stage));
  }
  reportCircles(rest, findings);
  for (const stage of rest) stage.to.isBroken = true;
  return ordered;
}

/** What is left has no beginning: each circle is told once, from its first stage in the file. */
function reportCircles(rest: readonly WiredStage[], findings: Findings): void {
  const told = new Set<WiredStage>();
  for (const start of rest) {
    const walk: WiredStage[] = [];
    let at: WiredStage | undefined = start;
    while (at !== undefined && !walk.includes(at) && !told.has(at)) {
      walk.push(at);
      const input: TopicDraft = at.from;
      at = rest.find((stage) => stage.to === input);
    }
    const circle = at === undefined || told.has(at) ? [] : walk.slice(walk.indexOf(at)).reverse();
    for (const stage of walk) told.add(stage);
    const first = rest.find((stage) => circle.includes(stage));
    if (first === undefined) continue;
    const turn = circle.indexOf(first);
    const names = [...circle.slice(turn), ...circle.slice(0, turn), first].map((stage) => stage.head.name);
    const message = `the stages feed each other in a circle: ${names.join(" -> ")}`;
    findings.problem("MR_CYCLE", first.fromPath, message, "read from a topic that lies before the circle");
  }
}
