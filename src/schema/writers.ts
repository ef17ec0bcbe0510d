import { RecordError } from "../kernel/index.ts";
import { readSchemaId } from "./framing.ts";
import type { SchemaRegistry } from "./registry.ts";

/** Ids remembered as unknown. More than this come only from garbage, and are then forgotten all at once. */
const unknownCountMax = 10_000;

export interface WritersOptions<T> {
  readonly registry: Pick<SchemaRegistry, "byId">;
  /** Makes what reads the values of one writer's schema, out of its text. */
  readonly make: (text: string, id: number) => T | Promise<T>;
  /** What becomes of the records of a schema for which `make` threw. It may throw instead, which ends `resolve`. */
  readonly refusal: (thrown: unknown, id: number) => RecordError;
  readonly monotonicMs: () => number;
  /** An id that the registry does not know is asked for again after this long: it may have been registered late. */
  readonly unknownForMs: number;
  /** Schemas kept at most, the one not used for longest goes first; all when left out. */
  readonly idsMax?: number;
}

/**
 * What reads framed values, by the id of their writer's schema in the framing: made once per id and kept. Whoever
 * meets an id for the first time resolves it, and does with a miss what suits him.
 */
export class Writers<T> {
  readonly #options: WritersOptions<T>;
  readonly #idsMax: number;
  readonly #known = new Map<number, T>();
  readonly #refused = new Map<number, { readonly error: RecordError; readonly untilMs: number }>();
  readonly #pending = new Map<number, Promise<void>>();

  constructor(options: WritersOptions<T>) {
    this.#options = options;
    this.#idsMax = options.idsMax ?? Number.POSITIVE_INFINITY;
  }

  /** Ids of the schemas that are known, in no order. */
  get ids(): readonly number[] {
    return [...this.#known.keys()];
  }

  /**
   * What reads the framed value in `bytes[from, to)`; undefined until its id was resolved.
   * @throws RecordError for what is no framed value, MR_DECODE_UNKNOWN_SCHEMA for an id that the registry does not
   *   know, and the refusal of a schema that cannot be read
   */
  of(bytes: Buffer, from: number, to: number): T | undefined {
    return this.byId(readSchemaId(bytes, from, to));
  }

  /** As {@link of}, by the id itself. */
  byId(id: number): T | undefined {
    const known = this.#known.get(id);
    if (known !== undefined) {
      if (this.#known.size >= this.#idsMax) this.#keep(id, known);
      return known;
    }
    const refused = this.#refused.get(id);
    if (refused === undefined) return undefined;
    if (this.#options.monotonicMs() < refused.untilMs) throw refused.error;
    this.#refused.delete(id);
    return undefined;
  }

  /**
   * Resolves when {@link byId} has an answer for the id. Who meets it while it is asked for waits for that answer; one
   * that gives up does not take the others with it. Rejects with the signal's reason, and as the registry does.
   */
  async resolve(id: number, signal: AbortSignal): Promise<void> {
    const pending = this.#pending.get(id);
    if (pending !== undefined) {
      await untilSettled(pending, signal);
      if (this.#known.has(id) || this.#refused.has(id)) return;
    }
    const lookUp = this.#lookUp(id, signal).finally(() => this.#pending.delete(id));
    this.#pending.set(id, lookUp);
    await lookUp;
  }

  async #lookUp(id: number, signal: AbortSignal): Promise<void> {
    const { registry, make, refusal, monotonicMs, unknownForMs } = this.#options;
    const registered = await registry.byId(id, signal);
    if (registered === undefined) {
      const error = new RecordError("MR_DECODE_UNKNOWN_SCHEMA", `the registry does not know schema id ${id}`);
      this.#refuse(id, error, monotonicMs() + unknownForMs);
      return;
    }
    try {
      this.#keep(id, await make(registered.text, id));
    } catch (thrown) {
      this.#refuse(id, refusal(thrown, id), Number.POSITIVE_INFINITY);
    }
  }

  #keep(id: number, reader: T): void {
    this.#known.delete(id);
    this.#known.set(id, reader);
    const [oldest] = this.#known.keys();
    if (this.#known.size > this.#idsMax && oldest !== undefined) this.#known.delete(oldest);
  }

  #refuse(id: number, error: RecordError, untilMs: number): void {
    if (this.#refused.size >= unknownCountMax) this.#refused.clear();
    this.#refused.set(id, { error, untilMs });
  }
}

/** Resolves when `work` has settled, whatever came of it; rejects with the signal's reason when that is aborted before. */
function untilSettled(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    const settled = (): void => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    };
    work.then(settled, settled);
  });
}
