import type { RowOp } from "../../expression/index.ts";
import type { Field, RowShape } from "../../schema/index.ts";
import { decideOps, type InferConfig } from "../../step/index.ts";
import type { Findings } from "./findings.ts";
import { type Lowered, type StageScope, typedExpression } from "./lowering.ts";
import type { WiredStage } from "./wiring.ts";

type Path = readonly (string | number)[];

/** The operations that make the booleans under `decide`; none without an infer step. What is wrong is reported. */
export function decisions(wired: WiredStage, lowered: Lowered, findings: Findings): readonly RowOp[] {
  const infer = lowered.infer;
  if (infer === undefined) return [];
  return decideOps(infer.config, {
    shape: lowered.shape,
    stage: wired.head.name,
    ingest: wired.isIngest,
    supplied: [],
    isBehindReading: true,
    timeField: wired.from.time,
    keyField: wired.from.key,
    latenessMs: 0,
    keysMax: undefined,
    ttlMs: undefined,
    lateEmitted: true,
    expression: (source, path, shape) =>
      typedExpression(source, shape ?? lowered.shape, (problem, missing) => {
        if (missing !== undefined && lowered.wouldHave(missing)) return;
        findings.problems.push({ ...problem, path: [...infer.path, ...path] });
      }),
    field: (name) => lowered.shape.find((field) => field.name === name),
    problem: (problem) => findings.problems.push({ ...problem, path: [...infer.path, ...problem.path] }),
    storeName: (kind) => kind,
    memory: () => 0,
  });
}

/** Fields of a prediction record, in the order of the contract; undefined when the stage has no event time. */
export function predictionShape(
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

/** The field that an operation sets, if it is an assignment. */
export function assigned(op: RowOp): Field[] {
  return op.op === "assign" ? [op.field] : [];
}

function kept(config: InferConfig | undefined, shape: RowShape): Field[] {
  return (config?.keep ?? []).flatMap((name) => shape.find((field) => field.name === name) ?? []);
}
