/**
 * What a stage with `require`, `dedupe`, then lateness, `filter` and `rolling` has to make of the records of one partition, by
 * brute force. It imports nothing from the product, so that a mistake there cannot be repeated here.
 */

export interface OraclePayment {
  readonly id: string;
  readonly customer: string;
  readonly paidAtMs: number;
  /** Null is not a value. */
  readonly amount: number | null;
}

export interface OracleRules {
  /** A repeat is an id that an earlier record had with an event time closer than this. */
  readonly repeatWithinMs: number;
  readonly lateWithinMs: number;
  readonly windowsMs: readonly number[];
}

/** What becomes of one record; with `out` how many payments each window holds, and their mean amount. */
export type OracleFate =
  | { readonly fate: "failed" | "late" | "repeat" | "filtered" }
  | { readonly fate: "out"; readonly windows: readonly { readonly count: number; readonly mean: number }[] };

/** A fate per payment, in the order given. Quadratic. */
export function featuresOracle(payments: readonly OraclePayment[], rules: OracleRules): OracleFate[] {
  const judged: OraclePayment[] = [];
  const counted: OraclePayment[] = [];
  let streamMs = Number.NEGATIVE_INFINITY;
  return payments.map((payment) => {
    const { id, customer, paidAtMs, amount } = payment;
    if (amount === null) return { fate: "failed" };
    const isRepeat = judged.some(
      (other) => other.id === id && Math.abs(other.paidAtMs - paidAtMs) < rules.repeatWithinMs,
    );
    judged.push(payment);
    if (isRepeat) return { fate: "repeat" };
    const isLate = paidAtMs < streamMs - rules.lateWithinMs;
    streamMs = Math.max(streamMs, paidAtMs);
    if (isLate) return { fate: "late" };
    if (amount < 0) return { fate: "filtered" };
    counted.push(payment);
    const windows = rules.windowsMs.map((windowMs) => {
      const inside = counted.filter(
        (other) => other.customer === customer && other.paidAtMs > paidAtMs - windowMs && other.paidAtMs <= paidAtMs,
      );
      const total = inside.reduce((sum, other) => sum + (other.amount ?? 0), 0);
      return { count: inside.length, mean: total / inside.length };
    });
    return { fate: "out", windows };
  });
}
