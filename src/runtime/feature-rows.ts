import type { RowMemory } from "../expression/index.ts";
import type { ModelInput, Scorer } from "../model/index.ts";

/**
 * The features of a micro-batch, row by row, as a scorer takes them: numbers and booleans as they come, a category as
 * its code; NaN stands for null. Each call with the features of a row appends it.
 */
export class FeatureRows implements RowMemory {
  /** The categories, in the order of the inputs. */
  readonly texts: (string | null)[];
  /** The other inputs, in their order. */
  readonly numbers: Float64Array;
  readonly results = new Float64Array(0);
  rows: Float64Array;
  readonly #isText: readonly boolean[];
  #scorer: Scorer | undefined;
  #at = 0;

  constructor(inputs: readonly ModelInput[], rowsMax: number) {
    this.#isText = inputs.map(({ kind }) => kind === "category");
    const textCount = this.#isText.filter((isText) => isText).length;
    this.texts = Array.from({ length: textCount }, () => null);
    this.numbers = new Float64Array(inputs.length - textCount);
    this.rows = new Float64Array(rowsMax * inputs.length);
  }

  /** Rows from here on are for this scorer, which knows the codes of their categories. */
  serve(scorer: Scorer): void {
    this.#scorer = scorer;
    this.renew();
  }

  /** Takes new memory: somebody may still read the old. */
  renew(): void {
    this.rows = new Float64Array(this.rows.length);
    this.#at = 0;
  }

  clear(): void {
    this.#at = 0;
  }

  update(): number {
    const { numbers, texts, rows } = this;
    let at = this.#at;
    let text = 0;
    for (let i = 0; i < this.#isText.length; i++) {
      rows[at++] = this.#isText[i] === true ? this.#codeOf(i, texts[text++] ?? null) : (numbers[i - text] as number);
    }
    this.#at = at;
    return 0;
  }

  #codeOf(input: number, text: string | null): number {
    return text === null ? Number.NaN : (this.#scorer?.code?.(input, text) ?? Number.NaN);
  }
}
