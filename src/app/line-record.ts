import { formatIsoTime, type Header, messageOf, parseIsoTimeMs } from "../kernel/index.ts";
import { isWellFormed, memberSpans, numberText, pointerKeys } from "../schema/index.ts";
import type { Line } from "./lines.ts";
import { isBase64Form, type ValueForm, type ValueWriter, valueForms } from "./record-values.ts";

/** What a line says of a record. */
export interface LineRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly Header[];
  /** Undefined where the line does not say; -1 is Kafka's "none". */
  readonly timestampMs: number | undefined;
}

/**
 * A line that is a bare value, with the field, or the JSON Pointer to it, that is its key. A JSON topic gets the bytes of the line as they stand.
 * @throws SyntaxError, RecordError saying what is wrong with the line
 */
export function bareRecord(line: Line, keyField: string, writer: ValueWriter): LineRecord {
  parsedLine(line.text);
  const source = memberText(line.text, keyField) ?? textAt(line.text, keyField);
  const key = source === undefined ? undefined : scalarText(source);
  if (key === undefined || key === null) {
    const hint = keyField.startsWith("/") ? "" : "; one inside another is named by its JSON Pointer, such as /data/id";
    throw new SyntaxError(`the value has no field ${JSON.stringify(keyField)} that could be the key${hint}`);
  }
  const value = writer.isAvro ? writer.write(line.text) : line.bytes;
  return { key: utf8Of(key, "the key"), value, headers: [], timestampMs: undefined };
}

/** @throws SyntaxError that also tells somebody with a file of CSV what a line is */
function parsedLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const hint = /^\s*[[{]/.test(text) ? "" : "; every line is one JSON object, so make JSON lines of CSV and the like";
    throw new SyntaxError(`${messageOf(cause)}${hint}`, { cause });
  }
}

/** The text of a member of a JSON object; undefined when there is none, or the text is no object. */
function memberText(text: string, name: string): string | undefined {
  const span = text.trimStart().startsWith("{") ? memberSpans(text).get(name) : undefined;
  return span && text.slice(span.from, span.to).trim();
}

/** What stands at a JSON Pointer through objects. */
function textAt(text: string, pointer: string): string | undefined {
  let found: string | undefined = text;
  for (const name of pointerKeys(pointer) ?? []) found = found === undefined ? undefined : memberText(found, name);
  return found === text ? undefined : found;
}

/** All that a line of `tail` may have. */
const printedMembers: readonly string[] = [
  "topic",
  "partition",
  "offset",
  "timestamp",
  "key",
  "headers",
  "value",
  "as",
  "schema",
];

/**
 * A line as `tail` prints it, of this version or an earlier one.
 * @throws SyntaxError, RecordError saying what is wrong with the line
 */
export function printedRecord({ text }: Line, writer: ValueWriter): LineRecord {
  const parsed = parsedLine(text);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed) || !Object.hasOwn(parsed, "value")) {
    throw new SyntaxError('no record as `tail` prints it: there is no "value"; bare values need --key FIELD');
  }
  // An event that has a field of this name: what is beside it must not be lost.
  const other = Object.keys(parsed).find((name) => !printedMembers.includes(name));
  if (other !== undefined)
    throw new SyntaxError(
      `no record as \`tail\` prints it: ${JSON.stringify(other)} stands beside "value"; bare values need --key FIELD`,
    );
  const { value, headers = [], timestamp, as, schema } = parsed as Record<string, unknown>;
  if ((as === "avro") !== (typeof schema === "number" && Number.isInteger(schema)))
    throw new SyntaxError('"as": "avro" and "schema": ID, the id of a schema in the registry, go together');
  const spans = memberSpans(text);
  const sourceOf = (name: string): string | undefined => {
    const span = spans.get(name);
    return span && text.slice(span.from, span.to);
  };
  if (!Array.isArray(headers) || !headers.every(isHeader))
    throw new SyntaxError('"headers" is no list of {"name": ..., "value": ...}');
  return {
    key: keyOf((parsed as Record<string, unknown>)["key"], sourceOf("key")),
    value:
      typeof schema === "number"
        ? writer.writeBy(schema, sourceOf("value") ?? "")
        : valueBytes(value, sourceOf("value") ?? "", formOf(as), writer),
    headers: headers.map(headerOf),
    timestampMs: timestamp === undefined ? undefined : timestampOf(timestamp),
  };
}

function formOf(as: unknown): ValueForm | undefined {
  if (as === undefined || valueForms.some((form) => form === as)) return as as ValueForm | undefined;
  throw new SyntaxError(`"as" is none of ${valueForms.join(", ")}`);
}

/** @param source text of the value in its line, blanks around it included */
function valueBytes(value: unknown, source: string, as: ValueForm | undefined, writer: ValueWriter): Buffer | null {
  switch (as) {
    case "tombstone":
      if (value !== null) throw new SyntaxError('"as": "tombstone" goes with "value": null');
      return null;
    case "json":
      // One blank behind the colon belongs to the line.
      return Buffer.from(source.startsWith(" ") ? source.slice(1) : source);
    case "text":
      if (typeof value !== "string") throw new SyntaxError('"as": "text" goes with a value that is text');
      return utf8Of(value, "the value");
    case "bytes":
      if (!isBase64Form(value)) throw new SyntaxError('"as": "bytes" goes with "value": {"base64": ...}');
      return bytesOf(value, "the value");
    default:
      return plainValueOf(value, source, writer);
  }
}

function plainValueOf(value: unknown, source: string, writer: ValueWriter): Buffer | null {
  if (value === null) return null;
  if (writer.isAvro) return writer.write(source);
  if (typeof value === "string" || isBase64Form(value)) return bytesOf(value, "the value");
  return Buffer.from(source.trim());
}

function keyOf(key: unknown, source: string | undefined): Buffer | null {
  if (key === null || key === undefined || source === undefined) return null;
  if (isBase64Form(key)) return bytesOf(key, "the key");
  const text = typeof key === "object" ? undefined : scalarText(source.trim());
  if (text === undefined || text === null) throw new SyntaxError('"key" is neither text, a number nor {"base64": ...}');
  return utf8Of(text, "the key");
}

/**
 * The characters of JSON text, a number's digits, true or false: what a key is made of. Null for null, undefined for
 * an object, a list or a number of more than 400 digits.
 */
function scalarText(source: string): string | null | undefined {
  if (source.startsWith('"')) return JSON.parse(source) as string;
  if (source === "null") return null;
  return source === "true" || source === "false" ? source : numberText(source);
}

function timestampOf(timestamp: unknown): number {
  if (timestamp === null) return -1;
  const timestampMs = typeof timestamp === "string" ? parseIsoTimeMs(timestamp) : timestamp;
  if (typeof timestampMs === "number" && Number.isSafeInteger(timestampMs) && timestampMs >= -1) return timestampMs;
  throw new SyntaxError(
    `"timestamp" is no ISO 8601 time such as ${formatIsoTime(0)}, no milliseconds since 1970, and not null for none`,
  );
}

interface WrittenHeader {
  readonly name: string;
  readonly value?: unknown;
}

function isHeader(value: unknown): value is WrittenHeader {
  return typeof value === "object" && value !== null && "name" in value && typeof value.name === "string";
}

function headerOf({ name, value }: WrittenHeader): Header {
  utf8Of(name, "the name of a header");
  return { name, value: value === null || value === undefined ? null : bytesOf(value, `the header ${name}`) };
}

/** Text as UTF-8, or the bytes of `{"base64": ...}`. */
function bytesOf(value: unknown, what: string): Buffer {
  if (typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER)
    throw new SyntaxError(`${what} is a number beyond 2^53 - 1, whose digits would be lost: write it as text`);
  if (!isBase64Form(value)) return utf8Of(typeof value === "object" ? JSON.stringify(value) : String(value), what);
  const bytes = Buffer.from(value.base64, "base64");
  if (bytes.toString("base64").replace(/=+$/, "") !== value.base64.replace(/=+$/, ""))
    throw new SyntaxError(`${what} is no base64`);
  return bytes;
}

/** @throws SyntaxError for half of a surrogate pair, which would become U+FFFD */
function utf8Of(text: string, what: string): Buffer {
  if (!isWellFormed(text)) throw new SyntaxError(`${what} holds half of a surrogate pair, which has no UTF-8`);
  return Buffer.from(text);
}
