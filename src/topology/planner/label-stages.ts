import {
  type Ast,
  binary,
  call,
  checkExpression,
  conditional,
  isNull,
  literal,
  type RowOp,
  ref,
  type TypedExpression,
} from "../../expression/index.ts";
import { assert } from "../../kernel/index.ts";
import { labelledSchema } from "../../monitor/index.ts";
import type { Field, RowShape } from "../../schema/index.ts";
import type { PlannedMonitoring, PlannedPerformance } from "../plan/monitoring.ts";
import { errorPoliciesDefault, type PlannedModel, type PlannedStage, type PlannedTopic } from "../plan/plan.ts";

/** Begin of the names of the stages that Millrace adds. */
export const labelledPrefix = "labelled-";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** The labeller reads what it holds again: windows that are open for long need a log that is long. */
const retentionMsMin = 7 * dayMs;

/** A stage without what follows from the others. */
type StageBody = Omit<PlannedStage, "to" | "name" | "group">;

/** The topic on which predictions and labels meet; undefined where no monitor needs it. */
function labelledTopic(
  monitors: readonly PlannedPerformance[],
  clusterName: string,
  writers: readonly string[],
): PlannedTopic | undefined {
  if (monitors.length === 0) return undefined;
  const openMs = monitors.map(({ windowMs, waitMs, lateMs }) => windowMs + waitMs + lateMs);
  return {
    name: clusterName,
    clusterName,
    external: false,
    format: "avro",
    subject: `${clusterName}-value`,
    schema: labelledSchema,
    schemaFrom: "file",
    key: "key",
    time: "event_time",
    timeFromKafka: false,
    partitions: 1,
    retentionMs: Math.max(retentionMsMin, 3 * Math.max(...openMs)),
    replication: undefined,
    writers,
    olderLack: [],
  };
}

/** What stages put predictions and labels on one topic, under the key that joins them: one for each topic of either. */
export function labelStages(
  monitoring: PlannedMonitoring | undefined,
  models: ReadonlyMap<string, PlannedModel | undefined>,
  groupStem: string,
): PlannedStage[] {
  if (monitoring?.labelled === undefined) return [];
  const { performance, labelled } = monitoring;
  const stages = new Map<string, StageBody>();
  for (const { join, predictions, labels, model } of performance) {
    const label = models.get(model)?.label;
    if (label === undefined || stages.has(`predictions/${join}`)) continue;
    stages.set(`predictions/${join}`, predictionStage(join, predictions, label.on));
    stages.set(`labels/${join}`, labelStage(join, labels, label.on, label.field));
  }
  const taken = new Set<string>();
  const named = [...stages.values()].map((stage) => {
    const stem = `${labelledPrefix}${slug(stage.from.name)}`;
    let name = stem;
    for (let i = 2; taken.has(name); i++) name = `${stem}-${i}`;
    taken.add(name);
    return { ...stage, name, group: `${groupStem}.${name}` };
  });
  const to = labelledTopic(performance, labelled.clusterName, [...taken]);
  return to === undefined ? [] : named.map((stage) => ({ ...stage, to }));
}

function slug(topic: string): string {
  return topic.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
}

function predictionStage(join: string, from: PlannedTopic, on: string): StageBody {
  const rows = new Rekeying(from);
  rows.require(on);
  const key = rows.hold(call("to_string", ref(on)));
  const time = rows.hold(ref(from.time ?? "event_time"));
  rows.assign("join", literal(join));
  rows.assign("key", key);
  rows.assign("event_time", time);
  for (const field of ["model", "model_version", "score"]) rows.assign(field, ref(field));
  rows.assign("label", nothing(literal(false)));
  return stageOf(from, rows.ops);
}

function labelStage(join: string, from: PlannedTopic, on: string, field: string | undefined): StageBody {
  const rows = new Rekeying(from);
  const value = shapeOf(from).find(({ name }) => name === field);
  const time = from.time ?? "event_time";
  rows.require(on);
  rows.require(time);
  if (value?.type.nullable === true) rows.dropNull(value.name, "no label");
  const key = rows.hold(call("to_string", ref(on)));
  const at = rows.hold(ref(time));
  // Without a field that a record is there says "true".
  const isTrue = rows.hold(value === undefined ? literal(true) : truthOf(value));
  rows.assign("join", literal(join));
  rows.assign("key", key);
  rows.assign("event_time", at);
  rows.assign("label", isTrue);
  rows.assign("model", nothing(literal("")));
  rows.assign("model_version", nothing(literal(0)));
  rows.assign("score", nothing(literal(0.5)));
  return stageOf(from, rows.ops);
}

/** Of a number only 0 and 1 are labels; what is neither becomes a dead letter. */
function truthOf({ name, type }: Field): Ast {
  return type.kind === "boolean" ? ref(name) : call("to_boolean", ref(name));
}

/** Null, of the type of that value. */
function nothing(value: Ast): Ast {
  return conditional(binary("==", literal(1), literal(0)), value, literal(null));
}

/** The row operations of a stage that re-keys; what is held under names of its own is taken before any field changes. */
class Rekeying {
  readonly ops: RowOp[] = [];
  #shape: RowShape;

  constructor(from: PlannedTopic) {
    this.#shape = shapeOf(from);
  }

  /** Rows in which the field is null are dead letters: they join nothing. */
  require(name: string): void {
    if (!this.#isNullable(name)) return;
    const when = this.#typed(isNull(ref(name)));
    this.ops.push({ op: "failIf", code: "MR_REQUIRED", field: name, message: `${name} is null`, when });
  }

  dropNull(name: string, reason: string): void {
    this.ops.push({ op: "dropIf", reason, when: this.#typed(isNull(ref(name))) });
  }

  /** @returns a reference to the value as it is now, whatever is assigned later */
  hold(value: Ast): Ast {
    const taken = new Set(this.#shape.map(({ name }) => name));
    let name = "joined_0";
    for (let i = 1; taken.has(name); i++) name = `joined_${i}`;
    const typed = this.#typed(value);
    this.#set({ name, type: typed.type }, typed);
    return ref(name);
  }

  /** Sets a field of the output. */
  assign(name: string, value: Ast): void {
    const field = labelledSchema.shape.find((known) => known.name === name);
    assert(field !== undefined, `labelled records have a field ${name}`);
    this.#set(field, this.#typed(value));
  }

  #set(field: Field, value: TypedExpression): void {
    this.ops.push({ op: "assign", field, value });
    this.#shape = [...this.#shape.filter(({ name }) => name !== field.name), field];
  }

  #isNullable(name: string): boolean {
    return this.#shape.find((field) => field.name === name)?.type.nullable === true;
  }

  #typed(ast: Ast): TypedExpression {
    const checked = checkExpression(ast, this.#shape);
    assert("expr" in checked, `an expression of ours is right: ${JSON.stringify(checked)}`);
    return checked.expr;
  }
}

function stageOf(from: PlannedTopic, ops: readonly RowOp[]): StageBody {
  const { schema } = from;
  assert(schema !== undefined, `topic ${from.name} has a schema`);
  return {
    from,
    fromFormat: "avro",
    start: { kind: "earliest" },
    // What is joined goes on where the log does: it is of the newest windows alone.
    onLogChange: "restart",
    errors: errorPoliciesDefault,
    toFormat: "avro",
    ingest: undefined,
    reader: schema,
    eventTimeField: from.time,
    keyField: "key",
    program: { wideCode: "MR_DECODE_BODY", input: schema.shape, ops, output: labelledSchema.shape },
    memories: [],
    stores: [],
    taps: [],
    lateWithinMs: undefined,
    infer: undefined,
    stepLines: ["re-key for the labeller"],
  };
}

function shapeOf({ schema, name }: PlannedTopic): RowShape {
  assert(schema !== undefined, `topic ${name} has a schema`);
  return schema.shape;
}
