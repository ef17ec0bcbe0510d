import { expectedReports, type ReportRow, type SaleRow, timeMsOf } from "./expected-reports.ts";

/** Of each kind of difference so many are shown. */
const shownMax = 5;

export interface Verdict {
  /** Events of the inbox. */
  readonly records: number;
  readonly lost: number;
  /** Rows that are there again. */
  readonly duplicates: number;
  /** Rows that are not what the log of their input makes them. */
  readonly wrong: number;
  /** The first of what is lost or wrong, a line each. */
  readonly found: readonly string[];
  /** The first of the duplicates, a line each. */
  readonly copies: readonly string[];
}

/** What stands in the topics of a shop. */
export interface ShopRows {
  /** What the events of the inbox say, under the ids that they get. */
  readonly events: readonly SaleRow[];
  /** By partition, in the order of the log. */
  readonly sales: readonly (readonly SaleRow[])[];
  readonly reports: readonly ReportRow[];
}

/** One sale per event of the inbox, which says the same, and the reports that {@link expectedReports} makes of the sales as they lie there. */
export function compareRows({ events, sales, reports }: ShopRows): Verdict {
  const tally = new Tally();
  tally.compare(
    "sale",
    events.map((row) => [row.event_id, textOf(dated(row))]),
    sales.flat().map((row) => [row.event_id, textOf(dated(row))]),
  );
  tally.compare(
    "report",
    sales.flatMap(expectedReports).map((row) => [row.event_id, textOf(row)]),
    reports.map((row) => [row.event_id, textOf(row)]),
  );
  return { records: events.length, ...tally };
}

class Tally {
  lost = 0;
  duplicates = 0;
  wrong = 0;
  readonly found: string[] = [];
  readonly copies: string[] = [];

  /** Rows by event id; each expected one is there, equal, once, and there is no other. */
  compare(
    what: string,
    expected: readonly (readonly [string, string])[],
    actual: readonly (readonly [string, string])[],
  ): void {
    const byId = new Map<string, string[]>();
    for (const [id, row] of actual) byId.set(id, [...(byId.get(id) ?? []), row]);
    const wanted = new Map(expected);
    const lost = [...wanted.keys()].filter((id) => !byId.has(id));
    const copied = [...byId].filter(([, rows]) => rows.length > 1);
    const wrong = [...byId].filter(([id, rows]) => !wanted.has(id) || rows.some((row) => row !== wanted.get(id)));
    this.lost += lost.length;
    this.duplicates += copied.reduce((sum, [, rows]) => sum + rows.length - 1, 0);
    this.wrong += wrong.length;
    this.#show(this.found, lost, (id) => `lost: ${what} ${id}`);
    this.#show(this.copies, copied, ([id, rows]) => `duplicate: ${what} ${id} is there ${rows.length} times`);
    this.#show(
      this.found,
      wrong,
      ([id, rows]) => `wrong: ${what} ${id} is ${rows.join(" and ")}, not ${wanted.get(id)}`,
    );
  }

  #show<T>(list: string[], some: readonly T[], say: (one: T) => string): void {
    list.push(...some.slice(0, shownMax).map(say));
  }
}

/** With its time in the form that does not depend on who wrote it. */
function dated(sale: SaleRow): ReportRow {
  return { ...sale, sold_at: timeMsOf(sale) };
}

function textOf({ event_id: _, ...row }: ReportRow): string {
  return JSON.stringify(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
