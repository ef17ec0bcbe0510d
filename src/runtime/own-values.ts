import { type Clock, codeOf, type Facts, MillraceError, messageOf, RecordError } from "../kernel/index.ts";
import { ownWriterSchema, type RecordSchema, readSchemaId, type SchemaRegistry, Writers } from "../schema/index.ts";
import { lossIn, type RawBatch } from "../wire/index.ts";

/** How long an id that the registry does not know is taken for one that it does not have. */
const unknownForMs = 60_000;

export interface OwnValuesOptions<T> {
  /** @param writer the schema that the value was written with */
  readonly decode: (value: Uint8Array, writer: RecordSchema) => T;
  readonly registry: Pick<SchemaRegistry, "byId">;
  readonly clock: Clock;
  readonly facts: Facts;
}

/**
 * Reads the values of a topic of Millrace's own, whichever version of it wrote them.
 *
 * What cannot be read is passed over and said, once per batch: whoever follows such a topic is no use to anybody when it
 * stands still at one record.
 */
export class OwnValues<T> {
  readonly #options: OwnValuesOptions<T>;
  readonly #writers: Writers<RecordSchema>;

  constructor(options: OwnValuesOptions<T>) {
    this.#options = options;
    this.#writers = new Writers({
      registry: options.registry,
      make: ownWriterSchema,
      refusal: (thrown) => {
        if (thrown instanceof RecordError) return thrown;
        throw thrown;
      },
      monotonicMs: () => options.clock.monotonicMs(),
      unknownForMs,
    });
  }

  /**
   * The values of a batch from an index on, in order, with the index of each; tombstones are left out.
   * @throws what the registry throws where it cannot be asked, the signal's reason
   */
  async *in(batch: RawBatch, from: number, signal: AbortSignal): AsyncGenerator<readonly [index: number, value: T]> {
    const { facts } = this.#options;
    const { topic, offsets } = batch;
    const loss = lossIn(batch);
    if (loss !== undefined) {
      const offset = batch.damage?.first ?? batch.offsetAsked;
      facts.emit("ownRecordUnread", { topic, offset, count: 1, code: "MR_BATCH_CORRUPT", reason: loss });
      return;
    }
    let unread: { readonly offset: number; readonly thrown: unknown } | undefined;
    let unreadCount = 0;
    for (let i = from; i < batch.count; i++) {
      const valueFrom = batch.valueFrom[i] ?? -1;
      if (valueFrom < 0) continue;
      let value: T;
      try {
        value = await this.#read(batch.bytes, valueFrom, batch.valueTo[i] ?? valueFrom, signal);
      } catch (thrown) {
        if (!(thrown instanceof MillraceError && thrown.disposition === "quarantine")) throw thrown;
        unread ??= { offset: offsets[i] ?? -1, thrown };
        unreadCount++;
        continue;
      }
      yield [i, value];
    }
    if (unread === undefined) return;
    const { offset, thrown } = unread;
    const told = { code: codeOf(thrown), reason: messageOf(thrown) };
    facts.emit("ownRecordUnread", { topic, offset, count: unreadCount, ...told });
  }

  async #read(bytes: Buffer, from: number, to: number, signal: AbortSignal): Promise<T> {
    let writer = this.#writers.of(bytes, from, to);
    if (writer === undefined) {
      await this.#writers.resolve(readSchemaId(bytes, from, to), signal);
      writer = this.#writers.of(bytes, from, to);
    }
    if (writer === undefined)
      throw new RecordError("MR_DECODE_UNKNOWN_SCHEMA", "the registry does not know the schema");
    return this.#options.decode(bytes.subarray(from, to), writer);
  }
}
