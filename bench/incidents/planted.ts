/** What the two sets of planted incidents have in common: how partials come to the judge, and what it says of them. */
import type { Rng } from "../../src/kernel/index.ts";
import {
  type BaselineFieldRecord,
  type Cause,
  defaultRules,
  Judge,
  type MonitorSpec,
  type Partial,
  type PartialRecord,
} from "../../src/monitor/index.ts";

export const hourMs = 3_600_000;
export const baselineId = "b";
/** Windows before something happens, and those within which it has to be seen. */
export const quietWindows = 4;
const windowsMax = 8;

/** The cause that was named when the alert of the field that is hit fired. */
export type Named = Cause | "no cause" | "not seen" | "fired before";

/** Plants an incident of a cause, the i-th of it, and asks the judge. */
export type PlantedSet = (truth: Cause, i: number) => Named;

export const between = (rng: Rng, from: number, to: number): number => from + (to - from) * rng.uniform();
export const signed = (rng: Rng, size: number): number => (rng.uniform() < 0.5 ? -size : size);

/** A monitor of all fields by the hour. */
export function specOf(name: string, fields: MonitorSpec["fields"]): MonitorSpec {
  return {
    name,
    fields,
    windowMs: hourMs,
    lateMs: 0,
    idleAfterMs: 60_000,
    season: "none",
    practical: 0.01,
    kind: "drift",
    severity: "page",
    version: "v",
  };
}

/** What one task says of one window that is over. */
export interface TaskWindow extends Pick<PartialRecord, "partition" | "fromMs" | "schemas" | "plan" | "model"> {
  readonly monitor: string;
  readonly stage: string;
  readonly all: Partial;
  readonly recent: PartialRecord["recent"];
}

export function partialOf({ all, recent, ...window }: TaskWindow): PartialRecord {
  return {
    ...window,
    version: "v",
    baseline: baselineId,
    rows: all.rows,
    late: 0,
    counts: all.counts,
    offsetFrom: 0,
    offsetNext: all.rows,
    recent,
    streamTimeMs: window.fromMs + hourMs,
    isClosed: true,
  };
}

export interface Asked {
  /** Each on a stage of its own name; the first is asked of. */
  readonly monitors: readonly MonitorSpec[];
  readonly partitions: number;
  /** Monitors of what others read, by those. */
  readonly inputsOf: ReadonlyMap<string, readonly string[]>;
  readonly baselines: readonly BaselineFieldRecord[];
  readonly field: string;
  /** Begin of what happens, in hours since the epoch. */
  readonly hour: number;
  /** Of all tasks and monitors. @param window 0 where it begins */
  readonly partialsOf: (window: number) => readonly PartialRecord[];
}

/** What the judge says when the field's alert fires. */
export function named({ monitors, partitions, inputsOf, baselines, field, hour, partialsOf }: Asked): Named {
  const names = monitors.map(({ name }) => name);
  const judge = new Judge({
    topology: "bench",
    monitors,
    rules: defaultRules,
    budget: { pages: 1, perMs: 720 * hourMs },
    partitions: new Map(names.map((name) => [name, partitions])),
    stagesOf: new Map(names.map((name) => [name, [name]])),
    inputsOf,
    ageMaxMs: 6 * hourMs,
  });
  for (const record of baselines) judge.takeBaseline(record);
  for (const monitor of names) {
    judge.takeBaseline({ monitor, version: "v", id: baselineId, origin: "bench", asked: "", atMs: 0 });
  }
  for (let window = -quietWindows; window < windowsMax; window++) {
    for (const partial of partialsOf(window)) judge.takePartial(partial, (hour + window + 1) * hourMs);
    const fired = judge
      .judge()
      .events.find(
        (event) => event.type === "millrace.alert.firing" && event.monitor === names[0] && event.field === field,
      );
    if (fired !== undefined) return window < 0 ? "fired before" : (fired.cause ?? "no cause");
  }
  return "not seen";
}
