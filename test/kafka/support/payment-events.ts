import { type RecordErrorCode, type Rng, seededRng } from "../../../src/kernel/index.ts";
import type { ToSend } from "./java-producer.ts";

/** What has to become of an event: a prediction, nothing, or a dead letter with this code. */
export type Fate = "scored" | "filtered" | RecordErrorCode;

export interface PaymentEvent extends ToSend {
  readonly fate: Fate;
  /** What was made on purpose. */
  readonly kind: Kind;
  /** Index of the event that a repeat repeats; -1 for all others. */
  readonly originalIndex: number;
}

type Kind = "payment" | "refund" | "repeat" | keyof typeof poisons;

/** The product's limit on key, value and headers together, as card-fraud.yaml sets it. */
const recordBytesMax = 900_000;
/** All event times lie within this, so nothing is ever late, in whatever order partitions are read. */
const spanMs = 30 * 60_000;
const customers = 2_000;
/** A repeat comes at most so many events after what it repeats. */
const repeatDistanceMax = 40;
const shares = { refund: 0.01, repeat: 0.02, poison: 0.01 };
/** Few, because each of them weighs as much as 6,000 others. */
const oversizedMax = 20;

type Fields = Record<string, unknown>;
/** How each kind of poison is made of a good payment, and the code that its dead letter must carry. */
const poisons = {
  "not JSON": { code: "MR_PARSE", make: (fields, n) => notJson(JSON.stringify(fields), n) },
  empty: { code: "MR_PARSE", make: (_, n) => (n % 2 === 0 ? null : Buffer.alloc(0)) },
  "field missing": { code: "MR_REQUIRED", make: (fields, n) => json(without(fields, n)) },
  "wrong type": { code: "MR_CAST", make: (fields, n) => json({ ...fields, ...wrongTypes[n % wrongTypes.length] }) },
  "time out of range": {
    code: "MR_CAST",
    make: (fields, n) => json({ ...fields, paid_at: badTimes[n % badTimes.length]!() }),
  },
  oversized: { code: "MR_TOO_LARGE", make: (fields, n) => ofBytes(fields, recordBytesMax + 1 + n * 37) },
} as const satisfies Record<string, { code: RecordErrorCode; make: (fields: Fields, n: number) => Buffer | null }>;

const requiredFields = ["payment_id", "customer_id", "terminal_id", "paid_at"];
const wrongTypes: readonly Fields[] = [
  { amount: "twelve" },
  { amount: [true] },
  { terminal_id: 17 },
  { payment_id: ["p"] },
  { paid_at: {} },
  { country: 3.5 },
];
const badTimes: readonly (() => string | number)[] = [
  () => "1969-12-31T23:59:59.999Z",
  () => "2100-01-02T00:00:00Z",
  () => 8e15,
  // Inside the range of years, but a day ahead of Kafka's timestamp.
  () => new Date(Date.now() + 86_400_000).toISOString(),
  () => "yesterday",
];

export interface Dimensions {
  readonly count: number;
  readonly seed: number;
  /** Event time of the last event; not after the time of sending. */
  readonly endMs: number;
}

/**
 * Payments of 2,000 customers with their fates: 96 % good, 1 % refunds, 2 % repeats of a payment shortly before, 1 %
 * poison of six kinds. Some good ones are unusual: an amount as text, none, unknown fields, a country in lower case,
 * and one of exactly the largest size that is let in.
 */
export function paymentEvents({ count, seed, endMs }: Dimensions): PaymentEvent[] {
  const rng = seededRng(seed);
  const events: PaymentEvent[] = [];
  const good: number[] = [];
  for (const [i, kind] of kindsOf(count, rng).entries()) {
    const atMs = Math.floor(endMs - spanMs + (i * spanMs) / count);
    const fields = payment(rng, i, atMs);
    const key = String(fields["customer_id"]);
    if (kind === "repeat") {
      const originalIndex = good[good.length - 1 - rng.below(Math.min(good.length, repeatDistanceMax))]!;
      const { key, value } = events[originalIndex]!;
      events.push({ key, value, fate: "filtered", kind, originalIndex });
    } else if (kind === "refund") {
      const value = json({ ...fields, amount: -1 - rng.below(100) });
      events.push({ key, value, fate: "filtered", kind, originalIndex: -1 });
    } else if (kind === "payment") {
      const value = good.length === 100 ? ofBytes(fields, recordBytesMax) : json(fields);
      good.push(i);
      events.push({ key, value, fate: "scored", kind, originalIndex: -1 });
    } else {
      const { code, make } = poisons[kind];
      events.push({ key, value: make(fields, rng.below(1_000)), fate: code, kind, originalIndex: -1 });
    }
  }
  return events;
}

/** Exact numbers of each kind in random order; the first is good, because a repeat needs something to repeat. */
function kindsOf(count: number, rng: Rng): Kind[] {
  const light = (Object.keys(poisons) as (keyof typeof poisons)[]).filter((kind) => kind !== "oversized");
  const poisonCount = Math.round(count * shares.poison);
  const oversizedCount = Math.min(oversizedMax, Math.ceil(poisonCount / (light.length + 1)));
  const times = <T>(n: number, kindOf: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => kindOf(i));
  const kinds: Kind[] = [
    ...times(Math.round(count * shares.refund), () => "refund" as const),
    ...times(Math.round(count * shares.repeat), () => "repeat" as const),
    ...times(oversizedCount, () => "oversized" as const),
    ...times(poisonCount - oversizedCount, (i) => light[i % light.length]!),
  ];
  kinds.push(...times(count - kinds.length, () => "payment" as const));
  for (let i = kinds.length - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [kinds[i], kinds[j]] = [kinds[j]!, kinds[i]!];
  }
  const first = kinds.indexOf("payment");
  [kinds[0], kinds[first]] = [kinds[first]!, kinds[0]!];
  return kinds;
}

function payment(rng: Rng, index: number, atMs: number): Fields {
  const amount = Math.round(100 * 40 * Math.exp(0.8 * rng.normal())) / 100;
  const unusual = rng.below(200);
  return {
    payment_id: `p${index}`,
    customer_id: `c${rng.below(customers)}`,
    terminal_id: `t${rng.below(300)}`,
    paid_at: unusual === 0 ? atMs : new Date(atMs).toISOString(),
    ...(unusual === 1 ? {} : { amount: unusual === 2 ? String(amount) : amount }),
    ...(unusual === 3 ? { device: { os: "µOS", seen: [1, 2, null] } } : {}),
    ...(unusual === 4 ? {} : { country: rng.below(2) === 0 ? " at" : "DE" }),
  };
}

function notJson(text: string, n: number): Buffer {
  switch (n % 4) {
    case 0:
      return Buffer.from(text.slice(0, 30));
    case 1:
      return Buffer.from("a payment of twelve euros");
    case 2:
      return Buffer.from([0, 0, 0, 0, 7, 0xff, 0xfe, 0x80]);
    default:
      return Buffer.from("[".repeat(20_000));
  }
}

function without(fields: Fields, n: number): Fields {
  const name = requiredFields[n % requiredFields.length]!;
  return Object.fromEntries(Object.entries(fields).filter(([field]) => field !== name));
}

/** A payment whose key and value have `bytes` bytes together. */
function ofBytes(fields: Fields, bytes: number): Buffer {
  const keyBytes = String(fields["customer_id"]).length;
  const padding = bytes - keyBytes - json({ ...fields, note: "" }).length;
  return json({ ...fields, note: "x".repeat(padding) });
}

function json(fields: Fields): Buffer {
  return Buffer.from(JSON.stringify(fields));
}
