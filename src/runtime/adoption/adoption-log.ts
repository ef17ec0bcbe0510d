import { type Clock, type Facts, type Offset, OperationError } from "../../kernel/index.ts";
import { type Adoption, adoptionKey, decodeAdoption } from "../../model/index.ts";
import type { SchemaRegistry } from "../../schema/index.ts";
import type { RawBatch } from "../../wire/index.ts";
import { readWholeLog } from "../control/one-partition.ts";
import { OwnValues } from "../own-values.ts";
import type { Broker } from "../port.ts";

export interface AdoptionLogOptions {
  readonly broker: Pick<Broker, "read" | "admin">;
  readonly topic: string;
  readonly registry: Pick<SchemaRegistry, "byId">;
  readonly clock: Clock;
  readonly facts: Facts;
}

/**
 * What tasks have adopted, as their topic tells: read once, and from there on whenever somebody asks.
 *
 * It reads to the end of the log and not to what can be seen: an owner before may have committed an adoption whose marker
 * is on its way. So the reading waits for the marker, as that of a changelog does.
 */
export class AdoptionLog {
  readonly #options: AdoptionLogOptions;
  readonly #values: OwnValues<Adoption>;
  readonly #byKey = new Map<string, Adoption[]>();
  #offsetNext: Offset = 0;
  #reading: Promise<void> = Promise.resolve();

  constructor(options: AdoptionLogOptions) {
    this.#options = options;
    this.#values = new OwnValues({ ...options, decode: decodeAdoption });
  }

  /**
   * Reads on to where the log ends now. Whoever asks has its turn after those who have asked before.
   * @throws OperationError MR_TOPIC_MISSING; MR_STATE_CORRUPT for what is no adoption; the signal's reason
   */
  catchUp(signal: AbortSignal): Promise<void> {
    const own = this.#reading.then(() => this.#readOn(signal));
    this.#reading = own.catch(() => undefined);
    return own;
  }

  /** The adoptions of a key that were read, in their order. */
  of(key: string): readonly Adoption[] {
    return this.#byKey.get(key) ?? [];
  }

  /** All that were read, key by key, those of a key in their order. */
  get all(): readonly Adoption[] {
    return [...this.#byKey.values()].flat();
  }

  async #readOn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { broker, topic } = this.#options;
    const range = { topic, from: this.#offsetNext };
    this.#offsetNext = await readWholeLog(broker, range, (batch) => this.#take(batch, signal), signal);
  }

  /** One that is passed over would be another version without a word. */
  async #take(batch: RawBatch, signal: AbortSignal): Promise<void> {
    // What was read before a reading failed is read again.
    let from = 0;
    while (from < batch.count && (batch.offsets[from] ?? 0) < this.#offsetNext) from++;
    let taken = 0;
    for await (const [, adoption] of this.#values.in(batch, from, signal)) {
      const key = adoptionKey(adoption);
      const known = this.#byKey.get(key);
      if (known === undefined) this.#byKey.set(key, [adoption]);
      else known.push(adoption);
      taken++;
    }
    const { topic } = this.#options;
    if (batch.damage !== undefined || taken !== batch.count - from)
      throw new OperationError(
        "MR_STATE_CORRUPT",
        `reading adoptions: ${topic} has something before offset ${batch.offsetNext} that is none; nobody but Millrace may write there, and without it nobody knows which version made a prediction`,
      );
    this.#offsetNext = batch.offsetNext;
  }
}
