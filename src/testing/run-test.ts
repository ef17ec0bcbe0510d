import { MillraceError, parseIsoTimeMs } from "../kernel/index.ts";
import { type Field, jsonText, type RecordSchema, type Row, toJsonValue } from "../schema/index.ts";
import type { Plan, PlannedTest } from "../topology/index.ts";
import { StageDriver, type StageFeed } from "./stage-driver.ts";

/** Largest relative difference at which two doubles are still the same. */
const toleranceRelative = 1e-9;

/**
 * Runs a case under `tests:` on a stage of its own, with empty stores.
 *
 * @returns what differs, one line each as `field: expected .., got ..`; empty when the case holds
 */
export async function runPlannedTest(plan: Plan, test: PlannedTest): Promise<readonly string[]> {
  const driver = new StageDriver(plan, test.stage, { models: test.stubs });
  const given = test.given.map((record) => ({ value: record.kind === "text" ? record.text : record.value }));
  try {
    return differences(test, await driver.feed(given), driver.stage.to.schema);
  } catch (thrown) {
    // A given row that does not fit the schema, or a stub that does not fit the model.
    if (thrown instanceof MillraceError) return [`${thrown.code}: ${thrown.message}`];
    throw thrown;
  }
}

function differences({ expect }: PlannedTest, fed: StageFeed, schema: RecordSchema | undefined): string[] {
  const lines: string[] = [];
  const compare = (name: string, expected: unknown, got: unknown): void => {
    if (expected !== undefined && !isSame(expected, got)) lines.push(differs(name, expected, got));
  };
  compare("filtered", expect.filtered, total(fed.counts.filtered));
  compare("late", expect.late, fed.counts.late);
  const letters = fed.deadLetters.filter((letter) => letter.code !== "MR_LATE");
  const codes = letters.map((letter) => letter.code);
  compare("deadLetters", expect.deadLetters, codes);
  if (expect.records !== undefined) lines.push(...recordDifferences(expect.records, fed.rows, schema));
  // A record that died unexpectedly explains why another is missing.
  if (lines.length > 0 && !isSame(expect.deadLetters, codes))
    lines.push(...letters.map((letter) => `dead letter ${letter.code}: ${letter.message}`));
  return lines;
}

function recordDifferences(
  expected: readonly Readonly<Record<string, unknown>>[],
  rows: readonly Row[],
  schema: RecordSchema | undefined,
): string[] {
  const lines: string[] = [];
  if (expected.length !== rows.length) lines.push(differs("records", expected.length, rows.length));
  for (const [index, wanted] of expected.entries()) {
    const row = rows[index];
    if (row === undefined) break;
    const got = (schema === undefined ? row : toJsonValue(schema, row)) as Readonly<Record<string, unknown>>;
    for (const [name, value] of Object.entries(wanted)) {
      const field = schema?.shape.find((candidate) => candidate.name === name);
      if (!fits(field, value, got[name])) lines.push(differs(`records[${index}].${name}`, value, got[name]));
    }
  }
  return lines;
}

/** Times are compared as times, whichever way they are written; numbers with a tolerance. */
function fits(field: Field | undefined, expected: unknown, got: unknown): boolean {
  const kind = field?.type.kind;
  // A whole number is the one expected or another: ids that differ in the last digit are two ids.
  if (kind === "int" || kind === "long") return expected === got || isSameLarge(expected, got);
  return kind === "timestamp" ? isSame(timeMs(expected), timeMs(got)) : isSame(expected, got);
}

function timeMs(value: unknown): unknown {
  return typeof value === "string" ? (parseIsoTimeMs(value) ?? value) : value;
}

function isSame(expected: unknown, got: unknown): boolean {
  if (typeof expected === "number" && typeof got === "number") {
    return Math.abs(expected - got) <= toleranceRelative * Math.max(Math.abs(expected), Math.abs(got));
  }
  if (isSameLarge(expected, got)) return true;
  if (typeof expected !== "object" || typeof got !== "object" || expected === null || got === null)
    return expected === got;
  if (Array.isArray(expected) !== Array.isArray(got)) return false;
  const wanted = Object.entries(expected);
  const there = got as Readonly<Record<string, unknown>>;
  return wanted.length === Object.keys(got).length && wanted.every(([key, value]) => isSame(value, there[key]));
}

/** Whole numbers beyond 2^53: YAML gives a bigint, a double holds the number nearest to it. */
function isSameLarge(expected: unknown, got: unknown): boolean {
  if (typeof got === "bigint") return String(expected) === String(got);
  return typeof expected === "bigint" && typeof got === "number" && Number(expected) === got;
}

function differs(name: string, expected: unknown, got: unknown): string {
  return `${name}: expected ${shown(expected)}, got ${shown(got)}`;
}

function shown(value: unknown): string {
  return value === undefined ? "nothing" : jsonText(value);
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
