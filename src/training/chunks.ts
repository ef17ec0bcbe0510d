import type { EpochMs } from "../kernel/index.ts";
import { Column } from "./column.ts";
import { TextList, type Texts } from "./texts.ts";

/** Feature records in columns, so that many cross to another thread at once, as buffers that change hands. */
export interface FeatureChunk {
  readonly eventIds: Texts;
  readonly timesMs: Float64Array<ArrayBuffer>;
  readonly joinKeys: Texts;
  /** Row-major, one number per input, NaN for null; of no meaning where the input is a category. */
  readonly inputs: Float64Array<ArrayBuffer>;
  /** Row-major, one value per category, in the order of the inputs. */
  readonly texts: readonly (string | null)[];
}

/** Labels in columns. */
export interface LabelChunk {
  readonly eventIds: Texts;
  readonly timesMs: Float64Array<ArrayBuffer>;
  readonly joinKeys: Texts;
  /** 1 positive, 0 negative. */
  readonly labels: Uint8Array<ArrayBuffer>;
}

/** Collects feature records until a chunk of them is taken. */
export class FeatureBuffer {
  readonly #eventIds = new TextList();
  readonly #timesMs = new Column(new Float64Array(64));
  readonly #joinKeys = new TextList();
  readonly #inputs = new Column(new Float64Array(64));
  #texts: (string | null)[] = [];

  get count(): number {
    return this.#timesMs.length;
  }

  /** Adds a record, but for its inputs: {@link addInput} once for each, in their order, and {@link addText}. */
  add(eventId: string, timeMs: EpochMs, joinKey: string): void {
    this.#eventIds.add(eventId);
    this.#timesMs.push(timeMs);
    this.#joinKeys.add(joinKey);
  }

  addInput(value: number): void {
    this.#inputs.push(value);
  }

  /** The value of a category; its input is added too. */
  addText(text: string | null): void {
    this.#texts.push(text);
  }

  /** All records so far; the buffer is empty afterwards. */
  taken(): FeatureChunk {
    const texts = this.#texts;
    this.#texts = [];
    return {
      eventIds: this.#eventIds.taken(),
      timesMs: this.#timesMs.taken(),
      joinKeys: this.#joinKeys.taken(),
      inputs: this.#inputs.taken(),
      texts,
    };
  }
}

/** Collects labels until a chunk of them is taken. */
export class LabelBuffer {
  readonly #eventIds = new TextList();
  readonly #timesMs = new Column(new Float64Array(64));
  readonly #joinKeys = new TextList();
  readonly #labels = new Column(new Uint8Array(64));

  get count(): number {
    return this.#timesMs.length;
  }

  add(eventId: string, timeMs: EpochMs, joinKey: string, label: 0 | 1): void {
    this.#eventIds.add(eventId);
    this.#timesMs.push(timeMs);
    this.#joinKeys.add(joinKey);
    this.#labels.push(label);
  }

  /** All labels so far; the buffer is empty afterwards. */
  taken(): LabelChunk {
    return {
      eventIds: this.#eventIds.taken(),
      timesMs: this.#timesMs.taken(),
      joinKeys: this.#joinKeys.taken(),
      labels: this.#labels.taken(),
    };
  }
}
