import { expect, test } from "vitest";
import type { FaultRun } from "../../faults/asked.ts";
import { compareRows } from "../../faults/compare-rows.ts";
import { expectedReports, type ReportRow, type SaleRow } from "../../faults/expected-reports.ts";
import { NaiveFeatures } from "../../faults/naive/naive-features.ts";
import { lastLine, shortcomings } from "../../faults/outcome.ts";

const sale = (index: number, customer = "c"): SaleRow => ({
  event_id: `inbox-0-${index}`,
  sale: `s${index}`,
  customer,
  sold_at: index * 1_000,
  price: index,
});
const sales = [1, 2, 3, 4].map((index) => sale(index));

/** What the harness says of reports, and whether it passes them. */
function judged(reports: readonly ReportRow[], run: FaultRun = { delivery: "at-least-once", kills: 1 }) {
  const compared = compareRows({ sales: [sales], events: sales, reports });
  const outcome = { verdict: compared, done: new Map([["kill", 1] as const]), missed: 0, accounts: [], deaths: [] };
  return { line: lastLine(run, outcome), reasons: shortcomings(run, outcome) };
}

/** What processes put out that live for so many sales each; an undefined row is none. */
function reportsOf(...lives: readonly (readonly SaleRow[])[]): ReportRow[] {
  return lives.flatMap((life) => {
    const features = new NaiveFeatures();
    return life.flatMap((one) => features.next(one) ?? []);
  });
}

test("the naive features are right while nothing happens to their process", () => {
  const more = [...sales, sale(2), { ...sale(5), price: -1 }, sale(6, "d"), sale(4_000)];
  expect(reportsOf(more)).toEqual(expectedReports(more));
});

test("a kill between the send and the commit doubles a record, which is no fault at least once and one exactly once", () => {
  const [first, ...rest] = reportsOf(sales) as [ReportRow, ...ReportRow[]];
  const copied = [first, first, ...rest];
  expect(judged(copied).line).toBe(
    "mode at-least-once records 4 lost 0 duplicates 1 kills 1 in-commit 0 moves 0 freezes 0",
  );
  expect(judged(copied).reasons).toEqual(["only 4 records for 1 kills"]);
  expect(judged(copied, { delivery: "exactly-once", kills: 1 }).reasons).toEqual([
    "1 records are there more than once",
    "duplicate: report inbox-0-1 is there 2 times",
    "only 4 records for 1 kills",
  ]);
});

test("a sale that is there under its id and says something else is wrong", () => {
  const events = sales.map((one) => ({ ...one, sold_at: new Date(Number(one.sold_at)).toISOString() }));
  expect(compareRows({ sales: [sales], events, reports: reportsOf(sales) })).toMatchObject({ lost: 0, wrong: 0 });
  for (const other of [{ price: 9 }, { customer: "d" }, { sale: "s9" }, { sold_at: 1_001 }]) {
    const changed = [{ ...sale(1), ...other }, ...sales.slice(1)];
    const compared = compareRows({ sales: [changed], events, reports: reportsOf(changed) });
    expect(compared).toMatchObject({ lost: 0, duplicates: 0, wrong: 1 });
    expect(compared.found[0]).toContain("wrong: sale inbox-0-1 is ");
  }
});

test("a record that was taken and not put out is lost", () => {
  expect(judged(reportsOf(sales).slice(1)).reasons.slice(0, 2)).toEqual([
    "1 records are lost",
    "lost: report inbox-0-1",
  ]);
});

test("a kill forgets the windows, so that rows are wrong in any delivery", () => {
  const { reasons } = judged(reportsOf(sales.slice(0, 2), sales.slice(2)));
  expect(reasons[0]).toBe("2 rows are not what their input makes them");
  expect(reasons[1]).toContain('wrong: report inbox-0-3 is [["customer","c"],["dearest_1h",3]');
});

test("a kill forgets the ids, so that a repeat is a report that nothing asked for", () => {
  const repeated = [...sales, { ...sale(2), event_id: "inbox-0-5" }];
  const rows = reportsOf(sales, repeated.slice(-1));
  const compared = compareRows({ sales: [repeated], events: repeated, reports: rows });
  expect(compared).toMatchObject({ lost: 0, duplicates: 0, wrong: 1 });
});
