import { type Rng, seededRng } from "../kernel/index.ts";
import type { MonitoredField } from "./monitor-spec.ts";
import type { CellsSource } from "./records/baseline-record.ts";

/** What a row can hold in a monitored field. */
export type MonitoredValue = number | string | boolean | null;

/** Bins of a field of numbers. */
const binCount = 20;
/** Numbers that are kept to find quantiles in: the share below one is then known to about half a percent. */
const keptNumbersMax = 8_192;
/** Different texts that are counted at once. */
const countedTextsMax = 20_000;
/** Longer texts are no categories. */
const textLengthMax = 256;
/** Rows that have to hold a text before it is written down: what few rows hold may tell who they are. */
const rowsPerTextMin = 20;
/** Room of all texts of a field in a record; where there are more of them, the most frequent 200 stay. */
const textBytesMax = 450_000;
const textsOfFull = 200;
/** Digits that are left of a quantile of a sensitive field. */
const digitsOfSensitive = 2;

/** What is kept of a field's values to make its cells of; memory has a bound, however many values there are. */
export interface FieldSample {
  add(value: MonitoredValue): void;
  /** The cells in which the field is counted from now on. */
  cells(): CellsSource;
}

export function fieldSample(field: MonitoredField): FieldSample {
  return field.kind === "numbers" ? new NumberSample(field.isSensitive) : new TextSample(field.isSensitive);
}

/**
 * Numbers drawn evenly from all that came, by a generator with a fixed seed, so that the same values give the same edges:
 * J. Vitter, "Random sampling with a reservoir" (1985), algorithm R. Each n-th value would be simpler, and would see one
 * phase alone of values that repeat with a period.
 */
class NumberSample implements FieldSample {
  readonly #isSensitive: boolean;
  readonly #rng: Rng = seededRng(1);
  readonly #kept: number[] = [];
  #seen = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  constructor(isSensitive: boolean) {
    this.#isSensitive = isSensitive;
  }

  add(value: MonitoredValue): void {
    if (typeof value !== "number" || !Number.isFinite(value)) return;
    this.#seen++;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    if (this.#kept.length < keptNumbersMax) {
      this.#kept.push(value);
      return;
    }
    const place = this.#rng.below(this.#seen);
    if (place < keptNumbersMax) this.#kept[place] = value;
  }

  cells(): CellsSource {
    if (this.#seen === 0) return { kind: "numbers", edges: [] };
    const inner = innerQuantiles(this.#kept);
    // The ends of a sensitive field are values of somebody: what lies outside its quantiles has the outer cells.
    const edges = this.#isSensitive
      ? inner.map((edge) => Number(edge.toPrecision(digitsOfSensitive)))
      : [this.#min, ...inner, this.#max];
    return { kind: "numbers", edges: lastApart([...new Set(edges)], this.#kept) };
  }
}

/** From a twentieth to nineteen twentieths. */
function innerQuantiles(values: readonly number[]): number[] {
  const sorted = Float64Array.from(values).sort();
  const at = (i: number): number => sorted[Math.round((i / binCount) * (sorted.length - 1))] ?? 0;
  return Array.from({ length: binCount - 1 }, (_, i) => at(i + 1));
}

/**
 * The last bin holds both of its ends. Where many values are at the last edge, as of a flag that is 0 or 1, it would hold
 * them and those of the edge before as one: an edge goes between the last edge and the next value below it.
 */
function lastApart(edges: readonly number[], values: readonly number[]): number[] {
  const last = edges.at(-1);
  if (last === undefined) return [];
  const below = values.reduce((max, value) => (value < last && value > max ? value : max), Number.NEGATIVE_INFINITY);
  const between = below + (last - below) / 2;
  const isApart = between > below && between < last;
  const atLast = values.reduce((count, value) => count + (value === last ? 1 : 0), 0);
  if (edges.length < 2 || !isApart || atLast * binCount < values.length) return [...edges];
  const inOrder = [...edges.slice(0, -1).filter((edge) => edge < between), between, last];
  return [...new Set(inOrder)];
}

/**
 * Texts and how many rows held each. Where there are too many different ones, all counts are lowered and what is at zero
 * is forgotten, so that what is frequent stays: J. Misra, D. Gries, "Finding repeated elements" (1982).
 */
class TextSample implements FieldSample {
  readonly #isSensitive: boolean;
  readonly #counts = new Map<string, number>();

  constructor(isSensitive: boolean) {
    this.#isSensitive = isSensitive;
  }

  add(value: MonitoredValue): void {
    // No text of a sensitive field is written down: what it holds is told from null, and no further.
    if (value === null || this.#isSensitive) return;
    const text = String(value);
    if (text.length > textLengthMax) return;
    this.#counts.set(text, (this.#counts.get(text) ?? 0) + 1);
    if (this.#counts.size > countedTextsMax) this.#lower();
  }

  #lower(): void {
    const sorted = Float64Array.from(this.#counts.values()).sort();
    const by = sorted[sorted.length >> 1] ?? 0;
    for (const [text, rows] of this.#counts) {
      if (rows <= by) this.#counts.delete(text);
      else this.#counts.set(text, rows - by);
    }
  }

  cells(): CellsSource {
    const values = [...this.#counts]
      .filter(([, rows]) => rows >= rowsPerTextMin)
      .sort(([a, rowsA], [b, rowsB]) => rowsB - rowsA || (a < b ? -1 : 1));
    const bytes = values.reduce((sum, [text]) => sum + Buffer.byteLength(text) + 8, 0);
    return { kind: "categories", values: bytes > textBytesMax ? values.slice(0, textsOfFull) : values };
  }
}
