import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { atOnce } from "../../src/kernel/index.ts";
import { createEncoder, parseRecordSchema, type RecordSchema, transcoderParts } from "../../src/schema/index.ts";
import { avroSample, changedSchema } from "../support/avro-samples.ts";
import { avroJars, javaMissing, runJava } from "./harness/java.ts";

// Avro's own classes (AvroOracle.java) beside ours: no broker takes part.
const oracle = join(import.meta.dirname, "../java/AvroOracle.java");
const missing = javaMissing();
const title = missing === undefined ? "" : ` (skipped: ${missing})`;
const seeds = Array.from({ length: 240 }, (_, i) => i + 1);

interface Case {
  readonly seed: number;
  readonly writer: unknown;
  readonly reader: unknown;
  readonly body: Buffer;
  /** What leaves our stage, copied and decoded. */
  readonly ours: readonly Buffer[];
}

function schemaOf(json: unknown): RecordSchema {
  const parsed = parseRecordSchema(json, "sample");
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.schema;
}

function through(writer: RecordSchema, output: RecordSchema, body: Buffer, copies: boolean): Buffer {
  const coder = atOnce(
    transcoderParts({
      writer: writer.type,
      reader: output.type,
      reads: new Map(),
      output: output.type,
      values: new Set(),
      copies,
      checksText: true,
      ingest: undefined,
      keepsRows: false,
      later: [],
    }),
  );
  const into = Buffer.alloc(40_000);
  return into.subarray(0, coder.encode({ "#source": coder.decode(body, 0, body.length) }, into, 0));
}

function casesOf(changed: boolean): Case[] {
  return seeds.map(avroSample).flatMap((made) => {
    const reader = changed ? changedSchema(made) : made.schema;
    const [from, to] = [schemaOf(made.schema), schemaOf(reader)];
    const encoder = createEncoder(from);
    return made.rows.map((row) => {
      const into = Buffer.alloc(20_000);
      const body = into.subarray(0, encoder.encode(row, into, 0));
      const ours = [true, false].map((copies) => through(from, to, body, copies));
      return { seed: made.seed, writer: made.schema, reader, body, ours };
    });
  });
}

async function javaOf(cases: readonly Case[]): Promise<string[]> {
  const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64");
  const lines = cases.map(
    ({ writer, reader, body }) => `${base64(writer)} ${base64(reader)} ${body.toString("base64")}`,
  );
  const { code, stdout, stderr } = await runJava(oracle, [], {
    jars: await avroJars(),
    input: `${lines.join("\n")}\n`,
  });
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout.split("\n").slice(0, -1);
}

describe.skipIf(missing !== undefined)(`records of 240 generated schemas${title}`, () => {
  test.each([
    ["leave as the bytes that Java writes of them", false],
    ["become what Java's resolution makes of them: moved, renamed, promoted, turned round, filled in", true],
  ])(
    "%s, copied and decoded",
    async (_, changed) => {
      const cases = casesOf(changed);
      const java = await javaOf(cases);
      expect(java).toHaveLength(cases.length);
      for (const [i, { seed, ours }] of cases.entries()) {
        for (const bytes of ours) expect({ seed, bytes: bytes.toString("base64") }).toEqual({ seed, bytes: java[i] });
      }
    },
    120_000,
  );
});
