import { expect, test } from "vitest";
import { stepNamed } from "../../../src/step/index.ts";
import { field, lower, payment, start } from "./lowering.ts";

const all = {
  by: "customer_id",
  over: ["10min"],
  features: {
    rows: "count()",
    amounts: "count(amount)",
    total: "sum(amount)",
    mean: "mean(amount)",
    least: "min(amount)",
    most: "max(amount)",
    spread: "std(amount)",
  },
};

test("answers every aggregate over the records so far, this one included", () => {
  const stage = start([["rolling", all]]);
  stage.run(payment(0, { amount: 2 }));
  stage.run(payment(1, { amount: null }));
  stage.run(payment(1, { amount: 1_000, customer_id: "c2" }));
  expect(stage.run(payment(2, { amount: 4 })).row).toMatchObject({
    rows_10min: 3,
    amounts_10min: 2,
    total_10min: 6,
    mean_10min: 3,
    least_10min: 2,
    most_10min: 4,
    // Squared differences from 3: 1 + 1, divided by 2 - 1.
    spread_10min: Math.SQRT2,
  });
});

test("gives 0 for counts of nothing and null for everything else of nothing", () => {
  const stage = start([["rolling", { ...all, where: "items > 5" }]]);
  expect(stage.run(payment(0)).row).toMatchObject({
    rows_10min: 0,
    amounts_10min: 0,
    total_10min: null,
    mean_10min: null,
    least_10min: null,
    most_10min: null,
    spread_10min: null,
  });
});

test("has no std of one value", () => {
  expect(start([["rolling", all]]).run(payment(0)).row).toMatchObject({ amounts_10min: 1, spread_10min: null });
});

test("counts only records for which where is true, and answers the others too", () => {
  const features = { landed: "count()", delay: "mean(amount)" };
  const stage = start([["rolling", { by: "customer_id", over: ["1h"], features, where: "country == null" }]]);
  stage.run(payment(0, { amount: 10 }));
  expect(stage.run(payment(1, { amount: 99, country: "AT" })).row).toMatchObject({ landed_1h: 1, delay_1h: 10 });
  expect(stage.run(payment(2, { amount: 20 })).row).toMatchObject({ landed_1h: 2, delay_1h: 15 });
});

test("names fields by feature and window, counts long and never null, the rest nullable double", () => {
  const features = { payments: "count()", amount_mean: "mean(amount)", items_max: "max(items)" };
  const { shape } = lower([["rolling", { by: "customer_id", over: ["7d", "1d"], features }]]);
  expect(shape.slice(7).map(({ name, type }) => [name, type.kind, type.nullable])).toEqual([
    ["payments_7d", "long", false],
    ["payments_1d", "long", false],
    ["amount_mean_7d", "double", true],
    ["amount_mean_1d", "double", true],
    ["items_max_7d", "double", true],
    ["items_max_1d", "double", true],
  ]);
});

test("takes windows in any order, and expressions, booleans and counts of text as arguments", () => {
  const features = {
    cents: "sum(items * 100)",
    share: "mean(items > 1)",
    countries: "count(country)",
  };
  const stage = start([["rolling", { by: "customer_id", over: ["1h", "1min"], features }]]);
  stage.run(payment(0, { items: 1, country: "AT" }));
  expect(stage.run(payment(5, { items: 2 })).row).toMatchObject({
    cents_1h: 300,
    cents_1min: 200,
    share_1h: 0.5,
    share_1min: 1,
    countries_1h: 1,
    countries_1min: 0,
  });
});

test("has a std of exactly 0 and the constant as mean, however many rows the window holds", () => {
  const features = { mean: "mean(amount)", spread: "std(amount)" };
  const stage = start([["rolling", { by: "customer_id", over: ["1h", "1d"], features }]]);
  for (let i = 0; i < 3_000; i++) {
    const { row } = stage.run(payment(i / 2, { amount: 0.1 }));
    if (i === 0) continue;
    expect(row).toMatchObject({ spread_1h: 0, spread_1d: 0 });
    expect(row?.["mean_1h"]).toBeCloseTo(0.1, 15);
    expect(row?.["mean_1d"]).toBeCloseTo(0.1, 15);
  }
});

test("skips an infinite value, so that it cannot fail the records after it", () => {
  const stage = start([["rolling", all]]);
  expect(stage.run(payment(0, { amount: Number.POSITIVE_INFINITY })).fate).toBe("out");
  expect(stage.run(payment(1, { amount: 3 })).row).toMatchObject({ rows_10min: 2, amounts_10min: 1, mean_10min: 3 });
});

test("puts a record out of order where its time is, and leaves later ones out of its window", () => {
  const stage = start([["rolling", { by: "customer_id", over: ["10min"], features: { total: "sum(items)" } }]]);
  stage.run(payment(0, { items: 1 }));
  stage.run(payment(9, { items: 10 }));
  expect(stage.run(payment(5, { items: 100 })).row?.["total_10min"]).toBe(101);
  expect(stage.run(payment(10, { items: 1_000 })).row?.["total_10min"]).toBe(1_110);
});

test("sends a record older than stream time minus the allowed lateness away, and does not remember it", () => {
  const stage = start([["rolling", all]], { latenessMs: 60_000 });
  stage.run(payment(5));
  expect(stage.run(payment(3)).fate).toBe("late");
  expect(stage.run(payment(4)).row?.["rows_10min"]).toBe(1);
});

test("is judged late once, when dedupe stands before it", () => {
  const { ops } = lower([
    ["dedupe", { by: "payment_id", within: "1d" }],
    ["rolling", all],
  ]);
  expect(ops.map(({ op }) => op)).toEqual(["call", "late", "call"]);
});

test("keeps two steps of a stage apart by the names of their stores", () => {
  const other = { by: "customer_id", over: ["1h"], features: { other: "count()" } };
  const { memories } = lower([
    ["rolling", all],
    ["rolling", other],
  ]);
  expect(memories.map(({ store }) => store.name)).toEqual(["rolling", "rolling-2"]);
});

test("refuses another key than the topic's, a topic without event time, and says what to do", () => {
  const by = { ...all, by: "country" };
  expect(lower([["rolling", by]]).problems).toMatchObject([
    { code: "MR_KEY", path: ["by"], hint: expect.stringContaining("re-key") },
  ]);
  expect(lower([["rolling", all]], { timeField: undefined }).problems).toMatchObject([{ code: "MR_TIME" }]);
});

test("reports every bad feature at its path", () => {
  const features = {
    a: "meen(amount)",
    b: "mean(amount) / 2",
    c: "mean()",
    d: "min(amount, 1)",
    e: "mean(country)",
    f: "mean(amout)",
    g: "mean(",
  };
  const { problems } = lower([["rolling", { by: "customer_id", over: ["1h"], features }]]);
  expect(problems.map(({ code, path, hint }) => [path[1], code, hint !== undefined])).toEqual([
    ["a", "MR_EXPRESSION_TYPE", true],
    ["b", "MR_EXPRESSION_TYPE", true],
    ["c", "MR_EXPRESSION_TYPE", true],
    ["d", "MR_EXPRESSION_TYPE", true],
    ["e", "MR_EXPRESSION_TYPE", true],
    ["f", "MR_EXPRESSION_TYPE", true],
    ["g", "MR_EXPRESSION_SYNTAX", expect.any(Boolean)],
  ]);
  expect(problems[0]?.hint).toBe("did you mean mean?");
});

test("refuses a field that is there already and a window named twice", () => {
  const config = { by: "customer_id", over: ["1h", "1h"], features: { n: "count()" } };
  expect(lower([["rolling", config]]).problems).toMatchObject([{ code: "MR_CONFLICT", path: ["features", "n"] }]);
  const shape = [field("customer_id", "string"), field("paid_at", "timestamp"), field("n_1h", "int")];
  expect(lower([["rolling", { ...config, over: ["1h"] }]], { shape }).problems).toMatchObject([
    { code: "MR_CONFLICT" },
  ]);
});

test("fails a record whose key is null as MR_REQUIRED", () => {
  const shape = [field("customer_id", "string?"), field("paid_at", "timestamp")];
  const stage = start([["rolling", { by: "customer_id", over: ["1h"], features: { n: "count()" } }]], { shape });
  expect(stage.run({ customer_id: null, paid_at: 0 }).fate).toBe("MR_REQUIRED");
  expect(stage.run({ customer_id: "c", paid_at: 0 }).row?.["n_1h"]).toBe(1);
});

test("looks back as far as its longest window", () => {
  expect(stepNamed("rolling")?.lookBackMs?.({ ...all, over: ["1h", "2d"] })).toBe(172_800_000);
  expect(stepNamed("dedupe")?.lookBackMs?.({ by: "x", within: "1h" })).toBe(3_600_000);
});

test("a key without a text form is refused, even where the topic is keyed by it", () => {
  const shape = [field("event_id", "string"), field("hash", "bytes"), field("paid_at", "timestamp")];
  const config = { by: "hash", over: ["1h"], features: { n: "count()" } };
  expect(lower([["rolling", config]], { shape, keyField: "hash", timeField: "paid_at" }).problems).toMatchObject([
    { code: "MR_WRONG_TYPE", path: ["by"], message: expect.stringContaining("hash is bytes") },
  ]);
});
