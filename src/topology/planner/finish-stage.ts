import type { RowOp } from "../../expression/index.ts";
import { type Field, type RowShape, withoutShadowedAliases } from "../../schema/index.ts";
import type { StoreSpec } from "../../state/index.ts";
import { parseModelReference } from "../../step/index.ts";
import {
  type ErrorPolicies,
  errorPoliciesDefault,
  type PlannedInfer,
  type PlannedModel,
  type PlannedStage,
  type PlannedStore,
  type PlannedTopic,
} from "../plan/plan.ts";
import { stepText } from "../spec/flow-text.ts";
import type { StageHead } from "../spec/stage-spec.ts";
import type { StageDraft } from "./stages.ts";
import { kafkaTimeField, type TopicDraft } from "./topics.ts";

/** The alias whose place a challenger is to take. */
const championName = "champion";

/** The stage in its final form; undefined when a topic or the model is broken, which has been reported. */
export function finishStage(
  draft: StageDraft,
  topics: ReadonlyMap<TopicDraft, PlannedTopic>,
  models: ReadonlyMap<string, PlannedModel | undefined>,
  groupStem: string,
): PlannedStage | undefined {
  const { wired, scope, lowered } = draft;
  const from = topics.get(wired.from);
  const to = topics.get(wired.to);
  const given = wired.isIngest ? wired.to.given : wired.from.schema;
  if (from === undefined || to === undefined || given === undefined || to.schema === undefined) return undefined;
  const timeField = to.timeFromKafka ? kafkaTimeField : undefined;
  // What the ingest fills itself is not read, so that an alias may give the sender's own value another name.
  const reader = wired.isIngest ? withoutShadowedAliases(given, new Set(scope.supplied)) : given;
  const infer =
    lowered.infer === undefined ? undefined : plannedInfer(draft, models, `${groupStem}.${wired.head.name}.shadow`);
  if (lowered.infer !== undefined && infer === undefined) return undefined;
  const late = lowered.ops.find((op) => op.op === "late");
  return {
    name: wired.head.name,
    group: `${groupStem}.${wired.head.name}`,
    from,
    fromFormat: from.format,
    start: draft.start,
    onLogChange: wired.fromSpec.onLogChange ?? "halt",
    errors: errorPoliciesOf(wired.head),
    to,
    toFormat: to.format,
    ingest: wired.isIngest
      ? {
          schema: reader,
          casts: lowered.casts,
          extract: lowered.extract,
          timesFromMs: draft.timesFromMs,
          tombstones: wired.fromSpec.tombstones ?? "dead-letter",
          supplied: scope.supplied,
          kafkaTimeField: timeField,
          aheadMs: draft.aheadMs,
        }
      : undefined,
    reader,
    eventTimeField: scope.timeField,
    keyField: wired.isIngest ? to.key : undefined,
    program: {
      // A long beyond 2^53 came as it is from the Avro or the JSON that the stage reads.
      wideCode: from.format === "json" ? "MR_CAST" : "MR_DECODE_BODY",
      input: scope.input,
      ops: draft.ops,
      output: infer?.decide.input.slice(0, -1) ?? to.schema.shape,
    },
    memories: lowered.memories,
    stores: lowered.memories.map(({ store }) => plannedStore(store, from, draft, groupStem)),
    // Monitors are planned when all stages are.
    taps: [],
    lateWithinMs: late === undefined ? undefined : late.withinMs,
    infer,
    stepLines: wired.part.steps.flatMap((step) => (step?.spec === undefined ? [] : [stepText(step.kind, step.spec)])),
  };
}

function errorPoliciesOf({ errors }: StageHead): ErrorPolicies {
  const { decode, process, produce } = errorPoliciesDefault;
  return {
    decode: errors?.decode ?? decode,
    process: errors?.process ?? process,
    produce: errors?.produce ?? produce,
  };
}

function plannedStore(store: StoreSpec, from: PlannedTopic, { wired }: StageDraft, groupStem: string): PlannedStore {
  const { name, state } = wired.head;
  if (state?.volatile === true) return { store, changelog: undefined };
  const clusterName = `${groupStem}.${name}.${store.name}.changelog`;
  return { store, changelog: { clusterName, partitions: from.partitions } };
}

/** Rows that an infer step needs: id and time of the event, the features, what is kept and what is decided on. */
function plannedInfer(
  draft: StageDraft,
  models: ReadonlyMap<string, PlannedModel | undefined>,
  shadowName: string,
): PlannedInfer | undefined {
  const { lowered, scope, decide } = draft;
  const config = lowered.infer?.config;
  const reference = parseModelReference(config?.model ?? "");
  const model = models.get(reference?.model ?? "");
  if (config === undefined || reference === undefined || model === undefined) return undefined;
  const features = model.features.map((feature) => feature.name);
  const wanted = new Set([
    "event_id",
    scope.timeField,
    ...features,
    ...config.keep,
    ...decide.flatMap((op) => (op.op === "assign" ? op.value.fields : [])),
  ]);
  // The score is the model's answer here, whatever the rows call so.
  const output = lowered.shape.filter((field) => wanted.has(field.name) && field.name !== "score");
  const decided = decide.flatMap((op: RowOp): Field[] => (op.op === "assign" ? [op.field] : []));
  const score: Field = { name: "score", type: { kind: "double", nullable: false, avro: "double" } };
  const input: RowShape = [...output, score];
  return {
    model: reference.model,
    alias: reference.alias,
    features,
    keep: config.keep,
    decide: { input, ops: decide, output: decided },
    decideNames: decided.map((field) => field.name),
    // A stage that serves anything but the champion has no version to stand beside.
    shadow: model.rollout === "none" || reference.alias !== championName ? undefined : { clusterName: shadowName },
  };
}
