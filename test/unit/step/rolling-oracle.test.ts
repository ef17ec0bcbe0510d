import { expect, test } from "vitest";
import { seededRng } from "../../../src/kernel/index.ts";
import type { Row } from "../../../src/schema/index.ts";
import { agrees, type OracleAnswer, oracleStream, rollingOracle } from "../../oracle/rolling-oracle.ts";
import { field, start } from "./lowering.ts";

const eventCount = Number(process.env["MILLRACE_ORACLE_EVENTS"] ?? 100_000);
const seed = Number(process.env["MILLRACE_ORACLE_SEED"] ?? 1);
const hourMs = 3_600_000;
const windows = { "10min": 600_000, "1h": hourMs, "12h": 12 * hourMs } as const;
const aggregates = {
  rows: ["count()", (a: OracleAnswer) => a.rows],
  values: ["count(value)", (a: OracleAnswer) => a.values],
  sum: ["sum(value)", (a: OracleAnswer) => a.sum],
  mean: ["mean(value)", (a: OracleAnswer) => a.mean],
  min: ["min(value)", (a: OracleAnswer) => a.min],
  max: ["max(value)", (a: OracleAnswer) => a.max],
  std: ["std(value)", (a: OracleAnswer) => a.std],
} as const;

test(`rolling through a compiled stage equals brute force on ${eventCount} random events (seed ${seed})`, () => {
  const stream = oracleStream({
    count: eventCount,
    keys: Math.ceil(eventCount / 400),
    windowsMs: Object.values(windows),
    lateWithinMs: hourMs,
    uniform: seededRng(seed).uniform,
  });
  expect(stream.events).toHaveLength(eventCount);
  expect(stream.counts.ties).toBeGreaterThanOrEqual(1_000);
  expect(stream.counts.edges).toBeGreaterThanOrEqual(1_000);
  expect(stream.counts.outOfOrder).toBeGreaterThanOrEqual(5_000);
  expect(stream.counts.nulls).toBeGreaterThanOrEqual(1_000);
  expect(stream.counts.notCounted).toBeGreaterThanOrEqual(1_000);

  const expected = rollingOracle(stream.events, Object.values(windows));
  const features = Object.fromEntries(Object.entries(aggregates).map(([name, [text]]) => [name, text]));
  const stage = start([["rolling", { by: "key", over: Object.keys(windows), features, where: "counts" }]], {
    shape: [field("key", "string"), field("at", "timestamp"), field("value", "double?"), field("counts", "boolean")],
    timeField: "at",
    keyField: "key",
    latenessMs: hourMs,
  });
  const mismatches: unknown[] = [];
  stream.events.forEach((event, i) => {
    const { fate, row } = stage.run({ key: event.key, at: event.timeMs, value: event.value, counts: event.counts });
    if (fate !== "out" || row === null || !isAnswer(row, expected[i])) mismatches.push({ i, event, fate, row });
    if (i % 500 === 499) stage.keep();
  });
  expect(mismatches).toEqual([]);
}, 60_000);

function isAnswer(row: Row, answers: readonly OracleAnswer[] | undefined): boolean {
  return Object.keys(windows).every((window, w) => {
    const answer = answers?.[w];
    if (answer === undefined) return false;
    return Object.entries(aggregates).every(([name, [, of]]) => {
      const value = row[`${name}_${window}`];
      return (value === null || typeof value === "number") && agrees(value, of(answer));
    });
  });
}
