import { expect, test } from "vitest";
import { createEncoder, framingBytes, type RecordSchema, writeSchemaId } from "../../../src/schema/index.ts";
import { MemoryRegistry, TopologyDriver } from "../../../src/testing/index.ts";
import { type Plan, printPlan, schemasNeeded } from "../../../src/topology/index.ts";
import { replaced, smallSchemas, smallText, soundPlan } from "./fixture.ts";

const renamed = `{ "name": "source_event_id", "type": ["null", "string"], "default": null, "aliases": ["event_id"] }`;

/** The small chain with an inbox that has an event_id of its own: the cure that the plan prints is pasted in. */
function planWith(field: string, inbox = "{ format: json, external: true }"): Plan {
  const payment = (smallSchemas.get("payment") ?? "").replace('"fields": [', `"fields": [\n    ${field},`);
  const theirs = (smallSchemas.get("payment") ?? "").replace('"name": "Payment"', '"name": "Theirs"');
  const schemas = new Map([...smallSchemas, ["payment", payment], ["theirs", theirs]]);
  const text = replaced(smallText, "{ format: json, external: true }", inbox);
  return soundPlan(replaced(text, "except: [payment_id, customer_id, paid_at]", "only: [n_1h]"), { schemas });
}

const sent = {
  event_id: "theirs-1",
  payment_id: "p1",
  customer_id: "c1",
  paid_at: "2026-01-01T00:00:00Z",
  amount: 5,
};

function avro(schema: RecordSchema, registry: MemoryRegistry): Buffer {
  const bytes = Buffer.alloc(256);
  writeSchemaId(bytes, 0, registry.add("inbox-value", schema.json).id);
  const row = { ...sent, paid_at: Date.parse(sent.paid_at) };
  return bytes.subarray(0, createEncoder(schema).encode(row, bytes, framingBytes));
}

// Behind the ingest each record died with MR_DECODE_BODY: the alias met the event_id that Millrace had written.
test.each([
  ["JSON", "{ format: json, external: true }", "json"],
  ["Avro", "{ schema: theirs, external: true }", "avro"],
])("an inbox's own event_id comes through the whole chain under its new name, as %s", async (_, inbox, kind) => {
  const plan = planWith(renamed, inbox);
  const registry = new MemoryRegistry();
  const driver = new TopologyDriver(plan, { models: { fraud: 0.5 }, registry });
  const value = kind === "json" ? JSON.stringify(sent) : avro(plan.topics[0]!.schema!, registry);
  const fed = await driver.send("inbox", [{ value }]);
  expect(fed.deadLetters).toEqual([]);
  const [id] = fed.rows["raw"]!.map((row) => row["event_id"]);
  expect(id).toBe("inbox-0-0");
  for (const topic of ["raw", "features"])
    expect(fed.rows[topic]).toMatchObject([{ event_id: id, source_event_id: "theirs-1" }]);
  expect(fed.rows["predictions"]).toMatchObject([{ event_id: id }]);
});

test("the registered schemas do not have the alias, and the plan says what the ingest takes it for", () => {
  const plan = planWith(renamed);
  expect(JSON.stringify(schemasNeeded(plan).map(({ schema }) => schema.json))).not.toContain("aliases");
  expect(printPlan(plan)).toContain("\n  takes event_id as source_event_id\n");
});

test("what the ingest takes a name for is part of the hash", () => {
  const other = renamed.replace(', "aliases": ["event_id"]', "");
  expect(planWith(other).hash).not.toBe(planWith(renamed).hash);
});

// Both fields were filled from the one value.
test("an alias that names a field which is read itself is warned about and not looked at", async () => {
  const plan = planWith(`{ "name": "total", "type": ["null", "double"], "default": null, "aliases": ["amount"] }`);
  expect(plan.warnings.map(({ code, path }) => `${code} ${path.join(".")}`)).toContain("MR_ALIAS topics.raw.schema");
  const fed = await new TopologyDriver(plan, { models: { fraud: 0.5 } }).send("inbox", [
    { value: JSON.stringify(sent) },
  ]);
  expect(fed.rows["raw"]).toMatchObject([{ amount: 5, total: null }]);
});
