import { expect, test } from "vitest";
import type { CountTotals } from "../../../src/runtime/counts.ts";
import { type DatedAccount, differencesOf, rangeOf, recount } from "../../../src/runtime/reconciliation.ts";
import { writeNote } from "../../../src/runtime/task-note.ts";

/** All outputs but one in ten, which is filtered. */
const countsOf = (read: number): CountTotals => ({
  in: read,
  out: read - Math.floor(read / 10),
  filtered: Math.floor(read / 10),
  late: 0,
  deadLetters: 0,
});
const noteAt = (offset: number, since = 0): string =>
  writeNote({ streamTimeMs: 0, since, counts: countsOf(offset - since) });
const left = (offsetNext: number, leftMs: number, since = 0): DatedAccount => ({
  account: { since, offsetNext, counts: countsOf(offsetNext - since) },
  leftMs,
});
const accounts = [left(100, 1_000_000), left(200, 2_000_000), left(300, 3_000_000)];
const unbounded = { low: 0, wholeSinceMs: Number.NEGATIVE_INFINITY, fromMs: undefined, toMs: undefined };
const known = { committed: 350, note: noteAt(350), accounts };

test("where nothing is gone everything is counted, up to the committed offset and by its note", () => {
  expect(rangeOf(known, unbounded)).toEqual({ from: 0, to: 350, counts: countsOf(350) });
});

test("behind retention it is counted from the first account whose records are all there", () => {
  const between = (from: number): unknown => ({
    from,
    to: 350,
    counts: { in: 350 - from, out: 0.9 * (350 - from), filtered: 0.1 * (350 - from), late: 0, deadLetters: 0 },
  });
  expect(rangeOf(known, { ...unbounded, low: 1 })).toEqual(between(100));
  expect(rangeOf(known, { ...unbounded, low: 100 })).toEqual(between(100));
  expect(rangeOf(known, { ...unbounded, low: 101 })).toEqual(between(200));
  // An output or a dead letter from before may be gone; clocks may differ by a minute.
  expect(rangeOf(known, { ...unbounded, wholeSinceMs: 940_000 })).toEqual(between(100));
  expect(rangeOf(known, { ...unbounded, wholeSinceMs: 940_001 })).toEqual(between(200));
  expect(rangeOf(known, { ...unbounded, low: 301 })).toEqual({
    lacking: "no account is old enough that has all of its records still there",
  });
  expect(rangeOf(known, { ...unbounded, wholeSinceMs: Number.POSITIVE_INFINITY })).toHaveProperty("lacking");
});

test("a time is that of the accounts: from the first at or after it, to the last at or before it", () => {
  expect(rangeOf(known, { ...unbounded, fromMs: 1_000_000, toMs: 3_000_000 })).toMatchObject({ from: 100, to: 300 });
  expect(rangeOf(known, { ...unbounded, fromMs: 1_000_001, toMs: 2_999_999 })).toHaveProperty("lacking");
  expect(rangeOf(known, { ...unbounded, fromMs: 2_000_000 })).toMatchObject({ from: 200, to: 350 });
  expect(rangeOf(known, { ...unbounded, toMs: 999_999 })).toEqual({
    lacking: "no account was left of what is committed",
  });
});

test("without a note it is counted up to the last account that is not ahead of the committed offset", () => {
  expect(rangeOf({ ...known, note: undefined }, unbounded)).toMatchObject({ from: 0, to: 300 });
  expect(rangeOf({ committed: 250, note: undefined, accounts }, unbounded)).toMatchObject({ from: 0, to: 200 });
  expect(rangeOf({ committed: 50, note: undefined, accounts }, unbounded)).toHaveProperty("lacking");
});

test("without a committed offset it is said whether there was ever one", () => {
  expect(rangeOf({ committed: -1, note: undefined, accounts: [] }, unbounded)).toEqual({
    lacking: "nothing was committed",
  });
  // In whatever order they were left.
  expect(rangeOf({ committed: -1, note: undefined, accounts: accounts.toReversed() }, unbounded)).toEqual({
    lacking:
      "its committed offset is gone, though accounts reach to 300: a cluster forgets the offsets of a group that had no member for long (offsets.retention.minutes), and a reset takes them back",
  });
});

test("accounts from before somebody moved the offset are of other records, and not subtracted", () => {
  const moved = { committed: 350, note: noteAt(350, 150), accounts: [...accounts, left(250, 4_000_000, 150)] };
  expect(rangeOf(moved, unbounded)).toEqual({ from: 150, to: 350, counts: countsOf(200) });
  expect(rangeOf(moved, { ...unbounded, low: 160 })).toMatchObject({ from: 250, to: 350 });
});

test("a range is recounted by input offset, half open, and what has left no trace was filtered", () => {
  const fates = {
    inputs: [0, 1, 2, 3, 5, 6, 7],
    outputs: new Map([
      [0, 1],
      [1, 3],
      [5, 2],
      [7, 2],
    ]),
    late: new Set([2, 7]),
    deadLetters: new Set([3]),
  };
  const range = { from: 1, to: 7, counts: countsOf(0) };
  expect(recount(fates, range)).toEqual({
    counts: { in: 5, out: 2, filtered: 1, late: 1, deadLetters: 1 },
    repeats: 3,
  });
});

test("exactly once every difference counts; at least once what is missing does", () => {
  const account = { in: 10, out: 5, filtered: 2, late: 2, deadLetters: 1 };
  const of = (more: Partial<CountTotals>, repeats = 0) => ({ counts: { ...account, ...more }, repeats });
  const told = (more: Partial<CountTotals>, repeats = 0): [number, number] => [
    differencesOf(account, of(more, repeats), "exactly-once").length,
    differencesOf(account, of(more, repeats), "at-least-once").length,
  ];
  expect(told({})).toEqual([0, 0]);
  expect(told({ in: 11 })).toEqual([1, 1]);
  expect(told({ in: 9 })).toEqual([1, 1]);
  for (const name of ["out", "late", "deadLetters"] as const) {
    expect(told({ [name]: account[name] - 1 })).toEqual([1, 1]);
    expect(told({ [name]: account[name] + 1 })).toEqual([1, 0]);
  }
  expect(told({}, 1)).toEqual([1, 0]);
  expect(differencesOf(account, of({ out: 4, deadLetters: 0 }), "at-least-once")).toEqual([
    "out 4 in the logs, 5 in the account",
    "dead letters 0 in the logs, 1 in the account",
  ]);
});
