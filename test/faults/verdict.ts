import { createFolderRegistry } from "../../src/adapters/registry-fs/index.ts";
import { createValueReader } from "../../src/app/record-values.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { plainRecords } from "../support/records.ts";
import { expectedReports, type ReportRow, type SaleRow } from "./expected-reports.ts";
import type { Delivery, Shop } from "./shop.ts";

const { signal } = new AbortController();
/** Of each kind of difference so many are shown. */
const shownMax = 5;

export interface Verdict {
  /** Events of the inbox. */
  readonly records: number;
  readonly lost: number;
  readonly duplicates: number;
  /** Rows that are not what the log of their input makes them. */
  readonly wrong: number;
  /** The first of what was found, a line each. */
  readonly found: readonly string[];
}

/**
 * Compares what a read-committed reader sees with what the logs say there has to be: one sale per event of the inbox,
 * and the reports that {@link expectedReports} makes of the sales as they lie in their topic.
 */
export async function judge(broker: Broker, shop: Shop, delivery: Delivery): Promise<Verdict> {
  const reader = createValueReader(createFolderRegistry(shop.registry), signal);
  const topicOf = (stage: string): string => shop.plan.stages.find(({ name }) => name === stage)?.to.clusterName ?? "";
  const events = await rowsOf<{ sale: string }>(broker, shop.inbox, async (value) => JSON.parse(value.toString()));
  const sales = await rowsOf<SaleRow>(
    broker,
    topicOf("ingest"),
    async (value) => (await reader.read(value)) as SaleRow,
  );
  const reports = await rowsOf<ReportRow>(broker, topicOf("report"), async (value) => JSON.parse(value.toString()));

  const ids = events.flatMap((rows, partition) => rows.map(({ offset }) => `${shop.inbox}-${partition}-${offset}`));
  const tally = new Tally(delivery);
  tally.compare(
    "sale",
    ids.map((id) => [id, undefined]),
    sales.flat().map(({ row }) => [row.event_id, undefined]),
  );
  const expected = sales.flatMap((rows) => expectedReports(rows.map(({ row }) => row)));
  tally.compare(
    "report",
    expected.map((row) => [row.event_id, textOf(row)]),
    reports.flat().map(({ row }) => [row.event_id, textOf(row)]),
  );
  return { records: ids.length, ...tally };
}

class Tally {
  lost = 0;
  duplicates = 0;
  wrong = 0;
  readonly found: string[] = [];
  readonly #isExact: boolean;

  constructor(delivery: Delivery) {
    this.#isExact = delivery === "exactly-once";
  }

  /** Rows by event id; each expected one is there, equal, and exactly-once there once, and there is no other. */
  compare(
    what: string,
    expected: readonly (readonly [string, string | undefined])[],
    actual: readonly (readonly [string, string | undefined])[],
  ): void {
    const byId = new Map<string, (string | undefined)[]>();
    for (const [id, row] of actual) byId.set(id, [...(byId.get(id) ?? []), row]);
    const wanted = new Map(expected);
    const lost = [...wanted.keys()].filter((id) => !byId.has(id));
    const copied = [...byId].filter(([, rows]) => rows.length > 1);
    const wrong = [...byId].filter(([id, rows]) => !wanted.has(id) || rows.some((row) => row !== wanted.get(id)));
    this.lost += lost.length;
    this.duplicates += copied.reduce((sum, [, rows]) => sum + rows.length - 1, 0);
    this.wrong += wrong.length;
    this.#show(lost, (id) => `lost: ${what} ${id}`);
    if (this.#isExact) this.#show(copied, ([id, rows]) => `duplicate: ${what} ${id} is there ${rows.length} times`);
    this.#show(wrong, ([id, rows]) => `wrong: ${what} ${id} is ${rows.join(" and ")}, not ${wanted.get(id)}`);
  }

  #show<T>(some: readonly T[], say: (one: T) => string): void {
    this.found.push(...some.slice(0, shownMax).map(say));
  }
}

function textOf({ event_id: _, ...row }: ReportRow): string {
  return JSON.stringify(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** By partition, in the order of the log. */
async function rowsOf<Row>(broker: Broker, topic: string, read: (value: Buffer) => Promise<Row>) {
  const rows: { readonly offset: number; readonly row: Row }[][] = [];
  for (const { partition, low, end } of await broker.admin.watermarks(topic, signal)) {
    const own: { readonly offset: number; readonly row: Row }[] = [];
    rows[partition] = own;
    if (low === end) continue;
    for await (const batch of broker.read({ topic, partition, from: low, to: end }, signal))
      for (const { offset, value } of plainRecords(batch))
        own.push({ offset, row: await read(value ?? Buffer.alloc(0)) });
  }
  return rows;
}
