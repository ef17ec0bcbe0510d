import { describe, expect, test } from "vitest";
import { type SampleEvent, sampleGenerators } from "../../../src/testing/index.ts";

const startMs = Date.UTC(2026, 0, 1);

function take(name: string, seed: number, count: number): SampleEvent[] {
  const generator = sampleGenerators.find((g) => g.name === name);
  const events: SampleEvent[] = [];
  for (const event of generator?.events({ seed, startMs, perSecond: 200 }) ?? []) {
    if (events.push(event) === count) break;
  }
  return events;
}

describe.each(sampleGenerators.map((g) => g.name))("the generator %s", (name) => {
  test("makes the same events from the same seed, and others from another", () => {
    expect(take(name, 7, 500)).toEqual(take(name, 7, 500));
    expect(take(name, 7, 500)).not.toEqual(take(name, 8, 500));
  });

  test("keeps event-time order and its own topics", () => {
    const events = take(name, 7, 5_000);
    for (const [i, event] of events.entries()) {
      expect(event.atMs).toBeGreaterThanOrEqual(events[i - 1]?.atMs ?? startMs);
      expect(sampleGenerators.find((g) => g.name === name)?.topics).toContain(event.topic);
    }
  });
});

describe("card payments", () => {
  const events = take("card-payments", 7, 20_000);
  const payments = events.filter((event) => event.topic === "payments.inbox");
  const count = (kind: string): number => events.filter((event) => event.kind === kind).length;

  test("are broken, refunded, repeated and fraudulent in the stated shares", () => {
    expect(count("fraud") / payments.length).toBeCloseTo(0.03, 2);
    expect(count("refund") / payments.length).toBeCloseTo(0.01, 2);
    expect(count("repeat") / payments.length).toBeCloseTo(0.005, 2);
    expect(count("broken")).toBeGreaterThan(0);
  });

  test("are reported a second later, each once", () => {
    const byPayment = new Map(
      payments
        .filter((event) => !["broken", "repeat", "refund"].includes(event.kind))
        .map((event) => [(JSON.parse(event.value) as { payment_id: string }).payment_id, event] as const),
    );
    const reports = events.filter((event) => event.kind === "report");
    expect(reports.length).toBeGreaterThan(8_000);
    expect(new Set(reports.map((event) => event.key)).size).toBe(reports.length);
    for (const event of reports) {
      const report = JSON.parse(event.value) as { payment_id: string; is_fraud: boolean };
      const payment = byPayment.get(report.payment_id);
      expect(event.atMs).toBe((payment?.atMs ?? 0) + 1_000);
      expect(report.is_fraud).toBe(payment?.kind === "fraud");
    }
  });
});
