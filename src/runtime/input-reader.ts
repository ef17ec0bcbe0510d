import { eventTimeEndMs, eventTimeMinMs, RecordError } from "../kernel/index.ts";
import {
  fromJsonText,
  type JsonReader,
  parseJsonBytes,
  type RecordSchema,
  type Row,
  readSchemaId,
} from "../schema/index.ts";
import type { PlannedStage } from "../topology/index.ts";
import type { RawBatch } from "../wire/index.ts";
import type { RowSource } from "./stage-transcoders.ts";
import type { WriterSchemas } from "./writer-schemas.ts";

/**
 * Reads the value of one record. Throws a RecordError for what cannot be read; answers undefined when the writer
 * schema `unresolvedId` has to be resolved first.
 */
export interface InputReader {
  unresolvedId: number;
  read(batch: RawBatch, index: number): Row | undefined;
}

/** Avro in Confluent's framing, read as the stage's reader schema. */
export class AvroInput implements InputReader {
  unresolvedId = -1;
  /** Written fields that an ingest has dropped, those of nested records not among them. */
  unknownFields = 0;
  readonly #schemas: WriterSchemas;
  // Nearly all records of a topic share one writer schema: the last one's source is kept beside the map.
  #lastId = -1;
  #lastSource: RowSource | undefined;

  constructor(schemas: WriterSchemas) {
    this.#schemas = schemas;
  }

  read(batch: RawBatch, index: number): Row | undefined {
    const from = batch.valueFrom[index] as number;
    const to = batch.valueTo[index] as number;
    const id = from === -1 ? readSchemaId(batch.bytes, 0, 0) : readSchemaId(batch.bytes, from, to);
    if (id !== this.#lastId || this.#lastSource === undefined) {
      this.#lastSource = this.#schemas.sourceOf(id);
      this.#lastId = id;
      if (this.#lastSource === undefined) {
        this.unresolvedId = id;
        return undefined;
      }
    }
    const row = this.#lastSource.decode(batch.bytes, from + 5, to);
    this.unknownFields += this.#lastSource.unknownFields;
    return row;
  }
}

/** JSON that a stage of this topology wrote: the one JSON form of the schema. */
export class JsonInput implements InputReader {
  unresolvedId = -1;
  readonly #schema: RecordSchema;

  constructor(schema: RecordSchema) {
    this.#schema = schema;
  }

  read(batch: RawBatch, index: number): Row | undefined {
    const from = batch.valueFrom[index] as number;
    const to = batch.valueTo[index] as number;
    const { text, value } = parseJsonBytes(this.#schema.name, batch.bytes, from, to);
    if (value === null) throw noJson();
    return fromJsonText(this.#schema, text);
  }
}

function noJson(): RecordError {
  return new RecordError("MR_PARSE", "the value is empty, null or not JSON");
}

/**
 * What others send, read as the schema of the `to` topic, with what Millrace fills itself: `event_id` from the
 * record's coordinate, and the time field where it comes from Kafka.
 */
export class IngestInput implements InputReader {
  unresolvedId = -1;
  /** Reads the value, JSON or Avro, as the schema of the output. */
  readonly #values: InputReader;
  readonly #fillsEventId: boolean;
  readonly #kafkaTimeField: string | undefined;
  readonly #timeField: string | undefined;
  readonly #aheadMs: number;
  readonly #idStem: string;

  /** @param idStem topic and partition as {@link eventIdStem} gives them. */
  constructor(stage: PlannedStage, values: InputReader, idStem: string) {
    this.#values = values;
    this.#fillsEventId = stage.ingest?.supplied.includes("event_id") ?? false;
    this.#kafkaTimeField = stage.ingest?.kafkaTimeField;
    this.#timeField = stage.eventTimeField;
    this.#aheadMs = stage.ingest?.aheadMs ?? Number.POSITIVE_INFINITY;
    this.#idStem = idStem;
  }

  read(batch: RawBatch, index: number): Row | undefined {
    const row = this.#values.read(batch, index);
    if (row === undefined) {
      this.unresolvedId = this.#values.unresolvedId;
      return undefined;
    }
    const timestampMs = batch.timestampsMs[index] as number;
    if (this.#fillsEventId) row["event_id"] = `${this.#idStem}-${batch.offsets[index]}`;
    if (this.#kafkaTimeField !== undefined) {
      if (timestampMs < eventTimeMinMs || timestampMs >= eventTimeEndMs)
        throw new RecordError("MR_CAST", `field ${this.#kafkaTimeField}: a Kafka timestamp outside 1970-2100`);
      row[this.#kafkaTimeField] = timestampMs;
    }
    if (this.#timeField !== undefined) {
      const timeMs = row[this.#timeField];
      if (isTimeOutOfRange(timeMs))
        throw new RecordError("MR_CAST", `field ${this.#timeField}: a time outside 1970-2100`);
      // One event dated 2099 would make everything after it late.
      // A record without a timestamp (-1) says nothing of when it was written.
      if (typeof timeMs === "number" && timestampMs >= 0 && timeMs > timestampMs + this.#aheadMs)
        throw new RecordError(
          "MR_CAST",
          `field ${this.#timeField}: more than ${this.#aheadMs} ms after the record's Kafka timestamp`,
        );
    }
    return row;
  }
}

/** An event time, which the reader of the values may have let through: other times may lie further off. */
function isTimeOutOfRange(timeMs: unknown): boolean {
  if (timeMs === null || timeMs === undefined) return false;
  return typeof timeMs !== "number" || timeMs < eventTimeMinMs || timeMs >= eventTimeEndMs;
}

/** JSON that others have written. */
export class ForeignJsonInput implements InputReader {
  unresolvedId = -1;
  readonly #reader: JsonReader;

  constructor(reader: JsonReader) {
    this.#reader = reader;
  }

  read(batch: RawBatch, index: number): Row | undefined {
    const from = batch.valueFrom[index] as number;
    if (from === -1) throw noJson();
    return this.#reader.read(batch.bytes, from, batch.valueTo[index] as number);
  }
}

/**
 * The beginning of the event ids of a partition: `<topic>-<partition>`.
 *
 * The topic is the one on the cluster without the topology's namespace: an external topic's id is then the
 * coordinate that every tool shows, and the ids of one input are the same in every namespace.
 */
export function eventIdStem(stage: PlannedStage, namespace: string, partition: number): string {
  const { clusterName, external } = stage.from;
  const prefix = `${namespace}.`;
  const topic =
    !external && namespace !== "" && clusterName.startsWith(prefix) ? clusterName.slice(prefix.length) : clusterName;
  return `${topic}-${partition}`;
}
