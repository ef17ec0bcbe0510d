import { AssertionError } from "../../kernel/index.ts";
import type { MonitorSpec } from "../../monitor/index.ts";
import { type FieldValues, fieldValues, type RecordSchema, type WantedValue } from "../../schema/index.ts";
import { type StoreSpec, WindowCounts } from "../../state/index.ts";
import type { OutputTopic } from "../output-batches.ts";
import type { TaskId } from "../port.ts";
import type { BaselineSource } from "./baselines.ts";
import { TaskTap } from "./task-tap.ts";

/** A monitor of a stage's output, and where its tasks keep what they count. */
export interface StageMonitor {
  readonly monitor: MonitorSpec;
  readonly store: StoreSpec;
}

/** What the tap of a stage needs beside its plan. */
export interface StageTapDeps {
  /** At least one. */
  readonly monitors: readonly StageMonitor[];
  /** Of the rows; their event time. */
  readonly timeField: string;
  readonly baselines: BaselineSource;
  /** {@link PlannedMonitoring.workHash} */
  readonly plan: string;
  /** Where partials go: a topic of one partition. */
  readonly partials: OutputTopic;
  /** Registry id of the schema of a partial. */
  readonly partialSchemaId: number;
}

/** Makes the taps of a stage's tasks, which share the code that reads rows. */
export class StageTap {
  readonly #deps: StageTapDeps;
  readonly #stage: string;
  readonly #values: FieldValues;
  readonly #places: ReadonlyMap<string, number>;

  /** @param schema of the rows */
  constructor(deps: StageTapDeps, stage: string, schema: RecordSchema) {
    this.#deps = deps;
    this.#stage = stage;
    const wanted = wantedValues(deps);
    this.#places = new Map(wanted.map(({ name, as }, place) => [placeName(name, as), place]));
    this.#values = fieldValues(schema.type, wanted);
  }

  ofTask(task: TaskId): TaskTap {
    const { monitors, baselines, partials: topic, partialSchemaId: schemaId, timeField, plan } = this.#deps;
    return new TaskTap({
      monitors: monitors.map(({ monitor }) => monitor),
      storeOf: (monitor) => storeOf(monitors, monitor),
      baselines,
      place: { topic, schemaId, stage: this.#stage, plan },
      task,
      values: this.#values,
      placeOf: ({ name, kind }) => this.#placeOf(name, kind === "numbers" ? "number" : "scalar"),
      timePlace: this.#placeOf(timeField, "number"),
    });
  }

  #placeOf(name: string, as: WantedValue["as"]): number {
    const place = this.#places.get(placeName(name, as));
    if (place === undefined) throw new AssertionError(`field ${name} is monitored and not read`);
    return place;
  }
}

/** Every field that any of the monitors looks at, once in each form, and the event time. */
function wantedValues({ monitors, timeField }: StageTapDeps): WantedValue[] {
  const wanted = new Map<string, WantedValue>();
  const want = (name: string, as: WantedValue["as"]): void => void wanted.set(placeName(name, as), { name, as });
  want(timeField, "number");
  for (const { monitor } of monitors)
    for (const { name, kind } of monitor.fields) want(name, kind === "numbers" ? "number" : "scalar");
  return [...wanted.values()];
}

function placeName(name: string, as: WantedValue["as"]): string {
  return `${as} ${name}`;
}

function storeOf(monitors: readonly StageMonitor[], { name, version, windowMs, lateMs }: MonitorSpec): WindowCounts {
  const spec = monitors.find(({ monitor }) => monitor.name === name)?.store;
  if (spec === undefined) throw new AssertionError(`monitor ${name} has no store`);
  return new WindowCounts({ spec, config: version, windowMs, lateMs });
}
