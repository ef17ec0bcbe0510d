import { AssertionError, type Clock, type Facts, inTurns, messageOf, RecordError } from "../kernel/index.ts";
import { type SchemaRegistry, Writers } from "../schema/index.ts";
import type { RowSource } from "./stage-transcoders.ts";
import { type WaitListener, waitOutRegistry } from "./wait-out.ts";

/** A schema that the registry does not know is asked for again after this long: it may have been registered late. */
const unknownForMs = 10_000;
/** Schemas kept: a topic whose producers register a schema each has more of them than fit in memory. */
const idsMax = 1_000;
/** Thousands of fields take longer than this to plan: others get their turn in between. */
const turnMs = 10;

/**
 * What reads each writer schema, by its id: resolved once and shared by all tasks of a stage.
 *
 * A registry that is down is waited for; only its "not found" makes a record MR_DECODE_UNKNOWN_SCHEMA. A writer
 * schema that the reader cannot read makes its records MR_DECODE_BODY.
 */
export class WriterSchemas {
  readonly #clock: Clock;
  readonly #facts: Facts;
  readonly #onLongWait: WaitListener;
  readonly #writers: Writers<RowSource>;

  /** @param options.make reads a schema's text; yields between parts, and throws for one that cannot be read */
  constructor(options: {
    readonly make: (text: string, id: number) => Generator<void, RowSource>;
    readonly yieldToLoop: () => Promise<void>;
    readonly registry: SchemaRegistry;
    readonly clock: Clock;
    readonly facts: Facts;
    readonly onLongWait: WaitListener;
  }) {
    const { make, yieldToLoop, registry, clock } = options;
    const monotonicMs = (): number => clock.monotonicMs();
    this.#clock = clock;
    this.#facts = options.facts;
    this.#onLongWait = options.onLongWait;
    this.#writers = new Writers({
      registry,
      make: (text, id) => inTurns(make(text, id), { monotonicMs, yieldToLoop, turnMs }),
      refusal: (thrown, id) => this.#refusalOf(thrown, id),
      monotonicMs,
      unknownForMs,
      idsMax,
    });
  }

  /** What reads a writer schema; undefined until it was resolved. Throws the RecordError of one that was refused. */
  sourceOf(id: number): RowSource | undefined {
    return this.#writers.byId(id);
  }

  /** Resolves when `sourceOf` has an answer for the id. Rejects when the signal is aborted, or the registry refuses us. */
  resolve(id: number, signal: AbortSignal): Promise<void> {
    const by = { clock: this.#clock, facts: this.#facts, fields: { schemaId: id }, onLong: this.#onLongWait };
    return waitOutRegistry(() => this.#writers.resolve(id, signal), by, signal);
  }

  #refusalOf(thrown: unknown, id: number): RecordError {
    if (thrown instanceof AssertionError) throw thrown;
    const reason = messageOf(thrown);
    this.#facts.emit("writerSchemaUnread", { schemaId: id, reason });
    const message = `schema id ${id} cannot be read as the input of this stage: ${reason}`;
    return new RecordError("MR_DECODE_BODY", message, { cause: thrown });
  }
}
