import { seededRng } from "../src/kernel/index.ts";

const startMs = 1_735_689_600_000;

/** Payments whose keys and times are what matters: how many there are of a key, and how far apart. */
export interface StateLoad {
  readonly cards: number;
  /** Event time from one payment to the next. */
  readonly stepMs: number;
  /** Share of the payments that come late, by up to `lateMs`. */
  readonly lateShare: number;
  readonly lateMs: number;
}

/** A seeded stream of payments as the schema `bench-payment` has them, all of one merchant. */
export function stateRecords({ cards, stepMs, lateShare, lateMs }: StateLoad) {
  return function* rows(seed: number): Generator<Readonly<Record<string, unknown>>, never> {
    const rng = seededRng(seed);
    for (let i = 0; ; i++) {
      const late = rng.uniform() < lateShare ? rng.below(lateMs) : 0;
      yield {
        event_id: `in-0-${i}`,
        card: `c${String(rng.below(cards)).padStart(6, "0")}`,
        terminal: rng.below(8_000),
        paid_at: startMs + Math.floor(i * stepMs) - late,
        amount: Math.round(1_000 * Math.exp(1.2 * rng.normal() + 1)) / 100,
        currency: "EUR",
        country: "AT",
        merchant: "m0000",
        channel: rng.below(4),
        latitude: 48.25,
        longitude: 16.5,
        flags: rng.below(60),
      };
    }
  };
}
