import { OperationError, type RecordErrorCode } from "../kernel/index.ts";

/**
 * What became of a stage's records since it started, cumulative; only what was committed.
 *
 * R4: `in` = `out` + all of `filtered` + `late` + all of `deadLetters`. A late record that went to the dead
 * letters counts as late, and not among them.
 */
export interface StageCounts {
  readonly in: number;
  readonly out: number;
  /** By reason. */
  readonly filtered: Readonly<Record<string, number>>;
  readonly late: number;
  /** By code, MR_LATE left out. */
  readonly deadLetters: Readonly<Record<string, number>>;
}

/** The same in five numbers, whatever the reasons were. */
export interface CountTotals {
  readonly in: number;
  readonly out: number;
  readonly filtered: number;
  readonly late: number;
  readonly deadLetters: number;
}

/** Counts that are added to, in plain fields. `in` is counted apart from the fates, so that they can be compared. */
export class CountTally {
  in = 0;
  out = 0;
  late = 0;
  readonly #filtered = new Map<string, number>();
  readonly #deadLetters = new Map<string, number>();

  addFiltered(reason: string, count: number): void {
    this.#filtered.set(reason, (this.#filtered.get(reason) ?? 0) + count);
  }

  addDeadLetter(code: RecordErrorCode): void {
    this.#deadLetters.set(code, (this.#deadLetters.get(code) ?? 0) + 1);
  }

  add(other: CountTally): void {
    this.in += other.in;
    this.out += other.out;
    this.late += other.late;
    for (const [reason, count] of other.#filtered) this.addFiltered(reason, count);
    for (const [code, count] of other.#deadLetters)
      this.#deadLetters.set(code, (this.#deadLetters.get(code) ?? 0) + count);
  }

  reset(): void {
    this.in = 0;
    this.out = 0;
    this.late = 0;
    this.#filtered.clear();
    this.#deadLetters.clear();
  }

  /** Records with a fate. Equals `in` when every record had exactly one (R4). */
  get fates(): number {
    return this.out + this.late + sum(this.#filtered) + sum(this.#deadLetters);
  }

  /** R4: every record has exactly one fate. */
  get isBalanced(): boolean {
    return this.in === this.fates;
  }

  /** These counts on top of others. */
  totalsOver(before: CountTotals): CountTotals {
    return {
      in: before.in + this.in,
      out: before.out + this.out,
      filtered: before.filtered + sum(this.#filtered),
      late: before.late + this.late,
      deadLetters: before.deadLetters + sum(this.#deadLetters),
    };
  }

  snapshot(): StageCounts {
    return {
      in: this.in,
      out: this.out,
      filtered: Object.fromEntries(this.#filtered),
      late: this.late,
      deadLetters: Object.fromEntries(this.#deadLetters),
    };
  }
}

/** R4: a chunk whose records do not have exactly one fate each must not be committed. */
export function unbalanced(tally: CountTally): OperationError {
  const counts = JSON.stringify(tally.snapshot());
  return new OperationError(
    "MR_UNBALANCED",
    `R4: ${tally.in} records in, ${tally.fates} fates: ${counts}; nothing of them was committed, and this is a bug in Millrace`,
  );
}

/** R4 for sums. */
export function isBalanced({ in: read, out, filtered, late, deadLetters }: CountTotals): boolean {
  return read === out + filtered + late + deadLetters;
}

const totalNames = ["in", "out", "filtered", "late", "deadLetters"] as const satisfies readonly (keyof CountTotals)[];

/** Counts out of JSON; undefined for what is no counts, or does not balance (R4). */
export function countTotalsOf(value: unknown): CountTotals | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const given = value as Partial<Record<keyof CountTotals, unknown>>;
  const [read, out, filtered, late, deadLetters] = totalNames.map((name) => given[name]).filter(isCount);
  if (read === undefined || out === undefined || filtered === undefined) return undefined;
  if (late === undefined || deadLetters === undefined) return undefined;
  const counts = { in: read, out, filtered, late, deadLetters };
  return isBalanced(counts) ? counts : undefined;
}

/** A number of things, or an offset. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export const noCounts: CountTotals = { in: 0, out: 0, filtered: 0, late: 0, deadLetters: 0 };

function sum(counts: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}
