import { expect, test } from "vitest";
import { feedStage, type ServedModel, type StageYield } from "../../../src/runtime/index.ts";
import { createEncoder, type RecordSchema, type Row, UnionValue, writeSchemaId } from "../../../src/schema/index.ts";
import type { PlannedStage } from "../../../src/topology/index.ts";
import { expression } from "../expression/fixture.ts";
import {
  avro,
  batchOf,
  compiled,
  FakeRegistry,
  modelOf,
  order,
  orderSchema,
  recordsOf,
  rowOf,
  schemaOf,
  scoreStage,
  type TestRecord,
  totalSchema,
  totalsStage,
} from "./fixture.ts";

const never = new AbortController().signal;

interface Run {
  readonly stage: PlannedStage;
  readonly records: readonly TestRecord[];
  readonly model?: ServedModel;
  readonly registry?: FakeRegistry;
}

async function run({ stage, records, model, registry = new FakeRegistry() }: Run, copiesThrough: boolean) {
  const task = compiled(stage, { registry, copiesThrough }).openTask(0, model);
  return feedStage(task, [batchOf(records)], never);
}

/** Everything that left a stage, byte for byte. */
const left = ({ outgoing, counts }: StageYield) => ({
  counts,
  out: recordsOf(outgoing, "output").map(({ key, value }) => [key?.toString("hex"), value?.toString("hex")]),
  dead: recordsOf(outgoing, "dead-letter").map(({ headers }) =>
    headers.filter(({ name }) => !name.endsWith("failed.at")).map(({ name, value }) => [name, value?.toString("utf8")]),
  ),
});

/** The program with copying switched off is the oracle of the one with it. */
async function sameEitherWay(what: Run): Promise<ReturnType<typeof left>> {
  const copied = left(await run(what, true));
  expect(copied).toEqual(left(await run(what, false)));
  return copied;
}

test("a stage with memories writes the same bytes, counts and dead letters, copied or decoded", async () => {
  const orders = ["a", "b", "a", "c", "d"].map((id, i) => order(id, { amount: [1, -1, 2, null, 1e300][i] }));
  const records = [
    ...orders.map((row) => ({ value: avro(orderSchema, row) })),
    { value: Buffer.from([0, 0, 0, 0, 7, 2]) },
  ];
  const { counts } = await sameEitherWay({ stage: totalsStage, records });
  expect(counts).toMatchObject({ in: 6, out: 2, deadLetters: { MR_REQUIRED: 1, MR_DECODE_BODY: 1 } });
});

test("a keyed stage takes its key out of the source, a long to its last digit", async () => {
  const keyed = schemaOf("Keyed", [
    { name: "event_id", type: "string" },
    { name: "customer", type: "long" },
  ]);
  const registry = new FakeRegistry();
  registry.schemas.set(8, keyed);
  const stage: PlannedStage = {
    ...totalsStage,
    reader: keyed,
    to: { ...totalsStage.to, schema: keyed },
    keyField: "customer",
    program: { input: keyed.shape, ops: [], output: keyed.shape },
    memories: [],
  };
  const records = [{ value: framed(keyed, { event_id: "e", customer: 2n ** 53n + 1n }, 8) }];
  const { out } = await sameEitherWay({ stage, records, registry });
  expect(Buffer.from(out[0]?.[0] ?? "", "hex").toString()).toBe("9007199254740993");
});

test("predictions of several pieces keep their own spans through the scoring, whatever it keeps", async () => {
  const odd = { type: "record", name: "Odd", fields: [{ name: "v", type: "int" }] };
  const also = { ...odd, name: "Also" };
  const wide = [
    { name: "ref", type: ["null", odd, also] },
    { name: "big", type: "long" },
  ];
  const input = schemaOf("Total", [...(totalSchema.json as { fields: unknown[] }).fields, ...wide]);
  const predictions = scoreStage.to.schema ?? totalSchema;
  const output = schemaOf("Prediction", [...(predictions.json as { fields: unknown[] }).fields, ...wide]);
  const registry = new FakeRegistry();
  registry.schemas.set(8, input);
  const stage: PlannedStage = {
    ...scoreStage,
    reader: input,
    from: { ...scoreStage.from, schema: input },
    to: { ...scoreStage.to, schema: output },
    program: { input: input.shape, ops: [], output: input.shape },
  };
  const records = Array.from({ length: 150 }, (_, i) => {
    const row = { ...order(`o${i}`, { amount: i }), orders: i % 7 === 0 ? null : i };
    return {
      value: framed(input, { ...row, ref: new UnionValue(1 + (i % 2), { v: i }), big: 2n ** 60n + BigInt(i) }, 8),
    };
  });
  const model = modelOf((amount) => amount / 200);
  const { counts } = await sameEitherWay({ stage, records, model, registry });
  expect(counts.out).toBe(150);
});

// What the steps have set must not come out of the record as it was read.
test("a prediction keeps what its stage's own steps made of a field, and the key its digits", async () => {
  const fields = (totalSchema.json as { fields: unknown[] }).fields;
  const input = schemaOf("Total", [...fields, { name: "account", type: "long" }]);
  const predictions = scoreStage.to.schema ?? totalSchema;
  const output = schemaOf("Prediction", [
    ...(predictions.json as { fields: unknown[] }).fields,
    { name: "amount", type: ["null", "double"] },
    { name: "account", type: "long" },
  ]);
  const amount = input.shape.find(({ name }) => name === "amount");
  if (amount === undefined) throw new Error("totals have an amount");
  const registry = new FakeRegistry();
  registry.schemas.set(8, input);
  const value = expression("amount == null ? null : amount * 2", input.shape);
  const stage: PlannedStage = {
    ...scoreStage,
    reader: input,
    from: { ...scoreStage.from, schema: input },
    to: { ...scoreStage.to, schema: output },
    keyField: "account",
    program: { input: input.shape, ops: [{ op: "assign", field: amount, value }], output: input.shape },
  };
  const row = { ...order("a", { amount: 20 }), orders: 1, account: 2n ** 53n + 1n };
  const records = [{ value: framed(input, row, 8) }];
  const what = { stage, records, model: modelOf((given) => given / 100), registry };
  const { out } = await sameEitherWay(what);
  expect(Buffer.from(out[0]?.[0] ?? "", "hex").toString()).toBe("9007199254740993");
  expect(rowOf(output, Buffer.from(out[0]?.[1] ?? "", "hex"))).toMatchObject({
    score: 0.4,
    amount: 40,
    account: 2n ** 53n + 1n,
  });
});

function framed(schema: RecordSchema, row: Row, id: number): Buffer {
  const into = Buffer.alloc(1_000);
  return Buffer.from(into.subarray(0, createEncoder(schema).encode(row, into, writeSchemaId(into, 0, id))));
}

test("a piece tells the event time of its last record, although the program reads no times; a stage without times tells none", async () => {
  const plain: PlannedStage = {
    ...totalsStage,
    to: { ...totalsStage.to, schema: orderSchema },
    program: { input: orderSchema.shape, ops: [], output: orderSchema.shape },
    memories: [],
    stores: [],
    lateWithinMs: undefined,
  };
  const timesOf = async (stage: PlannedStage): Promise<(number | undefined)[]> => {
    const task = compiled(stage).openTask(0);
    const rows = [order("a", { paid_at: 1_000 }), order("b", { paid_at: 3_000 }), order("c", { paid_at: 2_000 })];
    const batch = batchOf(rows.map((row) => ({ value: avro(orderSchema, row) })));
    task.compute(batch, 0, 1, Number.POSITIVE_INFINITY);
    await task.resolve(never);
    return [1, 3].map((to) => {
      expect(task.compute(batch, to === 1 ? 0 : 1, to, Number.POSITIVE_INFINITY)).toBe(to);
      return task.eventTimeMs;
    });
  };
  expect(await timesOf(plain)).toEqual([1_000, 2_000]);
  expect(await timesOf({ ...plain, eventTimeField: undefined })).toEqual([undefined, undefined]);
});
