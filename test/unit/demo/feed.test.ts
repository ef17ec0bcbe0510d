import { expect, test } from "vitest";
import type { BrokenEvent } from "../../../demo/broken-events.ts";
import { eventText, type FeedTarget, feed } from "../../../demo/feed.ts";
import { eventsOf } from "../../../demo/flights.ts";
import type { RecordOut } from "../../../src/kernel/index.ts";
import { departures, flightsOf } from "./fixture.ts";

const signal = new AbortController().signal;

/** Takes what is sent, and what is asked between the appends. */
class Inbox implements FeedTarget {
  readonly inbox = { topic: "flights.inbox", partitions: 4 };
  readonly sent: RecordOut[] = [];
  readonly calls: string[] = [];
  readonly broker = {
    append: async (records: readonly RecordOut[]): Promise<void> => {
      this.sent.push(...records);
      this.calls.push(`append ${records.length}`);
    },
  };

  async untilLagAtMost(records: number): Promise<void> {
    this.calls.push(`wait ${records}`);
  }

  get texts(): string[] {
    return this.sent.map(({ value }) => Buffer.from(value!).toString());
  }
}

test("a departure says where to and how far, a landing only how late", () => {
  const flights = flightsOf([
    { id: 7, departure: "2001-02-01T08:00:00Z", from: "ORD", to: "BOS", miles: 750, delay: -4 },
  ]);
  const events = eventsOf(flights, ["ORD"]);
  expect([0, 1].map((i) => JSON.parse(eventText(flights, events, i)) as unknown)).toEqual([
    {
      kind: "departure",
      airport: "ORD",
      at: "2001-02-01T08:00:00.000Z",
      flight_id: 7,
      origin: "ORD",
      destination: "BOS",
      distance: 750,
    },
    { kind: "landing", airport: "BOS", at: "2001-02-01T10:06:00.000Z", flight_id: 7, delay: -4 },
  ]);
});

test("a range is sent in its order with the broken events before their places, keyed by airport", async () => {
  const { flights, events } = departures(10);
  const broken = [3, 8].map(
    (position): BrokenEvent => ({ position, airport: "LAX", text: `x${position}`, code: "MR_PARSE", stage: "ingest" }),
  );
  const target = new Inbox();
  const range = { target, flights, events, broken, from: 2, to: 6, now: () => 1_000, progress: () => undefined };
  expect(await feed(range, signal)).toBe(5);
  const ids = target.texts.map((text) => /"flight_id":(\d+)/.exec(text)?.[1] ?? text);
  expect(ids).toEqual(["2", "x3", "3", "4", "5"]);
  expect(target.sent.map(({ key }) => Buffer.from(key!).toString())).toEqual(["ORD", "LAX", "ORD", "ORD", "ORD"]);
  expect(new Set(target.sent.map(({ timestampMs }) => timestampMs))).toEqual(new Set([1_000]));
});

test("the next append waits until the stages are near enough", async () => {
  const { flights, events } = departures(9_000);
  const target = new Inbox();
  const seen: number[] = [];
  const progress = (done: number): void => void seen.push(done);
  const range = { target, flights, events, broken: [], from: 0, to: 9_000, now: () => 0, progress };
  expect(await feed(range, signal)).toBe(9_000);
  expect(target.calls).toEqual(["append 4000", "wait 60000", "append 4000", "wait 60000", "append 1000", "wait 60000"]);
  expect(seen).toEqual([4_000, 8_000, 9_000]);
});
