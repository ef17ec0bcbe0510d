import type { PerformanceReference } from "../../monitor/index.ts";
import { chiSquareUpper } from "../../stats/index.ts";

/** What a window has of labels. */
export interface FoundLabels {
  /** Predictions that are held. */
  readonly rows: number;
  readonly labelled: number;
  readonly positives: number;
}

/** With fewer nobody knows what is usual. */
const positivesMin = 10;
/** Less probable than that is not believed. */
const probabilityMin = 0.001;
/** A window with a smaller part of what is usually labelled lacks labels. */
const coverageMin = 0.5;
const rowsMin = 30;

/**
 * How many labels, and how many positives, windows have as a rule: a label topic that has lost some of them looks like a
 * world in which less is true.
 */
export class UsualLabels {
  #rows = 0;
  #labelled = 0;
  /** Labelled rows and positives, those of a version's validation among them. */
  #of = 0;
  #positives = 0;
  #hasBegun = false;

  /** What was there before the first window; later ones are passed over. */
  begin(reference: PerformanceReference | undefined): void {
    if (this.#hasBegun || reference === undefined) return;
    this.#hasBegun = true;
    this.#of += reference.rows;
    this.#positives += reference.positives;
  }

  /** Of a window that is no outage. */
  add({ rows, labelled, positives }: FoundLabels): void {
    this.#hasBegun = true;
    this.#rows += rows;
    this.#labelled += labelled;
    this.#of += labelled;
    this.#positives += positives;
  }

  /**
   * Whether labels are missing. Where their absence says "negative" there are too few positives to believe it: a Poisson
   * variable of the usual mean is as small with a probability below 0.001. Elsewhere fewer than half as many rows as usual
   * have a label, or none has.
   */
  isOutage({ rows, labelled, positives }: FoundLabels, isAbsenceNegative: boolean): boolean {
    if (!isAbsenceNegative) {
      if (labelled === 0) return true;
      return rows >= rowsMin && this.#rows > 0 && labelled / rows < coverageMin * (this.#labelled / this.#rows);
    }
    if (this.#positives < positivesMin) return false;
    const mean = (this.#positives / this.#of) * rows;
    return chiSquareUpper(2 * mean, 2 * (positives + 1)) < probabilityMin;
  }
}
