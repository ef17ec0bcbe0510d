import type { MonitoredField } from "../../monitor/index.ts";
import { type Field, kindText, type RowShape } from "../../schema/index.ts";
import type { PlannedModel } from "../plan/plan.ts";
import type { Findings } from "./findings.ts";
import type { TopicDraft } from "./topics.ts";

type Path = readonly (string | number)[];

/** How the values of a type are counted; what is not here cannot be. */
const kinds: Readonly<Record<string, MonitoredField["kind"] | undefined>> = {
  int: "numbers",
  long: "numbers",
  float: "numbers",
  double: "numbers",
  string: "categories",
  enum: "categories",
  boolean: "categories",
};

/** What `fields:` says, and what counts where it says nothing. */
export interface FieldsAsked {
  readonly fields: "all" | readonly string[] | undefined;
  readonly path: Path;
  readonly isPredictions: boolean;
  /** Of the baseline, where that is a model's. */
  readonly model: PlannedModel | undefined;
}

/** The fields that a monitor counts, in its order; what cannot be counted is reported and left out. */
export function monitoredFields(
  { fields, path, isPredictions, model }: FieldsAsked,
  topic: TopicDraft,
  shape: RowShape,
  findings: Findings,
): MonitoredField[] {
  if (typeof fields === "object") return listed(fields, path, topic, shape, findings);
  if (fields === undefined && isPredictions) return listed(["score"], path, topic, shape, findings);
  const ofModel = fields === undefined ? model?.features.map(({ name }) => name) : undefined;
  // A feature that is a time has no cells of its own.
  const isAsked = (name: string): boolean => ofModel?.includes(name) ?? !isName(name, topic);
  const wanted = shape.filter((field) => isAsked(field.name) && field.type.kind in kinds && !isSecretText(field));
  if (wanted.length === 0) {
    const message = `no field of topic ${topic.name} can be counted: numbers, texts, enums and booleans can`;
    findings.problem("MR_CONFLICT", path, message, "remove the monitor");
  }
  return wanted.flatMap(counted);
}

/** The most frequent values of a text stand in its baseline; symbols of an enum stand in the schema anyway. */
function isSecretText({ type, sensitive }: Field): boolean {
  return sensitive === true && type.kind === "string";
}

/** It names the event, or what the event is of: each window would be full of values that nobody has seen. */
function isName(name: string, topic: TopicDraft): boolean {
  return name === "event_id" || name === topic.key;
}

function listed(
  names: readonly string[],
  path: Path,
  topic: TopicDraft,
  shape: RowShape,
  findings: Findings,
): MonitoredField[] {
  const known = shape.map((field) => field.name);
  return names.flatMap((name, index) => {
    const at = [...path, index];
    const field = shape.find((candidate) => candidate.name === name);
    if (field === undefined) {
      findings.dangling(at, `field of topic ${topic.name} named`, name, known);
      return [];
    }
    if (names.indexOf(name) < index) {
      findings.problem("MR_CONFLICT", at, `field ${name} is named twice`, "remove it");
      return [];
    }
    if (kinds[field.type.kind] === undefined) {
      const message = `monitors count numbers, texts, enums and booleans, and ${name} is ${kindText(field.type)}`;
      findings.problem("MR_WRONG_TYPE", at, message, "remove it, or derive what matters of it in a step");
    }
    if (isSecretText(field)) {
      const message = `${name} is sensitive, and what is counted of a text stands by its value in the baseline`;
      findings.problem("MR_UNSUPPORTED", at, message, "remove it");
    }
    return counted(field);
  });
}

function counted({ name, type, sensitive }: Field): MonitoredField[] {
  const kind = kinds[type.kind];
  return kind === undefined ? [] : [{ name, kind, isSensitive: sensitive === true }];
}
