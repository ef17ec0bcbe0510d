/**
 * The null suite: how often the product's own monitor pages while nothing changes, and how soon when something does.
 * `npm run bench:monitors -- --kind independent|ar|season --months 24 --seed S`; the last line is
 * `monitors kind K months N pages N detected N/N windows N`.
 *
 * Fifty fields, windows of an hour with a thousand rows, eight weeks of reference, a budget of a page in thirty days.
 * It counts into partials, judges and runs the alert machine; it does not measure a broker, a codec or time.
 */
import { parseArgs } from "node:util";
import { seededRng } from "../src/kernel/index.ts";
import {
  Baseline,
  budgetProbability,
  type Cells,
  type CountedWindow,
  defaultRules,
  Incidents,
  judge,
  numberCells,
  PartialCounter,
  quantileEdges,
  type Season,
  type Thresholds,
  type Verdict,
} from "../src/monitor/index.ts";

const kinds = ["independent", "ar", "season"] as const;
type Kind = (typeof kinds)[number];

const fieldCount = 50;
const rowsPerWindow = 1_000;
const hourMs = 3_600_000;
const hoursPerMonth = 720;
const referenceHours = 8 * 168;
const bins = 20;
const practical = 0.02;
const fields = Array.from({ length: fieldCount }, (_, i) => `f${String(i).padStart(2, "0")}`);
const shiftSeeds = 20;
/** Within which a shift has to be firing. */
const windowsMax = 5;

const { values } = parseArgs({
  options: {
    kind: { type: "string" },
    months: { type: "string", default: "24" },
    seed: { type: "string", default: "1" },
  },
});
const kind = kinds.find((known) => known === values.kind);
if (kind === undefined) throw new Error(`--kind is one of ${kinds.join(", ")}`);
const months = Number(values.months);
const seed = Number(values.seed);

/** One field's values, one after the other; the state of the generator goes on from window to window. */
function sourceOf(kind: Kind, fieldSeed: number): (hour: number, shift: number) => number {
  const rng = seededRng(fieldSeed);
  if (kind === "independent") return (_, shift) => rng.normal() + shift;
  if (kind === "season")
    return (hour, shift) => rng.normal() + shift + 0.5 * Math.sin((2 * Math.PI * (hour % 24)) / 24);
  const phi = 0.9;
  const innovation = Math.sqrt(1 - phi * phi);
  let state = rng.normal();
  return (_, shift) => {
    state = phi * state + innovation * rng.normal();
    return state + shift;
  };
}

type Sources = readonly ReturnType<typeof sourceOf>[];

function windowAt(sources: Sources, cells: readonly Cells[], hour: number, shifts: readonly number[]): CountedWindow {
  const counter = new PartialCounter(cells);
  const row = new Float64Array(fieldCount);
  for (let i = 0; i < rowsPerWindow; i++) {
    for (let f = 0; f < fieldCount; f++) row[f] = sources[f]?.(hour, shifts[f] ?? 0) ?? 0;
    counter.absorb(row);
  }
  return { fromMs: hour * hourMs, partial: counter };
}

/** Edges from the first week, then all of the reference counted in them. */
function referenceOf(kind: Kind, sources: Sources) {
  const samples: number[][] = fields.map(() => []);
  for (let hour = 0; hour < 168; hour++)
    for (let i = 0; i < 60; i++) for (const [f, next] of sources.entries()) samples[f]?.push(next(hour, 0));
  const cells = samples.map((sample) => numberCells(quantileEdges(sample, bins)));
  const windows = Array.from({ length: referenceHours }, (_, hour) => windowAt(sources, cells, hour, []));
  const season: Season = kind === "season" ? "hour-of-week" : "none";
  return { cells, windows, baseline: new Baseline(windows, season) };
}

/** The usual controls on the same windows: three of five, without a floor or a budget. */
class Control {
  /** Fields that began to fire: somebody without a budget is told of each. */
  pages = 0;
  readonly #incidents = new Incidents(defaultRules);
  readonly #isDrift: (verdict: Verdict) => boolean;

  constructor(isDrift: (verdict: Verdict) => boolean) {
    this.#isDrift = isDrift;
  }

  add(verdicts: readonly Verdict[], atMs: number): void {
    const judged = verdicts.map((verdict): Verdict => {
      const isDrift = this.#isDrift(verdict);
      return { ...verdict, kind: isDrift ? "drift" : "ok", threshold: 1, score: isDrift ? 2 : 0 };
    });
    this.pages += this.#incidents.add(judged, atMs).fired.length;
  }
}

/** Kolmogorov's limit of the two-sample test, for counts in cells. */
function ksProbabilityInLimit({ ks, n, m }: Verdict): number {
  const lambda = ks * Math.sqrt((n * m) / (n + m));
  let sum = 0;
  for (let k = 1; k < 100; k++) sum += 2 * (k % 2 === 1 ? 1 : -1) * Math.exp(-2 * k * k * lambda * lambda);
  return Math.min(1, Math.max(0, sum));
}

const sources = fields.map((_, f) => sourceOf(kind, seed * 1_000_003 + f));
const { cells, windows, baseline } = referenceOf(kind, sources);
const budget = { pages: 1, perMs: 30 * 24 * hourMs };
const question = { fields, baseline, windows, windowMs: hourMs, practical, rules: defaultRules, budget };
const thresholds: Thresholds = { practical, probability: budgetProbability(question) };
const [first] = baseline.nulls;
process.stdout.write(
  `probability ${thresholds.probability.toExponential(2)}, null of the first field: freedom ${first?.freedom.toFixed(2)} scale ${first?.scale.toFixed(2)}\n`,
);

const incidents = new Incidents(defaultRules);
const ks = new Control((verdict) => ksProbabilityInLimit(verdict) < 0.05);
const fixed = new Control(({ score }) => score >= 0.1);
let hour = referenceHours;
for (const end = hour + months * hoursPerMonth; hour < end; hour++) {
  const verdicts = judge(fields, baseline, windowAt(sources, cells, hour, []), thresholds);
  const atMs = (hour + 1) * hourMs;
  incidents.add(verdicts, atMs);
  ks.add(verdicts, atMs);
  fixed.add(verdicts, atMs);
}

/** A shift of one field, from another seed each: whether it fires within five windows. */
let detected = 0;
const size = kind === "ar" ? 0.5 : 0.25;
for (let s = 0; s < shiftSeeds; s++) {
  const own = fields.map((_, f) => sourceOf(kind, (seed * 1_000 + s + 1) * 1_000_003 + f));
  const shifts = fields.map((_, f) => (f === s ? size : 0));
  const alerts = new Incidents(defaultRules);
  let hasFired = false;
  for (let w = 0; w < windowsMax; w++) {
    const at = hour + s * 24 + w;
    const step = alerts.add(judge(fields, baseline, windowAt(own, cells, at, shifts), thresholds), (at + 1) * hourMs);
    hasFired ||= step.fired.includes(fields[s] ?? "");
  }
  if (hasFired) detected++;
}
process.stdout.write(`controls: KS p < 0.05 ${ks.pages} pages, PSI >= 0.1 ${fixed.pages} pages\n`);
process.stdout.write(
  `monitors kind ${kind} months ${months} pages ${incidents.count} detected ${detected}/${shiftSeeds} windows ${months * hoursPerMonth}\n`,
);
