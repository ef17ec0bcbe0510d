import { FeatureBuffer, LabelBuffer, type LabelRules, type TrainingRows } from "../../src/training/index.ts";

/** Training rows that take one record at a time. */
export class RowByRow {
  readonly #rows: TrainingRows;
  readonly #features = new FeatureBuffer();
  readonly #labels = new LabelBuffer();

  constructor(rows: TrainingRows) {
    this.#rows = rows;
  }

  addFeatures(
    eventId: string,
    timeMs: number,
    joinKey: string,
    inputs: ArrayLike<number>,
    texts: readonly (string | null)[] = [],
  ): void {
    this.#features.add(eventId, timeMs, joinKey);
    for (const input of Array.from(inputs)) this.#features.addInput(input);
    for (const text of texts) this.#features.addText(text);
    this.#rows.addFeatures(this.#features.taken());
  }

  addLabel(eventId: string, timeMs: number, joinKey: string, label: 0 | 1): void {
    this.#labels.add(eventId, timeMs, joinKey, label);
    this.#rows.addLabels(this.#labels.taken());
  }

  join(rules?: LabelRules): ReturnType<TrainingRows["join"]> {
    return this.#rows.join(rules);
  }

  joinWhole(rules?: LabelRules): ReturnType<TrainingRows["joinWhole"]> {
    return this.#rows.joinWhole(rules);
  }
}
