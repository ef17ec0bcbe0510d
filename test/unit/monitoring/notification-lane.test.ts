/** What is told one target when the log of the alerts is read again in the same process, as after a commit that failed. */
import { expect, test } from "vitest";
import { Facts, silentLogger } from "../../../src/kernel/index.ts";
import type { AlertEvent } from "../../../src/monitor/index.ts";
import { NotificationLane } from "../../../src/monitoring/notification-lane.ts";
import { eventually } from "../../support/deadline.ts";
import { AutoClock } from "../runtime/fixture.ts";

const opened = (id: string): AlertEvent => ({
  type: "millrace.incident.opened",
  id,
  fingerprint: `shop/${id}`,
  topology: "shop",
  monitor: "inputs",
  field: undefined,
  kind: "drift",
  severity: "page",
  incident: id,
  isPage: true,
  cause: "world",
  at: "2026-01-01T01:00:00Z",
  from: undefined,
  to: undefined,
  score: undefined,
  threshold: undefined,
  n: undefined,
  m: undefined,
  summary: "amount drifts.",
  fields: ["amount"],
});

function stand() {
  const sent: string[] = [];
  const clock = new AutoClock();
  const lane = new NotificationLane({
    name: "notify[0] webhook",
    sender: {
      kind: "webhook",
      send: async (notification) => {
        if (notification.kind === "event") sent.push(notification.event.id);
        if (notification.kind === "summary") sent.push(`${notification.id}: ${notification.count}`);
        return { kind: "sent" };
      },
    },
    perMinute: 1,
    clock,
    facts: new Facts(silentLogger),
    jitter: () => 0,
  });
  const offer = (ids: readonly string[]): void => {
    for (const [offset, id] of ids.entries()) lane.offer(opened(id), offset);
  };
  const untilTold = (): Promise<true> =>
    eventually(5_000, "all to be told", async () => {
      clock.nowMs += 1_000;
      lane.tick();
      return lane.offsetUntold === undefined || undefined;
    });
  const untilGathered = (offset: number): Promise<true> =>
    eventually(
      5_000,
      "the rest to be gathered",
      async () => (lane.offsetUntold === offset && lane.waiting === 0) || undefined,
    );
  return { lane, sent, offer, untilTold, untilGathered };
}

test("what was gathered for a summary is told when it comes again to the lane that gathered it", async () => {
  const { lane, sent, offer, untilTold, untilGathered } = stand();
  lane.begin();
  offer(["a", "b", "c"]);
  await untilGathered(1);
  expect(sent).toEqual(["a"]);
  await lane.end();
  lane.begin();
  offer(["a", "b", "c"]);
  await untilTold();
  await lane.end();
  expect(sent).toEqual(["a", "b", "c/and-0-more: 1"]);
});

test("what comes again while it waits for the summary is counted once, and after the summary not at all", async () => {
  const { lane, sent, offer, untilTold, untilGathered } = stand();
  lane.begin();
  offer(["a", "b", "c"]);
  await untilGathered(1);
  offer(["a", "b", "c"]);
  await untilTold();
  offer(["a", "b", "c"]);
  expect(lane.waiting).toBe(0);
  await lane.end();
  expect(sent).toEqual(["a", "b/and-1-more: 2"]);
});
