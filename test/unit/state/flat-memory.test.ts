/** What the stores keep their entries in: numbers for keys, stacks and extents of numbers, bytes of entries. */
import { describe, expect, test } from "vitest";
import { EntryBytes, EntryReader } from "../../../src/state/entry-bytes.ts";
import { KeyTable } from "../../../src/state/key-table.ts";
import { grownUints, NumberStack } from "../../../src/state/number-stack.ts";
import { Slabs } from "../../../src/state/slabs.ts";

describe("numbers for keys", () => {
  test("are small, used again, and each has one key", () => {
    const keys = new KeyTable("s");
    expect([keys.add("a"), keys.add("b"), keys.add("c")]).toEqual([0, 1, 2]);
    keys.remove(1);
    expect([keys.find("b"), keys.holds(1), keys.keyOf(1), keys.size, keys.entryEnd]).toEqual([-1, false, "", 2, 3]);
    // Taken away twice it is free once.
    keys.remove(1);
    keys.remove(7);
    expect([keys.add("d"), keys.add("e")]).toEqual([1, 3]);
    expect(["a", "c", "d", "e"].map((key) => keys.keyOf(keys.find(key)))).toEqual(["a", "c", "d", "e"]);
  });

  test("begin anew when all are forgotten", () => {
    const keys = new KeyTable("s");
    for (const key of ["a", "b"]) keys.add(key);
    keys.remove(0);
    keys.clear();
    expect([keys.size, keys.entryEnd, keys.find("b"), keys.holds(1)]).toEqual([0, 0, -1, false]);
    expect([keys.add("c"), keys.add("d")]).toEqual([0, 1]);
  });

  test("are as many as the store may hold, and one that was given back makes room", () => {
    const keys = new KeyTable("s", 2);
    for (const key of ["a", "b"]) keys.add(key);
    expect(() => keys.add("c")).toThrow("remembering a new key in store s: it holds 2 keys");
    expect([keys.size, keys.find("c")]).toEqual([2, -1]);
    keys.remove(0);
    expect(keys.add("c")).toBe(0);
  });
});

describe("a stack of numbers", () => {
  test("gives back the last first, and no number when it is empty", () => {
    const stack = new NumberStack();
    for (let i = 0; i < 200; i++) stack.push(i);
    expect([stack.length, stack.at(0), stack.at(199), stack.at(200)]).toEqual([200, 0, 199, Number.NaN]);
    for (let i = 199; i >= 100; i--) expect(stack.pop()).toBe(i);
    expect([stack.length, stack.at(100)]).toEqual([100, Number.NaN]);
    stack.clear();
    expect([stack.length, stack.pop(), stack.length, stack.at(0)]).toEqual([0, Number.NaN, 0, Number.NaN]);
  });

  test("an array that grows keeps its numbers and grows by half and 64, or by what is asked", () => {
    const grown = grownUints(Uint32Array.from([4, 5]), 3);
    expect([grown.length, grown[0], grown[1], grown[2]]).toEqual([67, 4, 5, 0]);
    expect(grownUints(new Uint32Array(100), 101).length).toBe(214);
    expect(grownUints(new Uint32Array(2), 500).length).toBe(500);
  });
});

describe("extents", () => {
  /** First and last place of the extent at an address, in the slab that holds it. */
  const placeIn = (slabs: Slabs, address: number) => [slabs.slabOf(address), slabs.placeOf(address)] as const;

  test("lie side by side in a slab, straddle none, and do not overlap", () => {
    const slabs = new Slabs(2 ** 14);
    const [a, b, c, d] = [0, 1, 0, 0].map((sizeClass) => slabs.allocate(sizeClass));
    const [slab] = placeIn(slabs, a ?? -1);
    expect(slab.length).toBe(2 ** 16);
    expect([a, b, c].map((address) => placeIn(slabs, address ?? -1))).toEqual([
      [slab, 0],
      [slab, 2 ** 14],
      [slab, 3 * 2 ** 14],
    ]);
    const [next, place] = placeIn(slabs, d ?? -1);
    expect([next === slab, place]).toEqual([false, 0]);
    // The rest of the slab before was too small.
    const e = slabs.allocate(2);
    expect([slabs.slabOf(e) === next, slabs.placeOf(e)]).toEqual([false, 0]);
  });

  test("that are larger than a slab have one of their own, and the next goes on where the last small one ended", () => {
    const slabs = new Slabs(2 ** 14);
    const first = slabs.allocate(0);
    const large = slabs.allocate(3);
    expect([slabs.slabOf(large).length, slabs.placeOf(large)]).toEqual([2 ** 17, 0]);
    const second = slabs.allocate(0);
    expect([slabs.slabOf(second) === slabs.slabOf(first), slabs.placeOf(second)]).toEqual([true, 2 ** 14]);
  });

  test("that are given back are used again for their size alone, and not after all were forgotten", () => {
    const slabs = new Slabs(8);
    const [a, b] = [slabs.allocate(0), slabs.allocate(1)];
    slabs.release(a, 0);
    slabs.release(b, 1);
    expect([slabs.allocate(1), slabs.allocate(1) === a, slabs.allocate(0)]).toEqual([b, false, a]);
    slabs.release(a, 0);
    slabs.clear();
    expect([slabs.slabOf(0).length, slabs.allocate(0), slabs.allocate(0)]).toEqual([0, 0, 8]);
    expect(() => slabs.allocate(32)).toThrow("size class 32 is out of range");
  });
});

describe("bytes of an entry", () => {
  test.each(["", "a", "~\u007f", "a\u0080", "Köln €", "\ud800half", "x".repeat(64), "x".repeat(65), "x".repeat(700)])(
    "bring back what was written: %j",
    (text) => {
      const bytes = new EntryBytes();
      bytes.begin().byte(255).number(1).number(2);
      const written = bytes.begin().byte(3).number(-0.5).number(Number.NaN).text(text).copied;
      const reader = new EntryReader(written);
      expect([reader.byte(), reader.number(), reader.number(), reader.isDone]).toEqual([3, -0.5, Number.NaN, false]);
      expect([reader.text(), reader.isDone]).toEqual([text, true]);
    },
  );

  test("grow over many numbers, and a value that is cut off is not read", () => {
    const bytes = new EntryBytes();
    bytes.begin();
    for (let i = 0; i < 100; i++) bytes.number(i);
    const copied = bytes.copied;
    bytes.begin().number(7);
    const reader = new EntryReader(copied);
    expect(Array.from({ length: 100 }, () => reader.number())).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(() => reader.byte()).toThrow("ends in the middle of a value");
    expect(() => new EntryReader(copied.subarray(0, 7)).number()).toThrow("an entry of 7 bytes ends");
    expect(new EntryReader(copied.subarray(8, 16)).number()).toBe(1);
  });

  test("are the same whether numbers are written one by one or as rows of columns", () => {
    const values = [0, -0.5, Number.NaN, Number.POSITIVE_INFINITY, 1e308, 5e-324];
    const more = Array.from({ length: 40 }, (_, i) => i);
    // Two columns of 50 rows each, the second behind the first.
    const slab = Float64Array.from([-1, -1, ...values, ...more, -1, -1, -1, -1, ...more, ...values]);
    const [single, together] = [new EntryBytes(), new EntryBytes()];
    single.begin().byte(9);
    for (let row = 0; row < 46; row++) single.number([...values, ...more][row]!).number([...more, ...values][row]!);
    expect([...together.begin().byte(9).rows(slab, 2, 50, 2, 0, 46).text("k").copied]).toEqual([
      ...single.text("k").copied,
    ]);
    // Fewer than before: what lies behind them is no part of it.
    expect([...together.begin().rows(slab, 2, 50, 1, 7, 8).copied]).toEqual([...single.begin().number(1).copied]);
  });

  test("are those of the entry in hand, whatever an entry of the same length had before", () => {
    const bytes = new EntryBytes();
    const before = [...bytes.begin().number(1).written];
    expect([...bytes.begin().number(2).written]).toEqual([...new EntryBytes().begin().number(2).copied]);
    expect([...bytes.written]).not.toEqual(before);
    // A larger one takes another buffer, and what is written then is in that.
    bytes.begin();
    for (let i = 0; i < 300; i++) bytes.number(i);
    expect(bytes.written).toHaveLength(2_400);
    expect([...bytes.begin().number(1).written]).toEqual(before);
  });

  test("of a text are in UTF-8, with its mark in front", () => {
    expect([...new EntryBytes().begin().text("a~").copied]).toEqual([0, 97, 126]);
    expect([...new EntryBytes().begin().text("é").copied]).toEqual([0, 0xc3, 0xa9]);
  });
});
