import { expect, test } from "vitest";
import type { RollingStore } from "../../../src/state/index.ts";
import type { MemorySpec, StepMemory } from "../../../src/step/index.ts";
import { compareStore, type HeldStore, storesOf } from "../../../src/topology/changes/held-stores.ts";
import { onHeldStores, parseHeldStore, storeKey } from "../../../src/topology/index.ts";
import { payment, replaced, smallSchemas, smallText, soundPlan } from "./fixture.ts";

const hour = 3_600_000;
const day = 24 * hour;
const always = payment.replace('["null", "double"], "default": null', '"double"');
const schemas = new Map([...smallSchemas, ["payment", always]]);
const cluster = { topics: [{ topic: "raw", id: "first", partitions: 2, replication: 1, configs: {} }], brokerCount: 1 };

/** The store of the stage `features`, with other windows and features; it allows two hours of lateness. */
function rolling(over: string, features: string, more = ""): HeldStore {
  const text = replaced(
    smallText,
    "over: [1h], features: { n: count(), mean: mean(amount) }",
    `over: [${over}], features: { ${features} }${more}`,
  );
  return storesOf(soundPlan(text, { schemas }).stages[1]!, cluster)[0]!;
}

/** A store of ids instead. */
function dedupe(within: string, late = "2h"): HeldStore {
  const line = /^ {6}- rolling: .*$/m.exec(smallText)?.[0] ?? "";
  const text = replaced(smallText, line, `      - dedupe: { by: payment_id, within: ${within} }`)
    .replace("late: { within: 2h }", `late: { within: ${late} }`)
    .replace("except: [payment_id, customer_id, paid_at]", "only: [amount]");
  return storesOf(soundPlan(text, { schemas }).stages[1]!, cluster)[0]!;
}

const reasonsOf = (held: HeldStore, wanted: HeldStore): readonly string[] => {
  const verdict = compareStore(held, wanted);
  return "reasons" in verdict ? verdict.reasons : [];
};
const nextOf = (held: HeldStore, wanted: HeldStore): HeldStore => {
  const verdict = compareStore(held, wanted);
  if ("reasons" in verdict) throw new Error(verdict.reasons.join("; "));
  return verdict.next;
};

test("a rolling store is its key, the printed arguments of its features, its condition, windows, reach and input", () => {
  expect(
    rolling("1d, 1h", "n: count(), s: sum( amount*2 ), m: mean(amount * 2), a: max(amount)", ", where: (amount>0)"),
  ).toEqual({
    stage: "features",
    store: "rolling",
    kind: "rolling",
    version: 1,
    key: "customer_id",
    columns: ["amount * 2", "amount"],
    where: "amount > 0",
    windowsMs: [hour, day],
    longestMs: day,
    reachMs: day + 2 * hour,
    inputTopicId: "first",
  });
});

test("a store of ids is its field and how close repeats are", () => {
  expect(dedupe("1d")).toEqual({
    stage: "features",
    store: "dedupe",
    kind: "ids",
    version: 1,
    key: "payment_id",
    columns: [],
    where: null,
    windowsMs: [day],
    longestMs: day,
    reachMs: day + 2 * hour,
    inputTopicId: "first",
  });
});

test("what is written is read back, and nothing else is taken for it", () => {
  const held = rolling("1h", "n: count(), m: mean(amount)");
  expect(parseHeldStore(JSON.stringify(held))).toEqual(held);
  expect(parseHeldStore(JSON.stringify({ ...held, columns: [null], inputTopicId: null }))).toMatchObject({
    columns: [null],
    inputTopicId: null,
  });
  for (const text of ["", "{}", "null", JSON.stringify({ ...held, reachMs: "1h" })])
    expect(parseHeldStore(text)).toBeUndefined();
});

test("the same store goes on as it is, whatever the order and the number of features over what it holds", () => {
  const held = rolling("1h, 1d", "s: sum(amount), t: sum(amount * 2)");
  expect(nextOf(held, held)).toEqual(held);
  const other = rolling("1h, 1d", "a: max(amount * 2), b: min(amount), n: count(), c: std(amount)");
  expect(nextOf(held, other)).toEqual(held);
});

test("a column that no feature needs any more is null from now on, and can never be filled again", () => {
  const held = rolling("1h", "s: sum(amount), t: sum(amount * 2), u: sum(amount * 3)");
  const fewer = nextOf(held, rolling("1h", "t: sum(amount * 2)"));
  expect(fewer).toEqual({ ...held, columns: [null, "amount * 2", null] });
  expect(nextOf(fewer, fewer)).toEqual(fewer);
  expect(reasonsOf(fewer, held)).toEqual(["it does not hold amount, amount * 3"]);
  // Counts need no column.
  expect(nextOf(held, rolling("1h", "n: count()")).columns).toEqual([null, null, null]);
});

test("shorter windows go on, and windows up to the longest that was ever held come back", () => {
  const held = rolling("1h, 7d", "s: sum(amount)");
  const shorter = nextOf(held, rolling("2h", "s: sum(amount)"));
  expect(shorter).toMatchObject({ windowsMs: [2 * hour], longestMs: 7 * day, reachMs: 7 * day + 2 * hour });
  expect(nextOf(shorter, rolling("1h, 7d", "s: sum(amount)"))).toEqual(held);
  expect(reasonsOf(shorter, rolling("8d", "s: sum(amount)"))).toEqual([
    "it holds rows for 7d, and the longest window is 8d",
    "it reaches 170h behind stream time, and the plan needs 194h",
  ]);
});

test("less lateness goes on and more does not, also when it comes back", () => {
  const held = dedupe("1d", "2h");
  const less = nextOf(held, dedupe("1d", "1h"));
  expect(less.reachMs).toBe(day + hour);
  expect(reasonsOf(less, held)).toEqual(["it reaches 25h behind stream time, and the plan needs 26h"]);
  // The longer windows leave room for it.
  const wide = { ...rolling("1d", "s: sum(amount)"), reachMs: day + hour };
  expect(nextOf(wide, rolling("1h", "s: sum(amount)")).reachMs).toBe(day + hour);
});

test("a shorter time to live goes on; a longer one only where nothing that is needed can have been forgotten", () => {
  const wanted = rolling("1d", "s: sum(amount)");
  const forEver = { ...rolling("1d, 7d", "s: sum(amount)"), ttlMs: undefined };
  const threeDays = nextOf(forEver, { ...forEver, ttlMs: 3 * day });
  expect(threeDays).toEqual({ ...forEver, ttlMs: 3 * day });
  expect(reasonsOf(threeDays, forEver)).toEqual(["it forgot keys 3d after their last record, and the plan does not"]);
  expect(reasonsOf(threeDays, { ...forEver, ttlMs: 4 * day })).toEqual([
    "it forgot keys 3d after their last record, and the plan after 4d",
  ]);
  // A day and two hours are needed; what was forgotten is not held by the longer windows either.
  const back = nextOf(threeDays, wanted);
  expect([back.ttlMs, back.reachMs, back.longestMs]).toEqual([undefined, 3 * day, 7 * day]);
  expect(reasonsOf(back, forEver)).toEqual(["it reaches 3d behind stream time, and the plan needs 170h"]);
});

test("a time to live is of the form that `apply` writes down, and one that was written without it has none", () => {
  const held = { ...rolling("1h", "n: count()"), ttlMs: 3 * day };
  expect(parseHeldStore(JSON.stringify(held))).toEqual(held);
  const { ttlMs: _, ...older } = held;
  expect(parseHeldStore(JSON.stringify(older))?.ttlMs).toBeUndefined();
});

test.each([
  ["another kind", { kind: "ids" }, "it holds ids, and the plan needs rolling"],
  ["another version", { version: 2 }, "it is of version 2, and the plan's of version 1"],
  ["another key", { key: "card" }, "it is by card, and the plan's by customer_id"],
  ["a condition", { where: "amount > 5" }, "it holds the records with amount > 5, and the plan needs every record"],
  [
    "another input",
    { inputTopicId: "second" },
    "the stage's input topic is another one than it was made of: it was deleted and made anew",
  ],
] as const)("%s is of no use", (_, change, reason) => {
  const wanted = rolling("1h", "s: sum(amount)");
  expect(reasonsOf({ ...wanted, ...change }, wanted)).toContain(reason);
});

test("an input whose id was not known is taken for the one that is there", () => {
  const wanted = rolling("1h", "s: sum(amount)");
  expect(nextOf({ ...wanted, inputTopicId: null }, wanted)).toEqual(wanted);
});

test("ids are of use for the same distance alone: spans do not tell what lies inside them", () => {
  expect(reasonsOf(dedupe("1d"), dedupe("2h"))).toEqual(["it tells repeats within 1d, and the plan within 2h"]);
  expect(reasonsOf(dedupe("2h"), dedupe("1d"))).toContain("it tells repeats within 2h, and the plan within 1d");
});

test("a plan's stores take on the form in which they are held, and only those", () => {
  const plan = soundPlan(smallText, { schemas });
  const held = { ...rolling("1h", "m: mean(amount)"), columns: [null, "amount", null] };
  const memory = onHeldStores(plan, new Map([[storeKey(held), held]])).stages[1]!.memories[0]!.create();
  const before = plan.stages[1]!.memories[0]!.create();
  // Time, condition and amount in; count and mean out.
  for (const made of [memory, before]) {
    made.texts[0] = "c";
    for (const amount of [2, 4]) {
      made.numbers.set([5, 1, amount]);
      made.update({ offset: 0, streamTimeMs: 5, processingTimeMs: 0, out: null });
    }
    expect([...made.results]).toEqual([2, 3]);
  }
  // What nothing fills is null, and no number.
  expect([...(memory.store as RollingStore).inputs]).toEqual([Number.NaN, 4, Number.NaN]);
  // Two rows of a time and three columns, or of a time and one.
  expect([memory.store.byteCount, before.store.byteCount]).toEqual([64, 32]);
  expect(onHeldStores(plan, new Map()).stages[1]!.memories[0]).toBe(plan.stages[1]!.memories[0]);
});

/** Adds payments of a customer, each as minutes and the numbers that the step takes; answers what the last one is told. */
function feed(memory: StepMemory, payments: readonly (readonly [minutes: number, ...number[]])[]): number[] {
  memory.texts[0] = "c";
  for (const [minutes, ...numbers] of payments) {
    const timeMs = 1_700_000_000_000 + minutes * 60_000;
    memory.numbers.set([timeMs, 1, ...numbers]);
    memory.update({ offset: 0, streamTimeMs: timeMs, processingTimeMs: 0, out: null });
  }
  return [...memory.results];
}

test("what was written down with more columns and a longer window is taken in by a store that goes on with less", () => {
  const made = (over: string, features: string): MemorySpec => {
    const text = replaced(
      smallText,
      "over: [1h], features: { n: count(), mean: mean(amount) }",
      `over: [${over}], features: { ${features} }`,
    );
    return soundPlan(text, { schemas }).stages[1]!.memories[0]!;
  };
  const wide = made("1h, 30d", "a: sum(amount), b: sum(amount * 2)");
  const narrow = made("1h, 2h", "b: sum(amount * 2), n: count()");
  const verdict = compareStore(
    { ...rolling("1h", "n: count()"), ...wide.holds },
    { ...rolling("1h", "n: count()"), ...narrow.holds },
  );
  const held = "next" in verdict ? verdict.next : undefined;
  const [before, after] = [wide.create(), narrow.create(held)];
  // More than an entry holds, a minute from one to the next.
  const payments = Array.from({ length: 200 }, (_, i) => [i, 1, 2] as const);
  const writeDown = (): void =>
    before.store.changes({
      write: (key, value) => after.store.apply(Uint8Array.from(key), value === null ? null : Uint8Array.from(value)),
    });
  // Slices are there from the first changes on.
  writeDown();
  feed(before, payments);
  writeDown();
  after.store.keep(1_700_000_000_000 + 199 * 60_000);
  expect(after.store.entryCount).toBe(200);
  // One more, at minute 200: with it 60 lie within an hour and 120 within two.
  expect(feed(after, [[200, 2]])).toEqual([120, 240, 60, 120]);
  // No window reaches ten days back, and one that comes back may.
  after.store.keep(1_700_000_000_000 + 10 * day);
  expect(after.store.entryCount).toBe(201);
});
