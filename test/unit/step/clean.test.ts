import { expect, test } from "vitest";
import { field, lower, payment, start } from "./lowering.ts";

test("require fails a record with a null as MR_REQUIRED, and later steps need no guard", () => {
  const stage = start([
    ["require", ["amount"]],
    ["filter", "amount > 0"],
  ]);
  expect(stage.run(payment(0, { amount: null })).fate).toBe("MR_REQUIRED");
  expect(stage.run(payment(0)).fate).toBe("out");
  expect(stage.run(payment(0, { amount: -1 })).fate).toBe("filtered: amount > 0");
});

test("require does nothing for a field that is never null, and reports one that is not there", () => {
  expect(lower([["require", ["items"]]]).ops).toEqual([]);
  expect(lower([["require", ["item"]]]).problems).toMatchObject([
    { code: "MR_REFERENCE", path: [0], hint: "did you mean items?" },
  ]);
});

test("filter lets through what is true, and neither false nor null", () => {
  const shape = [field("ok", "boolean?")];
  const stage = start([["filter", "ok"]], { shape });
  expect([true, false, null].map((ok) => stage.run({ ok }).fate)).toEqual(["out", "filtered: ok", "filtered: ok"]);
});

test("filter refuses what is no boolean, and names a long expression only `filter`", () => {
  expect(lower([["filter", "items + 1"]]).problems).toMatchObject([{ code: "MR_EXPRESSION_TYPE", path: [] }]);
  const long = Array.from({ length: 20 }, (_, i) => `items != ${i}`).join(" && ");
  expect(start([["filter", long]]).run(payment(0, { items: 3 })).fate).toBe("filtered: filter");
  const six = `items != 3${" && items != 3".repeat(5)}`;
  const ofLength = (length: number) => `${six.padEnd(length - 14)} && items != 3`;
  for (const [length, reason] of [
    [100, ofLength(100)],
    [101, "filter"],
  ] as const)
    expect(start([["filter", ofLength(length)]]).run(payment(0, { items: 3 })).fate).toBe(`filtered: ${reason}`);
});

test("derive computes in the order written, each seeing those before", () => {
  const stage = start([
    ["derive", { double_items: "items * 2", quadruple: "double_items * 2", items: "7", flag: true }],
  ]);
  expect(stage.run(payment(0, { items: 3 })).row).toMatchObject({
    double_items: 6,
    quadruple: 12,
    items: 7,
    flag: true,
  });
});

// The store had evicted by the time that was judged: what rolling answered hung on where the chunks ended.
test("the event time is not changed after lateness was judged by it", () => {
  const dedupe = ["dedupe", { by: "payment_id", within: "1d" }] as const;
  const derive = ["derive", { paid_at: "to_timestamp(items)" }] as const;
  expect(lower([derive, dedupe]).problems).toEqual([]);
  for (const step of [derive, ["cast", { paid_at: "timestamp-millis" }] as const]) {
    expect(lower([dedupe, step]).problems).toMatchObject([{ code: "MR_TIME", path: ["paid_at"] }]);
  }
});

test("derive reports every bad expression at its own path, and never touches event_id or the key", () => {
  const { problems } = lower([["derive", { a: "nope", b: "1 +", event_id: '"x"', customer_id: "trim(customer_id)" }]]);
  expect(problems.map(({ code, path }) => [code, path])).toEqual([
    ["MR_EXPRESSION_TYPE", ["a"]],
    ["MR_EXPRESSION_SYNTAX", ["b"]],
    ["MR_EVENT_ID", ["event_id"]],
    ["MR_KEY", ["customer_id"]],
  ]);
});

test("derive does not repeat a problem at the fields that lean on it", () => {
  const { problems } = lower([["derive", { a: "nope * 2", b: "a + 1", c: "nope" }]]);
  expect(problems.map(({ path }) => path)).toEqual([["a"], ["c"]]);
});

test("derive takes only names that Avro takes", () => {
  expect(() => lower([["derive", { "a-b": "1" }]])).toThrow(/must be a name/);
  expect(() => lower([["derive", {}]])).toThrow(/at least one field/);
});

test("clamp holds a number to its range and lets null be", () => {
  const stage = start([["clamp", { field: "amount", min: 0, max: 10 }]]);
  expect([-5, 5, 50, null].map((amount) => stage.run(payment(0, { amount })).row?.["amount"])).toEqual([
    0,
    5,
    10,
    null,
  ]);
});

test("clamp refuses text, a range turned round, and a fraction for a whole number", () => {
  expect(lower([["clamp", { field: "country", min: 0, max: 1 }]]).problems).toMatchObject([
    { code: "MR_WRONG_TYPE", path: ["field"] },
  ]);
  expect(() => lower([["clamp", { field: "amount", min: 2, max: 1 }]])).toThrow(/min must not exceed max/);
  expect(lower([["clamp", { field: "items", min: 0.5, max: 1 }]]).problems).toMatchObject([
    { code: "MR_WRONG_TYPE", path: ["min"] },
  ]);
});

test("clamp refuses bounds that the field cannot hold", () => {
  const shape = [field("i", "int"), field("l", "long"), field("f", "float"), field("d", "double")];
  const refused = (name: string, min: number, max: number) =>
    lower([["clamp", { field: name, min, max }]], { shape }).problems.map(({ path }) => path);
  expect(refused("i", 3_000_000_000, 3_000_000_001)).toEqual([["min"]]);
  expect(refused("i", 0, 2_147_483_648)).toEqual([["max"]]);
  expect(refused("i", -2_147_483_648, 2_147_483_647)).toEqual([]);
  expect(refused("l", 0, 2 ** 53)).toEqual([["max"]]);
  expect(refused("f", 16_777_217, 1e9)).toEqual([["min"]]);
  expect(refused("f", 0, 1e39)).toEqual([["max"]]);
  expect(refused("f", 0.1, 16_777_216)).toEqual([]);
  expect(refused("d", 16_777_217, 1e39)).toEqual([]);
});

test("impute refuses what its field cannot hold", () => {
  const symbols = { type: "enum", name: "E", symbols: ["A"] };
  const shape = [
    field("f", "float?"),
    field("d", "double?"),
    field("i", "int?"),
    field("l", "long?"),
    field("at", "timestamp?"),
    { name: "e", type: { kind: "enum" as const, nullable: true, avro: symbols } },
  ];
  const refused = (name: string, constant: unknown): boolean =>
    lower([["impute", { field: name, with: constant }]], { shape, keyField: undefined }).problems.length > 0;
  const cases: readonly (readonly [string, readonly unknown[], readonly unknown[]])[] = [
    ["f", [16_777_217, 1e39], [16_777_216, 0.1]],
    ["d", [], [16_777_217, 1e39]],
    ["i", [2_147_483_648, 0.5], [2_147_483_647]],
    ["l", [2 ** 53, 0.5], [2_147_483_648]],
    ["at", [5, "2200-01-01", "today", "202601010000", true], ["2026-01-01", 1_767_225_600_000]],
    ["e", ["B", 1], ["A"]],
  ];
  for (const [name, wrong, right] of cases) {
    for (const constant of wrong) expect([name, constant, refused(name, constant)]).toEqual([name, constant, true]);
    for (const constant of right) expect([name, constant, refused(name, constant)]).toEqual([name, constant, false]);
  }
});

test("impute puts a constant in place of null, and the field is not nullable afterwards", () => {
  const steps = [["impute", { field: "amount", with: 2.5 }]] as const;
  expect(start(steps).run(payment(0, { amount: null })).row?.["amount"]).toBe(2.5);
  expect(lower(steps).shape.find(({ name }) => name === "amount")?.type.nullable).toBe(false);
  expect(lower([["impute", { field: "items", with: 1 }]]).ops).toEqual([]);
});

test("impute takes a time as text", () => {
  const shape = [field("at", "timestamp?")];
  const stage = start([["impute", { field: "at", with: "1970-01-01T00:00:01Z" }]], { shape, keyField: undefined });
  expect(stage.run({ at: null }).row).toEqual({ at: 1_000 });
});

test("impute refuses fitted values as unsupported and constants of another type as wrong", () => {
  const codeOf = (config: unknown): unknown =>
    lower([["impute", config]]).problems.map(({ code, path }) => [code, path]);
  expect(codeOf({ field: "amount", with: "median" })).toEqual([["MR_UNSUPPORTED", ["with"]]]);
  expect(codeOf({ field: "amount", with: "much" })).toEqual([["MR_WRONG_TYPE", ["with"]]]);
  expect(codeOf({ field: "items", with: 0.5 })).toEqual([["MR_WRONG_TYPE", ["with"]]]);
  expect(codeOf({ field: "country", with: 1 })).toEqual([["MR_WRONG_TYPE", ["with"]]]);
  expect(codeOf({ field: "country", with: "mode" })).toEqual([]);
});

test("cast converts, and a value that does not convert is MR_CAST", () => {
  const shape = [field("text", "string?"), field("number", "int")];
  const stage = start([["cast", { text: "double", number: "string" }]], { shape });
  expect(stage.run({ text: "1.5", number: 7 }).row).toEqual({ text: 1.5, number: "7" });
  expect(stage.run({ text: null, number: 7 }).row).toEqual({ text: null, number: "7" });
  expect(stage.run({ text: "x", number: 7 }).fate).toBe("MR_CAST");
});

test("cast in ingest is the reader's business, and must name the type of the schema", () => {
  const reading = lower([["cast", { paid_at: "timestamp-millis", amount: "double" }]], { ingest: true });
  expect(reading.ops).toEqual([]);
  expect(reading.problems).toEqual([]);
  expect(lower([["cast", { items: "double" }]], { ingest: true }).problems).toMatchObject([
    { code: "MR_WRONG_TYPE", path: ["items"], hint: "write items: int, or change the schema" },
  ]);
});

const dedupe = ["dedupe", { by: "payment_id", within: "10min" }] as const;

test("dedupe filters the second of two with the same id", () => {
  const stage = start([dedupe]);
  expect(stage.run(payment(0)).fate).toBe("out");
  expect(stage.run(payment(9)).fate).toBe("filtered: duplicate");
  expect(stage.run(payment(9, { payment_id: "p2" })).fate).toBe("out");
  expect(stage.run(payment(19)).fate).toBe("out");
});

test("dedupe judges before lateness: the copy of a late record is a repeat, not a second dead letter", () => {
  const stage = start([dedupe], { latenessMs: 60_000 });
  stage.run(payment(10, { payment_id: "p0" }));
  expect(stage.run(payment(8)).fate).toBe("late");
  expect(stage.run(payment(8)).fate).toBe("filtered: duplicate");
});

test("dedupe lets a record without an id through, and fails one without a time", () => {
  const shape = [field("id", "string?"), field("at", "timestamp?")];
  const stage = start([["dedupe", { by: "id", within: "1d" }]], { shape, timeField: "at", keyField: undefined });
  expect([stage.run({ id: null, at: 0 }).fate, stage.run({ id: null, at: 0 }).fate]).toEqual(["out", "out"]);
  expect(stage.run({ id: "a", at: null }).fate).toBe("MR_REQUIRED");
});

test("dedupe forgets a chunk that failed, so that its records are no repeats of themselves (R2)", () => {
  const stage = start([dedupe]);
  stage.run(payment(0, { payment_id: "before" }), 0);
  stage.keep();
  stage.run(payment(1), 1);
  stage.undo();
  expect(stage.run(payment(1), 2).fate).toBe("out");
  expect(stage.run(payment(1, { payment_id: "before" }), 3).fate).toBe("filtered: duplicate");
});

test("dedupe needs event time and a duration", () => {
  expect(lower([dedupe], { timeField: undefined }).problems).toMatchObject([{ code: "MR_TIME" }]);
  expect(() => lower([["dedupe", { by: "payment_id", within: "a day" }]])).toThrow(/must be a duration/);
});

test("cast leaves a field that is never null one that is never null, and a nullable one nullable", () => {
  const { shape } = lower([["cast", { items: "long", amount: "string" }]]);
  const nullable = Object.fromEntries(shape.map(({ name, type }) => [name, type.nullable]));
  expect(nullable).toMatchObject({ items: false, amount: true });
});

test.each([
  ["epoch-seconds", 1_767_225_600, 1_767_225_600_000],
  ["epoch-millis", 5, 5],
  ["epoch-micros", 1_767_225_600_000_999, 1_767_225_600_000],
  ["epoch-nanos", 1_767_225_600_000_000_001n, 1_767_225_600_000],
  ["timestamp-millis", 1_767_225_600_000, 1_767_225_600_000],
  ["timestamp-millis", 1_767_225_600, "MR_CAST"],
  ["utc", 1_767_225_600_000, 1_767_225_600_000],
] as const)("a later stage casts a long to %s as an ingest does: %s is %s", (target, items, expected) => {
  const { run } = start([["cast", { items: target }]]);
  const { fate, row } = run(payment(0, { items }), 0);
  expect(row?.["items"] ?? fate).toBe(expected);
});

test.each([
  ["paid_at", 5, "the field is timestamp, and the default 5 is no "],
  ["paid_at", "yesterday", 'the field is timestamp, and the default "yesterday" is no '],
  ["items", 2.5, "the field is int, and the default 2.5 is no "],
  ["items", 2 ** 31, "the field is int, and the default 2147483648 is no "],
  ["items > 1", 1, "the field is boolean, and the default 1 is no "],
  ["country", 7, "the field is string, and the default 7 is no "],
  ["amount", "much", 'the field is double, and the default "much" is no '],
] as const)("a default of %s that is %j is refused", (is, stated, message) => {
  const { problems } = lower([["derive", { made: { is, default: stated } }]]);
  expect(problems).toMatchObject([{ code: "MR_WRONG_TYPE", path: ["made", "default"] }]);
  expect(problems[0]?.message).toContain(message);
});

test.each([
  ["paid_at", "1970-01-01T00:00:01Z", 1_000],
  ["items", -(2 ** 31), -(2 ** 31)],
  ["items > 1", false, false],
  ["country", "", ""],
  ["amount", 2.5, 2.5],
] as const)("a default of %s that is %j is what older records have", (is, stated, expected) => {
  const { ops, problems } = lower([["derive", { made: { is, default: stated } }]]);
  expect(problems).toEqual([]);
  expect(ops).toMatchObject([{ op: "assign", field: { name: "made", statedDefault: expected } }]);
});
