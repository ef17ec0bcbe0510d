/**
 * The second set of planted incidents, by somebody who knew the definitions of the causes and not how they are told
 * apart: seven fields of five forms, two of them with a season of the day, 12 to 20 partitions, windows of an hour with
 * 1,500 to 6,000 rows, eighteen days of reference, and a monitor of the stage's input beside that of its output.
 *
 * Ten of each cause, every other one a mixture. An incident is drawn anew until the definitions, worked out on many more
 * rows, give the cause that was to be planted ({@link rightCause}).
 */
import { type Rng, seededRng } from "../src/kernel/index.ts";
import {
  type BaselineFieldRecord,
  type Cause,
  type Cells,
  cellsOf,
  fieldSample,
  type MonitoredValue,
  PartialCounter,
  type PartialRecord,
} from "../src/monitor/index.ts";
import { becomes, type Effect, inputFields, night, plantedFields, seasonalFrom, some } from "./incidents/fields.ts";
import { baselineId, between, hourMs, named, type PlantedSet, partialOf, specOf } from "./incidents/planted.ts";
import { type FieldReference, type ManyRows, referenceOf, rightCause } from "./incidents/truth.ts";

const referenceDays = 18;
const referenceRows = 2_500;
const sampleRows = 24_000;
/** Rows by which the right answer is worked out. */
const manyRows = 60_000;
const drawsMax = 500;

const output = specOf("output", plantedFields);
const input = specOf("input", inputFields);

/** What befalls the values of a field from one window on. */
interface Happening {
  readonly field: number;
  readonly effect: Effect;
  /** `output`: the stage does it, and its input does not have it. */
  readonly at: "input" | "output";
  readonly of: "all rows" | "rows of the new schema";
  readonly from: number;
  /** Windows in which it comes to befall all of them. */
  readonly over: number;
  /** Undefined: all. */
  readonly partitions: readonly number[] | undefined;
}

interface Incident {
  /** The one that is hit, and asked of. */
  readonly field: number;
  /** Begin, in hours since the epoch. */
  readonly hour: number;
  readonly rows: number;
  /** Share of the rows that each partition has. */
  readonly weights: readonly number[];
  readonly happenings: readonly Happening[];
  readonly schema?: { readonly from: number; readonly share: number; readonly partitions?: readonly number[] };
  /** Window from which a partition is read by another plan, or scored by another version. */
  readonly deployed?: { readonly of: "plan" | "model"; readonly from: (partition: number) => number };
  /** From the begin on a partition has so many times as many rows. */
  readonly volume?: (partition: number) => number;
  /** The first window in which all that happens does so wholly. */
  readonly wholeAt?: number;
}

/** Rows of one window of one partition, counted. */
interface Counted {
  readonly input: PartialCounter;
  readonly output: PartialCounter;
  /** Of these, those of a schema first met in this window or the one before. */
  readonly recent: { readonly input: PartialCounter; readonly output: PartialCounter };
  /** Row that was the first under the new schema; -1 for none. */
  readonly metAt: number;
}

/** Draws incidents: those of one cause alone, and five mixtures of each. */
class Drafts {
  readonly #rng: Rng;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  draft(truth: Cause, i: number): Incident {
    if (i % 2 === 0) return this.#single(truth, i / 2);
    return this.#mixtures[truth][(i - 1) / 2]?.() ?? this.#plain();
  }

  /** Nothing happens yet, by day, in a field that the input has too. */
  #plain(field = this.#rng.below(inputFields.length)): Incident {
    const rng = this.#rng;
    // Neither the quiet windows nor those behind come into the night.
    const hour = 24 * (referenceDays + rng.below(60)) + 9 + rng.below(7);
    const raw = Array.from({ length: 12 + rng.below(9) }, () => Math.exp(0.5 * rng.normal()));
    const sum = raw.reduce((total, weight) => total + weight, 0);
    return {
      field,
      hour,
      rows: Math.round(between(rng, 1_500, 6_000)),
      weights: raw.map((w) => w / sum),
      happenings: [],
    };
  }

  /** In a field with a season, where the night begins. */
  #atNight(field = seasonalFrom + this.#rng.below(plantedFields.length - seasonalFrom)): Incident {
    const plain = this.#plain(field);
    return { ...plain, hour: Math.floor(plain.hour / 24) * 24 + night.from };
  }

  #hit(incident: Incident, how: Partial<Happening> = {}): Incident {
    const field = how.field ?? incident.field;
    const happening: Happening = {
      field,
      effect: how.effect ?? this.#effect(field),
      at: "input",
      of: "all rows",
      from: 0,
      over: 1,
      partitions: undefined,
      ...how,
    };
    return { ...incident, happenings: [...incident.happenings, happening] };
  }

  #effect(field: number): Effect {
    const effects = plantedFields[field]?.effects ?? [];
    return effects[this.#rng.below(effects.length)]?.(this.#rng) ?? ((value) => value);
  }

  #holes(from = 0.02, to = 0.3): Effect {
    return some(between(this.#rng, from, to), becomes(null));
  }

  #deployed(incident: Incident, from: number | ((partition: number) => number)): Incident {
    const of = this.#rng.uniform() < 0.5 ? "plan" : "model";
    return { ...incident, deployed: { of, from: typeof from === "number" ? () => from : from } };
  }

  #schema(incident: Incident, from: number, least: number, most: number): Incident {
    return { ...incident, schema: { from, share: between(this.#rng, least, most) } };
  }

  /** Different partitions. */
  #some({ weights }: Incident, least: number, most: number): readonly number[] {
    const rng = this.#rng;
    const order = weights.map((_, partition) => ({ partition, turn: rng.uniform() })).sort((a, b) => a.turn - b.turn);
    const [from, to] = [Math.ceil(least * weights.length), Math.floor(most * weights.length)];
    return order.slice(0, from + rng.below(to - from + 1)).map(({ partition }) => partition);
  }

  #few(incident: Incident): readonly number[] {
    return this.#some(incident, 0.01, 0.25);
  }

  /** One partition has three to five times as many rows as before. */
  #crowded(incident: Incident, partition = this.#rng.below(incident.weights.length)): Incident {
    const times = between(this.#rng, 3, 5);
    return { ...incident, volume: (other) => (other === partition ? times : 1) };
  }

  /** A field that is not the one asked of. */
  #other({ field }: Incident): number {
    return (field + 1 + this.#rng.below(inputFields.length - 1)) % inputFields.length;
  }

  #single(truth: Cause, turn: number): Incident {
    const plain = this.#plain();
    switch (truth) {
      case "deployment":
        return this.#deployed(this.#hit(plain, { at: "output" }), 0);
      case "schema":
        return this.#schema(this.#hit(plain, { of: "rows of the new schema" }), 0, 0.3, 1);
      case "partition":
        return this.#hit(plain, { partitions: this.#few(plain) });
      case "nulls":
        return this.#hit(this.#plain(this.#rng.below(plantedFields.length)), { effect: this.#holes() });
      case "season":
        return this.#atNight();
      case "world":
        return turn === 4 ? { ...this.#hit(plain, { over: 4 }), wholeAt: 3 } : this.#hit(plain);
    }
  }

  readonly #mixtures: Readonly<Record<Cause, readonly (() => Incident)[]>> = {
    deployment: [
      () => {
        const moved = this.#hit(this.#plain(), { at: "output" });
        return this.#deployed(this.#hit(moved, { at: "output", effect: this.#holes() }), 0);
      },
      // It rolls over a few partitions first, and what it does with it.
      () => {
        const plain = this.#plain();
        const first = this.#few(plain);
        const rest = [...plain.weights.keys()].filter((partition) => !first.includes(partition));
        const effect = this.#effect(plain.field);
        const moved = this.#hit(plain, { at: "output", effect, partitions: first });
        const rolled = this.#hit(moved, { at: "output", effect, partitions: rest, from: 1 });
        return this.#deployed(rolled, (partition) => (first.includes(partition) ? 0 : 1));
      },
      () => {
        const holes = this.#hit(this.#plain(), { at: "output", effect: this.#holes() });
        return this.#deployed(this.#schema(holes, 0, 0.2, 0.6), 0);
      },
      // It does nothing, and comes when the night does: the order of precedence says deployment.
      () => this.#deployed(this.#atNight(), 0),
      () => {
        const plain = this.#plain();
        const moved = this.#hit(plain, { field: this.#other(plain) });
        return this.#deployed(this.#hit(moved, { at: "output" }), 0);
      },
    ],
    schema: [
      () => {
        const hit = this.#hit(this.#plain(), { of: "rows of the new schema" });
        return { ...hit, schema: { from: 0, share: between(this.#rng, 0.6, 1), partitions: this.#few(hit) } };
      },
      () => {
        const effect = this.#holes(0.1);
        return this.#schema(this.#hit(this.#plain(), { of: "rows of the new schema", effect }), 0, 0.4, 1);
      },
      () => {
        const hit = this.#hit(this.#plain(), { of: "rows of the new schema" });
        return this.#deployed(this.#schema(hit, 0, 0.3, 1), 0);
      },
      () => {
        const hit = this.#crowded(this.#hit(this.#plain(), { of: "rows of the new schema" }));
        return this.#deployed(this.#schema(hit, 0, 0.3, 1), -2 - this.#rng.below(2));
      },
      // All rows have it, and the night begins: the order of precedence says schema.
      () => this.#schema(this.#atNight(), 0, 1, 1),
    ],
    partition: [
      () => {
        const plain = this.#plain();
        const partitions = this.#few(plain);
        return this.#hit(this.#hit(plain, { partitions }), { partitions, effect: this.#holes(0.1) });
      },
      () => {
        const plain = this.#plain();
        return this.#schema(this.#hit(plain, { partitions: this.#few(plain) }), 0, 0.2, 0.6);
      },
      () => {
        const plain = this.#plain();
        return this.#deployed(this.#hit(plain, { partitions: this.#few(plain) }), -1 - this.#rng.below(3));
      },
      () => {
        const plain = this.#plain();
        return this.#deployed(this.#hit(plain, { partitions: this.#few(plain) }), 0);
      },
      () => {
        const plain = this.#plain();
        const partitions = this.#few(plain);
        return this.#crowded(this.#hit(plain, { partitions }), partitions[0]);
      },
    ],
    nulls: [
      () => this.#schema(this.#hit(this.#plain(), { effect: this.#holes() }), -3, 0.2, 0.7),
      // And amounts are by so little larger that it is no drift.
      () => {
        const rise: Effect = (value) => (typeof value === "number" ? value * 1.02 : value);
        return this.#hit(this.#hit(this.#plain(0), { effect: rise }), { effect: this.#holes() });
      },
      () => this.#deployed(this.#hit(this.#plain(), { effect: this.#holes() }), 0),
      () => {
        const plain = this.#plain();
        return this.#hit(plain, { effect: this.#holes(0.1), partitions: this.#some(plain, 0.5, 0.8) });
      },
      () => this.#deployed(this.#schema(this.#hit(this.#plain(), { effect: this.#holes() }), 0, 0.1, 0.5), -2),
    ],
    season: [
      () => this.#schema(this.#atNight(), 0, 0.2, 0.6),
      () => this.#deployed(this.#atNight(), -2 - this.#rng.below(2)),
      () => {
        const dark = this.#atNight();
        return this.#hit(dark, { field: this.#other(dark) });
      },
      () => this.#crowded(this.#atNight()),
      // Fewer rows by night, and a schema of three hours before.
      () => ({ ...this.#schema(this.#atNight(), -3, 0.2, 0.9), volume: () => 0.6 }),
    ],
    world: [
      () => this.#deployed(this.#hit(this.#plain()), 0),
      () => this.#hit(this.#atNight()),
      // Rows of a schema that has been there for three hours.
      () => this.#schema(this.#hit(this.#plain(), { of: "rows of the new schema" }), -3, 0.3, 0.7),
      () => this.#hit(this.#hit(this.#plain()), { effect: this.#holes() }),
      () => {
        const plain = this.#plain();
        return this.#schema(this.#hit(plain, { partitions: this.#some(plain, 0.5, 0.8) }), 0, 0.1, 0.4);
      },
    ],
  };
}

/** A row as any other of its hour. */
function fill(row: MonitoredValue[], source: Rng, hour: number): void {
  for (const [f, field] of plantedFields.entries()) row[f] = field.draw(source, hour);
}

/** What happens there to one row. */
function befall(
  row: MonitoredValue[],
  happenings: readonly Happening[],
  source: Rng,
  { at, window, isNew }: { readonly at: Happening["at"]; readonly window: number; readonly isNew: boolean },
): void {
  for (const happening of happenings) {
    const { field, effect, of, from, over } = happening;
    if (happening.at !== at || (of === "rows of the new schema" && !isNew)) continue;
    const share = (window - from + 1) / over;
    if (share >= 1 || source.uniform() < share) row[field] = effect(row[field] ?? null, source);
  }
}

class SecondSet {
  readonly #drafts: Drafts;
  readonly #rng: Rng;
  readonly #cells: readonly Cells[];
  readonly #windows: readonly (PartialCounter & { readonly hour: number })[];
  readonly #baselines: readonly BaselineFieldRecord[];

  constructor(seed: number) {
    this.#rng = seededRng(seed);
    this.#drafts = new Drafts(this.#rng);
    const source = seededRng(seed * 7_919);
    const row: MonitoredValue[] = [];
    const samples = plantedFields.map((field) => fieldSample(field));
    for (let i = 0; i < sampleRows; i++) {
      fill(row, source, i);
      for (const [f, sample] of samples.entries()) sample.add(row[f] ?? null);
    }
    const sources = samples.map((sample) => sample.cells());
    this.#cells = sources.map(cellsOf);
    this.#windows = Array.from({ length: 24 * referenceDays }, (_, hour) => {
      const counter = new PartialCounter(this.#cells);
      for (let i = 0; i < referenceRows; i++) {
        fill(row, source, hour);
        counter.absorb(row);
      }
      return Object.assign(counter, { hour });
    });
    this.#baselines = [output, input].flatMap(({ name, fields }) =>
      fields.map((field, f): BaselineFieldRecord => {
        return {
          monitor: name,
          id: baselineId,
          field: field.name,
          fields: fields.length,
          cells: sources[f] ?? { kind: "numbers", edges: [] },
          windows: this.#windows.map(({ hour, rows, counts }) => {
            return { fromMs: hour * hourMs, rows, counts: counts[f] ?? new Float64Array() };
          }),
        };
      }),
    );
  }

  readonly plant: PlantedSet = (truth, i) => {
    const incident = this.#drawn(truth, i);
    const source = this.#source();
    return named({
      monitors: [output, input],
      partitions: incident.weights.length,
      inputsOf: new Map([[output.name, [input.name]]]),
      baselines: this.#baselines,
      field: plantedFields[incident.field]?.name ?? "",
      hour: incident.hour,
      partialsOf: (window) => {
        const rows = incident.rows * between(source, 0.9, 1.1);
        return incident.weights.flatMap((_, partition) =>
          this.#partials(incident, source, { partition, window, rows }),
        );
      },
    });
  };

  #source(): Rng {
    return seededRng(this.#rng.below(2 ** 31));
  }

  /** One of which the definitions say that this is the cause. */
  #drawn(truth: Cause, i: number): Incident {
    for (let draw = 0; draw < drawsMax; draw++) {
      const incident = this.#drafts.draft(truth, i);
      const reference: FieldReference = referenceOf(this.#windows, incident.field, incident.hour);
      if (rightCause(this.#many(incident), reference) === truth) return incident;
    }
    throw new Error(`planting ${truth} ${i}: none of ${drawsMax} drawn has this cause; draw it from other sizes`);
  }

  #many(incident: Incident): ManyRows {
    const window = incident.wholeAt ?? 0;
    const source = this.#source();
    const parts = incident.weights.map((_, partition) =>
      this.#count(incident, source, { partition, window, rows: manyRows }),
    );
    const own = ({ counts }: PartialCounter): Float64Array => counts[incident.field] ?? new Float64Array();
    const sum = (counters: readonly PartialCounter[]): { counts: Float64Array; rows: number } => {
      const counts = new Float64Array(own(new PartialCounter(this.#cells)).length);
      for (const counter of counters)
        for (const [cell, n] of own(counter).entries()) counts[cell] = (counts[cell] ?? 0) + n;
      return { counts, rows: counters.reduce((rows, counter) => rows + counter.rows, 0) };
    };
    const all = sum(parts.map((part) => part.output));
    return {
      all: all.counts,
      rows: all.rows,
      recent: sum(parts.map(({ recent }) => recent.output)),
      partitions: parts.map((part) => ({ counts: own(part.output), rows: part.output.rows })),
      input: incident.field < inputFields.length ? sum(parts.map((part) => part.input)).counts : undefined,
      isDeployed: parts.some((_, partition) => incident.deployed?.from(partition) === window),
      windowRows: (incident.rows * all.rows) / manyRows,
    };
  }

  #count(
    { hour, weights, happenings, schema, volume }: Incident,
    source: Rng,
    { partition, window, rows }: { readonly partition: number; readonly window: number; readonly rows: number },
  ): Counted {
    const counter = (): PartialCounter => new PartialCounter(this.#cells);
    const inputOnly = (): PartialCounter => new PartialCounter(this.#cells.slice(0, inputFields.length));
    const counted = { input: inputOnly(), output: counter(), recent: { input: inputOnly(), output: counter() } };
    const on = happenings.filter(
      ({ from, partitions }) => window >= from && (partitions === undefined || partitions.includes(partition)),
    );
    const isMet =
      schema !== undefined && window >= schema.from && (schema.partitions ?? [partition]).includes(partition);
    const isRecent = isMet && window <= schema.from + 1;
    const times = window >= 0 ? (volume?.(partition) ?? 1) : 1;
    const rowsHere = Math.round(rows * (weights[partition] ?? 0) * times);
    const row: MonitoredValue[] = [];
    let metAt = -1;
    for (let i = 0; i < rowsHere; i++) {
      fill(row, source, hour + window);
      const isNew = isMet && source.uniform() < schema.share;
      if (isNew && metAt < 0) metAt = i;
      for (const at of ["input", "output"] as const) {
        befall(row, on, source, { at, window, isNew });
        counted[at].absorb(row);
        if (isNew && isRecent) counted.recent[at].absorb(row);
      }
    }
    return { ...counted, metAt };
  }

  /** What the task of a partition says of a window, of output and input. */
  #partials(
    incident: Incident,
    source: Rng,
    place: { readonly partition: number; readonly window: number; readonly rows: number },
  ): readonly PartialRecord[] {
    const { partition, window } = place;
    const { metAt, recent, ...counted } = this.#count(incident, source, place);
    const { deployed } = incident;
    const isDeployed = deployed !== undefined && window >= deployed.from(partition);
    return (["output", "input"] as const).map((at) =>
      partialOf({
        monitor: at,
        stage: at,
        partition,
        fromMs: (incident.hour + window) * hourMs,
        all: counted[at],
        recent: recent[at].rows === 0 ? undefined : { schema: 2, rows: recent[at].rows, counts: recent[at].counts },
        schemas: [{ id: 1, offset: 0 }, ...(metAt < 0 ? [] : [{ id: 2, offset: metAt }])],
        plan: isDeployed && deployed.of === "plan" ? "p2" : "p1",
        model: at === "input" ? undefined : `m/${isDeployed && deployed.of === "model" ? 2 : 1}`,
      }),
    );
  }
}

export function secondSet(seed: number): PlantedSet {
  return new SecondSet(seed).plant;
}
