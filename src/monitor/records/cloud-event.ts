import type { Header } from "../../kernel/index.ts";

/** What stands in the headers of a record that is a CloudEvent. */
export interface CloudEventAttributes {
  readonly id: string;
  readonly type: string;
  readonly topology: string;
  /** ISO 8601. */
  readonly at: string;
  readonly subject: string;
}

/** A record as it is written to the alerts topic. */
export interface CloudEventRecord {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly headers: readonly Header[];
}

/** CloudEvents 1.0 in binary mode, with a JSON value. */
export function cloudEventRecord(
  key: string,
  { id, type, topology, at, subject }: CloudEventAttributes,
  value: unknown,
): CloudEventRecord {
  const attributes = {
    "content-type": "application/json",
    ce_specversion: "1.0",
    ce_id: id,
    ce_source: `/millrace/${topology}`,
    ce_type: type,
    ce_time: at,
    ce_subject: subject,
  };
  return {
    key: Buffer.from(key),
    value: Buffer.from(JSON.stringify(value)),
    headers: Object.entries(attributes).map(([name, text]) => ({ name, value: Buffer.from(text) })),
  };
}

/** The object that a JSON text holds; undefined for what is none. */
export function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
}
