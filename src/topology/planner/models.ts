import { inputKindOf, type LearnerKind, type ModelInput } from "../../model/index.ts";
import { type Field, kindText, type RowShape } from "../../schema/index.ts";
import { type InferConfig, parseModelReference } from "../../step/index.ts";
import type { PlannedModel } from "../plan/plan.ts";
import type { ModelSpec } from "../spec/model-spec.ts";
import type { Outline, Part } from "../spec/shape.ts";
import { type Findings, quoted } from "./findings.ts";
import { checkAbsence, planRetraining } from "./retraining.ts";
import type { StageDraft } from "./stages.ts";
import type { TopicDraft } from "./topics.ts";

type Path = readonly (string | number)[];

/** Checks every model against its topics and the stages that serve it. A broken one is undefined: reported already. */
export function planModels(
  outline: Outline,
  topics: ReadonlyMap<string, TopicDraft>,
  stages: readonly StageDraft[],
  findings: Findings,
): Map<string, PlannedModel | undefined> {
  const models = new Map<string, PlannedModel | undefined>();
  for (const [name, part] of outline.models) models.set(name, planModel(name, part, topics, findings));
  checkKeeps(outline, stages, topics, findings);
  for (const stage of stages) checkServing(stage, models, findings);
  return models;
}

function planModel(
  name: string,
  { path, spec }: Part<ModelSpec>,
  topics: ReadonlyMap<string, TopicDraft>,
  findings: Findings,
): PlannedModel | undefined {
  if (spec === undefined) return undefined;
  checkAbsence(spec, path, findings);
  const shape = shapeOf(spec.features.from, [...path, "features", "from"], topics, findings);
  if (spec.label !== undefined) checkLabel(spec, path, shape, topics, findings);
  if (shape === undefined) return undefined;
  const features = featuresOf(spec, [...path, "features"], shape, findings);
  return {
    name,
    task: spec.task,
    featuresFrom: spec.features.from,
    features,
    candidates: candidatesOf(spec, path, findings),
    metric: spec.metric ?? "average_precision",
    ...planRetraining(spec, path, features, findings),
  };
}

/** The learners, each once. */
function candidatesOf({ candidates }: ModelSpec, path: Path, findings: Findings): readonly LearnerKind[] {
  if (candidates === undefined) return ["logistic"];
  for (const [index, kind] of candidates.entries()) {
    if (candidates.indexOf(kind) === index) continue;
    const message = `${kind} is among the candidates already, and would be fitted twice`;
    findings.problem("MR_CONFLICT", [...path, "candidates", index], message, "remove it");
  }
  return candidates;
}

/** The fields of a topic that training reads; undefined when it is unknown (reported) or broken (reported before). */
function shapeOf(
  name: string,
  path: Path,
  topics: ReadonlyMap<string, TopicDraft>,
  findings: Findings,
): RowShape | undefined {
  const topic = topics.get(name);
  if (topic === undefined) {
    findings.dangling(path, "topic", name, topics.keys());
    return undefined;
  }
  if (topic.isBroken) return undefined;
  if (topic.format === "json" || topic.schema === undefined) {
    const reason = topic.schema === undefined ? "has no schema" : "is JSON";
    const message = `training reads Avro with a schema, and topic ${name} ${reason}`;
    findings.problem("MR_SCHEMA", path, message, "name a topic that a stage writes as Avro");
    return undefined;
  }
  return topic.schema.shape;
}

function featuresOf(spec: ModelSpec, path: Path, shape: RowShape, findings: Findings): ModelInput[] {
  const { except, only } = spec.features;
  const names = shape.map((field) => field.name).filter((name) => name !== "event_id");
  const before = findings.problems.length;
  for (const [list, given] of [["except", except] as const, ["only", only] as const]) {
    for (const [index, name] of (given ?? []).entries())
      if (!shape.some((field) => field.name === name))
        findings.dangling([...path, list, index], `field of topic ${spec.features.from} named`, name, names);
  }
  if (except !== undefined && only !== undefined) {
    const message = "features takes except or only, not both";
    findings.problem("MR_CONFLICT", [...path, "only"], message, "remove one of the two");
  }
  const namesAreRight = findings.problems.length === before;
  const chosen =
    only === undefined
      ? shape.filter((field) => field.name !== "event_id" && except?.includes(field.name) !== true)
      : only.flatMap((name) => shape.find((field) => field.name === name) ?? []);
  // A field that a misspelt name was to leave out is no second problem.
  if (namesAreRight) reportUnfit(chosen, spec, path, findings);
  if (chosen.length === 0) {
    const message = "the model has no features left";
    findings.problem("MR_CONFLICT", path, message, "leave some fields out of except");
  }
  return chosen.flatMap(({ name, type }) => {
    const kind = inputKindOf(type.kind);
    return kind === undefined ? [] : [{ name, kind }];
  });
}

function reportUnfit(chosen: readonly Field[], { features, label }: ModelSpec, path: Path, findings: Findings): void {
  const { except, only } = features;
  const joinsBy = only === undefined ? label?.on : undefined;
  for (const field of chosen) {
    const why = unfitness(field, joinsBy);
    if (why === undefined) continue;
    const index = only?.indexOf(field.name) ?? -1;
    const at = index >= 0 ? [...path, "only", index] : path;
    const hint = index >= 0 ? "remove it" : `add it to except: [${[...(except ?? []), field.name].join(", ")}]`;
    findings.problem("MR_WRONG_TYPE", at, why, hint);
  }
}

/** Why a field is no feature; undefined when it is one. A text that only names the event would be learnt by heart. */
function unfitness({ name, type }: Field, joinsBy: string | undefined): string | undefined {
  const kind = inputKindOf(type.kind);
  if (kind === undefined) return `features are numbers, booleans, strings and enums, and ${name} is ${type.kind}`;
  if (kind === "category" && name === joinsBy)
    return `${name} joins the labels to their features, and a name is no feature`;
  return undefined;
}

function isLabel({ type }: Field): boolean {
  const kind = inputKindOf(type.kind);
  return kind === "number" || kind === "boolean";
}

function checkLabel(
  spec: ModelSpec,
  modelPath: Path,
  features: RowShape | undefined,
  topics: ReadonlyMap<string, TopicDraft>,
  findings: Findings,
): void {
  const { label } = spec;
  if (label === undefined) return;
  const path = [...modelPath, "label"];
  const shape = shapeOf(label.topic, [...path, "topic"], topics, findings);
  const on = shape?.find((field) => field.name === label.on);
  const value = shape?.find((field) => field.name === label.field);
  const names = (shape ?? []).map((field) => field.name);
  if (shape !== undefined) {
    if (on === undefined) findings.dangling([...path, "on"], `field of topic ${label.topic} named`, label.on, names);
    if (value === undefined && label.field !== undefined)
      findings.dangling([...path, "field"], `field of topic ${label.topic} named`, label.field, names);
    else if (value !== undefined && !isLabel(value)) {
      const message = `a label is a boolean or a number, and ${label.field} is ${kindText(value.type)}`;
      findings.problem(
        "MR_WRONG_TYPE",
        [...path, "field"],
        message,
        "derive a boolean from it in the stage that writes the labels",
      );
    }
    const topic = topics.get(label.topic);
    if (topic?.time === undefined && topic?.timeIsWrong !== true) {
      const message = `of several labels the last by event time counts, and topic ${label.topic} has no event time`;
      findings.problem(
        "MR_TIME",
        [...path, "topic"],
        message,
        `name a timestamp-millis field under topics.${label.topic}.time`,
      );
    }
  }
  const joined = features?.find((field) => field.name === label.on);
  if (features === undefined || (shape !== undefined && on === undefined)) return;
  if (joined === undefined)
    findings.dangling(
      [...path, "on"],
      `field of topic ${spec.features.from} named`,
      label.on,
      features.map((f) => f.name),
    );
  else if (on !== undefined && joined.type.kind !== on.type.kind) {
    const message = `${label.on} is ${kindText(joined.type)} in topic ${spec.features.from} and ${kindText(on.type)} in topic ${label.topic}`;
    findings.problem("MR_SCHEMA", [...path, "on"], message, "give both the same type, for example with cast");
  }
}

/** Every stage that serves a model must carry the field by which its predictions meet their labels. */
function checkKeeps(
  outline: Outline,
  stages: readonly StageDraft[],
  topics: ReadonlyMap<string, TopicDraft>,
  findings: Findings,
): void {
  for (const { steps, spec } of outline.stages) {
    const input = typeof spec?.from === "string" ? spec.from : spec?.from.topic;
    for (const step of steps) {
      if (step?.kind !== "infer" || step.spec === undefined) continue;
      const draft = stages.find(({ lowered }) => lowered.infer?.path.join() === step.path.join());
      const shape = draft?.lowered.shape ?? (input === undefined ? undefined : topics.get(input)?.schema?.shape);
      checkKeep(step.spec as InferConfig, step.path, shape, outline, findings);
    }
  }
}

/** @param shape the rows that the step scores, as far as they are known */
function checkKeep(
  { model, keep }: InferConfig,
  path: Path,
  shape: RowShape | undefined,
  outline: Outline,
  findings: Findings,
): void {
  const name = parseModelReference(model)?.model ?? "";
  const part = outline.models.get(name);
  if (part === undefined) {
    if (outline.has.models) findings.dangling([...path, "model"], "model", name, outline.models.keys());
    return;
  }
  const on = part.spec?.label?.on;
  if (on === undefined || keep.includes(on)) return;
  // A misspelt name has been reported where it stands.
  if (findings.isAbout([...path, "keep"]) || findings.isAbout([...part.path, "label", "on"])) return;
  const message = `labels of model ${name} are joined by ${on}, and the predictions of this stage do not keep it`;
  // A line to paste names nothing that is not there.
  const isThere = shape === undefined || shape.some((field) => field.name === on);
  const hint = isThere
    ? `write keep: [${[...keep, on].join(", ")}]`
    : `its rows have no ${on}: carry it through the stages before, or name under label.on a field that they have`;
  findings.problem("MR_LABEL_KEEP", [...path, "keep"], message, hint);
}

/** The stage's rows must have every feature of the model, under a name and type that serve. */
function checkServing(
  stage: StageDraft,
  models: ReadonlyMap<string, PlannedModel | undefined>,
  findings: Findings,
): void {
  const { infer, shape } = stage.lowered;
  if (infer === undefined) return;
  const name = parseModelReference(infer.config.model)?.model ?? "";
  const path = [...infer.path, "model"];
  if (models.get(name)?.features.some((feature) => feature.name === "score") === true) {
    const message = `model ${name} has a feature named score, which is what a prediction calls its answer`;
    findings.problem(
      "MR_RESERVED",
      path,
      message,
      "give the field another name in the steps, or leave it out with except",
    );
  }
  for (const feature of models.get(name)?.features ?? []) {
    const field = shape.find((candidate) => candidate.name === feature.name);
    if (field === undefined) {
      const message = `model ${name} needs feature ${quoted(feature.name)}, and stage ${stage.wired.head.name} does not have it`;
      const hint = `read topic ${models.get(name)?.featuresFrom}, from which the model learns`;
      findings.problem("MR_REFERENCE", path, message, hint);
    } else if (inputKindOf(field.type.kind) !== feature.kind) {
      const message = `feature ${feature.name} of model ${name} is a ${feature.kind}, and here it is ${kindText(field.type)}`;
      findings.problem("MR_WRONG_TYPE", path, message, "give the field the type that the model learns from");
    }
  }
}
