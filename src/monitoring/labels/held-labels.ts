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
  readonly #byKey = new Map<string, JoinedLabel[]>();
  #count = 0;

  constructor(rules: Rules, labelsMax: number) {
    this.#rules = rules;
    this.#labelsMax = labelsMax;
  }

  of(key: string): readonly JoinedLabel[] {
    return this.#byKey.get(key) ?? [];
  }

  /** Above the limit the labels of the key that was met first are let go. */
  add(label: JoinedLabel): void {
    const before = this.#byKey.get(label.key) ?? [];
    const others = before.filter(({ eventId, timeMs }) => eventId !== label.eventId || timeMs !== label.timeMs);
    this.#byKey.set(label.key, [...others, label]);
    this.#count += others.length + 1 - before.length;
    while (this.#count > this.#labelsMax) {
      const [oldest] = this.#byKey.keys();
      if (oldest === undefined) return;
      this.#count -= this.of(oldest).length;
      this.#byKey.delete(oldest);
    }
  }

  /** No event before that time is taken any more: labels that are of such alone are let go. */
  forgetBefore(ms: EpochMs): void {
    const { withinMs, waitMs } = this.#rules;
    const reachMs = withinMs === undefined ? waitMs : 0;
    for (const [key, labels] of this.#byKey) {
      const kept = labels.filter(({ timeMs }) => timeMs + reachMs >= ms);
      if (kept.length === labels.length) continue;
      this.#count -= labels.length - kept.length;
      if (kept.length === 0) this.#byKey.delete(key);
      else this.#byKey.set(key, kept);
    }
  }
}
