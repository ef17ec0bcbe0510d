/**
 * The join of features and labels by brute force, a row an object. It imports nothing from the product, so that a
 * mistake there cannot be repeated here.
 */

export interface OracleFeature {
  readonly eventId: string;
  readonly timeMs: number;
  readonly key: string;
  readonly inputs: readonly number[];
}

export interface OracleLabel {
  readonly eventId: string;
  readonly timeMs: number;
  readonly key: string;
  readonly label: 0 | 1;
}

export interface OracleSet {
  readonly inputs: readonly number[];
  readonly labels: readonly number[];
  readonly timesMs: readonly number[];
  readonly trainCount: number;
  readonly unlabelled: number;
  readonly labelledAfterSplit: number;
}

/** Strings compare by code unit. */
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Labelled rows by time and event id; a label of a row to learn from was known before the latest fifth begins. */
export function trainingOracle(features: readonly OracleFeature[], labels: readonly OracleLabel[]): OracleSet {
  const rows = [...new Map(features.map((row) => [row.eventId, row])).values()];
  const labelOf = (row: OracleFeature, beforeMs: number): number | undefined =>
    labels
      .filter(({ key, timeMs }) => key === row.key && timeMs < beforeMs)
      .toSorted((a, b) => a.timeMs - b.timeMs || byText(a.eventId, b.eventId))
      .at(-1)?.label;
  const labelled = rows
    .filter((row) => labelOf(row, Number.POSITIVE_INFINITY) !== undefined)
    .toSorted((a, b) => a.timeMs - b.timeMs || byText(a.eventId, b.eventId));
  const held = Math.floor(labelled.length * 0.2);
  const splitAtMs = held === 0 ? Number.POSITIVE_INFINITY : (labelled[labelled.length - held]?.timeMs ?? 0);
  const before = labelled.filter((row) => row.timeMs < splitAtMs);
  const earlier = before.filter((row) => labelOf(row, splitAtMs) !== undefined);
  const later = labelled.filter((row) => row.timeMs >= splitAtMs);
  const order = [...earlier, ...later];
  return {
    inputs: order.flatMap((row) => row.inputs),
    labels: order.map((row) => labelOf(row, row.timeMs < splitAtMs ? splitAtMs : Number.POSITIVE_INFINITY) ?? 0),
    timesMs: order.map((row) => row.timeMs),
    trainCount: earlier.length,
    unlabelled: rows.length - labelled.length,
    labelledAfterSplit: before.length - earlier.length,
  };
}
