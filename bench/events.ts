import { type EpochMs, seededRng } from "../src/kernel/index.ts";
import { partitionOf } from "../src/wire/index.ts";

/** A payment as the schema `bench-payment` has it. */
export interface BenchPayment {
  readonly event_id: string;
  readonly card: string;
  readonly terminal: number;
  readonly paid_at: EpochMs;
  readonly amount: number | null;
  readonly currency: string;
  readonly country: string;
  readonly merchant: string | null;
  readonly channel: number;
  readonly latitude: number;
  readonly longitude: number;
  readonly flags: number;
}

export const partitionCount = 4;

/** Which partitions and cards payments have. */
export interface PaymentLoad {
  readonly partitions: number;
  readonly cards: number;
  /** Share of the payments that are of one card. */
  readonly hotShare: number;
}

export const evenLoad: PaymentLoad = { partitions: partitionCount, cards: 20_000, hotShare: 0 };
/** 100,000 payments a day: a card has about five in its one-day window. */
const stepMs = 864;
const startMs = 1_735_689_600_000;
const countries = ["AT", "DE", "IT", "CH", "FR"] as const;

/** What the generator makes of every so many payments. */
const refundEvery = 1_000;
const hugeEvery = 1_000;
const brokenEvery = 5_000;

/**
 * A seeded stream of payments in event-time order, each with its partition (by Kafka's own partitioner).
 *
 * One in 1,000 is a refund (filtered), one in 1,000 is 500 times as large (clamped), one in 5,000 has no merchant
 * (invalid).
 */
export function* payments(
  seed: number,
  { partitions, cards, hotShare }: PaymentLoad = evenLoad,
): Generator<{ readonly partition: number; readonly key: Buffer; readonly payment: BenchPayment }, never> {
  const rng = seededRng(seed);
  const written = new Array<number>(partitions).fill(0);
  for (let i = 0; ; i++) {
    const card = `c${String(hotShare > 0 && rng.uniform() < hotShare ? 0 : rng.below(cards)).padStart(6, "0")}`;
    const key = Buffer.from(card);
    const partition = partitionOf(key, 0, key.length, partitions);
    const offset = written[partition] ?? 0;
    written[partition] = offset + 1;
    const amount = Math.round(1_000 * Math.exp(1.2 * rng.normal() + 1)) / 100;
    const isRefund = i % refundEvery === refundEvery / 2;
    const isHuge = i % hugeEvery === hugeEvery - 1;
    yield {
      partition,
      key,
      payment: {
        event_id: `in-${partition}-${offset}`,
        card,
        terminal: rng.below(8_000),
        paid_at: startMs + i * stepMs,
        amount: isRefund ? -1 : isHuge ? amount * 500 : amount,
        currency: rng.below(10) === 0 ? "CHF" : "EUR",
        country: countries[rng.below(countries.length)] ?? "AT",
        merchant: i % brokenEvery === 7 ? null : `m${String(rng.below(10_000)).padStart(4, "0")}`,
        channel: rng.below(4),
        latitude: Math.fround(46 + 3 * rng.uniform()),
        longitude: Math.fround(9 + 8 * rng.uniform()),
        flags: rng.below(60),
      },
    };
  }
}
