import { agrees } from "./rolling-oracle.ts";

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
  /** What is forgotten: ids that far behind stream time, and customers without a payment for longer. Left out, nothing. */
  readonly ttlMs?: number | undefined;
}

/** What becomes of one record; with `out` how many payments each window holds, and their mean amount. */
export type OracleFate =
  | { readonly fate: "failed" | "late" | "repeat" | "filtered" }
  | { readonly fate: "out"; readonly windows: readonly { readonly count: number; readonly mean: number }[] };

/** A fate per payment, in the order given. Quadratic. */
export function featuresOracle(payments: readonly OraclePayment[], rules: OracleRules): OracleFate[] {
  const judged: OraclePayment[] = [];
  let counted: OraclePayment[] = [];
  const ttlMs = rules.ttlMs ?? Number.POSITIVE_INFINITY;
  let streamMs = Number.NEGATIVE_INFINITY;
  return payments.map((payment) => {
    const { id, customer, paidAtMs, amount } = payment;
    if (amount === null) return { fate: "failed" };
    const aliveMs = Math.max(streamMs, paidAtMs) - ttlMs;
    const isRepeat = judged.some(
      (other) =>
        other.id === id && other.paidAtMs >= aliveMs && Math.abs(other.paidAtMs - paidAtMs) < rules.repeatWithinMs,
    );
    judged.push(payment);
    if (isRepeat) return { fate: "repeat" };
    const isLate = paidAtMs < streamMs - rules.lateWithinMs;
    streamMs = Math.max(streamMs, paidAtMs);
    if (isLate) return { fate: "late" };
    if (amount < 0) return { fate: "filtered" };
    // The customer was silent for too long by the time that this one comes.
    if (counted.every((other) => other.customer !== customer || other.paidAtMs < aliveMs))
      counted = counted.filter((other) => other.customer !== customer);
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

/** A row by its event id: a payment that stands in the input, or an output as JSON. */
type Named<T> = readonly [eventId: string, row: T];

/**
 * What differs from the oracle: windows, repeats, late ones, outputs that nobody has sent. Copies of a payment, which an
 * earlier stage has written twice, are repeats, and the output is that of the first one.
 *
 * @param inputs per partition, in the order of their offsets
 * @param windows names of the windows, behind `n_` and `mean_`
 * @param isOnce whether an output may not stand there twice; where it may, both must say the same
 */
export function differences(
  inputs: readonly (readonly Named<OraclePayment>[])[],
  outputs: readonly Named<string>[],
  rules: OracleRules & { readonly windows: readonly string[]; readonly isOnce: boolean },
): string[] {
  const rows = new Map<string, Set<string>>();
  for (const [id, row] of outputs) rows.set(id, (rows.get(id) ?? new Set()).add(row));
  const seen = new Set<string>();
  const wrong = inputs.flatMap((input) => {
    const fates = featuresOracle(
      input.map(([, payment]) => payment),
      rules,
    );
    return input.flatMap(([id], offset) => {
      const fate = fates[offset];
      if (fate === undefined || seen.has(id)) return [];
      seen.add(id);
      const reason = mismatch(fate, [...(rows.get(id) ?? [])], rules.windows);
      return reason === undefined ? [] : [`${id}: ${reason}`];
    });
  });
  const strange = [...rows.keys()].filter((id) => !seen.has(id)).map((id) => `${id}: nobody has sent it`);
  const copies = rules.isOnce ? outputs.length - rows.size : 0;
  return [...wrong, ...strange, ...(copies > 0 ? [`${copies} outputs are there twice`] : [])];
}

function mismatch(fate: OracleFate, rows: readonly string[], windows: readonly string[]): string | undefined {
  if (fate.fate !== "out") return rows.length === 0 ? undefined : `it is ${fate.fate}, and an output`;
  const [only] = rows;
  if (only === undefined || rows.length > 1) return `it has ${rows.length} different outputs: ${rows.join(" ")}`;
  const row = JSON.parse(only) as Record<string, number | null>;
  const isRight = windows.every((name, i) => {
    const expected = fate.windows[i];
    const [count = null, mean = null] = [row[`n_${name}`], row[`mean_${name}`]];
    return expected !== undefined && agrees(count, expected.count) && agrees(mean, expected.mean);
  });
  return isRight ? undefined : `${only} is not ${JSON.stringify(fate.windows)}`;
}

/**
 * Payments of a few customers, three a minute, out of order by up to seven minutes, with repeats, refunds and missing
 * amounts; the next ones of a stream that has had `from` before.
 */
export function paymentStream(count: number, rng: { below(bound: number): number }, from = 0): OraclePayment[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `p${rng.below(8) === 0 ? Math.max(0, from + i - 1 - rng.below(20)) : from + i}`,
    customer: `c${rng.below(5)}`,
    paidAtMs: 1_700_000_000_000 + (from + i) * 20_000 - rng.below(7 * 60_000),
    amount: rng.below(20) === 0 ? null : rng.below(3_000) / 100 - 2,
  }));
}
