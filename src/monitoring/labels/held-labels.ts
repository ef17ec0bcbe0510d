import type { EpochMs } from "../../kernel/index.ts";
import type { JoinedLabel, PerformanceSpec } from "../../monitor/index.ts";

type Rules = Pick<PerformanceSpec, "withinMs" | "waitMs">;

/**
 * Whether a label is of an event of its key. With `within` it is of events at most so long before it, and of none after
 * it; otherwise of all but those that come so much later than it as labels are waited for.
 */
export function matches({ withinMs, waitMs }: Rules, label: JoinedLabel, timeMs: EpochMs): boolean {
  if (withinMs === undefined) return timeMs <= label.timeMs + waitMs;
  return timeMs <= label.timeMs && label.timeMs <= timeMs + withinMs;
}

/** Whether a label takes the place of another: it is later by event time, then by event id, or the same one again. */
export function replaces(label: JoinedLabel, other: JoinedLabel): boolean {
  return label.timeMs > other.timeMs || (label.timeMs === other.timeMs && label.eventId >= other.eventId);
}

/** Labels whose predictions may be yet to come: two stages write the log, and neither waits for the other. */
export class HeldLabels {
  readonly #rules: Rules;
  readonly #labelsMax: number;
  /** By key, then by time and event id: one key may have all labels, and each is added in constant time. */
  readonly #byKey = new Map<string, Map<string, JoinedLabel>>();
  #count = 0;

  constructor(rules: Rules, labelsMax: number) {
    this.#rules = rules;
    this.#labelsMax = labelsMax;
  }

  of(key: string): Iterable<JoinedLabel> {
    return this.#byKey.get(key)?.values() ?? [];
  }

  /** Above the limit the labels of the key that was met first are let go. */
  add(label: JoinedLabel): void {
    const labels = this.#byKey.get(label.key) ?? new Map<string, JoinedLabel>();
    this.#byKey.set(label.key, labels);
    this.#count -= labels.size;
    const id = `${label.timeMs}/${label.eventId}`;
    // The same one again comes last.
    labels.delete(id);
    labels.set(id, label);
    this.#count += labels.size;
    while (this.#count > this.#labelsMax) {
      const [oldest] = this.#byKey;
      if (oldest === undefined) return;
      const [key, { size }] = oldest;
      this.#count -= size;
      this.#byKey.delete(key);
    }
  }

  /** No event before that time is taken any more: labels that are of such alone are let go. */
  forgetBefore(ms: EpochMs): void {
    const { withinMs, waitMs } = this.#rules;
    const reachMs = withinMs === undefined ? waitMs : 0;
    for (const [key, labels] of this.#byKey) {
      this.#count -= labels.size;
      for (const [id, { timeMs }] of labels) if (timeMs + reachMs < ms) labels.delete(id);
      this.#count += labels.size;
      if (labels.size === 0) this.#byKey.delete(key);
    }
  }
}
