/**
 * Sixty planted incidents, ten of each cause, half of them with a second thing going on at once: whether the judge names
 * the cause. `npm run bench:incidents -- --seed S`; the last line is `incidents N detected N right N`, before it stands
 * which cause was taken for which.
 *
 * Eight fields, eight partitions of unequal size, windows of an hour with eight thousand rows, four weeks of reference.
 * What is planted and what is right is decided here, by how the rows are made; the judge is given partials alone.
 */
import { parseArgs } from "node:util";
import { type Rng, seededRng } from "../src/kernel/index.ts";
import {
  type BaselineFieldRecord,
  type Cause,
  type Cells,
  causes,
  defaultRules,
  Judge,
  type MonitorSpec,
  numberCells,
  PartialCounter,
  type PartialRecord,
  quantileEdges,
} from "../src/monitor/index.ts";

const hourMs = 3_600_000;
const fieldCount = 8;
const shares = [0.3, 0.2, 0.12, 0.1, 0.08, 0.08, 0.06, 0.06];
const rowsPerWindow = 8_000;
const referenceHours = 4 * 168;
const referenceRows = 2_000;
const perCause = 10;
/** Windows before something happens, and those within which it has to be seen. */
const quietWindows = 4;
const windowsMax = 8;

const { values } = parseArgs({ options: { seed: { type: "string", default: "1" } } });
const rng = seededRng(Number(values.seed));

const names = Array.from({ length: fieldCount }, (_, i) => `f${i}`);
const spec: MonitorSpec = {
  name: "features",
  fields: names.map((name) => ({ name, kind: "numbers", isSensitive: false })),
  windowMs: hourMs,
  lateMs: 0,
  idleAfterMs: 60_000,
  season: "none",
  practical: 0.01,
  kind: "drift",
  severity: "page",
  version: "v",
};

/** What goes on from one window on, in the field that is hit. Sizes are in standard deviations of the field. */
interface Plan {
  readonly truth: Cause;
  readonly field: number;
  /** Begin, in hours since the epoch. */
  readonly hour: number;
  /** Of all rows. */
  readonly shift: number;
  /** Of the rows of these partitions. */
  readonly partitions: readonly number[];
  readonly partitionShift: number;
  /** Share of the rows that a new schema writes, and by how much those differ. */
  readonly schemaShare: number;
  readonly schemaShift: number;
  readonly nulls: number;
  readonly nullPartitions: readonly number[] | undefined;
  /** Windows after which another plan runs, before or after the begin; undefined: none does. */
  readonly deployedAt: number | undefined;
}

const nothing: Omit<Plan, "truth" | "field" | "hour"> = {
  shift: 0,
  partitions: [],
  partitionShift: 0,
  schemaShare: 0,
  schemaShift: 0,
  nulls: 0,
  nullPartitions: undefined,
  deployedAt: undefined,
};

const between = (from: number, to: number): number => from + (to - from) * rng.uniform();
const signed = (size: number): number => (rng.uniform() < 0.5 ? -size : size);
/** The hours of the week in which field 7 is always otherwise. */
const seasonHours = { from: 57, to: 65, shift: 0.9 };
/** Four weeks after the epoch and a while; a Thursday of 1970 is the first day. */
const firstHour = 1_000 * 168;

/** A cause alone, and, for the odd ones, with something else that comes after it in the order of precedence. */
function planOf(truth: Cause, isDouble: boolean): Plan {
  const field = Math.floor(rng.uniform() * (fieldCount - 1));
  // A working hour that is not within the season's.
  const hour = firstHour + 100 + Math.floor(rng.uniform() * 40);
  const base = { ...nothing, truth, field, hour };
  const few = rng.uniform() < 0.5 ? [0] : [2, 3];
  const shift = signed(between(0.25, 1));
  const strong = signed(between(0.5, 1));
  switch (truth) {
    case "deployment": {
      const deployed = { ...base, deployedAt: 0, shift };
      return isDouble ? { ...deployed, nulls: between(0.05, 0.2) } : deployed;
    }
    case "schema": {
      // In one partition as well, or in all.
      const written = { ...base, schemaShare: between(0.3, 1), schemaShift: strong };
      return isDouble ? { ...written, deployedAt: -3 } : written;
    }
    case "partition": {
      const odd = { ...base, partitions: few, partitionShift: strong };
      return isDouble ? { ...odd, nulls: between(0.1, 0.3), nullPartitions: few } : odd;
    }
    case "nulls": {
      const holes = { ...base, nulls: between(0.06, 0.3) };
      return isDouble ? { ...holes, schemaShare: between(0.1, 0.5) } : holes;
    }
    case "season": {
      const known = { ...base, field: fieldCount - 1, hour: firstHour + seasonHours.from };
      return isDouble ? { ...known, schemaShare: between(0.1, 0.5), deployedAt: -3 } : known;
    }
    case "world": {
      const moved = { ...base, shift };
      return isDouble ? { ...moved, schemaShare: between(0.1, 0.5), nulls: 0.02 } : moved;
    }
  }
}

function isInSeason(hour: number): boolean {
  const at = hour % 168;
  return at >= seasonHours.from && at < seasonHours.to;
}

/** A row of the reference, or of a window. */
function fill(row: (number | null)[], source: Rng, hour: number): void {
  for (let f = 0; f < fieldCount; f++) row[f] = source.normal();
  if (isInSeason(hour)) row[fieldCount - 1] = (row[fieldCount - 1] ?? 0) + seasonHours.shift;
}

function referenceOf(): { readonly cells: readonly Cells[]; readonly records: readonly BaselineFieldRecord[] } {
  const source = seededRng(Number(values.seed) * 7_919);
  const row: (number | null)[] = [];
  const sample: number[][] = names.map(() => []);
  for (let i = 0; i < 4_000; i++) {
    fill(row, source, i % 168);
    for (const [f, value] of row.entries()) sample[f]?.push(value ?? 0);
  }
  const edges = sample.map((own) => quantileEdges(own, 20));
  const cells = edges.map(numberCells);
  const windows = Array.from({ length: referenceHours }, (_, hour) => {
    const counter = new PartialCounter(cells);
    for (let i = 0; i < referenceRows; i++) {
      fill(row, source, hour);
      counter.absorb(row);
    }
    return counter.counts;
  });
  const records = names.map((field, f): BaselineFieldRecord => {
    return {
      monitor: spec.name,
      id: "b",
      field,
      fields: fieldCount,
      cells: { kind: "numbers", edges: edges[f] ?? [] },
      windows: windows.map((counts, hour) => {
        return { fromMs: hour * hourMs, rows: referenceRows, counts: counts[f] ?? new Float64Array() };
      }),
    };
  });
  return { cells, records };
}

/** What one task counts of one window of an incident. */
function partialOf(plan: Plan, cells: readonly Cells[], source: Rng, partition: number, window: number): PartialRecord {
  const hour = plan.hour + window;
  const isOn = window >= 0;
  const all = new PartialCounter(cells);
  const recent = new PartialCounter(cells);
  const row: (number | null)[] = [];
  const rows = Math.round((shares[partition] ?? 0) * rowsPerWindow);
  for (let i = 0; i < rows; i++) {
    fill(row, source, hour);
    const isNew = isOn && source.uniform() < plan.schemaShare;
    if (isOn) hit(row, plan, source, { partition, isNew });
    all.absorb(row);
    // A task keeps those of a new schema apart in the window in which it met it and the next.
    if (isNew && window <= 1) recent.absorb(row);
  }
  const fromMs = hour * hourMs;
  return {
    monitor: spec.name,
    version: spec.version,
    stage: "s",
    partition,
    fromMs,
    baseline: "b",
    rows,
    late: 0,
    counts: all.counts,
    offsetFrom: 0,
    offsetNext: rows,
    schemas: [1, ...(isOn && plan.schemaShare > 0 ? [2] : [])].map((id) => ({ id, offset: 0 })),
    recent: recent.rows > 0 ? { schema: 2, rows: recent.rows, counts: recent.counts } : undefined,
    streamTimeMs: fromMs + hourMs,
    isClosed: true,
    plan: plan.deployedAt !== undefined && window >= plan.deployedAt ? "p2" : "p1",
    model: undefined,
  };
}

function hit(
  row: (number | null)[],
  plan: Plan,
  source: Rng,
  { partition, isNew }: { readonly partition: number; readonly isNew: boolean },
): void {
  const own = plan.partitions.includes(partition) ? plan.partitionShift : 0;
  row[plan.field] = (row[plan.field] ?? 0) + plan.shift + own + (isNew ? plan.schemaShift : 0);
  if ((plan.nullPartitions ?? [partition]).includes(partition) && source.uniform() < plan.nulls) row[plan.field] = null;
}

/** The cause that the judge names when the field's alert fires. */
function namedCause(plan: Plan, cells: readonly Cells[], records: readonly BaselineFieldRecord[]): Cause | undefined {
  const judge = new Judge({
    topology: "bench",
    monitors: [spec],
    rules: defaultRules,
    budget: { pages: 1, perMs: 720 * hourMs },
    partitions: new Map([["s", shares.length]]),
    stagesOf: new Map([[spec.name, ["s"]]]),
    ageMaxMs: 6 * hourMs,
  });
  for (const record of records) judge.takeBaseline(record);
  judge.takeBaseline({ monitor: spec.name, version: spec.version, id: "b", origin: "bench", asked: "", atMs: 0 });
  const source = seededRng(Math.floor(rng.uniform() * 2 ** 31));
  for (let window = -quietWindows; window < windowsMax; window++) {
    const atMs = (plan.hour + window + 1) * hourMs;
    for (const partition of shares.keys()) judge.takePartial(partialOf(plan, cells, source, partition, window), atMs);
    const fired = judge.judge().events.find(({ type, field }) => {
      return type === "millrace.alert.firing" && field === names[plan.field];
    });
    if (fired !== undefined) return fired.cause;
  }
  return undefined;
}

const { cells, records } = referenceOf();
const table = new Map<Cause, Map<Cause | undefined, number>>();
let right = 0;
let detected = 0;
for (const truth of causes) {
  for (let i = 0; i < perCause; i++) {
    const plan = planOf(truth, i % 2 === 1);
    const named = namedCause(plan, cells, records);
    if (named !== undefined) detected++;
    if (named === truth) right++;
    const line = table.get(truth) ?? new Map<Cause | undefined, number>();
    table.set(truth, line.set(named, (line.get(named) ?? 0) + 1));
  }
}
for (const [truth, line] of table) {
  const named = [...line].map(([cause, times]) => `${cause ?? "not seen"} ${times}`);
  process.stdout.write(`${truth}: ${named.join(", ")}\n`);
}
process.stdout.write(`incidents ${causes.length * perCause} detected ${detected} right ${right}\n`);
