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
export const valueForms = ["tombstone", "json", "text", "bytes", "avro"] as const;
export type ValueForm = (typeof valueForms)[number];

/** A value as it is shown. */
export interface ShownValue {
  /** JSON text on one line. Of a value that is JSON its own text, of Avro the one JSON form. */
  readonly json: string;
  /** What `produce` has to be told to send the same value again; undefined where it does so by itself. */
  readonly as: ValueForm | undefined;
  /** Registry id of the schema that `avro` is to be written with. */
  readonly schema?: number;
}

/** Turns values into JSON for people: Avro by its writer's schema, JSON as it is, text, else base64. */
export interface ValueReader {
  /**
   * Never throws for what the bytes hold.
   * @param topicSchema id of the schema with which `produce` would write values of the topic; undefined: as they stand
   */
  show(bytes: Buffer, topicSchema: number | undefined): Promise<ShownValue>;
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
  const readAvro = async (bytes: Buffer): Promise<{ readonly json: string; readonly id: number } | undefined> => {
    try {
      const id = readSchemaId(bytes, 0, bytes.length);
      if (writers.byId(id) === undefined) await writers.resolve(id, signal);
      const found = writers.byId(id);
      return found && { id, json: toJsonText(found.schema, found.decoder.decode(bytes, framingBytes, bytes.length)) };
    } catch (thrown) {
      if (thrown instanceof RecordError) return undefined;
      throw thrown;
    }
  };
  const reader: ValueReader = {
    async read(bytes) {
      return JSON.parse((await reader.show(bytes, undefined)).json);
    },
    async show(bytes, topicSchema) {
      const avro = await readAvro(bytes);
      if (avro === undefined) return plainValue(bytes, topicSchema !== undefined);
      const { json, id } = avro;
      // By another schema, or as text, it would come back as something else.
      return id === topicSchema ? { json, as: undefined } : { json, as: "avro", schema: id };
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
  /**
   * As Avro of a schema by its registry id.
   * @throws UnlearntSchema for one that was not learnt; RecordError as {@link write}
   */
  writeBy(schema: number, json: string): Buffer;
  /** Asks the registry for a schema. @throws RecordError when it has none of that id, or there is no registry */
  learn(schema: number): Promise<void>;
}

/** A line names a schema that the writer has yet to learn. */
export class UnlearntSchema extends Error {
  readonly schema: number;
  constructor(schema: number) {
    super(`schema id ${schema} was not asked for`);
    this.schema = schema;
  }
}

/** Id of the schema that values of the topic are written with; undefined where its subject is not registered. */
export async function topicSchema(
  registry: SchemaRegistry | undefined,
  topic: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  return (await registry?.latest(`${topic}-value`, signal))?.id;
}

export async function createValueWriter(
  registry: SchemaRegistry | undefined,
  topic: string,
  signal: AbortSignal,
): Promise<ValueWriter> {
  const registered = await registry?.latest(`${topic}-value`, signal);
  const own = registered && encoding(`subject ${topic}-value`, registered.id, registered.text);
  const learnt = new Map<number, Encode>();
  return {
    isAvro: own !== undefined,
    write: (json) => own?.(json) ?? Buffer.from(json),
    writeBy(schema, json) {
      const encode = learnt.get(schema);
      if (encode === undefined) throw new UnlearntSchema(schema);
      return encode(json);
    },
    async learn(schema) {
      const found = await registry?.byId(schema, signal);
      if (found === undefined)
        throw new RecordError(
          "MR_DECODE_UNKNOWN_SCHEMA",
          `the value is of schema id ${schema}, which ${registry === undefined ? "needs a registry: name one" : "the registry does not know"}`,
        );
      learnt.set(schema, encoding(`schema id ${schema}`, schema, found.text));
    },
  };
}

type Encode = (json: string) => Buffer;

function encoding(what: string, id: number, text: string): Encode {
  const parsed = parseRecordSchemaText(text, what, { strictDefaults: false });
  if ("problems" in parsed)
    throw new OperationError("MR_SCHEMA", `reading ${what}: ${parsed.problems.map((p) => p.message).join("; ")}`);
  const encoder = createEncoder(parsed.schema);
  let scratch = Buffer.alloc(4_096);
  return (json) => {
    const row = fromJsonText(parsed.schema, json);
    for (;;) {
      const end = encoder.encode(row, scratch, writeSchemaId(scratch, 0, id));
      if (end >= 0) return Buffer.from(scratch.subarray(0, end));
      scratch = Buffer.alloc((scratch.length - end) * 2);
    }
  };
}
