import { describe, expect, test } from "vitest";
import { AssertionError, OperationError } from "../../../src/kernel/index.ts";
import type { Scorer, Signature } from "../../../src/model/index.ts";
import { feedStage, type ServedModel, type StageYield } from "../../../src/runtime/index.ts";
import type { Row } from "../../../src/schema/index.ts";
import {
  AutoClock,
  avro,
  batchOf,
  compiled,
  FakeRegistry,
  headersOf,
  modelOf,
  order,
  predictionSchema,
  recordsOf,
  rowOf,
  schemaOf,
  scoreStage,
  totalSchema,
} from "./fixture.ts";

const never = new AbortController().signal;

const total = (id: string, amount: number | null, orders = 1): Row => ({ ...order(id, { amount }), orders });

async function score(model: ServedModel, rows: readonly (Row | Buffer)[]): Promise<StageYield> {
  const registry = new FakeRegistry();
  registry.schemas.set(7, totalSchema);
  const task = compiled(scoreStage, { registry }).openTask(0, model);
  const values = rows.map((row) => ({ value: Buffer.isBuffer(row) ? row : avro(totalSchema, row) }));
  return feedStage(task, [batchOf(values, { topic: "totals" })], never);
}

const predictions = ({ outgoing }: StageYield): Row[] =>
  recordsOf(outgoing, "output").map((record) => rowOf(predictionSchema, record.value));

test("a prediction says which event, which model version, which score, and what was decided", async () => {
  const made = await score(
    modelOf((amount) => amount / 100),
    [total("a", 79), total("b", 80)],
  );
  expect(predictions(made)).toEqual([
    {
      event_id: "inbox-0-a",
      event_time: 1_700_000_000_000,
      model: "fraud",
      model_version: 3,
      score: 0.79,
      review: false,
      id: "a",
    },
    {
      event_id: "inbox-0-b",
      event_time: 1_700_000_000_000,
      model: "fraud",
      model_version: 3,
      score: 0.8,
      review: true,
      id: "b",
    },
  ]);
});

test("features go in by the model's order, null as NaN, in micro-batches of at most 64, and the order is kept", async () => {
  const sizes: number[] = [];
  const model = modelOf((amount, orders) => (Number.isNaN(amount) ? 0.5 : orders / 1_000));
  const watched: ServedModel = {
    ...model,
    scorer: {
      ...model.scorer,
      score: (rows, count, into, at) => {
        sizes.push(count);
        return model.scorer.score(rows, count, into, at);
      },
    },
  };
  const made = await score(
    watched,
    Array.from({ length: 150 }, (_, i) => total(`r${i}`, i === 99 ? null : 1, i)),
  );
  expect(sizes).toEqual([64, 64, 22]);
  expect(predictions(made).map((row) => row["score"])).toEqual(
    Array.from({ length: 150 }, (_, i) => (i === 99 ? 0.5 : i / 1_000)),
  );
});

test("a score that is not finite makes its record MR_INFER; the others are scored", async () => {
  const made = await score(
    modelOf((amount) => (amount === 2 ? Number.NaN : 0.1)),
    [total("a", 1), total("b", 2), total("c", 3)],
  );
  expect(made.counts).toMatchObject({ in: 3, out: 2, deadLetters: { MR_INFER: 1 } });
  const [letter] = recordsOf(made.outgoing, "dead-letter");
  expect(headersOf(letter!)["millrace.event.id"]).toBe("inbox-0-b");
});

test("a scorer that throws for one row costs that row alone", async () => {
  const made = await score(
    modelOf((amount) => {
      if (amount === 2) throw new Error("cannot");
      return 0.1;
    }),
    [total("a", 1), total("b", 2), total("c", 3)],
  );
  expect(made.counts).toMatchObject({ in: 3, out: 2, deadLetters: { MR_INFER: 1 } });
});

test("a scorer that throws for every row is broken, and does not turn the topic into dead letters", async () => {
  const rows = Array.from({ length: 100 }, (_, i) => total(`r${i}`, i));
  const made = score(
    modelOf(() => {
      throw new Error("out of memory");
    }),
    rows,
  );
  await expect(made).rejects.toThrow(
    "scoring with version 3 of model fraud: it failed for 64 rows in a row: out of memory",
  );
});

test("a scorer that throws for many rows, and not for 64 in a row, costs those rows alone", async () => {
  const rows = Array.from({ length: 150 }, (_, i) => total(`r${i}`, i));
  const everyOther = modelOf((amount) => {
    if (amount % 2 === 1) throw new Error("cannot");
    return 0.1;
  });
  expect((await score(everyOther, rows)).counts).toMatchObject({ in: 150, out: 75, deadLetters: { MR_INFER: 75 } });
});

test("failures in a row are those of one version: the next begins with none", async () => {
  const registry = new FakeRegistry();
  registry.schemas.set(7, totalSchema);
  const broken = modelOf(() => {
    throw new Error("cannot");
  });
  const task = compiled(scoreStage, { registry }).openTask(0, broken);
  const rows = (count: number, from: number) =>
    Array.from({ length: count }, (_, i) => ({ value: avro(totalSchema, total(`r${from + i}`, 1)) }));
  await feedStage(task, [batchOf(rows(63, 0), { topic: "totals" })], never);
  task.serve({ ...broken, version: 4 });
  const later = await feedStage(task, [batchOf(rows(63, 63), { topic: "totals", offset: 63 })], never);
  expect(later.counts.deadLetters).toEqual({ MR_INFER: 63 });
});

test("a scorer that finds a fault of the program is not the record's", async () => {
  const bug = new AssertionError("the encoder has no such input");
  const broken = modelOf(() => {
    throw bug;
  });
  await expect(score(broken, [total("a", 1)])).rejects.toBe(bug);
});

test("a scorer's error that says it is an outage is not the record's", async () => {
  const down = new OperationError("MR_MODEL", "the backend went away", { disposition: "retry" });
  const model = modelOf(() => 0);
  const made = score({ ...model, scorer: { ...model.scorer, score: () => Promise.reject(down) } }, [total("a", 1)]);
  await expect(made).rejects.toBe(down);
});

test("dead letters of a stage that infers keep the order of the input", async () => {
  const made = await score(
    modelOf((amount) => (amount === 2 ? Number.NaN : 0.1)),
    [total("a", 2), Buffer.from("junk!"), total("c", 2)],
  );
  const ids = recordsOf(made.outgoing, "dead-letter").map((letter) => headersOf(letter)["millrace.event.id"]);
  expect(ids).toEqual(["inbox-0-a", "totals-0-1", "inbox-0-c"]);
});

test("a model that was trained on other inputs does not open", () => {
  const model = modelOf(() => 0);
  const signature = { task: "binary", inputs: [{ name: "orders", kind: "number" }] } as const;
  const other = { ...model, scorer: { ...model.scorer, signature } };
  expect(() => compiled(scoreStage).openTask(0, other)).toThrow(
    "opening version 3 of model fraud: it was trained on orders; the stage has amount, orders",
  );
});

// The check held names to the stage's, and any order of the right number of them passed.
test("a model that was trained on the same inputs in another order does not open", () => {
  const model = modelOf(() => 0);
  const signature = { task: "binary", inputs: [...model.scorer.signature.inputs].reverse() } as const;
  const other = { ...model, scorer: { ...model.scorer, signature } };
  expect(() => compiled(scoreStage).openTask(0, other)).toThrow(
    "opening version 3 of model fraud: it was trained on orders, amount; the stage has amount, orders",
  );
});

describe("a category among the features", () => {
  const stage = { ...scoreStage, infer: { ...scoreStage.infer!, features: ["orders", "customer", "amount"] } };
  const signature: Signature = {
    task: "binary",
    inputs: [
      { name: "orders", kind: "number" },
      { name: "customer", kind: "category" },
      { name: "amount", kind: "number" },
    ],
  };

  test("goes in as the code that the scorer gives it, at its place among the numbers", async () => {
    const seen: number[][] = [];
    const scorer: Scorer = {
      signature,
      code: (input, value) => 100 * input + value.length,
      score: (rows, count, into, at) => {
        for (let i = 0; i < count; i++) seen.push([...rows.subarray(3 * i, 3 * i + 3)]);
        into.fill(0.5, at, at + count);
      },
    };
    const registry = new FakeRegistry();
    registry.schemas.set(7, totalSchema);
    const task = compiled(stage, { registry }).openTask(0, { version: 3, scorer });
    const rows = [
      { ...total("a", 5, 2), customer: "c1" },
      { ...total("b", null, 3), customer: "c-long" },
    ];
    const made = await feedStage(task, [batchOf(rows.map((row) => ({ value: avro(totalSchema, row) })))], never);
    expect(made.counts).toMatchObject({ in: 2, out: 2 });
    expect(seen).toEqual([
      [2, 102, 5],
      [3, 106, Number.NaN],
    ]);
  });

  test("a model that was trained on a number of that name does not open", () => {
    const inputs = signature.inputs.map(({ name }) => ({ name, kind: "number" as const }));
    const model: ServedModel = {
      version: 3,
      scorer: { signature: { task: "binary", inputs }, score: () => undefined },
    };
    expect(() => compiled(stage).openTask(0, model)).toThrow(
      "it was trained on orders, customer, amount; the stage has orders, customer (category), amount",
    );
  });
});

test("a feature that is a whole number beyond 2^53 costs its record, which is named, and is never rounded", async () => {
  const long = { name: "orders", type: ["null", "long"], default: null };
  const schema = schemaOf("Total", [...(totalSchema.json as { fields: object[] }).fields.slice(0, 5), long]);
  const program = { input: schema.shape, ops: [], output: schema.shape };
  const stage = { ...scoreStage, reader: schema, from: { ...scoreStage.from, schema }, program };
  const registry = new FakeRegistry();
  registry.schemas.set(7, schema);
  const task = compiled(stage, { registry }).openTask(
    0,
    modelOf((_, orders) => orders / 1e16),
  );
  const rows = [5, 9_007_199_254_740_993n, 9_007_199_254_740_991].map((orders, i) => ({
    ...order(`r${i}`, { amount: 1 }),
    orders,
  }));
  const made = await feedStage(task, [batchOf(rows.map((row) => ({ value: avro(schema, row) })))], never);
  expect(made.counts).toMatchObject({ in: 3, out: 2, deadLetters: { MR_DECODE_BODY: 1 } });
  const [letter] = recordsOf(made.outgoing, "dead-letter");
  expect(headersOf(letter!)).toMatchObject({ "millrace.event.id": "inbox-0-r1" });
  expect(headersOf(letter!)["__streams.errors.message"]).toMatch(/^`orders`: a whole number beyond 2\^53/);
  expect(predictions(made).map((row) => row["score"])).toEqual([5e-16, 0.9007199254740991]);
});

test("rows whose features are no numbers are not scored, and a scorer is not asked for none", async () => {
  const fields = (totalSchema.json as { fields: { name: string }[] }).fields;
  const schema = schemaOf(
    "Total",
    fields.map((field) => (field.name === "orders" ? { name: "orders", type: "long" } : field)),
  );
  const program = { input: schema.shape, ops: [], output: schema.shape };
  const stage = { ...scoreStage, reader: schema, from: { ...scoreStage.from, schema }, program };
  const registry = new FakeRegistry();
  registry.schemas.set(7, schema);
  const asked: number[] = [];
  const model = modelOf(() => 0.1);
  const watched: ServedModel = {
    ...model,
    scorer: {
      ...model.scorer,
      score: (rows, count, into, at) => {
        asked.push(count);
        return model.scorer.score(rows, count, into, at);
      },
    },
  };
  const task = compiled(stage, { registry }).openTask(0, watched);
  const beyond = 9_007_199_254_740_993n;
  const values = (orders: readonly (number | bigint)[]) =>
    orders.map((count, i) => ({ value: avro(schema, { ...order(`r${i}`, { amount: 1 }), orders: count }) }));
  const none = await feedStage(task, [batchOf(values([beyond, beyond]))], never);
  expect(none.counts).toMatchObject({ in: 2, out: 0, deadLetters: { MR_DECODE_BODY: 2 } });
  expect(asked).toEqual([]);
  const one = await feedStage(task, [batchOf(values([beyond, 5, beyond]), { offset: 2 })], never);
  expect(one.counts).toMatchObject({ in: 3, out: 1, deadLetters: { MR_DECODE_BODY: 2 } });
  expect(asked).toEqual([1]);
});

test("predictions written as JSON are in the one JSON form, and carry the time of writing", async () => {
  const stage = { ...scoreStage, toFormat: "json" as const, to: { ...scoreStage.to, format: "json" as const } };
  const registry = new FakeRegistry();
  registry.schemas.set(7, totalSchema);
  const clock = new AutoClock();
  clock.nowMs = 1_800_000_000_000;
  const model = modelOf((amount) => amount / 100);
  const task = compiled(stage, { registry, clock, outputSchemaId: -1 }).openTask(0, model);
  const values = [total("a", 80), total("b", 12)].map((row) => ({ value: avro(totalSchema, row), key: "c1" }));
  const { outgoing } = await feedStage(task, [batchOf(values, { topic: "totals" })], never);
  const records = recordsOf(outgoing, "output");
  // 1,700,000,000 s after the epoch, by the calendar.
  const event = { event_time: "2023-11-14T22:13:20.000Z", model: "fraud", model_version: 3 };
  expect(records.map(({ value }) => value?.toString("utf8"))).toEqual([
    JSON.stringify({ event_id: "inbox-0-a", ...event, score: 0.8, review: true, id: "a" }),
    JSON.stringify({ event_id: "inbox-0-b", ...event, score: 0.12, review: false, id: "b" }),
  ]);
  expect(records.map(({ key }) => key?.toString("utf8"))).toEqual(["c1", "c1"]);
  // The events are of 1,700,000,000 s, as are the records that were read.
  expect(records.map(({ timestampMs }) => timestampMs)).toEqual([1_800_000_000_000, 1_800_000_000_000]);
});
