import type { ReportRow, SaleRow } from "../expected-reports.ts";

const hourMs = 3_600_000;
const windows = { "5min": 300_000, "1h": hourMs } as const;

/**
 * Features as somebody writes them first: what was seen stands in two maps of the process, for all partitions together.
 * While nothing happens to the process its answers are right.
 */
export class NaiveFeatures {
  readonly #timesBySale = new Map<string, number[]>();
  readonly #rowsByCustomer = new Map<string, { readonly timeMs: number; readonly price: number }[]>();

  /** @returns undefined for a repeat, and for a sale that was taken back */
  next(sale: SaleRow): ReportRow | undefined {
    const timeMs = Number(sale.sold_at);
    const earlier = this.#timesBySale.get(sale.sale) ?? [];
    this.#timesBySale.set(sale.sale, earlier);
    const isRepeat = earlier.some((other) => Math.abs(other - timeMs) < hourMs);
    earlier.push(timeMs);
    if (isRepeat || sale.price < 0) return undefined;
    const rows = this.#rowsByCustomer.get(sale.customer) ?? [];
    this.#rowsByCustomer.set(sale.customer, rows);
    rows.push({ timeMs, price: sale.price });
    const features = Object.entries(windows).flatMap(([name, ms]) => {
      const prices = rows.filter((row) => row.timeMs > timeMs - ms && row.timeMs <= timeMs).map(({ price }) => price);
      return [
        [`n_${name}`, prices.length],
        [`spent_${name}`, prices.reduce((sum, price) => sum + price, 0)],
        [`dearest_${name}`, Math.max(...prices)],
      ] as const;
    });
    return { ...sale, ...Object.fromEntries(features) };
  }
}
