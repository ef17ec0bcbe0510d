import { parseRecordSchema, type RecordSchema } from "../../../src/schema/index.ts";

/** Parses a schema that the test holds to be right. */
export function schemaOf(json: unknown, strictDefaults = true): RecordSchema {
  const parsed = parseRecordSchema(json, "under test", { strictDefaults });
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.schema;
}

/** A record `test.Row` with these fields. */
export function record(...fields: unknown[]): unknown {
  return { type: "record", name: "Row", namespace: "test", fields };
}

export function rowSchema(...fields: unknown[]): RecordSchema {
  return schemaOf(record(...fields));
}

export function bytes(...values: (number | string)[]): Buffer {
  return Buffer.concat(values.map((value) => (typeof value === "string" ? Buffer.from(value) : Buffer.from([value]))));
}
