import type { Facts } from "../kernel/index.ts";
import {
  avroIngestRules,
  branchedTranscoder,
  type NeverFits,
  type RecordType,
  type RowReads,
  readableOrThrow,
  type Transcoder,
  transcoderParts,
  writerTypeParts,
} from "../schema/index.ts";
import type { PlannedStage } from "../topology/index.ts";

/** What a stage makes of its Avro input. */
export interface TranscodingPath {
  /** What is read of input rows; everything where rows are not copied through. */
  readonly reads: RowReads | "whole";
  /** Output fields that the row to encode holds; undefined decodes whole rows, and nothing is copied. */
  readonly values: ReadonlySet<string> | undefined;
  /** False decodes and encodes everything that the output takes from the source. */
  readonly copies: boolean;
}

/** Reads records of one writer's schema; the rows say themselves which transcoder made them. */
export type RowSource = Pick<Transcoder, "decode" | "unknownFields">;

/** Makes the transcoders of a stage, one for each writer schema that it meets. */
export class StageTranscoders {
  /** Fields of nested records that an ingest has dropped. */
  readonly nestedUnknown = { count: 0 };
  readonly #stage: PlannedStage;
  readonly #path: TranscodingPath;
  readonly #facts: Facts;

  constructor(stage: PlannedStage, path: TranscodingPath, facts: Facts) {
    this.#stage = stage;
    this.#path = path;
    this.#facts = facts;
  }

  /** Yields between parts. Throws for a schema that the stage cannot read at all. */
  *parts(text: string, schemaId: number): Generator<void, RowSource> {
    const type = yield* writerTypeParts(text);
    if (type.kind === "union") return branchedTranscoder(type, (branch) => this.#transcoder(branch, schemaId));
    if (type.kind === "record") return yield* this.#transcoder(type, schemaId);
    throw new Error(`a topic holds records, and this is ${type.kind}`);
  }

  *#transcoder(writer: RecordType, schemaId: number): Generator<void, Transcoder> {
    const { ingest, reader, to, infer, keyField, eventTimeField } = this.#stage;
    const { reads, values, copies } = this.#path;
    const never: NeverFits[] = [];
    if (ingest === undefined) readableOrThrow(writer, reader.type);
    yield;
    const transcoder = yield* transcoderParts({
      writer,
      reader: reader.type,
      reads,
      output: values === undefined ? undefined : to.schema?.type,
      values: values ?? new Set(),
      copies,
      checksText: !isOursAlone(this.#stage),
      ingest:
        ingest === undefined
          ? undefined
          : avroIngestRules(
              {
                type: ingest.schema.type,
                casts: ingest.casts,
                supplied: ingest.supplied,
                extract: ingest.extract,
                timesFromMs: ingest.timesFromMs,
                key: keyField,
              },
              this.nestedUnknown,
              never,
            ),
      keepsRows: infer !== undefined,
      later: ["event_id", ...(eventTimeField === undefined ? [] : [eventTimeField])],
    });
    for (const { field, why } of never) {
      this.#facts.emit("fieldNeverFits", { schemaId, field, reason: why });
    }
    return transcoder;
  }
}

/** Whether only Millrace writes a stage's input: its text was UTF-8 when it came in. */
function isOursAlone({ ingest, from }: PlannedStage): boolean {
  return ingest === undefined && !from.external && from.writers.length > 0;
}
