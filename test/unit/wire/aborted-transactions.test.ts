import { describe, expect, test } from "vitest";
import { AbortedTransactions } from "../../../src/wire/aborted-transactions.ts";
import type { BatchHeader } from "../../../src/wire/batch-header.ts";

const abort = 0;
const commit = 1;

/** What counts of a control batch's header. */
const headerOf = (producerId: number, recordCount = 1): BatchHeader => ({ producerId, recordCount }) as BatchHeader;

/** A control record: length, attributes, time, offset, a key of a version and a type; `behind` is what follows. */
function controlRecord(type: number, behind: readonly number[] = [0, 0]): Buffer {
  const body = [0, 0, 0, 8, 0, 0, 0, type, ...behind];
  return Buffer.from([body.length * 2, ...body]);
}

function ended(transactions: AbortedTransactions, producerId: number, record: Buffer, count = 1): void {
  transactions.control(headerOf(producerId, count), record, 0, record.length);
}

describe("the transactions of a fetch", () => {
  test("are aborted from their first offset on, in whatever order they were listed, until their own abort marker", () => {
    const transactions = new AbortedTransactions([
      { producerId: 7n, firstOffset: 20n },
      { producerId: 5n, firstOffset: 10n },
    ]);
    const aborted = (): boolean[] => [5, 7, 9].map((producerId) => transactions.has(producerId));
    transactions.advance(9);
    expect(aborted()).toEqual([false, false, false]);
    transactions.advance(10);
    expect(aborted()).toEqual([true, false, false]);
    transactions.advance(25);
    expect(aborted()).toEqual([true, true, false]);
    ended(transactions, 9, controlRecord(abort));
    ended(transactions, 5, controlRecord(commit));
    expect(aborted()).toEqual([true, true, false]);
    ended(transactions, 5, controlRecord(abort));
    expect(aborted()).toEqual([false, true, false]);
    ended(transactions, 7, controlRecord(abort));
    expect(aborted()).toEqual([false, false, false]);
  });

  test("of one producer are aborted one by one: one that ended says nothing of the next", () => {
    const transactions = new AbortedTransactions([
      { producerId: 5, firstOffset: 10 },
      { producerId: 5, firstOffset: 30 },
    ]);
    transactions.advance(19);
    ended(transactions, 5, controlRecord(abort));
    transactions.advance(29);
    expect(transactions.has(5)).toBe(false);
    transactions.advance(30);
    expect(transactions.has(5)).toBe(true);
  });

  test("are not ended by a control batch without a record, nor by one of a producer that has none", () => {
    const transactions = new AbortedTransactions([{ producerId: 5, firstOffset: 0 }]);
    transactions.advance(0);
    ended(transactions, 5, Buffer.alloc(0), 0);
    expect(transactions.has(5)).toBe(true);
    // Nobody waits for this one's end, so that nobody reads what it is.
    expect(() => ended(transactions, 6, Buffer.from([2, 0]))).not.toThrow();
  });
});

describe("the type of a control record", () => {
  const open = (): AbortedTransactions => {
    const transactions = new AbortedTransactions([{ producerId: 5, firstOffset: 0 }]);
    transactions.advance(0);
    return transactions;
  };

  test("is read also where nothing follows the key", () => {
    const transactions = open();
    ended(transactions, 5, controlRecord(abort, []));
    expect(transactions.has(5)).toBe(false);
  });

  test("is missing where the key is shorter than a version and a type, or reaches past the record", () => {
    const short = Buffer.from([14, 0, 0, 0, 6, 0, 0, 0]);
    expect(() => ended(open(), 5, short)).toThrow("a control record has no type");
    expect(() => ended(open(), 5, controlRecord(abort, []).subarray(0, 8))).toThrow("a control record has no type");
  });
});
