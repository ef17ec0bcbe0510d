/**
 * The first set of planted incidents: eight fields, eight partitions of unequal size, windows of an hour with eight
 * thousand rows, four weeks of reference.
 */
import { type Rng, seededRng } from "../src/kernel/index.ts";
import {
  type BaselineFieldRecord,
  type Cause,
  type Cells,
  numberCells,
  PartialCounter,
  type PartialRecord,
  quantileEdges,
} from "../src/monitor/index.ts";
import { baselineId, between, hourMs, named, type PlantedSet, partialOf, signed, specOf } from "./incidents/planted.ts";

const fieldCount = 8;
const shares = [0.3, 0.2, 0.12, 0.1, 0.08, 0.08, 0.06, 0.06];
const rowsPerWindow = 8_000;
const referenceHours = 4 * 168;
const referenceRows = 2_000;

const names = Array.from({ length: fieldCount }, (_, i) => `f${i}`);
const spec = specOf(
  "features",
  names.map((name) => ({ name, kind: "numbers", isSensitive: false })),
);

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

/** The hours of the week in which field 7 is always otherwise. */
const seasonHours = { from: 57, to: 65, shift: 0.9 };
/** Four weeks after the epoch and a while; a Thursday of 1970 is the first day. */
const firstHour = 1_000 * 168;

/** A cause alone, and, for the odd ones, with something else that comes after it in the order of precedence. */
function planOf(rng: Rng, truth: Cause, isDouble: boolean): Plan {
  const field = Math.floor(rng.uniform() * (fieldCount - 1));
  // A working hour that is not within the season's.
  const hour = firstHour + 100 + Math.floor(rng.uniform() * 40);
  const base = { ...nothing, truth, field, hour };
  const few = rng.uniform() < 0.5 ? [0] : [2, 3];
  const shift = signed(rng, between(rng, 0.25, 1));
  const strong = signed(rng, between(rng, 0.5, 1));
  switch (truth) {
    case "deployment": {
      const deployed = { ...base, deployedAt: 0, shift };
      return isDouble ? { ...deployed, nulls: between(rng, 0.05, 0.2) } : deployed;
    }
    case "schema": {
      // In one partition as well, or in all.
      const written = { ...base, schemaShare: between(rng, 0.3, 1), schemaShift: strong };
      return isDouble ? { ...written, deployedAt: -3 } : written;
    }
    case "partition": {
      const odd = { ...base, partitions: few, partitionShift: strong };
      return isDouble ? { ...odd, nulls: between(rng, 0.1, 0.3), nullPartitions: few } : odd;
    }
    case "nulls": {
      const holes = { ...base, nulls: between(rng, 0.06, 0.3) };
      return isDouble ? { ...holes, schemaShare: between(rng, 0.1, 0.5) } : holes;
    }
    case "season": {
      const known = { ...base, field: fieldCount - 1, hour: firstHour + seasonHours.from };
      return isDouble ? { ...known, schemaShare: between(rng, 0.1, 0.5), deployedAt: -3 } : known;
    }
    case "world": {
      const moved = { ...base, shift };
      return isDouble ? { ...moved, schemaShare: between(rng, 0.1, 0.5), nulls: 0.02 } : moved;
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

function referenceOf(seed: number): {
  readonly cells: readonly Cells[];
  readonly records: readonly BaselineFieldRecord[];
} {
  const source = seededRng(seed * 7_919);
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
      id: baselineId,
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
function countedOf(plan: Plan, cells: readonly Cells[], source: Rng, partition: number, window: number): PartialRecord {
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
  return partialOf({
    monitor: spec.name,
    stage: spec.name,
    partition,
    fromMs: hour * hourMs,
    all,
    schemas: [1, ...(isOn && plan.schemaShare > 0 ? [2] : [])].map((id) => ({ id, offset: 0 })),
    recent: recent.rows > 0 ? { schema: 2, rows: recent.rows, counts: recent.counts } : undefined,
    plan: plan.deployedAt !== undefined && window >= plan.deployedAt ? "p2" : "p1",
    model: undefined,
  });
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

export function firstSet(seed: number): PlantedSet {
  const rng = seededRng(seed);
  const { cells, records } = referenceOf(seed);
  return (truth, i) => {
    const plan = planOf(rng, truth, i % 2 === 1);
    const source = seededRng(Math.floor(rng.uniform() * 2 ** 31));
    return named({
      monitors: [spec],
      partitions: shares.length,
      inputsOf: new Map(),
      baselines: records,
      field: names[plan.field] ?? "",
      hour: plan.hour,
      partialsOf: (window) => shares.map((_, partition) => countedOf(plan, cells, source, partition, window)),
    });
  };
}
