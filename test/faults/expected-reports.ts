/**
 * What the stage with the stores has to make of a partition of sales, by brute force. It imports nothing from the
 * product, so that a mistake there cannot be repeated here.
 */

/** A sale as the topic of sales has it. */
export interface SaleRow {
  readonly event_id: string;
  readonly sale: string;
  readonly customer: string;
  /** ISO 8601, or ms since 1970. */
  readonly sold_at: string | number;
  readonly price: number;
}

export interface ReportRow {
  readonly event_id: string;
  readonly [field: string]: unknown;
}

/** Since 1970. */
export function timeMsOf({ sold_at }: SaleRow): number {
  return typeof sold_at === "number" ? sold_at : Date.parse(sold_at);
}

const hourMs = 3_600_000;
const windows = [
  { name: "5min", ms: 300_000 },
  { name: "1h", ms: hourMs },
] as const;

/**
 * @param sales a partition's, in the order of its log
 * @returns a row for each that is no repeat and was not taken back, with the windows that end at it
 */
export function expectedReports(sales: readonly SaleRow[]): ReportRow[] {
  const timesBySale = new Map<string, number[]>();
  const rowsByCustomer = new Map<string, { readonly timeMs: number; readonly price: number }[]>();
  return sales.flatMap((sale) => {
    const timeMs = timeMsOf(sale);
    const earlier = timesBySale.get(sale.sale) ?? [];
    timesBySale.set(sale.sale, earlier);
    const isRepeat = earlier.some((other) => Math.abs(other - timeMs) < hourMs);
    earlier.push(timeMs);
    if (isRepeat || sale.price < 0) return [];
    const rows = rowsByCustomer.get(sale.customer) ?? [];
    rowsByCustomer.set(sale.customer, rows);
    rows.push({ timeMs, price: sale.price });
    return [{ ...sale, ...Object.fromEntries(windows.flatMap(({ name, ms }) => features(name, ms))) }];

    function features(name: string, ms: number): [string, number][] {
      const inside = rows.filter((row) => row.timeMs > timeMs - ms && row.timeMs <= timeMs).map(({ price }) => price);
      return [
        [`n_${name}`, inside.length],
        [`spent_${name}`, inside.reduce((sum, price) => sum + price, 0)],
        [`dearest_${name}`, Math.max(...inside)],
      ];
    }
  });
}
