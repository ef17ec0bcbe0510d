import { systemClock } from "../adapters/node/index.ts";
import { type Clock, OperationError, RecordError } from "../kernel/index.ts";
import {
  createDecoder,
  createEncoder,
  framingBytes,
  fromJsonText,
  parseRecordSchemaText,
  type RecordSchema,
  type RowDecoder,
  readSchemaId,
  type SchemaRegistry,
  toJsonText,
  Writers,
  writeSchemaId,
} from "../schema/index.ts";

/** What `produce` makes of a line's value, where it would not do so by itself. */
export const valueForms = ["tombstone", "json", "text", "bytes"] as const;
export type ValueForm = (typeof valueForms)[number];

/** A value as it is shown. */
export interface ShownValue {
  /** JSON text on one line. Of a value that is JSON its own text, of Avro the one JSON form. */
  readonly json: string;
  /** What `produce` has to be told to send the same value again; undefined where it does so by itself. */
  readonly as: ValueForm | undefined;
}

/** Turns values into JSON for people: Avro by its writer's schema, JSON as it is, text, else base64. */
export interface ValueReader {
  /**
   * Never throws for what the bytes hold.
   * @param isAvroTopic whether `produce` would write values of the topic as Avro
   */
  show(bytes: Buffer, isAvroTopic: boolean): Promise<ShownValue>;
  /** As {@link show}, parsed. */
  read(bytes: Buffer): Promise<unknown>;
}

interface Known {
  readonly schema: RecordSchema;
  readonly decoder: RowDecoder;
}

/** Schema ids remembered at most; the one not used for longest goes first. */
const knownMax = 1_000;
/** An id that the registry does not know is asked for again after this long: it may have been registered since. */
const unknownForMs = 1_000;

/** @param registry undefined when none was named: then Avro is shown as base64 */
export function createValueReader(
  registry: SchemaRegistry | undefined,
  signal: AbortSignal,
  clock: Pick<Clock, "monotonicMs"> = systemClock,
): ValueReader {
  const writers = new Writers<Known>({
    registry: registry ?? { byId: async () => undefined },
    make: (text, id) => {
      const parsed = parseRecordSchemaText(text, `id ${id}`, { strictDefaults: false });
      if (!("schema" in parsed)) throw new RecordError("MR_DECODE_BODY", `schema id ${id} is no schema of records`);
      return { schema: parsed.schema, decoder: createDecoder(parsed.schema, parsed.schema) };
    },
    refusal: (thrown) => {
      if (thrown instanceof RecordError) return thrown;
      throw thrown;
    },
    monotonicMs: () => clock.monotonicMs(),
    unknownForMs,
    idsMax: knownMax,
  });
  /** What cannot be read as framed Avro, for whatever reason, is shown as it is. */
  const readAvro = async (bytes: Buffer): Promise<string | undefined> => {
    try {
      const id = readSchemaId(bytes, 0, bytes.length);
      if (writers.byId(id) === undefined) await writers.resolve(id, signal);
      const found = writers.byId(id);
      return found && toJsonText(found.schema, found.decoder.decode(bytes, framingBytes, bytes.length));
    } catch (thrown) {
      if (thrown instanceof RecordError) return undefined;
      throw thrown;
    }
  };
  const reader: ValueReader = {
    async read(bytes) {
      return JSON.parse((await reader.show(bytes, false)).json);
    },
    async show(bytes, isAvroTopic) {
      const json = await readAvro(bytes);
      if (json !== undefined) return { json, as: undefined };
      return plainValue(bytes, isAvroTopic);
    },
  };
  return reader;
}

/** The text of UTF-8 bytes; undefined when they are none. */
export function textOf(bytes: Buffer): string | undefined {
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? text : undefined;
}

/** JSON when it is JSON, text when it is UTF-8, else `{"base64": ...}`. */
function plainValue(bytes: Buffer, isAvroTopic: boolean): ShownValue {
  const text = textOf(bytes);
  if (text === undefined)
    return { json: JSON.stringify({ base64: bytes.toString("base64") }), as: isAvroTopic ? "bytes" : undefined };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { json: JSON.stringify(text), as: isAvroTopic ? "text" : undefined };
  }
  const isReadOtherwise = value === null || typeof value === "string" || isBase64Form(value) || text !== text.trim();
  // Line breaks stand only between the parts of JSON: inside its strings they are escaped.
  return { json: text.replace(/[\r\n]/g, " "), as: isAvroTopic || isReadOtherwise ? "json" : undefined };
}

/** Whether a JSON value is how bytes that are no text are shown. */
export function isBase64Form(value: unknown): value is { readonly base64: string } {
  if (typeof value !== "object" || value === null || Object.keys(value).length !== 1) return false;
  return "base64" in value && typeof value.base64 === "string";
}

/** Turns JSON into the bytes of a topic: Avro when its subject is registered, else the text as it stands. */
export interface ValueWriter {
  /** True when values are written as Avro. */
  readonly isAvro: boolean;
  /**
   * @param json JSON text that has been parsed before
   * @throws RecordError naming the field that does not fit the schema
   */
  write(json: string): Buffer;
}

/** Whether values of the topic are written as Avro: its subject is registered. */
export async function isAvroTopic(
  registry: SchemaRegistry | undefined,
  topic: string,
  signal: AbortSignal,
): Promise<boolean> {
  return (await registry?.latest(`${topic}-value`, signal)) !== undefined;
}

export async function createValueWriter(
  registry: SchemaRegistry | undefined,
  topic: string,
  signal: AbortSignal,
): Promise<ValueWriter> {
  const registered = await registry?.latest(`${topic}-value`, signal);
  if (registered === undefined) {
    return { isAvro: false, write: (json) => Buffer.from(json) };
  }
  const parsed = parseRecordSchemaText(registered.text, `${topic}-value`, { strictDefaults: false });
  if ("problems" in parsed) {
    throw new OperationError(
      "MR_SCHEMA",
      `reading subject ${topic}-value: ${parsed.problems.map((p) => p.message).join("; ")}`,
    );
  }
  const encoder = createEncoder(parsed.schema);
  let scratch = Buffer.alloc(4_096);
  return {
    isAvro: true,
    write(json) {
      const row = fromJsonText(parsed.schema, json);
      for (;;) {
        const end = encoder.encode(row, scratch, writeSchemaId(scratch, 0, registered.id));
        if (end >= 0) return Buffer.from(scratch.subarray(0, end));
        scratch = Buffer.alloc((scratch.length - end) * 2);
      }
    },
  };
}
