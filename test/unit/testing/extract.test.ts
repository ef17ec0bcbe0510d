import { expect, test } from "vitest";
import { TopologyDriver } from "../../../src/testing/index.ts";
import { planOf } from "./plans.ts";

const time = { type: "long", logicalType: "timestamp-millis" };
const record = (name: string, ...fields: unknown[]): unknown => ({ type: "record", name, namespace: "t", fields });
const raw = record(
  "Raw",
  { name: "event_id", type: "string" },
  { name: "k", type: "string" },
  { name: "at", type: time },
  { name: "amount", type: ["null", "double"], default: null },
  { name: "sku", type: "string", default: "none" },
);
const envelope = record(
  "Envelope",
  {
    name: "data",
    type: record(
      "Data",
      { name: "k", type: "string" },
      { name: "at", type: { type: "long", logicalType: "timestamp-micros" } },
      { name: "amount", type: ["null", "double", "string"] },
    ),
  },
  { name: "items", type: ["null", { type: "array", items: { type: "map", values: "string" } }], default: null },
  { name: "sku", type: "string", default: "not this one" },
);

function driver(format: "json" | "avro") {
  const inbox = format === "json" ? "{ format: json, external: true }" : "{ schema: envelope, external: true }";
  const text = `
apiVersion: millrace/v1
kind: Topology
name: nested
delivery: at-least-once
topics:
  inbox: ${inbox}
  raw: { schema: raw, key: k, time: at, partitions: 1 }
stages:
  - name: ingest
    from: { topic: inbox, tombstones: drop, timesFrom: 1970-01-01 }
    to: raw
    steps:
      - extract: { k: /data/k, at: /data/at, amount: /data/amount, sku: /items/0/sku }
`;
  return new TopologyDriver(planOf(text, "t.yaml", { raw, envelope })).stage("ingest");
}

test.each(["json", "avro"] as const)(
  "%s: fields are taken by pointer, and what is not there is default or null",
  async (format) => {
    const at = format === "json" ? 3_600_000 : 3_600_000_000;
    const fed = await driver(format).feed([
      { value: { data: { k: "a", at, amount: 2.5 }, items: [{ sku: "s1" }] } },
      { value: { data: { k: "b", at, amount: null }, items: null } },
      { value: { data: { k: "c", at, amount: "x" }, items: [] } },
      { value: null },
    ]);
    expect(fed.rows).toMatchObject([
      { k: "a", at: 3_600_000, amount: 2.5, sku: "s1" },
      { k: "b", at: 3_600_000, amount: null, sku: "none" },
    ]);
    expect(fed.deadLetters.map(({ code }) => code)).toEqual(["MR_CAST"]);
    expect(fed.counts).toMatchObject({ filtered: { tombstone: 1 }, out: 2 });
  },
);
