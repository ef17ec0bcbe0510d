import { createFolderRegistry } from "../../src/adapters/registry-fs/index.ts";
import { type Reconciliation, reconcile } from "../../src/app/reconcile.ts";
import { createValueReader } from "../../src/app/record-values.ts";
import type { Broker } from "../../src/runtime/index.ts";
import { plainRecords } from "../support/records.ts";
import { compareRows, type Verdict } from "./compare-rows.ts";
import type { ReportRow, SaleRow } from "./expected-reports.ts";
import type { Shop } from "./shop.ts";

const { signal } = new AbortController();

/** Compares what a read-committed reader sees in the topics of a shop with what the logs say there has to be. */
export async function judge(broker: Broker, shop: Shop): Promise<Verdict> {
  const reader = createValueReader(createFolderRegistry(shop.registry), signal);
  const topicOf = (stage: string): string => shop.plan.stages.find(({ name }) => name === stage)?.to.clusterName ?? "";
  const events = await rowsOf(broker, shop.inbox, async (value) => JSON.parse(value.toString()) as SaleRow);
  const sales = await rowsOf(broker, topicOf("ingest"), async (value) => (await reader.read(value)) as SaleRow);
  const reports = await rowsOf<ReportRow>(broker, topicOf("report"), async (value) => JSON.parse(value.toString()));
  return compareRows({
    events: events.flatMap((rows, partition) =>
      rows.map(({ offset, row }) => ({ ...row, event_id: `${shop.inbox}-${partition}-${offset}` })),
    ),
    sales: sales.map((rows) => rows.map(({ row }) => row)),
    reports: reports.flat().map(({ row }) => row),
  });
}

/** What is wrong with the accounts of a shop that has been stopped, held against a recount of its topics; a line each. */
export async function judgeAccounts(broker: Broker, { plan, registry }: Shop): Promise<string[]> {
  const source = { plan, broker, registry: createFolderRegistry(registry), nowMs: Date.now() };
  return accountLines(await reconcile(source, signal));
}

/** Of a chain that has worked everything off, of which retention took nothing: every partition has to be counted, whole. */
export function accountLines({ partitions, strays }: Reconciliation): string[] {
  return [
    ...partitions.flatMap(({ stage, partition, counted, lacking, differences }) => [
      ...(lacking === undefined ? [] : [`account: ${stage} ${partition} was not counted: ${lacking}`]),
      ...(counted === undefined || counted.range.from === 0
        ? []
        : [`account: ${stage} ${partition} was counted from ${counted.range.from} only`]),
      ...differences.map((difference) => `account: ${stage} ${partition}: ${difference}`),
    ]),
    ...strays.map(({ topic, count }) => `account: ${count} outputs in ${topic} come from no record`),
  ];
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
