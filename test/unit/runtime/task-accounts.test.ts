import { expect, test } from "vitest";
import { Facts, silentLogger } from "../../../src/kernel/index.ts";
import { CountTally } from "../../../src/runtime/counts.ts";
import { stageCountsOf, TaskAccounts } from "../../../src/runtime/task-accounts.ts";

function accounts() {
  const facts = new Facts(silentLogger);
  return { facts, accounts: new TaskAccounts(facts) };
}

/** Of four records one is out, one filtered, one late and one dead. */
function chunk(offsetNext: number, eventTimeMs?: number) {
  const tally = new CountTally();
  tally.in = 4;
  tally.out = 1;
  tally.late = 1;
  tally.addFiltered("rule", 1);
  tally.addDeadLetter("MR_CAST");
  const counts = { in: offsetNext, out: 2, filtered: 0, late: 0, deadLetters: offsetNext - 2 };
  return { tally, note: { streamTimeMs: 5_000, since: 0, counts }, offsetNext, durationMs: 20, eventTimeMs };
}

test("a task's account is of the offsets since it began, and goes on when it is given back where it left off", () => {
  const { facts, accounts: book } = accounts();
  book.begun(2, 100, undefined);
  book.committed(2, chunk(104, 5_000), 6_500);
  book.begun(2, 104, undefined);
  book.committed(2, chunk(108), 7_000);
  expect(book.all.get(2)).toEqual({
    since: 100,
    offsetNext: 108,
    eventTimeMs: 5_000,
    whole: { since: 0, counts: { in: 108, out: 2, filtered: 0, late: 0, deadLetters: 106 } },
    counts: { in: 8, out: 2, late: 2, filtered: { rule: 2 }, deadLetters: { MR_CAST: 2 } },
  });
  expect(stageCountsOf(facts.tallies)).toEqual(book.all.get(2)?.counts);
});

test("where another owner has been the account begins anew, and the stage's counts stay", () => {
  const { facts, accounts: book } = accounts();
  book.begun(0, 0, undefined);
  book.committed(0, chunk(4, 5_000), 6_000);
  book.begun(0, 9, undefined);
  expect(book.all.get(0)).toMatchObject({ since: 9, offsetNext: 9, eventTimeMs: undefined, counts: { in: 0 } });
  book.committed(0, chunk(13), 6_000);
  expect([book.all.get(0)?.counts.in, stageCountsOf(facts.tallies).in]).toEqual([4, 8]);
});

test("an account goes on, over all owners, from what was left with the offset, and without that begins there", () => {
  const { accounts: book } = accounts();
  const counts = { in: 30, out: 25, filtered: 3, late: 1, deadLetters: 1 };
  book.begun(0, 90, { streamTimeMs: 5_000, since: 60, counts });
  book.begun(1, 90, undefined);
  const wholes = [0, 1].map((task) => book.all.get(task)?.whole);
  expect(wholes).toEqual([
    { since: 60, counts },
    { since: 90, counts: { in: 0, out: 0, filtered: 0, late: 0, deadLetters: 0 } },
  ]);
});

test("a commit feeds duration, latency by event time, and the dead letters with the late ones among them", () => {
  const { facts, accounts: book } = accounts();
  book.begun(0, 0, undefined);
  book.committed(0, chunk(4, 5_000), 6_500);
  book.committed(0, chunk(8), 6_500);
  const sums = (["millrace_stage_duration_seconds", "millrace_end_to_end_latency_seconds"] as const).map((metric) =>
    facts.tallies.total(metric),
  );
  expect(sums).toEqual([0.04, 1.5]);
  expect(facts.tallies.series("millrace_dlq_records_total").map(({ labels, sum }) => [labels[0], sum])).toEqual([
    ["MR_CAST", 2],
    ["MR_LATE", 2],
  ]);
});

test("an event that is dated ahead of the clock has no negative latency", () => {
  const { facts, accounts: book } = accounts();
  book.begun(0, 0, undefined);
  book.committed(0, chunk(4, 9_000), 6_500);
  expect(facts.tallies.total("millrace_end_to_end_latency_seconds")).toBe(0);
});
