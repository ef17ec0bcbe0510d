/** The electricity market as events: what is measured of each half hour, and when its label becomes known. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { formatIsoTime, seededRng } from "../../src/kernel/index.ts";

export const columns = ["period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"] as const;
const startMs = Date.UTC(1996, 4, 7);
const stepMs = 30 * 60_000;

/** Rows after which the label of a row is known: it says whether the price was above the mean of a day. */
export const labelDelayRows = 48;
/** Rows that the first model may learn from; accuracy is measured on all that follow. */
export const firstRows = 4_531;

export interface Readings {
  readonly count: number;
  /** Row-major, as many per row as there are columns. */
  readonly inputs: Float64Array;
  /** 1 for a price above its mean of the day before. */
  readonly labels: Uint8Array;
}

/** The file that `MILLRACE_ELEC2` names, or the one beside the repository; undefined when there is none. */
export function electricityFile(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const file = environment["MILLRACE_ELEC2"] ?? join(import.meta.dirname, "../../../shared/data/elec2.csv");
  return existsSync(file) ? file : undefined;
}

/** @throws Error when the file has other columns, or a number that is none */
export function readElectricity(file: string): Readings {
  return readingsOf(readFileSync(file, "utf8"), file);
}

/** The readings in CSV text: a line of names, then a line per half hour. */
export function readingsOf(text: string, where: string): Readings {
  const [header, ...lines] = text.trim().split(/\r?\n/);
  const expected = [...columns, "class"].join(",");
  if (header !== expected) throw new Error(`reading ${where}: its columns are ${header}, and not ${expected}`);
  const inputs = new Float64Array(lines.length * columns.length);
  const labels = new Uint8Array(lines.length);
  for (const [row, line] of lines.entries()) {
    const numbers = line.split(",").map(Number);
    const label = numbers.pop();
    if (numbers.length !== columns.length || !numbers.every(Number.isFinite) || (label !== 0 && label !== 1))
      throw new Error(`reading ${where}: line ${row + 2} is ${line}`);
    inputs.set(numbers, row * columns.length);
    labels[row] = label;
  }
  return { count: lines.length, inputs, labels };
}

/** The same rows in another order, each with its label: whatever changed with time is gone. */
export function shuffled({ count, inputs, labels }: Readings, seed: number): Readings {
  const rng = seededRng(seed);
  const order = Array.from({ length: count }, (_, row) => row);
  for (let i = count - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  const mixed = new Float64Array(inputs.length);
  for (const [to, from] of order.entries())
    mixed.set(inputs.subarray(from * columns.length, (from + 1) * columns.length), to * columns.length);
  return { count, inputs: mixed, labels: Uint8Array.from(order, (row) => labels[row] as number) };
}

/** The first rows alone. */
export function firstOf({ count, inputs, labels }: Readings, rows: number): Readings {
  const kept = Math.min(count, rows);
  return { count: kept, inputs: inputs.subarray(0, kept * columns.length), labels: labels.subarray(0, kept) };
}

export function timeOfRow(row: number): number {
  return startMs + row * stepMs;
}

export function rowAtTime(timeMs: number): number {
  return (timeMs - startMs) / stepMs;
}

/** The event of a reading as its sender writes it. */
export function readingText({ inputs }: Readings, row: number): string {
  const values = columns.map((name, column) => [name, inputs[row * columns.length + column] as number]);
  return JSON.stringify({
    reading_id: idOf(row),
    at: formatIsoTime(timeOfRow(row)),
    ...(Object.fromEntries(values) as Readonly<Record<string, number>>),
  });
}

/** The event that tells the label of a row, dated to when it is known. */
export function labelText({ labels }: Readings, row: number): string {
  return JSON.stringify({
    reading_id: idOf(row),
    known_at: formatIsoTime(timeOfRow(row + labelDelayRows)),
    is_up: labels[row] === 1,
  });
}

function idOf(row: number): string {
  return `r${row}`;
}
