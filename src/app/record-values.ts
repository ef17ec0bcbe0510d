import { systemClock } from "../adapters/node/index.ts";
import { type Clock, MillraceError, OperationError } from "../kernel/index.ts";
import {
  createDecoder,
  createEncoder,
  framingBytes,
  fromJsonValue,
  parseRecordSchemaText,
  type RecordSchema,
  type RowDecoder,
  type SchemaRegistry,
  toJsonValue,
  writeSchemaId,
} from "../schema/index.ts";

/** Turns values into JSON for people: Avro by its writer's schema, JSON as it is, text, else base64. */
export interface ValueReader {
  /** Never throws for what the bytes hold. */
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
/** Ids remembered as unknown. More than this come only from garbage, and are then forgotten all at once. */
const unknownMax = 1_000;

/** @param registry undefined when none was named: then Avro is shown as base64 */
export function createValueReader(
  registry: SchemaRegistry | undefined,
  signal: AbortSignal,
  clock: Pick<Clock, "monotonicMs"> = systemClock,
): ValueReader {
  const known = new Map<number, Known>();
  const unknownUntilMs = new Map<number, number>();
  const lookUp = async (id: number): Promise<Known | undefined> => {
    const before = known.get(id);
    if (before === undefined && clock.monotonicMs() < (unknownUntilMs.get(id) ?? 0)) return undefined;
    const found = before ?? (await ask(id));
    if (found === undefined) {
      if (unknownUntilMs.size >= unknownMax) unknownUntilMs.clear();
      unknownUntilMs.set(id, clock.monotonicMs() + unknownForMs);
      return undefined;
    }
    known.delete(id);
    known.set(id, found);
    const [oldest] = known.keys();
    if (known.size > knownMax && oldest !== undefined) known.delete(oldest);
    return found;
  };
  const ask = async (id: number): Promise<Known | undefined> => {
    const registered = await registry?.byId(id, signal);
    const parsed =
      registered === undefined
        ? undefined
        : parseRecordSchemaText(registered.text, `id ${id}`, { strictDefaults: false });
    return parsed !== undefined && "schema" in parsed
      ? { schema: parsed.schema, decoder: createDecoder(parsed.schema, parsed.schema) }
      : undefined;
  };
  return {
    async read(bytes) {
      if (bytes.length >= framingBytes && bytes[0] === 0) {
        const found = await lookUp(bytes.readUInt32BE(1));
        if (found !== undefined) {
          try {
            return toJsonValue(found.schema, found.decoder.decode(bytes, framingBytes, bytes.length));
          } catch (thrown) {
            if (!(thrown instanceof MillraceError)) throw thrown;
          }
        }
      }
      return plainValue(bytes);
    },
  };
}

/** JSON when it is JSON, text when it is UTF-8, else `{"base64": ...}`. */
export function plainValue(bytes: Buffer): unknown {
  const text = textOf(bytes);
  if (text === undefined) return { base64: bytes.toString("base64") };
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The text of UTF-8 bytes; undefined when they are none. */
export function textOf(bytes: Buffer): string | undefined {
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? text : undefined;
}

/** Turns JSON into the bytes of a topic: Avro when its subject is registered, else JSON text. */
export interface ValueWriter {
  /** True when values are written as Avro. */
  readonly isAvro: boolean;
  /** @throws RecordError naming the field that does not fit the schema */
  write(value: unknown): Buffer;
}

export async function createValueWriter(
  registry: SchemaRegistry | undefined,
  topic: string,
  signal: AbortSignal,
): Promise<ValueWriter> {
  const registered = await registry?.latest(`${topic}-value`, signal);
  if (registered === undefined) {
    return { isAvro: false, write: (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)) };
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
    write(value) {
      const row = fromJsonValue(parsed.schema, value);
      for (;;) {
        const end = encoder.encode(row, scratch, writeSchemaId(scratch, 0, registered.id));
        if (end >= 0) return Buffer.from(scratch.subarray(0, end));
        scratch = Buffer.alloc((scratch.length - end) * 2);
      }
    },
  };
}
