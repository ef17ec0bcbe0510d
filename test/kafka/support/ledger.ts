import { expect } from "vitest";
import type { Outcome } from "./card-fraud-chain.ts";
import type { SentAt } from "./java-producer.ts";
import type { Fate, PaymentEvent } from "./payment-events.ts";
import type { LoggedCounts } from "./worker-process.ts";

interface Entry extends PaymentEvent, SentAt {}

/** How often something came out that was out already, and which repeats got through. */
export interface Copies {
  readonly predictions: number;
  readonly deadLetters: number;
  readonly repeatsScored: number;
}

export interface Tolerance {
  /**
   * How often the stores of a partition may have been lost. A repeat that straddles a loss may be scored, so at
   * most as many as there are repeats across one place of a partition, per loss.
   */
  readonly lossesPerPartition: number;
}

/** The generator's list, by the event id that the chain has to give each event. */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #offsetsByIndex: readonly SentAt[];

  constructor(inbox: string, events: readonly PaymentEvent[], sent: readonly SentAt[]) {
    this.#offsetsByIndex = sent;
    for (const [i, event] of events.entries()) {
      const { partition, offset } = sent[i]!;
      this.#entries.set(`${inbox}-${partition}-${offset}`, { ...event, partition, offset });
    }
    expect(this.#entries.size).toBe(events.length);
  }

  count(fate: Fate): number {
    return [...this.#entries.values()].filter((entry) => entry.fate === fate).length;
  }

  /** Dead letters by code, as they must be. */
  get codes(): Readonly<Record<string, number>> {
    const dead = [...this.#entries.values()].filter(({ fate }) => fate !== "scored" && fate !== "filtered");
    return countBy(dead.map(({ fate }) => fate));
  }

  /** Every event is where it belongs at least once and nowhere else, and each key kept its order. */
  check({ predictions, deadLetters }: Outcome, { lossesPerPartition }: Tolerance): Copies {
    const scored = new Set(predictions.map(({ eventId }) => eventId));
    const dead = new Map(deadLetters.map((letter) => [letter.eventId, letter]));
    const strangers = [...scored, ...dead.keys()].filter((id) => !this.#entries.has(id));
    expect(strangers.slice(0, 20)).toEqual([]);
    const wrong = [...this.#entries].flatMap(([id, entry]) => {
      const misplaced = misplacedAs(entry, scored.has(id), dead.get(id)?.code);
      return misplaced === undefined ? [] : [`${id} (${entry.kind}) ${misplaced}`];
    });
    expect(wrong.slice(0, 20)).toEqual([]);
    const repeatsScored = [...scored].filter((id) => this.#entries.get(id)?.kind === "repeat").length;
    expect(repeatsScored).toBeLessThanOrEqual(lossesPerPartition * this.#repeatsAcrossOnePlace());
    for (const { eventId, key, value } of deadLetters) {
      const { key: sentKey, value: sentValue } = this.#entries.get(eventId)!;
      expect(key?.toString()).toBe(sentKey);
      // Not toEqual: on a difference it would print megabytes.
      expect(value === null ? sentValue === null : sentValue !== null && value.equals(sentValue)).toBe(true);
    }
    this.#checkOrder(predictions);
    return {
      predictions: predictions.length - scored.size,
      deadLetters: deadLetters.length - dead.size,
      repeatsScored,
    };
  }

  /**
   * First occurrences of a customer's events come in the order of the inbox. A scored repeat has no place in it: it
   * was rightly dropped at first, and came out when its chunk was done again without the store that knew it.
   */
  #checkOrder(predictions: Outcome["predictions"]): void {
    const seen = new Set<string>();
    const last = new Map<string, Entry>();
    const swapped: string[] = [];
    for (const { eventId, key, customerId } of predictions) {
      if (seen.has(eventId)) continue;
      seen.add(eventId);
      const entry = this.#entries.get(eventId)!;
      if (key !== entry.key || customerId !== entry.key) swapped.push(`${eventId} became one of ${customerId}`);
      if (entry.kind === "repeat") continue;
      const before = last.get(customerId);
      if (before !== undefined && before.offset >= entry.offset)
        swapped.push(`${eventId} (${entry.kind}) after ${before.partition}-${before.offset}`);
      last.set(customerId, entry);
    }
    expect(swapped.slice(0, 20)).toEqual([]);
  }

  /** Over all partitions, the most repeats whose original lies on the other side of one place. */
  #repeatsAcrossOnePlace(): number {
    const steps = new Map<number, Map<number, number>>();
    for (const { originalIndex, partition, offset } of this.#entries.values()) {
      if (originalIndex < 0) continue;
      const at = steps.get(partition) ?? new Map<number, number>();
      steps.set(partition, at);
      const from = this.#offsetsByIndex[originalIndex]!.offset + 1;
      at.set(from, (at.get(from) ?? 0) + 1);
      at.set(offset + 1, (at.get(offset + 1) ?? 0) - 1);
    }
    let sum = 0;
    for (const at of steps.values()) {
      let open = 0;
      let most = 0;
      for (const [, step] of [...at].sort(([a], [b]) => a - b)) {
        open += step;
        most = Math.max(most, open);
      }
      sum += most;
    }
    return sum;
  }
}

/** What is wrong with where an event ended; undefined when nothing is. Scored repeats are counted apart. */
function misplacedAs({ fate, kind }: Entry, isScored: boolean, code: string | undefined): string | undefined {
  if (fate === "scored") {
    if (code !== undefined) return `is dead with ${code}`;
    return isScored ? undefined : "has no prediction";
  }
  if (isScored && kind !== "repeat") return "was scored";
  const expected = fate === "filtered" ? undefined : fate;
  return code === expected ? undefined : `has ${code ?? "no dead letter"} and not ${expected ?? "none"}`;
}

/** R4 as a process logs it: every record has one fate. */
export function checkBalance(counts: ReadonlyMap<string, LoggedCounts>): void {
  for (const [stage, { in: read, out, filtered, late, deadLetters }] of counts)
    expect({ stage, sum: out + filtered + late + deadLetters }).toEqual({ stage, sum: read });
}

export function countBy(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
