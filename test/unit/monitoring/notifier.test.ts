import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { createMemoryBroker } from "../../../src/adapters/memory/index.ts";
import { createNotificationSender } from "../../../src/adapters/notify-http/index.ts";
import { silentLogger } from "../../../src/kernel/index.ts";
import { type AlertEvent, alertRecord } from "../../../src/monitor/index.ts";
import {
  isTold,
  type Notification,
  NotificationPace,
  readTestAnswer,
  testAlertRecord,
} from "../../../src/monitor/telling/index.ts";
import { createNotifier, type NotifierOptions, ownRecords, type SendOutcome } from "../../../src/monitoring/index.ts";
import { FakeClock } from "../../../src/testing/index.ts";
import { noCodecs } from "../../fakes/no-codecs.ts";
import { eventually } from "../../support/deadline.ts";
import { AutoClock } from "../runtime/fixture.ts";

const { signal } = new AbortController();

const event = (more: Partial<AlertEvent> = {}): AlertEvent => ({
  type: "millrace.incident.opened",
  id: "shop/inputs/20260101T000000Z/opened",
  fingerprint: "shop/inputs",
  topology: "shop",
  monitor: "inputs",
  field: undefined,
  kind: "drift",
  severity: "page",
  incident: "shop/inputs/20260101T000000Z",
  isPage: true,
  cause: "world",
  at: "2026-01-01T01:00:00Z",
  from: undefined,
  to: undefined,
  score: undefined,
  threshold: undefined,
  n: undefined,
  m: undefined,
  summary: "amount <drifts> & more.",
  fields: ["amount"],
  ...more,
});
const told = (more: Partial<AlertEvent> = {}): Notification => ({ kind: "event", event: event(more) });

describe("what is told at once", () => {
  const opened = (n: number): AlertEvent => event({ id: `o${n}`, incident: `i${n}` });
  const closed = (n: number): AlertEvent => event({ type: "millrace.incident.closed", id: `c${n}`, incident: `i${n}` });

  test("is so many openings a minute; the rest is one summary a minute after the first of it", () => {
    const pace = new NotificationPace(2);
    expect([1, 2, 3, 4].map((n) => pace.admits(opened(n), n))).toEqual([true, true, false, false]);
    expect(pace.summary(60_002, 0)).toBeUndefined();
    expect(pace.summary(60_003, 0)).toMatchObject({ count: 2, at: "1970-01-01T00:00:00.000Z" });
    expect(pace.summary(200_000, 0)).toBeUndefined();
    expect(pace.admits(opened(5), 60_003)).toBe(true);
  });

  test("has every end of what was told, and no end of what was not", () => {
    const pace = new NotificationPace(1);
    expect(pace.admits(opened(1), 0)).toBe(true);
    expect(pace.admits(opened(2), 0)).toBe(false);
    expect([pace.admits(closed(1), 1), pace.admits(closed(2), 1)]).toEqual([true, false]);
    expect(pace.summary(60_000, 0)).toMatchObject({ count: 2 });
  });

  test("depends on whom: PagerDuty hears of pages alone, people of incidents, Alertmanager of alerts", () => {
    const firing = event({ type: "millrace.alert.firing", field: "amount", isPage: false });
    const ticket = event({ severity: "ticket", isPage: false });
    const kinds = ["webhook", "alertmanager", "slack", "pagerduty"] as const;
    expect(kinds.map((kind) => isTold(kind, event()))).toEqual([true, false, true, true]);
    expect(kinds.map((kind) => isTold(kind, firing))).toEqual([true, true, false, false]);
    expect(kinds.map((kind) => isTold(kind, ticket))).toEqual([true, false, true, false]);
  });
});

describe("telling by HTTP", () => {
  let server: Server | undefined;
  const asked: { url: string | undefined; headers: IncomingMessage["headers"]; body: unknown }[] = [];
  const serve = async (status: number, headers: Readonly<Record<string, string>> = {}): Promise<string> => {
    server = createServer((request, response) => {
      let text = "";
      request.on("data", (part) => (text += String(part)));
      request.on("end", () => {
        asked.push({ url: request.url, headers: request.headers, body: JSON.parse(text) });
        response.writeHead(status, headers).end("key=secret");
      });
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
    asked.length = 0;
  });

  test("a webhook gets a CloudEvent, with the address's password in a header", async () => {
    const sender = createNotificationSender({ kind: "webhook", url: `http://u:p@${await serve(204)}/hook` });
    expect(await sender.send(told(), signal)).toEqual({ kind: "sent" });
    const [request] = asked;
    expect(request).toMatchObject({
      url: "/hook",
      body: { specversion: "1.0", id: event().id, source: "/millrace/shop" },
    });
    expect(request?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from("u:p").toString("base64")}`,
      "content-type": "application/cloudevents+json",
    });
  });

  test("Alertmanager gets the same labels for an alert and for its end, which has an endsAt", async () => {
    const sender = createNotificationSender({ kind: "alertmanager", url: `http://${await serve(200)}/` });
    await sender.send(told({ type: "millrace.alert.firing", field: "amount" }), signal);
    await sender.send(told({ type: "millrace.alert.resolved", field: "amount", cause: undefined }), signal);
    const [[begin], [end, ticketEnd]] = asked.map(({ body }) => body) as [{ labels: object }[], { labels: object }[]];
    expect(asked[0]?.url).toBe("/api/v2/alerts");
    expect(begin?.labels).toEqual(end?.labels);
    expect([begin, end]).toMatchObject([{ startsAt: event().at }, { endsAt: event().at }]);
    // One that was usual at first was told as a ticket.
    expect(ticketEnd).toMatchObject({ labels: { ...begin?.labels, severity: "ticket" }, endsAt: event().at });
    expect(asked[0]?.body).toHaveLength(1);
  });

  test("a test is marked as one, ends by itself or can be ended, and is never critical", async () => {
    const url = `http://${await serve(200)}`;
    const test = {
      kind: "test",
      test: { id: "t1", topology: "shop", at: "2026-01-01T00:00:00Z", who: "ann" },
    } as const;
    for (const kind of ["webhook", "alertmanager", "slack"] as const)
      expect(await createNotificationSender({ kind, url }).send(test, signal)).toEqual({ kind: "sent" });
    const pagerDuty = createNotificationSender({ kind: "pagerduty", key: "k1", url });
    await pagerDuty.send(test, signal);
    expect(await pagerDuty.endTest?.(test.test, signal)).toEqual({ kind: "sent" });
    const summary = "A test of the alerts of shop, sent by ann. Nothing is wrong.";
    const [hooked, alerts, slacked, triggered, resolved] = asked.map(({ body }) => body);
    expect(hooked).toMatchObject({ id: "t1", type: "millrace.alert.test", data: { who: "ann", summary } });
    expect(alerts).toEqual([
      {
        labels: { alertname: "MillraceTest", topology: "shop", severity: "ticket", test: "t1", source: "millrace" },
        annotations: { summary },
        startsAt: "2026-01-01T00:00:00Z",
        endsAt: "2026-01-01T00:05:00.000Z",
      },
    ]);
    expect(slacked).toMatchObject({ text: `Test: shop: ${summary}` });
    const dedup = { routing_key: "k1", dedup_key: "shop/test/t1" };
    expect(triggered).toMatchObject({ ...dedup, event_action: "trigger", payload: { severity: "info", summary } });
    expect(resolved).toEqual({ ...dedup, event_action: "resolve" });
  });

  test("Slack gets text that names of others cannot mark up", async () => {
    const sender = createNotificationSender({ kind: "slack", url: `http://${await serve(200)}/x` });
    await sender.send(told(), signal);
    expect(JSON.stringify(asked[0]?.body)).toContain("amount &lt;drifts&gt; &amp; more.");
  });

  test("PagerDuty gets the end of an incident under the key of its begin", async () => {
    const url = `http://${await serve(202)}/v2/enqueue`;
    const sender = createNotificationSender({ kind: "pagerduty", key: "k1", url });
    await sender.send(told(), signal);
    await sender.send(told({ type: "millrace.incident.closed" }), signal);
    const dedup = { routing_key: "k1", dedup_key: "shop/inputs/20260101T000000Z" };
    expect(asked.map(({ body }) => body)).toMatchObject([
      { ...dedup, event_action: "trigger", payload: { severity: "critical" } },
      { ...dedup, event_action: "resolve" },
    ]);
  });

  test.each([
    [503, { "retry-after": "7" }, { kind: "failed", reason: "status 503", afterMs: 7_000 }],
    [404, {}, { kind: "refused", reason: "status 404" }],
    [
      302,
      { location: "http://127.0.0.1:1/" },
      { kind: "refused", reason: "status 302, a redirect, and none is followed" },
    ],
  ] as const)(
    "status %i is told without address and without what the server said",
    async (status, headers, outcome) => {
      const sender = createNotificationSender({
        kind: "slack",
        url: `http://${await serve(status, headers)}/T/SECRET`,
      });
      expect(await sender.send(told(), signal)).toEqual(outcome);
      expect(asked).toHaveLength(1);
    },
  );

  test("nobody there is a failure that names no address", async () => {
    const host = await serve(200);
    server?.close();
    const sender = createNotificationSender({ kind: "slack", url: `http://${host}/T/SECRET` });
    const outcome = await sender.send(told(), signal);
    expect(outcome).toEqual({ kind: "failed", reason: "no connection (ECONNREFUSED)" });
  });
});

describe("the notifier", () => {
  const outcomes: readonly SendOutcome[] = [
    { kind: "failed", reason: "status 500" },
    { kind: "failed", reason: "status 500" },
    { kind: "sent" },
  ];
  const stand = async (answers: readonly SendOutcome[], perMinute = 10, jitter = () => 0, endsTests = false) => {
    const broker = createMemoryBroker({
      codecs: noCodecs,
      clock: new FakeClock(1_700_000_000_000),
      logger: silentLogger,
      bytesMax: 10_000_000,
      topics: [{ topic: "shop.alerts", partitions: 1, replication: undefined, configs: {} }],
    });
    const sent: string[] = [];
    const logged: string[] = [];
    const log = (_fields: object, message: string): void => void logged.push(message);
    const clock = new AutoClock();
    const rest = [...answers];
    const options: NotifierOptions = {
      group: "shop.notifier",
      topic: "shop.alerts",
      broker,
      clock,
      logger: { ...silentLogger, warn: log, error: log },
      senders: [
        {
          kind: "webhook",
          send: async (notification) => {
            const { kind } = notification;
            if (kind === "test") sent.push(`test ${notification.test.id}`);
            else sent.push(kind === "event" ? notification.event.id : notification.id);
            return rest.shift() ?? { kind: "sent" };
          },
          ...(endsTests
            ? {
                endTest: async ({ id }) => {
                  sent.push(`end of test ${id}`);
                  return rest.shift() ?? { kind: "sent" };
                },
              }
            : {}),
        },
      ],
      perMinute,
      ageMaxMs: 3_600_000,
      jitter,
    };
    const notifier = createNotifier(options);
    const another = () => createNotifier(options);
    const write = (id: string, timestampMs = clock.nowMs, more: Partial<AlertEvent> = {}): Promise<void> => {
      const { key, value, headers } = alertRecord(event({ id, ...more }));
      return broker.append([{ topic: "shop.alerts", partition: 0, timestampMs, key, value, headers }], signal);
    };
    const test = (id: string, timestampMs = clock.nowMs): Promise<void> => {
      const record = testAlertRecord({ id, topology: "shop", at: "2026-01-01T00:00:00Z", who: "ann" });
      return broker.append([{ topic: "shop.alerts", partition: 0, timestampMs, ...record }], signal);
    };
    const answered = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const { value } of ownRecords(broker, "shop.alerts", signal)) {
        const answer = readTestAnswer(String(value));
        if (answer !== undefined) found.push(`${answer.id} ${answer.target}: ${answer.outcome} ${answer.reason}`);
      }
      return found;
    };
    const committed = async (): Promise<number | undefined> =>
      (await broker.admin.committed("shop.notifier", "shop.alerts", signal))[0]?.offset;
    return { notifier, another, sent, logged, write, test, answered, committed, clock };
  };
  const until = (what: string, isMet: () => boolean): Promise<true> =>
    eventually(5_000, what, async () => isMet() || undefined);

  test("tries again what failed, tells a repeat once, and commits what was told", async () => {
    const { notifier, sent, write, committed, clock } = await stand(outcomes);
    await write("a");
    await write("a");
    await write("b");
    await notifier.start();
    await until("all to be told", () => {
      clock.nowMs += 1_000;
      notifier.tick(clock.monotonicMs());
      return sent.length === 4 && notifier.caughtUp(3);
    });
    await notifier.drain();
    expect([sent, await committed()]).toEqual([["a", "a", "a", "b"], 3]);
  });

  test("tells nobody again of what comes again after it was told", async () => {
    const { notifier, sent, write, clock } = await stand([]);
    const caughtUp = (offset: number): Promise<true> =>
      until(`${offset} records`, () => {
        clock.nowMs += 1_000;
        notifier.tick(clock.monotonicMs());
        return notifier.caughtUp(offset);
      });
    await write("a");
    await notifier.start();
    await caughtUp(1);
    await write("a");
    await write("b");
    await caughtUp(3);
    await notifier.drain();
    expect(sent).toEqual(["a", "b"]);
  });

  test("tells of what was gathered for a summary after it was stopped before it told it", async () => {
    const { notifier, another, sent, write, committed, clock } = await stand([], 1);
    for (const id of ["a", "b", "c"]) await write(id, clock.nowMs, { incident: id });
    await notifier.start();
    await until("the first one", () => sent.length === 1 && notifier.isReady);
    await write("a end", clock.nowMs, { type: "millrace.incident.closed", incident: "a" });
    await until("the end", () => sent.includes("a end"));
    await notifier.drain();
    expect([sent, await committed()]).toEqual([["a", "a end"], 1]);
    const second = another();
    await second.start();
    await until("the rest", () => {
      clock.nowMs += 1_000;
      second.tick(clock.monotonicMs());
      return second.caughtUp(4);
    });
    await second.drain();
    // One at once, the other in a summary of one; an end is told again rather than not at all.
    expect([sent.slice(2), await committed()]).toEqual([["b", "a end", "c/and-0-more"], 4]);
  });

  test("says when it cannot tell of something for a fault of its own, and goes on behind it", async () => {
    const broken = (): number => {
      throw new Error("no dice");
    };
    const { notifier, sent, logged, write, committed } = await stand(outcomes.slice(1), 10, broken);
    await write("a");
    await write("b");
    await notifier.start();
    await until("the other one", () => sent.includes("b"));
    await notifier.drain();
    expect([sent, await committed()]).toEqual([["a", "b"], 2]);
    expect(logged.at(-1)).toMatch(/is given up/);
  });

  test("gives up after five attempts, says so, and goes on", async () => {
    const { notifier, sent, logged, write } = await stand(Array(5).fill(outcomes[0]));
    await write("a");
    await write("b");
    await notifier.start();
    await until("the next one", () => sent.includes("b"));
    await notifier.drain();
    expect(sent).toEqual(["a", "a", "a", "a", "a", "b"]);
    const counts = (["repeated", "failed", "sent", "dropped"] as const).map((what) =>
      notifier.tallies.series(`millrace_notifications_${what}_total`).map(({ labels, sum }) => [...labels, sum]),
    );
    expect(counts).toEqual([[["notify[0] webhook", 4]], [["notify[0] webhook", 1]], [["notify[0] webhook", 1]], []]);
    expect(logged.at(-1)).toMatch(/is given up/);
  });

  test("tells a test once, whatever the pace, and writes what came of its one attempt", async () => {
    const { notifier, sent, write, test: ask, answered, clock } = await stand([outcomes[2]!, outcomes[0]!], 1);
    await write("a", clock.nowMs, { incident: "a" });
    await ask("t1");
    await ask("t1");
    await ask("old", clock.nowMs - 60_001);
    await ask("t2", clock.nowMs - 60_000);
    await notifier.start();
    await until("all to be told", () => sent.length === 3);
    await eventually(5_000, "both answers", async () => {
      notifier.tick(clock.monotonicMs());
      clock.nowMs += 1_000;
      return (await answered()).length === 2 || undefined;
    });
    await notifier.drain();
    expect(sent).toEqual(["a", "test t1", "test t2"]);
    expect(await answered()).toEqual(["t1 notify[0] webhook: failed status 500", "t2 notify[0] webhook: sent "]);
  });

  test.each([
    ["that was told, and tries again", [outcomes[2], ...outcomes], "sent ", 3],
    ["that may have come", outcomes.slice(1), "failed status 500", 1],
    ["never where it was refused", [{ kind: "refused", reason: "status 401" }], "refused status 401", 0],
  ] as const)("ends a test %s", async (_what, answers, outcome, ends) => {
    const {
      notifier,
      sent,
      write,
      test: ask,
      answered,
      clock,
    } = await stand(answers as SendOutcome[], 10, () => 0, true);
    await ask("t1");
    await write("a");
    await notifier.start();
    await until("all to be told", () => sent.includes("a"));
    await eventually(5_000, "the answer", async () => {
      notifier.tick(clock.monotonicMs());
      clock.nowMs += 1_000;
      return (await answered()).length === 1 || undefined;
    });
    await notifier.drain();
    expect(sent).toEqual(["test t1", ...Array(ends).fill("end of test t1"), "a"]);
    expect(await answered()).toEqual([`t1 notify[0] webhook: ${outcome}`]);
  });

  test("gives up the end of a test after five attempts, says so, and goes on", async () => {
    const answers = [outcomes[2]!, ...Array<SendOutcome>(5).fill(outcomes[0]!)];
    const { notifier, sent, logged, write, test: ask } = await stand(answers, 10, () => 0, true);
    await ask("t1");
    await write("a");
    await notifier.start();
    await until("the next one", () => sent.includes("a"));
    await notifier.drain();
    expect(sent).toEqual(["test t1", ...Array(5).fill("end of test t1"), "a"]);
    expect(logged.at(-1)).toMatch(/is given up/);
  });

  test("tells nobody of what is too old, and says how much that was", async () => {
    const { notifier, sent, logged, write } = await stand([]);
    const oldMs = 1_700_000_000_000 - 3_600_001;
    await write("old", oldMs);
    // Whoever was called out before has to hear that it is over.
    await write("old end", oldMs, { type: "millrace.incident.closed", incident: "told before" });
    await write("new");
    await notifier.start();
    await until("the new one", () => sent.includes("new"));
    await notifier.drain();
    expect([sent, logged]).toEqual([
      ["old end", "new"],
      ["Alerts are too old to tell anybody; they stand on the alerts topic."],
    ]);
  });
});
