import { chiSquarePoint, chiSquareUpper } from "../../stats/index.ts";
import type { FieldMetric } from "./quality-spec.ts";

/** Of numbers: null and NaN; the infinities, and behind them what is below the reference. Above it is the last cell. */
const [nullCell, nanCell, lowestCell, highestCell, belowCell] = [0, 1, 2, 3, 4] as const;
/** Of categories. */
const unseenCell = 2;

/** Rows of a field's cells that a metric is about. */
export function rowsOf(metric: FieldMetric, kind: "numbers" | "categories", counts: ArrayLike<number>): number {
  const at = (cell: number): number => counts[cell] ?? 0;
  if (metric === "unseen") return at(unseenCell);
  if (metric === "missing") return at(nullCell) + (kind === "numbers" ? at(nanCell) : 0);
  return at(lowestCell) + at(highestCell) + at(belowCell) + at(counts.length - 1);
}

/**
 * By how much a share may exceed that of the reference by chance, at that probability.
 *
 * Shares are compared by twice the arcsine of their root, whose variance is 1/n + 1/m whatever the share is, so that the
 * answer also holds where the reference has next to none: J. Cohen, "Statistical power analysis" (1988), 6.2.
 *
 * @param share of the reference
 * @param n rows of the reference; Infinity where the share is known
 * @param m rows of the window
 * @param inflation of the variance, at least 1: rows that follow one another are alike
 */
export function shareFloor(share: number, n: number, m: number, inflation: number, probability: number): number {
  const deviates = Math.sqrt(chiSquarePoint(2 * probability, 1));
  const angle = angleOf(share) + deviates * Math.sqrt(inflation * (1 / n + 1 / m));
  return Math.sin(Math.min(Math.PI, angle) / 2) ** 2 - share;
}

/** Probability of a share of the window that is at least so much above the reference's while nothing changes. */
export function shareProbability(reference: number, share: number, n: number, m: number, inflation: number): number {
  const deviates = angleBetween(reference, share) / Math.sqrt(inflation * (1 / n + 1 / m));
  const tail = chiSquareUpper(deviates * deviates, 1) / 2;
  return deviates < 0 ? 1 - tail : tail;
}

/** From one share to another, in the measure whose variance is 1/n + 1/m. */
export function angleBetween(from: number, to: number): number {
  return angleOf(to) - angleOf(from);
}

function angleOf(share: number): number {
  return 2 * Math.asin(Math.sqrt(Math.min(1, Math.max(0, share))));
}
