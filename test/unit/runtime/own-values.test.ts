import { expect, test } from "vitest";
import { Facts, OperationError, RecordError, silentLogger } from "../../../src/kernel/index.ts";
import { OwnValues } from "../../../src/runtime/index.ts";
import { AutoClock, avro, batchOf, FakeRegistry, order, orderSchema } from "./fixture.ts";

const { signal } = new AbortController();

function valuesOf(decode: (value: Uint8Array) => string) {
  const warnings: unknown[] = [];
  const logger = { ...silentLogger, warn: (fields: object) => void warnings.push(fields) };
  const options = { registry: new FakeRegistry(), clock: new AutoClock(), facts: new Facts(logger), decode };
  return { values: new OwnValues(options), warnings };
}

async function read(values: OwnValues<string>, bytes: readonly Buffer[]): Promise<(readonly [number, string])[]> {
  const found: (readonly [number, string])[] = [];
  for await (const entry of values.in(
    batchOf(
      bytes.map((value) => ({ value })),
      { offset: 40 },
    ),
    0,
    signal,
  ))
    found.push(entry);
  return found;
}

const [first, second] = [avro(orderSchema, order("1")), avro(orderSchema, order("22"))];

test("what cannot be read is passed over and said once, and what comes behind it is read", async () => {
  const { values, warnings } = valuesOf((value) => {
    if (value.length === first.length) throw new RecordError("MR_DECODE_BODY", "no body");
    return "second";
  });
  const unknown = avro(orderSchema, order("1"), 99);
  expect(await read(values, [first, unknown, second, first])).toEqual([[2, "second"]]);
  expect(warnings).toEqual([{ code: "MR_DECODE_BODY", topic: "orders", offset: 40, count: 3, reason: "no body" }]);
});

test("what is no fault of the record ends the reading: whoever follows the topic asks again", async () => {
  const { values, warnings } = valuesOf(() => {
    throw new OperationError("MR_BROKER", "away");
  });
  await expect(read(values, [first])).rejects.toThrow("away");
  expect(warnings).toEqual([]);
});
