import { formatIsoTime, type Rng, seededRng } from "../../kernel/index.ts";
import type { SampleEvent, SampleGenerator, SampleOptions } from "./generator.ts";

const customers = 2_000;
const terminals = 300;
const countries = ["at", "de", "fr", "it", "nl", "es"] as const;

/** Shares of all payments; the rest are ordinary. */
const shares = { fraud: 0.03, refund: 0.01, repeat: 0.005, broken: 0.002, withoutAmount: 0.005 };

/** A label is reported this long after its payment. */
const reportDelayMs = 1_000;

interface Payment {
  readonly payment_id: string;
  readonly customer_id: string;
  readonly terminal_id: string;
  readonly paid_at: string;
  readonly amount?: number;
  readonly country: string;
}

interface Report {
  readonly atMs: number;
  readonly event: SampleEvent;
}

/**
 * Card payments of 2,000 customers with habits of their own, and what they turned out to be.
 *
 * Fraud (3 %) comes with larger amounts, more often abroad; each payment is reported a second later as
 * fraud or not. 1 % are refunds, 0.5 % repeats of the payment before, 0.5 % lack the amount, and 0.2 % are not
 * JSON at all, so that a dev session has dead letters to look at.
 */
export const cardPayments: SampleGenerator = {
  name: "card-payments",
  summary: "Card payments with habits, refunds, repeats, broken events, and a report for each payment.",
  topics: ["payments.inbox", "payments.reports"],
  *events({ seed, startMs, perSecond }: SampleOptions): Generator<SampleEvent, never> {
    const rng = seededRng(seed);
    const reports: Report[] = []; // in time order, because payments are
    let reportsSent = 0;
    let last: SampleEvent | undefined;
    for (let i = 0; ; i++) {
      const atMs = Math.floor(startMs + (i * 1_000) / perSecond);
      while ((reports[reportsSent]?.atMs ?? Number.POSITIVE_INFINITY) <= atMs) {
        const due = reports[reportsSent++];
        if (due !== undefined) yield due.event;
      }
      if (reportsSent > 1_000) {
        reports.splice(0, reportsSent);
        reportsSent = 0;
      }

      const draw = rng.uniform();
      if (draw < shares.repeat && last !== undefined) {
        yield { ...last, atMs, kind: "repeat" };
        continue;
      }
      const payment = drawPayment(rng, i, atMs, draw);
      if (draw >= shares.repeat && draw < shares.repeat + shares.broken) {
        const text = JSON.stringify(payment.value);
        yield event("payments.inbox", payment.value.customer_id, text.slice(0, 20), atMs, "broken");
        continue;
      }
      last = event("payments.inbox", payment.value.customer_id, JSON.stringify(payment.value), atMs, payment.kind);
      yield last;
      if (payment.kind !== "refund") reports.push(reportOf(payment.value.payment_id, payment.kind === "fraud", atMs));
    }
  },
};

function drawPayment(rng: Rng, index: number, atMs: number, draw: number): { value: Payment; kind: string } {
  const customer = rng.below(customers);
  const isFraud = draw > 1 - shares.fraud;
  const isRefund = !isFraud && draw > 1 - shares.fraud - shares.refund;
  const lacksAmount = !isFraud && !isRefund && draw > 1 - shares.fraud - shares.refund - shares.withoutAmount;
  const habit = 20 + (customer % 50) * 2;
  const usual = habit * Math.exp(0.5 * rng.normal());
  const amount = Math.round((isFraud ? usual * 2 + 80 * rng.uniform() : usual) * 100) / 100;
  const home = countries[customer % countries.length] as string;
  const away = countries[rng.below(countries.length)] as string;
  const value: Payment = {
    payment_id: `p${index}`,
    customer_id: `c${customer}`,
    terminal_id: `t${rng.below(terminals)}`,
    paid_at: formatIsoTime(atMs),
    ...(lacksAmount ? {} : { amount: isRefund ? -amount : amount }),
    country: rng.uniform() < (isFraud ? 0.5 : 0.95) ? home : away,
  };
  return { value, kind: isFraud ? "fraud" : isRefund ? "refund" : lacksAmount ? "without-amount" : "payment" };
}

function reportOf(paymentId: string, isFraud: boolean, paidAtMs: number): Report {
  const atMs = paidAtMs + reportDelayMs;
  const text = JSON.stringify({ payment_id: paymentId, known_at: formatIsoTime(atMs), is_fraud: isFraud });
  return { atMs, event: event("payments.reports", paymentId, text, atMs, "report") };
}

function event(topic: string, key: string, value: string, atMs: number, kind: string): SampleEvent {
  return { topic, key, value, atMs, kind };
}
