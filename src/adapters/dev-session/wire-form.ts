/** How records and batches travel between a dev session and the commands that reach it: JSON, bytes as base64. */
import type { Header, RecordOut } from "../../kernel/index.ts";
import type { RawBatch } from "../../wire/index.ts";

type Bytes = string | null;

interface RecordForm {
  readonly topic: string;
  readonly partition: number;
  readonly timestampMs: number;
  readonly key: Bytes;
  readonly value: Bytes;
  readonly headers: readonly { readonly name: string; readonly value: Bytes }[];
}

const numberFields = [
  "topic",
  "partition",
  "count",
  "offsetAsked",
  "offsetNext",
  "logStartOffset",
  "endOffset",
] as const;
const floatFields = ["offsets", "timestampsMs"] as const;
const indexFields = ["keyFrom", "keyTo", "valueFrom", "valueTo", "headersFrom", "headersTo", "headerCounts"] as const;

export function recordsToJson(records: readonly RecordOut[]): string {
  const forms = records.map(
    (record): RecordForm => ({
      topic: record.topic,
      partition: record.partition,
      timestampMs: record.timestampMs,
      key: toBase64(record.key),
      value: toBase64(record.value),
      headers: (record.headers ?? []).map((header) => ({ name: header.name, value: toBase64(header.value) })),
    }),
  );
  return JSON.stringify(forms);
}

export function recordsFromJson(text: string): RecordOut[] {
  return (JSON.parse(text) as RecordForm[]).map((form) => ({
    topic: form.topic,
    partition: form.partition,
    timestampMs: form.timestampMs,
    key: fromBase64(form.key),
    value: fromBase64(form.value),
    headers: form.headers.map((header): Header => ({ name: header.name, value: fromBase64(header.value) })),
  }));
}

/** One line of JSON, without the line's end. */
export function batchToJson(batch: RawBatch): string {
  const form: Record<string, unknown> = { bytes: batch.bytes.toString("base64"), damage: batch.damage };
  for (const field of numberFields) form[field] = batch[field];
  for (const field of floatFields) form[field] = Array.from(batch[field].subarray(0, batch.count));
  for (const field of indexFields) form[field] = Array.from(batch[field].subarray(0, batch.count));
  return JSON.stringify(form);
}

export function batchFromJson(line: string): RawBatch {
  const form = JSON.parse(line) as Record<string, unknown>;
  const batch: Record<string, unknown> = {
    bytes: Buffer.from(form["bytes"] as string, "base64"),
    damage: form["damage"],
  };
  for (const field of numberFields) batch[field] = form[field];
  for (const field of floatFields) batch[field] = Float64Array.from(form[field] as number[]);
  for (const field of indexFields) batch[field] = Int32Array.from(form[field] as number[]);
  return batch as unknown as RawBatch;
}

function toBase64(bytes: Uint8Array | null): Bytes {
  return bytes === null ? null : Buffer.from(bytes).toString("base64");
}

function fromBase64(text: Bytes): Buffer | null {
  return text === null ? null : Buffer.from(text, "base64");
}
