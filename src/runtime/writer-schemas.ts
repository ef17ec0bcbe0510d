import { AssertionError, type Clock, type Facts, inTurns, messageOf, RecordError } from "../kernel/index.ts";
import type { SchemaRegistry } from "../schema/index.ts";
import type { RowSource } from "./stage-transcoders.ts";
import { type WaitListener, waitOutRegistry } from "./wait-out.ts";

/** A schema that the registry does not know is asked for again after this long: it may have been registered late. */
const unknownForMs = 10_000;
/** Thousands of fields take longer than this to plan: others get their turn in between. */
const turnMs = 10;
/** Ids remembered as unknown. More than this come only from garbage, and are then forgotten all at once. */
const unknownCountMax = 10_000;

/**
 * What reads each writer schema, by its id: resolved once and shared by all tasks of a stage.
 *
 * A registry that is down is waited for; only its "not found" makes a record MR_DECODE_UNKNOWN_SCHEMA. A writer
 * schema that the reader cannot read makes its records MR_DECODE_BODY.
 */
export class WriterSchemas {
  readonly #make: (text: string, id: number) => Generator<void, RowSource>;
  readonly #yieldToLoop: () => Promise<void>;
  readonly #registry: SchemaRegistry;
  readonly #clock: Clock;
  readonly #facts: Facts;
  readonly #onLongWait: WaitListener;
  readonly #sources = new Map<number, RowSource>();
  readonly #refused = new Map<number, { readonly error: RecordError; readonly untilMs: number }>();
  readonly #pending = new Map<number, Promise<void>>();

  /** @param options.make reads a schema's text; yields between parts, and throws for one that cannot be read */
  constructor(options: {
    readonly make: (text: string, id: number) => Generator<void, RowSource>;
    readonly yieldToLoop: () => Promise<void>;
    readonly registry: SchemaRegistry;
    readonly clock: Clock;
    readonly facts: Facts;
    readonly onLongWait: WaitListener;
  }) {
    this.#make = options.make;
    this.#yieldToLoop = options.yieldToLoop;
    this.#registry = options.registry;
    this.#clock = options.clock;
    this.#facts = options.facts;
    this.#onLongWait = options.onLongWait;
  }

  /** What reads a writer schema; undefined until it was resolved. Throws the RecordError of one that was refused. */
  sourceOf(id: number): RowSource | undefined {
    const source = this.#sources.get(id);
    if (source !== undefined) return source;
    const refused = this.#refused.get(id);
    if (refused === undefined) return undefined;
    if (this.#clock.monotonicMs() < refused.untilMs) throw refused.error;
    this.#refused.delete(id);
    return undefined;
  }

  /** Resolves when `sourceOf` has an answer for the id. Rejects when the signal is aborted, or the registry refuses us. */
  resolve(id: number, signal: AbortSignal): Promise<void> {
    const by = { clock: this.#clock, facts: this.#facts, fields: { schemaId: id }, onLong: this.#onLongWait };
    return waitOutRegistry(() => this.#lookUpOnce(id, signal), by, signal);
  }

  /** Tasks that meet the same id at the same time ask once; one that gives up does not take the others with it. */
  async #lookUpOnce(id: number, signal: AbortSignal): Promise<void> {
    const pending = this.#pending.get(id);
    if (pending !== undefined) {
      await pending.catch(() => undefined);
      if (this.#sources.has(id) || this.#refused.has(id)) return;
    }
    const lookUp = this.#lookUp(id, signal).finally(() => this.#pending.delete(id));
    this.#pending.set(id, lookUp);
    await lookUp;
  }

  async #lookUp(id: number, signal: AbortSignal): Promise<void> {
    const registered = await this.#registry.byId(id, signal);
    if (registered === undefined) {
      if (this.#refused.size >= unknownCountMax) this.#refused.clear();
      const error = new RecordError("MR_DECODE_UNKNOWN_SCHEMA", `the registry does not know schema id ${id}`);
      this.#refused.set(id, { error, untilMs: this.#clock.monotonicMs() + unknownForMs });
      return;
    }
    try {
      const options = { monotonicMs: () => this.#clock.monotonicMs(), yieldToLoop: this.#yieldToLoop, turnMs };
      this.#sources.set(id, await inTurns(this.#make(registered.text, id), options));
    } catch (thrown) {
      if (thrown instanceof AssertionError) throw thrown;
      const message = `schema id ${id} cannot be read as the input of this stage: ${messageOf(thrown)}`;
      this.#facts.emit("writerSchemaUnread", { schemaId: id, reason: messageOf(thrown) });
      this.#refused.set(id, {
        error: new RecordError("MR_DECODE_BODY", message, { cause: thrown }),
        untilMs: Number.POSITIVE_INFINITY,
      });
    }
  }
}
